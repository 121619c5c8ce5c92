package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay/chat"
)

// The kinds of what moderators keep.
const (
	KindSilence  Kind = "silence"
	KindChatWord Kind = "chat word"
)

type reasonIn struct {
	MessageID
	Reason string `query:"reason" maxLength:"800" doc:"For the audit."`
}

type decisionIn struct {
	MessageID
	Body struct {
		Approve bool   `json:"approve"`
		Reason  string `json:"reason,omitempty" maxLength:"800"`
	}
}

type pinnedIn struct {
	IDIn
	Body struct {
		Message string `json:"message" maxLength:"64"`
	}
}

type announceIn struct {
	IDIn
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"800" doc:"At most 120 characters."`
	}
}

type switchIn struct {
	IDIn
	Body struct {
		Off bool `json:"off"`
	}
}

type settingsIn struct {
	IDIn
	Body struct {
		Slow      *int         `json:"slow_seconds,omitempty" minimum:"0" maximum:"3600" doc:"Between two messages of one viewer; 0: no slow mode."`
		Followers *bool        `json:"followers_only,omitempty"`
		Newcomers *int         `json:"newcomers_minutes,omitempty" minimum:"0" maximum:"43200" doc:"Younger accounts may not say anything."`
		Links     *chat.Action `json:"links,omitempty" enum:"allow,hold,block"`
		Lists     *chat.Action `json:"lists,omitempty" enum:"block,hold," doc:"What the words of the built-in lists call for; empty: nothing."`
		Languages *[]string    `json:"languages,omitempty" maxItems:"4" doc:"Of the built-in lists: ar, de, en, fr."`
		Reports   *int         `json:"reports,omitempty" minimum:"0" maximum:"100" doc:"So many accounts' reports hide a message until a moderator has looked; 0: never."`
	}
}

type wordBody struct {
	ID     string      `json:"id"`
	Text   string      `json:"text"`
	Action chat.Action `json:"action" enum:"block,hold,allow"`
}

type rulesBody struct {
	Settings chat.Settings `json:"settings"`
	Words    []wordBody    `json:"words"`
}

type rulesOut struct{ Body rulesBody }

type wordIn struct {
	IDIn
	Body struct {
		Text   string      `json:"text" minLength:"1" maxLength:"240" doc:"A word or a few; an asterisk at the end or beginning: more may stand there."`
		Action chat.Action `json:"action" enum:"block,hold,allow"`
	}
}

type wordID struct {
	IDIn
	Word string `path:"word" maxLength:"64"`
}

type silenceIn struct {
	IDIn
	Body struct {
		Broadcast string    `json:"broadcast" maxLength:"64" doc:"Where the message stands."`
		Message   string    `json:"message" maxLength:"64" doc:"Its author is meant."`
		Kind      chat.Kind `json:"kind" enum:"mute,ban"`
		Seconds   int64     `json:"seconds,omitempty" minimum:"0" maximum:"31622400" doc:"0: for good."`
		Address   bool      `json:"address,omitempty" doc:"Also who else comes from where the message came from, for a week at most: who makes a new account is still out."`
		Remove    bool      `json:"remove,omitempty" doc:"Take away all that they said in the channel."`
		Reason    string    `json:"reason,omitempty" maxLength:"800"`
	}
}

type silenceID struct {
	IDIn
	Silence string `path:"silence" maxLength:"64"`
}

type auditIn struct {
	IDIn
	Cursor string `query:"cursor" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type auditBody struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor" doc:"The moderator's name."`
	Action    string    `json:"action"`
	Broadcast string    `json:"broadcast,omitempty"`
	Message   string    `json:"message,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

func (s *Server) routesModeration(r *router) {
	op := func(method, path, summary string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"moderation"}, DefaultStatus: status}
	}
	show := Needs{Action: account.ChatModerate, Owner: Of{KindBroadcast, "id"}}
	one := show
	one.Also = []Of{{KindMessage, "message"}}
	register(r, op(http.MethodDelete, "/v1/broadcasts/{id}/chat/messages/{message}", "Delete a message, for everybody and in the replay", http.StatusNoContent), one, func(ctx context.Context, in *reasonIn) (*struct{}, error) {
		return nil, s.Chat.Delete(ctx, in.ID, in.Message, s.by(ctx), in.Reason)
	})
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/chat/review", "The messages that a moderator should look at", http.StatusOK), show, func(ctx context.Context, in *idIn) (*pageOut[chat.Queued], error) {
		found, err := s.Chat.Review(ctx, in.ID)
		return whole(found, func(q chat.Queued) chat.Queued { return q }), err
	})
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/chat/messages/{message}/decision", "Show or refuse a message that waits", http.StatusOK), one, func(ctx context.Context, in *decisionIn) (*struct{ Body chat.Said }, error) {
		out, err := s.Chat.Decide(ctx, in.ID, in.Message, in.Body.Approve, s.by(ctx), in.Body.Reason)
		return &struct{ Body chat.Said }{out}, err
	})
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/chat/pinned", "Pin a comment over the others", http.StatusNoContent), show, func(ctx context.Context, in *pinnedIn) (*struct{}, error) {
		_, err := s.Chat.Pin(ctx, in.ID, in.Body.Message, s.by(ctx))
		return nil, err
	})
	register(r, op(http.MethodDelete, "/v1/broadcasts/{id}/chat/pinned", "Unpin the comment", http.StatusNoContent), show, func(ctx context.Context, in *idIn) (*struct{}, error) {
		_, err := s.Chat.Pin(ctx, in.ID, "", s.by(ctx))
		return nil, err
	})
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/chat/announcement", "Lay a line over the picture", http.StatusNoContent), show, func(ctx context.Context, in *announceIn) (*struct{}, error) {
		_, err := s.Chat.Announce(ctx, in.ID, in.Body.Text, s.by(ctx))
		return nil, err
	})
	register(r, op(http.MethodDelete, "/v1/broadcasts/{id}/chat/announcement", "Take the line away", http.StatusNoContent), show, func(ctx context.Context, in *idIn) (*struct{}, error) {
		_, err := s.Chat.Announce(ctx, in.ID, "", s.by(ctx))
		return nil, err
	})
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/chat/switch", "Turn the chat of a broadcast off or on", http.StatusOK), show, func(ctx context.Context, in *switchIn) (*struct{ Body chat.Ruled }, error) {
		out, err := s.Chat.Switch(ctx, in.ID, in.Body.Off, s.by(ctx))
		return &struct{ Body chat.Ruled }{out}, err
	})
	s.routesChatRules(r, op)
}

// routesChatRules are a channel's own.
func (s *Server) routesChatRules(r *router, op func(method, path, summary string, status int) huma.Operation) {
	place := Needs{Action: account.ChatModerate, Owner: Of{KindChannel, "id"}}
	register(r, op(http.MethodGet, "/v1/channels/{id}/chat", "A channel's chat settings and its own words", http.StatusOK), place, func(ctx context.Context, _ *idIn) (*rulesOut, error) {
		return s.rulesOf(ctx)
	})
	register(r, op(http.MethodPatch, "/v1/channels/{id}/chat", "Change the chat settings", http.StatusOK), place, s.setRules)
	register(r, op(http.MethodPost, "/v1/channels/{id}/chat/words", "Put a word on the channel's list", http.StatusCreated), place, func(ctx context.Context, in *wordIn) (*struct{ Body wordBody }, error) {
		w, err := s.Chat.AddWord(ctx, s.placeOf(ctx), in.Body.Text, in.Body.Action, s.by(ctx))
		return &struct{ Body wordBody }{wordBody(w)}, err
	})
	word := place
	word.Also = []Of{{KindChatWord, "word"}}
	register(r, op(http.MethodDelete, "/v1/channels/{id}/chat/words/{word}", "Take a word off the list", http.StatusNoContent), word, func(ctx context.Context, in *wordID) (*struct{}, error) {
		return nil, s.Chat.RemoveWord(ctx, s.placeOf(ctx), in.Word, s.by(ctx))
	})
	register(r, op(http.MethodGet, "/v1/channels/{id}/silences", "Who is muted or banned", http.StatusOK), place, func(ctx context.Context, _ *idIn) (*pageOut[silenceBody], error) {
		all, err := s.Chat.Silences(ctx, ownerOf(ctx).Channel)
		return whole(all, silenceOf), err
	})
	register(r, op(http.MethodPost, "/v1/channels/{id}/silences", "Mute or ban the author of a message", http.StatusCreated), place, s.silence)
	lift := place
	lift.Also = []Of{{KindSilence, "silence"}}
	register(r, op(http.MethodDelete, "/v1/channels/{id}/silences/{silence}", "Let somebody speak and come in again", http.StatusNoContent), lift, func(ctx context.Context, in *silenceID) (*struct{}, error) {
		return nil, s.Chat.Lift(ctx, s.onAir(ctx), in.Silence, s.by(ctx), "")
	})
	register(r, op(http.MethodGet, "/v1/channels/{id}/chat/audit", "What was done in the chat, and by whom", http.StatusOK), place, s.chatAudit)
}

// by is the moderator who asks.
func (s *Server) by(ctx context.Context) chat.By {
	p, o := caller(ctx), ownerOf(ctx)
	out := chat.By{Account: p.AccountID, Role: chat.Moderator}
	if p.Admin {
		out.Role = chat.Owner
	}
	for _, m := range p.Memberships {
		if role := ChatRole(m, o.Shop, o.Channel); role.Above(out.Role) {
			out.Role = role
		}
	}
	return out
}

// ChatRole is what a membership makes of somebody in the chat of a channel.
func ChatRole(m account.Membership, shop, channel string) chat.Role {
	if m.Channel == "" && m.Shop != shop || m.Channel != "" && m.Channel != channel {
		return chat.Viewer
	}
	switch m.Role {
	case account.RoleOwner:
		return chat.Owner
	case account.RoleSeller, account.RoleCreator:
		return chat.Creator
	case account.RoleModerator:
		return chat.Moderator
	}
	return chat.Viewer
}

func (s *Server) placeOf(ctx context.Context) chat.Place {
	o := ownerOf(ctx)
	return chat.Place{Shop: o.Shop, Channel: o.Channel}
}

// onAir is the channel with its broadcast that is on air: its viewers are told. That nobody is told must not keep a
// moderator from acting.
func (s *Server) onAir(ctx context.Context) chat.Place {
	p := s.placeOf(ctx)
	if s.LiveBroadcast != nil {
		p.Broadcast, _ = s.LiveBroadcast(ctx, p.Channel)
	}
	return p
}

func (s *Server) rulesOf(ctx context.Context) (*rulesOut, error) {
	set, words, err := s.Chat.Settings(ctx, ownerOf(ctx).Channel)
	out := &rulesOut{rulesBody{Settings: set, Words: make([]wordBody, 0, len(words))}}
	for _, w := range words {
		out.Body.Words = append(out.Body.Words, wordBody(w))
	}
	return out, err
}

func (s *Server) setRules(ctx context.Context, in *settingsIn) (*rulesOut, error) {
	set, _, err := s.Chat.Settings(ctx, ownerOf(ctx).Channel)
	if err != nil {
		return nil, err
	}
	b := in.Body
	put(&set.Slow, b.Slow)
	put(&set.Followers, b.Followers)
	put(&set.Newcomers, b.Newcomers)
	put(&set.Links, b.Links)
	put(&set.Lists, b.Lists)
	put(&set.Languages, b.Languages)
	put(&set.Reports, b.Reports)
	if _, err := s.Chat.SetSettings(ctx, s.onAir(ctx), set, s.by(ctx)); err != nil {
		return nil, err
	}
	return s.rulesOf(ctx)
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *Server) silence(ctx context.Context, in *silenceIn) (*struct{ Body silenceBody }, error) {
	b, place := in.Body, s.placeOf(ctx)
	place.Broadcast = b.Broadcast
	v, err := s.Chat.Silence(ctx, place, chat.Order{
		Broadcast: b.Broadcast, Message: b.Message, Kind: b.Kind, For: time.Duration(b.Seconds) * time.Second, Address: b.Address, Remove: b.Remove, Reason: b.Reason,
	}, s.by(ctx))
	return &struct{ Body silenceBody }{silenceOf(chat.Listed{Silence: v})}, err
}

func silenceOf(l chat.Listed) silenceBody {
	out := silenceBody{ID: l.ID, Kind: l.Kind, Name: l.Name, Address: strings.HasPrefix(l.Subject, "address:"), Reason: l.Reason, At: l.At}
	if !l.Until.IsZero() {
		out.Until = &l.Until
	}
	return out
}

func (s *Server) chatAudit(ctx context.Context, in *auditIn) (*pageOut[auditBody], error) {
	found, err := s.Chat.Audit(ctx, ownerOf(ctx).Channel, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := whole(found, func(a chat.Act) auditBody {
		subject := a.Subject
		if strings.HasPrefix(subject, "address:") {
			subject = "address"
		}
		return auditBody{a.ID, a.At, a.Name, a.Action, a.Broadcast, a.Message, subject, a.Reason}
	})
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}
