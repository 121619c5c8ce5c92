package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming"
)

// KindViewingToken is a viewing token's id.
const KindViewingToken Kind = "viewing token"

type followBody struct {
	Channel string    `json:"channel"`
	Handle  string    `json:"handle"`
	Name    string    `json:"name"`
	Since   time.Time `json:"since"`
}

type viewingTokenIn struct {
	IDIn
	Body struct {
		Name        string `json:"name,omitempty" maxLength:"320" doc:"For you, such as who it is for."`
		ExpiresIn   int64  `json:"expires_in" minimum:"60" maximum:"31622400" doc:"Seconds."`
		SessionsMax int    `json:"sessions_max,omitempty" minimum:"0" maximum:"10000" doc:"How many may watch with it at a time. 0: any number."`
	}
}

type viewingTokenOut struct {
	Body struct {
		ID      string    `json:"id"`
		Token   string    `json:"token" doc:"Shown once. Whoever has it may watch."`
		URL     string    `json:"url" doc:"The page with the token."`
		Expires time.Time `json:"expires_at"`
	}
}

type viewingTokenBody struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Created     time.Time `json:"created_at"`
	Expires     time.Time `json:"expires_at"`
	SessionsMax int       `json:"sessions_max"`
	Watching    int       `json:"watching" doc:"How many watch with it on this node, where sessions_max bounds them."`
}

type viewingTokenID struct {
	ID    string `path:"id"`
	Token string `path:"token"`
}

func (s *Server) routesAccess(r *router) {
	op := func(method, path, summary, tag string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{tag}, DefaultStatus: status}
	}
	follow := Needs{Action: account.FollowWrite, Owner: Of{KindChannel, "id"}}
	register(r, op(http.MethodPut, "/v1/channels/{id}/follow", "Follow a channel", "channels", http.StatusNoContent), follow, func(ctx context.Context, _ *idIn) (*struct{}, error) {
		return nil, s.Access.Follow(ctx, caller(ctx).AccountID, ownerOf(ctx).Channel)
	})
	register(r, op(http.MethodDelete, "/v1/channels/{id}/follow", "Follow a channel no longer", "channels", http.StatusNoContent), follow, func(ctx context.Context, _ *idIn) (*struct{}, error) {
		return nil, s.Access.Unfollow(ctx, caller(ctx).AccountID, ownerOf(ctx).Channel)
	})
	register(r, op(http.MethodGet, "/v1/me/follows", "The channels that I follow", "accounts", http.StatusOK), Needs{Action: account.MeRead}, s.follows)

	tokens := Needs{Action: account.BroadcastWrite, Owner: Of{KindBroadcast, "id"}}
	made := op(http.MethodPost, "/v1/broadcasts/{id}/viewing-tokens", "Make a viewing token", "broadcasts", http.StatusCreated)
	made.Description = "Whoever has it may watch the broadcast while its access is token."
	register(r, made, tokens, s.makeViewingToken)
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/viewing-tokens", "The viewing tokens of a broadcast", "broadcasts", http.StatusOK), tokens, func(ctx context.Context, in *idIn) (*pageOut[viewingTokenBody], error) {
		all, err := s.Access.Tokens(ctx, in.ID)
		return whole(all, func(t access.ViewingToken) viewingTokenBody {
			return viewingTokenBody{t.ID, t.Name, t.Created, t.Expires, t.SessionsMax, s.Access.Watching(t.ID)}
		}), err
	})
	tokens.Also = []Of{{KindViewingToken, "token"}}
	gone := op(http.MethodDelete, "/v1/broadcasts/{id}/viewing-tokens/{token}", "Revoke a viewing token", "broadcasts", http.StatusNoContent)
	gone.Description = "Whoever watches with it is put out within a second."
	register(r, gone, tokens, func(ctx context.Context, in *viewingTokenID) (*struct{}, error) {
		return nil, s.Access.DeleteToken(ctx, in.ID, in.Token)
	})
}

func (s *Server) follows(ctx context.Context, _ *struct{}) (*pageOut[followBody], error) {
	all, err := s.Access.FollowsOf(ctx, caller(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	items := make([]followBody, 0, len(all))
	for _, f := range all {
		c, err := s.Accounts.Channel(ctx, f.Channel)
		if errors.Is(err, account.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		items = append(items, followBody{c.ID, c.Handle, c.Name, f.Since})
	}
	return &pageOut[followBody]{Page[followBody]{Items: items}}, nil
}

func (s *Server) makeViewingToken(ctx context.Context, in *viewingTokenIn) (*viewingTokenOut, error) {
	t, text, err := s.Access.MakeToken(ctx, access.NewToken{
		Broadcast: in.ID, Name: in.Body.Name, Lasts: time.Duration(in.Body.ExpiresIn) * time.Second, SessionsMax: in.Body.SessionsMax,
	})
	out := &viewingTokenOut{}
	out.Body.ID, out.Body.Token, out.Body.Expires = t.ID, text, t.Expires
	out.Body.URL = s.origin + "/b/" + in.ID + "?token=" + text
	return out, err
}

// AccessOf is what access must know of a broadcast.
func AccessOf(b streaming.Broadcast) access.Broadcast {
	return access.Broadcast{
		ID: b.ID, Channel: b.ChannelID, Level: access.Level(b.Access),
		TeamOnly: b.State == streaming.Draft || b.State == streaming.Rehearsal,
	}
}

// visible tells whether the caller may see what is in a broadcast: its people always, others where it is open or with
// a grant. Drafts and rehearsals do not exist for others.
func (s *Server) visible(ctx context.Context, id, grant string) error {
	b, err := s.Broadcasts.Get(ctx, id)
	if err != nil {
		return err
	}
	a := AccessOf(b)
	if a.Open() || s.mayRead(ctx, account.Owner{Shop: b.ShopID, Channel: b.ChannelID}) {
		return nil
	}
	if s.Access != nil {
		_, err = s.Access.Check(grant, a)
	}
	if s.Access == nil || err != nil {
		if a.TeamOnly {
			return streaming.ErrNotFound
		}
		return access.ErrGrant
	}
	return nil
}

// decide tells whether the caller may watch a broadcast and answers the grant, "" where none is needed. Guessing
// tokens is limited per address.
func (s *Server) decide(ctx context.Context, b streaming.Broadcast, token, before string) (string, error) {
	ask := access.Ask{Broadcast: AccessOf(b), Token: token}
	if ask.Broadcast.Open() {
		return "", nil
	}
	if p := caller(ctx); p != nil {
		ask.Account, ask.Login = p.AccountID, p.Login()
		ask.Team = s.mayRead(ctx, account.Owner{Shop: b.ShopID, Channel: b.ChannelID})
	}
	if s.Access == nil {
		return "", access.ErrGrant
	}
	ask.Session = s.Access.SessionOf(before)
	if token != "" {
		if err := s.attempt(ctx, s.door.tokens); err != nil {
			return "", err
		}
	}
	grant, err := s.Access.Decide(ctx, ask)
	if token != "" && !errors.Is(err, access.ErrTokenRefused) {
		s.succeeded(ctx, s.door.tokens)
	}
	if errors.Is(err, access.ErrTeam) {
		err = streaming.ErrNotFound
	}
	return grant, err
}
