package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/feed"
)

// KindBoost is a boost's id. It stands behind its shop's.
const KindBoost Kind = "boost"

// BoostBody is a place in the feed that was paid for or given.
type BoostBody struct {
	ID      string         `json:"id"`
	Item    string         `json:"item" doc:"The broadcast or video."`
	Kind    feed.BoostKind `json:"kind" enum:"paid,editorial" doc:"The label says it."`
	From    time.Time      `json:"from"`
	Until   time.Time      `json:"until"`
	By      string         `json:"by" doc:"The account that made it."`
	MadeAt  time.Time      `json:"made_at"`
	EndedBy string         `json:"ended_by,omitempty" doc:"The account that ended it before its time."`
	EndedAt *time.Time     `json:"ended_at,omitempty"`
	Seen    int64          `json:"seen" doc:"How often the item was seen in the boosted place, over all of its boosts."`
}

func boostOf(b feed.Boost, seen int64) BoostBody {
	return BoostBody{b.ID, b.Item, b.Kind, b.From, b.Until, b.By, b.MadeAt, b.EndedBy, moment(b.EndedAt), seen}
}

type boostIn struct {
	IDIn
	Body struct {
		Item  string         `json:"item" maxLength:"64" doc:"Something of the shop that everybody may see."`
		Kind  feed.BoostKind `json:"kind,omitempty" enum:"paid,editorial" default:"paid" doc:"Editorial ones are the operator's."`
		From  *time.Time     `json:"from,omitempty" doc:"Within 90 days. Without it: now."`
		Until time.Time      `json:"until" doc:"At most 31 days later."`
	}
}

type endBoostIn struct {
	IDIn
	Boost string `path:"boost" maxLength:"64"`
}

func (s *Server) routesBoosts(r *router) {
	op := func(method, path, summary, description string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Description: description, Tags: []string{"feed"}, DefaultStatus: status}
	}
	ofShop := Of{KindShop, "id"}
	write := Needs{Action: account.BoostWrite, Owner: ofShop}
	register(r, op(http.MethodGet, "/v1/shops/{id}/boosts", "A shop's boosts, those that are over too", "Newest first, at most 200: who made and who ended each stays to be seen.", http.StatusOK),
		Needs{Action: account.ShopRead, Owner: ofShop}, s.listBoosts)
	register(r, op(http.MethodPost, "/v1/shops/{id}/boosts", "Boost something in the feed", "One labelled place of a page is shared by all boosts that run. A shop has at most 20 that are not over.", http.StatusCreated), write, s.makeBoost)
	end := write
	end.Also = []Of{{KindBoost, "boost"}}
	register(r, op(http.MethodDelete, "/v1/shops/{id}/boosts/{boost}", "End a boost before its time", "", 0), end, func(ctx context.Context, in *endBoostIn) (*struct{}, error) {
		return nil, s.FeedPages.EndBoost(ctx, in.ID, in.Boost, caller(ctx).AccountID)
	})
}

func (s *Server) listBoosts(ctx context.Context, in *idIn) (*pageOut[BoostBody], error) {
	all, seen, err := s.FeedPages.Boosts(ctx, in.ID, 200)
	if err != nil {
		return nil, err
	}
	items := make([]BoostBody, 0, len(all))
	for _, b := range all {
		items = append(items, boostOf(b, seen[b.Item]))
	}
	return page(items, len(items), nil), nil
}

func (s *Server) makeBoost(ctx context.Context, in *boostIn) (*struct{ Body BoostBody }, error) {
	p := caller(ctx)
	if in.Body.Kind == feed.Editorial && !p.Admin {
		return nil, account.ErrForbidden
	}
	b := feed.Boost{Shop: in.ID, Item: in.Body.Item, Kind: in.Body.Kind, Until: in.Body.Until, By: p.AccountID}
	if in.Body.From != nil {
		b.From = *in.Body.From
	}
	made, err := s.FeedPages.MakeBoost(ctx, b)
	return &struct{ Body BoostBody }{boostOf(made, 0)}, err
}
