package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/vod"
)

const (
	soldVideos = 200 // the newest are looked at
	soldShows  = 100
)

// VideoSale is what was bought from a video.
type VideoSale struct {
	ID       string   `json:"id" doc:"Of a recording: its broadcast's."`
	Kind     vod.Kind `json:"kind" enum:"replay,clip,short,story,picture"`
	Title    string   `json:"title"`
	Currency string   `json:"currency"`
	Orders   int64    `json:"orders" doc:"Paid ones; refunded ones stay counted."`
	Units    int64    `json:"units"`
	GMV      int64    `json:"gmv" doc:"Before refunds, without tax and shipping."`
	Refunds  int64    `json:"refunds"`
	Foreign  int64    `json:"foreign,omitempty" doc:"Orders in another currency. They are in none of the amounts."`
}

func (s *Server) routesVideoSales(r *router) {
	register(r, huma.Operation{
		Method: http.MethodGet, Path: "/v1/shops/{id}/video-sales", Summary: "What was bought from a shop's videos", Tags: []string{"sales"}, DefaultStatus: http.StatusOK,
		Description: "Of the newest 200 videos and 100 recordings those that have sold something, the most first. An order of a clip counts for its show too; a recording has what was bought after the end of its show.",
	}, Needs{Action: account.SalesRead, Owner: Of{KindShop, "id"}}, s.videoSales)
}

func (s *Server) videoSales(ctx context.Context, in *idIn) (*pageOut[VideoSale], error) {
	known := map[string]VideoSale{}
	var ids []string
	videos, err := s.Videos.List(ctx, vod.VideoQuery{Shop: in.ID, Limit: soldVideos})
	if err != nil {
		return nil, err
	}
	for _, v := range videos {
		known[v.ID], ids = VideoSale{ID: v.ID, Kind: v.Kind, Title: v.Title}, append(ids, v.ID)
	}
	shows, err := s.Broadcasts.List(ctx, streaming.Filter{Shop: in.ID, States: []streaming.State{streaming.Ended}, Limit: soldShows})
	if err != nil {
		return nil, err
	}
	for _, b := range shows {
		known[b.ID], ids = VideoSale{ID: b.ID, Kind: vod.KindReplay, Title: b.Title}, append(ids, b.ID)
	}
	sold, err := s.VideoSales(ctx, ids)
	if err != nil {
		return nil, err
	}
	items := []VideoSale{}
	for id, v := range sold {
		items = append(items, known[id].with(v))
	}
	slices.SortFunc(items, func(a, b VideoSale) int { return cmp.Or(cmp.Compare(b.GMV, a.GMV), cmp.Compare(a.ID, b.ID)) })
	return page(items, len(items), nil), nil
}

func (v VideoSale) with(d dashboard.VideoSales) VideoSale {
	v.Currency, v.Orders, v.Units, v.GMV, v.Refunds, v.Foreign = d.Currency, d.Orders, d.Units, d.GMV, d.Refunds, d.Foreign
	return v
}
