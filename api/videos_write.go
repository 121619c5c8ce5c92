package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming/vod"
)

type editVideoIn struct {
	IDIn
	Body struct {
		Title    *string `json:"title,omitempty" maxLength:"480"`
		Caption  *string `json:"caption,omitempty" maxLength:"8000"`
		Language *string `json:"language,omitempty" maxLength:"35" doc:"A language tag; empty: not told."`
	}
}

func (s *Server) editVideo(ctx context.Context, in *editVideoIn) (*videoOut, error) {
	v, err := s.Videos.Edit(ctx, in.ID, vod.Edit{Title: in.Body.Title, Caption: in.Body.Caption, Language: in.Body.Language})
	if err != nil {
		return nil, err
	}
	return s.videoBody(ctx, v, true)
}

type tagVideoIn struct {
	IDIn
	Body struct {
		Tags []VideoTag `json:"tags" maxItems:"30" nullable:"false"`
	}
}

func (s *Server) tagVideo(ctx context.Context, in *tagVideoIn) (*videoOut, error) {
	tags := make([]vod.Tag, 0, len(in.Body.Tags))
	for _, g := range in.Body.Tags {
		if err := s.Overlay.Sells(ctx, ownerOf(ctx).Shop, g.Product); err != nil {
			return nil, err
		}
		one := vod.Tag{Product: g.Product, From: g.From}
		if g.Until != nil {
			one.Until = *g.Until
		}
		tags = append(tags, one)
	}
	v, err := s.Videos.Edit(ctx, in.ID, vod.Edit{Tags: &tags})
	if err != nil {
		return nil, err
	}
	return s.videoBody(ctx, v, true)
}

type publishVideoIn struct {
	IDIn
	Body *struct {
		At *time.Time `json:"at,omitempty" doc:"Within a year. Without it: now."`
	}
}

func (s *Server) publishVideo(ctx context.Context, in *publishVideoIn) (*videoOut, error) {
	var at time.Time
	if in.Body != nil && in.Body.At != nil {
		at = in.Body.At.UTC().Truncate(time.Millisecond)
	}
	v, err := s.Videos.Publish(ctx, in.ID, at)
	if err != nil {
		return nil, err
	}
	return s.videoBody(ctx, v, true)
}

type judgeVideoIn struct {
	IDIn
	Body struct {
		Verdict string `json:"verdict" enum:"approved,rejected"`
		Reason  string `json:"reason,omitempty" maxLength:"2000" doc:"For the video's people."`
	}
}

func (s *Server) judgeVideo(ctx context.Context, in *judgeVideoIn) (*videoOut, error) {
	v, err := s.Videos.Judge(ctx, in.ID, in.Body.Verdict == "approved", in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return s.videoBody(ctx, v, true)
}

// Reviews is what a shop wants to happen before a video is public.
type Reviews interface {
	Policy(ctx context.Context, shop string) (vod.Policy, error)
	// SetPolicy stores it. A webhook that is new gets a secret, which is answered this once.
	SetPolicy(ctx context.Context, shop string, review bool, webhook string) (p vod.Policy, secret string, err error)
}

type reviewBody struct {
	Review  bool   `json:"review" doc:"Nothing is public before it was approved."`
	Webhook string `json:"webhook" maxLength:"500" doc:"An https address that is told of each video that waits, signed as Standard Webhooks are. Empty: nobody is told."`
	Secret  string `json:"secret,omitempty" readOnly:"true" doc:"What the webhook is signed with. Shown once, when the address is new."`
}

func (s *Server) routesReview(r *router) {
	if s.Reviews == nil {
		return
	}
	op := func(method, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: "/v1/shops/{id}/review", Summary: summary, Tags: []string{"videos"}, DefaultStatus: http.StatusOK}
	}
	register(r, op(http.MethodGet, "How a shop reviews videos"), Needs{Action: account.ShopRead, Owner: Of{KindShop, "id"}}, func(ctx context.Context, in *idIn) (*struct{ Body reviewBody }, error) {
		p, err := s.Reviews.Policy(ctx, in.ID)
		return &struct{ Body reviewBody }{reviewBody{Review: p.Review, Webhook: p.Webhook}}, err
	})
	register(r, op(http.MethodPut, "Set how a shop reviews videos"), Needs{Action: account.ShopWrite, Owner: Of{KindShop, "id"}}, func(ctx context.Context, in *struct {
		IDIn
		Body reviewBody
	}) (*struct{ Body reviewBody }, error) {
		p, secret, err := s.Reviews.SetPolicy(ctx, in.ID, in.Body.Review, in.Body.Webhook)
		return &struct{ Body reviewBody }{reviewBody{Review: p.Review, Webhook: p.Webhook, Secret: secret}}, err
	})
}
