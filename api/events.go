package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/event"
)

const eventBytesMax = 8 << 10 // of a request; the data in it may have 4 KiB

type eventIn struct {
	IDIn
	Body struct {
		Kind string          `json:"kind" pattern:"^x\\.[a-z0-9][a-z0-9._-]{0,60}$" doc:"Your own: x. and a name."`
		Data json.RawMessage `json:"data" doc:"A JSON object of at most 4 KiB. Everybody who watches gets it, as it is."`
	}
}

type eventBody struct {
	ID        string `json:"id"`
	MediaTime int64  `json:"media_time"`
}

func (s *Server) routesEvents(r *router) {
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/broadcasts/{id}/events", Summary: "Send an overlay event of your own to everybody who watches", Tags: []string{"overlay"},
		Description: "It is not stored and not repeated: who is not there misses it.", DefaultStatus: http.StatusAccepted, MaxBodyBytes: eventBytesMax,
	}, Needs{Action: account.EventsWrite, Owner: Of{KindBroadcast, "id"}}, func(ctx context.Context, in *eventIn) (*struct{ Body eventBody }, error) {
		e, err := s.Overlay.Pass(ctx, in.ID, event.Kind(in.Body.Kind), in.Body.Data)
		return &struct{ Body eventBody }{eventBody{e.ID, e.MediaTime}}, err
	})
}
