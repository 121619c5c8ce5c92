package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/captions"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Said is what the routes need of captions. *vod.Library is one.
type Said interface {
	// Caption takes a file: WebVTT or SubRip.
	Caption(ctx context.Context, c vod.Captions, file []byte) (vod.Captions, error)
	Uncaption(ctx context.Context, video, language string) error
	CaptionsFor(ctx context.Context, v vod.Video) ([]vod.Captions, error)
}

// CaptionBody is what is said in a video, in one language.
type CaptionBody struct {
	Language  string    `json:"language"`
	Label     string    `json:"label"`
	URL       string    `json:"url,omitempty" doc:"WebVTT, with the video's own times. A show's play with its recording."`
	ChangedAt time.Time `json:"changed_at"`
}

type captionsOut struct {
	Body struct {
		Items []CaptionBody `json:"items" nullable:"false"`
	}
}

type captionIn struct {
	IDIn
	Language string `query:"language" required:"true" minLength:"2" maxLength:"35" doc:"A language tag."`
	Label    string `query:"label" maxLength:"240" doc:"How the menu names it. Without it: the tag."`
	RawBody  []byte `contentType:"text/vtt"`
}

type uncaptionIn struct {
	IDIn
	Language string `query:"language" required:"true" minLength:"2" maxLength:"35"`
}

func (s *Server) routesCaptions(r *router) {
	op := func(method, path, summary, description string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Description: description, Tags: []string{"videos"}}
	}
	for _, of := range []struct {
		path string
		kind Kind
		what string
	}{{"/v1/videos/{id}/captions", KindVideo, "a video"}, {"/v1/broadcasts/{id}/captions", KindBroadcast, "a show's recording"}} {
		write := Needs{Action: account.BroadcastWrite, Owner: Of{of.kind, "id"}}
		put := op(http.MethodPut, of.path, "Caption "+of.what, "The body is WebVTT; SubRip is turned into it. What was there in the language is replaced. A clip without its own shows its show's.")
		put.DefaultStatus, put.MaxBodyBytes = http.StatusOK, captions.BytesMax
		register(r, put, write, s.caption)
		register(r, op(http.MethodDelete, of.path, "Take captions away", ""), write, func(ctx context.Context, in *uncaptionIn) (*struct{}, error) {
			return nil, s.Videos.Uncaption(ctx, in.ID, in.Language)
		})
	}
	get := op(http.MethodGet, "/v1/videos/{id}/captions", "What a video is captioned in", "")
	register(r, get, Needs{Public: true}, func(ctx context.Context, in *idIn) (*captionsOut, error) {
		v, _, err := s.seeVideo(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return s.captionList(ctx, v)
	})
	ofShow := op(http.MethodGet, "/v1/broadcasts/{id}/captions", "What a show's recording is captioned in", "")
	register(r, ofShow, Needs{Action: account.BroadcastRead, Owner: Of{KindBroadcast, "id"}}, func(ctx context.Context, in *idIn) (*captionsOut, error) {
		return s.captionList(ctx, vod.Video{ID: in.ID, Kind: vod.KindReplay})
	})
}

func (s *Server) captionList(ctx context.Context, v vod.Video) (*captionsOut, error) {
	all, err := s.Videos.CaptionsFor(ctx, v)
	if err != nil {
		return nil, err
	}
	out := &captionsOut{}
	out.Body.Items = []CaptionBody{}
	for _, c := range all {
		out.Body.Items = append(out.Body.Items, captionOf(c, v.Kind != vod.KindReplay))
	}
	return out, nil
}

func captionOf(c vod.Captions, served bool) CaptionBody {
	b := CaptionBody{Language: c.Language, Label: c.Label, ChangedAt: c.ChangedAt}
	if served {
		b.URL = "/hls/v/" + c.Video + "/captions-" + c.Language + ".vtt"
	}
	return b
}

func (s *Server) caption(ctx context.Context, in *captionIn) (*struct{ Body CaptionBody }, error) {
	c, err := s.Videos.Caption(ctx, vod.Captions{Video: in.ID, Language: in.Language, Label: in.Label, By: caller(ctx).AccountID}, in.RawBody)
	return &struct{ Body CaptionBody }{captionOf(c, false)}, err
}
