package api

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Exports makes packages of videos.
type Exports interface {
	// Export writes a ZIP with a video, its products, and a page that plays both.
	Export(ctx context.Context, v vod.Video, tags []vod.Tag, w io.Writer) error
}

func (s *Server) routesExports(r *router) {
	op := huma.Operation{
		Method: http.MethodGet, Path: "/v1/videos/{id}/export", Summary: "A video as a package for any web site", Tags: []string{"videos"}, DefaultStatus: http.StatusOK,
		Description: "A ZIP: HLS and MP4 of the video's own pictures, its products as WebVTT and JSON, and a page that plays them without a server.",
		Responses:   map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}},
	}
	register(r, op, Needs{Action: account.BroadcastWrite, Owner: Of{KindVideo, "id"}}, func(ctx context.Context, in *idIn) (*huma.StreamResponse, error) {
		v, err := s.Videos.Video(ctx, in.ID)
		if err == nil && (v.Kind == vod.KindPicture || v.State == vod.StateProcessing || v.State == vod.StateFailed) {
			err = vod.ErrNotReady
		}
		if err != nil {
			return nil, err
		}
		tags, err := s.Videos.Tags(ctx, v.ID)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "application/zip")
			c.SetHeader("Content-Disposition", `attachment; filename="video-`+v.ID+`.zip"`)
			if err := s.Exports.Export(ctx, v, tags, c.BodyWriter()); err != nil {
				s.Log.Warn("send a package", "error", err)
			}
		}}, nil
	})
}
