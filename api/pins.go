package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

type pinIn struct {
	IDIn
	Product   string `path:"product"`
	MediaTime int64  `query:"media_time" minimum:"-1" default:"-1" doc:"Where a body does not fit; -1: the frame that enters the server now."`
	Body      *struct {
		MediaTime *mediatime.Time `json:"media_time,omitempty" minimum:"0" doc:"The frame that the creator was looking at, µs. Without it: the one that enters the server now."`
	}
}

func (in *pinIn) at() *mediatime.Time {
	if in.Body != nil && in.Body.MediaTime != nil {
		return in.Body.MediaTime
	}
	if in.MediaTime < 0 {
		return nil
	}
	t := mediatime.Time(in.MediaTime)
	return &t
}

type pinOut struct{ Body overlay.PinCard }

type historyIn struct {
	IDIn
	GrantIn
}

// historyBody is which frames of a broadcast had what on them.
type historyBody struct {
	Items []overlay.Record   `json:"items" nullable:"false"`
	Deals []overlay.DealSpan `json:"deals" nullable:"false" doc:"Of those that were announced."`
}

func (s *Server) history(ctx context.Context, in *historyIn) (*struct{ Body historyBody }, error) {
	if err := s.visible(ctx, in.ID, in.Grant); err != nil {
		return nil, err
	}
	pins, err := s.Overlay.History(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	deals, err := s.Overlay.DealHistory(ctx, in.ID)
	return &struct{ Body historyBody }{historyBody{Items: pins, Deals: deals}}, err
}

type bagIn struct {
	IDIn
	Body struct {
		Products []string `json:"products" maxItems:"100" doc:"Ids, in the order in which they are shown."`
	}
}

type bagBody struct {
	Bag []overlay.ProductCard `json:"bag"`
}

func (s *Server) routesPins(r *router) {
	// The overlay's cards hold shop's own money: one schema for both.
	r.api.OpenAPI().Components.Schemas.RegisterTypeAlias(typeOf[shop.Money](), typeOf[Money]())
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"overlay"}, DefaultStatus: http.StatusOK}
	}
	write := Needs{Action: account.PinWrite, Owner: Of{KindBroadcast, "id"}, Also: []Of{{KindProduct, "product"}}}
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/pins/{product}", "Pin a product to a frame"), write, func(ctx context.Context, in *pinIn) (*pinOut, error) {
		card, err := s.Overlay.Pin(ctx, in.ID, in.Product, in.at(), caller(ctx).AccountID)
		return &pinOut{card}, err
	})
	register(r, op(http.MethodDelete, "/v1/broadcasts/{id}/pins/{product}", "Unpin a product at a frame"), write, func(ctx context.Context, in *pinIn) (*pinOut, error) {
		card, err := s.Overlay.Unpin(ctx, in.ID, in.Product, in.at(), caller(ctx).AccountID)
		return &pinOut{card}, err
	})
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/pins", "Every pin of a broadcast, and every deal, oldest first"), Needs{Public: true}, s.history)
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/bag", "Set the bag"), Needs{Action: account.PinWrite, Owner: Of{KindBroadcast, "id"}}, func(ctx context.Context, in *bagIn) (*struct{ Body bagBody }, error) {
		cards, err := s.Overlay.SetBag(ctx, in.ID, in.Body.Products, caller(ctx).AccountID)
		return &struct{ Body bagBody }{bagBody{cards}}, err
	})
}
