package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/event"
)

const (
	signalsMax     = 32
	signalBytesMax = 2 << 10 // of one, as on the WebSocket
)

type watchIn struct {
	IDIn
	Body struct {
		Visitor   string `json:"visitor,omitempty" maxLength:"64" doc:"The id that an earlier answer gave."`
		Consent   bool   `json:"consent" doc:"Without it visitor and session are random, and nothing ties two of them together."`
		Transport string `json:"transport,omitempty" enum:"whep,hls"`
		Language  string `json:"language,omitempty" maxLength:"35"`
		Token     string `json:"token,omitempty" maxLength:"128" doc:"A viewing token, for a broadcast that needs one."`
		Grant     string `json:"grant,omitempty" maxLength:"512" doc:"The grant that an earlier answer gave: the same viewer asks again."`
		Source    string `json:"source,omitempty" maxLength:"200" doc:"Where the viewer came from, such as a site's name."`
	}
}

type watchBody struct {
	Grant       string      `json:"grant,omitempty" doc:"Leave to watch what is not for everybody: the bearer token of WHEP, the grant of scene and feed. The HLS address below holds it."`
	ViewSession string      `json:"view_session" doc:"Name it in the feed's address and at checkout."`
	Visitor     string      `json:"visitor" doc:"Keep it only with consent."`
	Transports  []Transport `json:"transports"`
}

type signalsIn struct {
	IDIn
	Body struct {
		Session string            `json:"session" maxLength:"64"`
		Signals []json.RawMessage `json:"signals" minItems:"1" maxItems:"32" doc:"Messages as they go up the WebSocket: heartbeat, impression, click, lateness."`
	}
}

func (s *Server) routesViews(r *router) {
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/broadcasts/{id}/watch", Summary: "Begin to watch", Tags: []string{"watching"}, DefaultStatus: http.StatusCreated,
		Description: "A reload within 30 minutes with the same visitor gets the same session. Here it is decided who may watch, once for every way of watching.",
	}, Needs{Public: true, OwnKey: true}, s.watch)
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/broadcasts/{id}/signals", Summary: "What a player has to say, where it has no WebSocket", Tags: []string{"watching"},
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: signalsMax * signalBytesMax,
	}, Needs{Public: true}, s.signals)
}

func (s *Server) watch(ctx context.Context, in *watchIn) (*struct{ Body watchBody }, error) {
	if err := s.attempt(ctx, s.door.watches); err != nil {
		return nil, err
	}
	b, err := s.Broadcasts.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.mayEnter(ctx, b); err != nil {
		return nil, err
	}
	grant, err := s.decide(ctx, b, in.Body.Token, in.Body.Grant)
	if err != nil {
		return nil, err
	}
	v, err := s.Views.Watch(ctx, views.Start{
		Broadcast: in.ID, Visitor: in.Body.Visitor, Consent: in.Body.Consent, Transport: in.Body.Transport, Language: in.Body.Language, Source: in.Body.Source,
	})
	if err != nil {
		return nil, err
	}
	out := watchBody{Grant: grant, ViewSession: v.ID, Visitor: v.Visitor}
	if out.Transports, err = s.transports(ctx, b, grant); err != nil {
		return nil, err
	}
	return &struct{ Body watchBody }{out}, nil
}

func (s *Server) signals(_ context.Context, in *signalsIn) (*struct{}, error) {
	for _, m := range in.Body.Signals {
		if len(m) > signalBytesMax {
			return nil, views.ErrMessage
		}
		if err := s.Views.Hear(event.BroadcastTopic(in.ID), in.Body.Session, m); err != nil {
			return nil, err
		}
	}
	return nil, nil
}
