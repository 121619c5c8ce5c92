package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// KindMessage is a chat message's id.
const KindMessage Kind = "chat message"

const lineBytesMax = 4 << 10 // of a request that says something

type lineIn struct {
	IDIn
	GrantIn
	Body struct {
		Text      string          `json:"text" minLength:"1" maxLength:"1200" doc:"At most 200 characters."`
		ReplyTo   string          `json:"reply_to,omitempty" maxLength:"64" doc:"The message that it answers."`
		MediaTime *mediatime.Time `json:"media_time,omitempty" minimum:"0" doc:"The frame that the author sees, µs: there it stands in the replay. Without it: the one that enters the server now."`
		Ref       string          `json:"ref,omitempty" maxLength:"64" doc:"Your own name for it: sent twice, it is said once."`
	}
}

// MessageID names a message of a broadcast.
type MessageID struct {
	IDIn
	Message string `path:"message" maxLength:"64"`
}

type reportIn struct {
	MessageID
	GrantIn
	Body struct {
		Reason string `json:"reason" enum:"spam,abuse,hate,sexual,other"`
	}
}

type messagesIn struct {
	IDIn
	GrantIn
	Before string `query:"before" maxLength:"64" doc:"A message: the page that was said before it."`
	From   int64  `query:"from" minimum:"-1" default:"-1" doc:"Media time, µs: what belongs to frames from here on, in their order. For a replay."`
	Until  int64  `query:"until" minimum:"-1" default:"-1" doc:"With from: and before this frame."`
	After  string `query:"after" maxLength:"64" doc:"With from: the last message of the page before, which had that media time."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type tapsIn struct {
	IDIn
	GrantIn
	Body struct {
		Taps int64 `json:"taps" minimum:"1" maximum:"5"`
	}
}

func (s *Server) routesChat(r *router) {
	if s.Chat == nil {
		return
	}
	s.routesModeration(r)
	op := func(method, path, summary string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"chat"}, DefaultStatus: status}
	}
	all := op(http.MethodGet, "/v1/broadcasts/{id}/chat", "The chat as somebody who comes in finds it", http.StatusOK)
	all.Description = "Load it after the scene: then the feed from the scene's position misses nothing of it."
	all.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(r.api.OpenAPI().Components.Schemas, typeOf[chat.View]())},
	}}}
	register(r, all, Needs{Public: true}, func(ctx context.Context, in *struct {
		IDIn
		GrantIn
	}) (*rawJSON, error) {
		if err := s.visible(ctx, in.ID, in.Grant); err != nil {
			return nil, err
		}
		raw, err := s.Chat.EncodedView(ctx, in.ID)
		return &rawJSON{"application/json", raw}, err
	})
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/chat/messages", "What was said: a page back, or what belongs to frames", http.StatusOK), Needs{Public: true}, s.messages)

	talk := Needs{Action: account.ChatWrite, Owner: Of{KindBroadcast, "id"}, OwnKey: true}
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/chat/me", "What I may do in the chat", http.StatusOK), Needs{Public: true}, func(ctx context.Context, in *struct {
		IDIn
		GrantIn
	}) (*struct{ Body chat.Standing }, error) {
		if err := s.visible(ctx, in.ID, in.Grant); err != nil {
			return nil, err
		}
		out, err := s.Chat.Standing(ctx, in.ID, s.speaker(ctx))
		return &struct{ Body chat.Standing }{out}, err
	})
	say := op(http.MethodPost, "/v1/broadcasts/{id}/chat/messages", "Say something", http.StatusCreated)
	say.Description = "What goes up the feed as {\"kind\":\"chat\",…}, for those who have no WebSocket. A message that is held waits for a moderator."
	say.MaxBodyBytes = lineBytesMax
	register(r, say, talk, s.say)
	register(r, op(http.MethodPost, "/v1/broadcasts/{id}/chat/messages/{message}/reports", "Report a message to the moderators", http.StatusAccepted), Needs{Public: true}, s.report)
	if s.Likes != nil {
		taps := op(http.MethodPost, "/v1/broadcasts/{id}/likes", "Like a broadcast", http.StatusAccepted)
		taps.Description = "What goes up the feed as {\"kind\":\"like\",\"taps\":3}, for those who have no WebSocket."
		register(r, taps, Needs{Public: true}, s.like)
	}
}

// speaker is who asks, as the chat knows them.
func (s *Server) speaker(ctx context.Context) chat.Who {
	q := requestOf(ctx)
	who := chat.Who{}
	if p := q.principal; p != nil {
		who.Account = p.AccountID
	}
	if s.Chat.Hash != nil && q.address.IsValid() {
		who.Address = s.Chat.Hash(network(q.address).Addr().String())
	}
	return who
}

func (s *Server) messages(ctx context.Context, in *messagesIn) (*pageOut[chat.Said], error) {
	if err := s.visible(ctx, in.ID, in.Grant); err != nil {
		return nil, err
	}
	var found []chat.Said
	var err error
	if in.From < 0 {
		found, err = s.Chat.Before(ctx, in.ID, in.Before, in.Limit)
	} else {
		until := mediatime.Time(in.Until)
		if in.Until < 0 {
			until = mediatime.Time(1 << 62)
		}
		found, err = s.Chat.Frames(ctx, in.ID, mediatime.Time(in.From), until, in.After, in.Limit)
	}
	return whole(found, func(m chat.Said) chat.Said { return m }), err
}

func (s *Server) say(ctx context.Context, in *lineIn) (*struct{ Body chat.Result }, error) {
	if err := s.visible(ctx, in.ID, in.Grant); err != nil {
		return nil, err
	}
	out, err := s.Chat.Say(ctx, chat.Line{Broadcast: in.ID, Who: s.speaker(ctx), Text: in.Body.Text, Reply: in.Body.ReplyTo, MediaTime: in.Body.MediaTime, Ref: in.Body.Ref})
	return &struct{ Body chat.Result }{out}, err
}

func (s *Server) report(ctx context.Context, in *reportIn) (*struct{}, error) {
	if err := s.visible(ctx, in.ID, in.Grant); err != nil {
		return nil, err
	}
	if err := s.attempt(ctx, s.door.reports); err != nil {
		return nil, err
	}
	return nil, s.Chat.Report(ctx, in.ID, in.Message, s.speaker(ctx), in.Body.Reason)
}

func (s *Server) like(ctx context.Context, in *tapsIn) (*struct{}, error) {
	if err := s.visible(ctx, in.ID, in.Grant); err != nil {
		return nil, err
	}
	if err := s.attempt(ctx, s.door.taps); err != nil {
		return nil, err
	}
	return nil, s.Likes.Tap(in.ID, in.Body.Taps)
}

// mayEnter refuses who is banned from a channel's shows.
func (s *Server) mayEnter(ctx context.Context, b streaming.Broadcast) error {
	if s.Chat == nil {
		return nil
	}
	q := requestOf(ctx)
	account := ""
	if q.principal != nil {
		account = q.principal.AccountID
	}
	address := ""
	if q.address.IsValid() {
		address = network(q.address).Addr().String()
	}
	return s.Chat.Admit(ctx, b.ChannelID, account, address)
}

const (
	reportsPerWindow = 60
	tapsPerWindow    = 6_000
)

type silenceBody struct {
	ID      string     `json:"id"`
	Kind    chat.Kind  `json:"kind" enum:"mute,ban"`
	Name    string     `json:"name" doc:"Of whom; empty for an address."`
	Address bool       `json:"address" doc:"It is about an address, not an account."`
	Until   *time.Time `json:"until,omitempty" doc:"Absent: for good."`
	Reason  string     `json:"reason"`
	At      time.Time  `json:"at"`
}
