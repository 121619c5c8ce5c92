package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

type sceneIn struct {
	IDIn
	GrantIn
	At int64 `query:"at" minimum:"-1" default:"-1" doc:"Media time of a frame, µs: what lay on it. Without it: now."`
}

// GrantIn is leave to watch what is not for everybody.
type GrantIn struct {
	Grant string `query:"grant" maxLength:"512" doc:"From watch, where the broadcast is not for everybody."`
}

// rawJSON is an answer that is encoded already.
type rawJSON struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) routesScene(r *router) {
	op := huma.Operation{Method: http.MethodGet, Path: "/v1/broadcasts/{id}/scene", Summary: "What lies over the picture, and where to follow the feed from", Tags: []string{"overlay"}}
	op.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(r.api.OpenAPI().Components.Schemas, typeOf[overlay.Scene]())},
	}}}
	register(r, op, Needs{Public: true}, s.scene)
}

func (s *Server) scene(ctx context.Context, in *sceneIn) (*rawJSON, error) {
	if err := s.visible(ctx, in.ID, in.Grant); err != nil {
		return nil, err
	}
	out := &rawJSON{ContentType: "application/json"}
	if in.At < 0 {
		raw, _, err := s.Overlay.EncodedScene(ctx, in.ID)
		out.Body = raw
		return out, err
	}
	at := mediatime.Time(in.At)
	scene, err := s.Overlay.Scene(ctx, in.ID, &at)
	if err != nil {
		return nil, err
	}
	out.Body, err = json.Marshal(scene)
	return out, err
}
