package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/vod"
)

const (
	languagesMax  = 8
	boughtOrders  = 100 // the newest orders tell where somebody bought
	watchedLonger = 24 * time.Hour
)

// FeedReason is a term of a score.
type FeedReason struct {
	Reason feed.Reason `json:"reason" enum:"live,audience,fresh,watched,sold,follow,bought,language,untried,variety"`
	Points int64       `json:"points"`
}

// FeedBoost says that an item stands where it stands for another reason than its score.
type FeedBoost struct {
	Kind feed.BoostKind `json:"kind" enum:"paid,editorial"`
	By   string         `json:"by" doc:"The shop's name."`
}

// FeedItem is something to see, and why it stands where it stands.
type FeedItem struct {
	ID         string         `json:"id"`
	Kind       feed.Kind      `json:"kind" enum:"live,short,clip,story,picture"`
	Score      int64          `json:"score" doc:"The sum of the reasons' points. A page is in the order of scores, but for the boosted place."`
	Reasons    []FeedReason   `json:"reasons" nullable:"false"`
	Boost      *FeedBoost     `json:"boost,omitempty" doc:"Present in the boosted place: at most one of a page."`
	Broadcast  *BroadcastItem `json:"broadcast,omitempty" doc:"What is on air."`
	Video      *VideoItem     `json:"video,omitempty" doc:"Anything else."`
	Transports []Transport    `json:"transports" nullable:"false" doc:"How to watch. Empty for a picture."`
}

// FeedPage is a page of the feed.
type FeedPage struct {
	Items []FeedItem `json:"items" nullable:"false"`
	Next  string     `json:"next,omitempty" doc:"Give it as cursor: nothing of the pages before comes again. Absent where nothing is left for now."`
}

type feedIn struct {
	Limit    int      `query:"limit" minimum:"1" maximum:"20" default:"8"`
	Cursor   string   `query:"cursor" maxLength:"2668" doc:"The next of a page before. Without it a session begins. It remembers 400 items; of more the oldest may come again."`
	Seen     []string `query:"seen" maxItems:"50" doc:"Items that were seen since the cursor was given."`
	Language string   `query:"language" maxLength:"100" doc:"Language tags that the viewer reads, best first, with commas. Without it: Accept-Language."`
	Accept   string   `header:"Accept-Language"`
}

type feedSignalsIn struct {
	Body struct {
		Signals []feedSignal `json:"signals" minItems:"1" maxItems:"50"`
	}
}

type feedSignal struct {
	Item      string `json:"item" maxLength:"64"`
	Kind      string `json:"kind" enum:"impression,watch" doc:"impression: at least half of it lay on the screen for a second. watch: it was left again."`
	WatchedMS int64  `json:"watched_ms,omitempty" minimum:"0" doc:"With watch: how long it played."`
	Boosted   bool   `json:"boosted,omitempty" doc:"It stood in the boosted place."`
}

func (s *Server) routesFeedPage(r *router) {
	register(r, huma.Operation{
		Method: http.MethodGet, Path: "/v1/feed", Summary: "What to see next", Tags: []string{"feed"},
		Description: "What is on air, short videos, stories and clips, for whoever asks: an account or nobody. Each item names the terms of its score; the order is their sum.",
	}, Needs{Public: true}, s.feedPage)
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/feed/signals", Summary: "What was seen, and for how long", Tags: []string{"feed"}, DefaultStatus: http.StatusAccepted,
		Description: "Counted per item, never per viewer.",
	}, Needs{Public: true}, s.feedSignals)
	s.routesBoosts(r)
}

func (s *Server) feedPage(ctx context.Context, in *feedIn) (*struct{ Body FeedPage }, error) {
	v, err := s.feedViewer(ctx, in)
	if err != nil {
		return nil, err
	}
	placed, next, err := s.FeedPages.Page(ctx, v, in.Cursor, in.Seen, in.Limit)
	if err != nil {
		return nil, err
	}
	out := FeedPage{Items: make([]FeedItem, 0, len(placed)), Next: next}
	channels := map[string]account.Channel{}
	for _, p := range placed {
		item, err := s.feedItem(ctx, p, channels)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, item)
	}
	return &struct{ Body FeedPage }{out}, nil
}

// feedViewer is what the feed may know of the caller: nothing but the languages of who has no account.
func (s *Server) feedViewer(ctx context.Context, in *feedIn) (feed.Viewer, error) {
	text := in.Language
	if text == "" {
		text = in.Accept
	}
	v := feed.Viewer{Languages: languageTags(text)}
	p := caller(ctx)
	if p == nil {
		return v, nil
	}
	if s.Access != nil {
		follows, err := s.Access.FollowsOf(ctx, p.AccountID)
		if err != nil {
			return v, err
		}
		v.Follows = make(map[string]bool, len(follows))
		for _, f := range follows {
			v.Follows[f.Channel] = true
		}
	}
	if s.Shop != nil {
		orders, err := s.Shop.ListOrders(ctx, shop.OrderQuery{Scope: shop.Scope{Buyer: p.AccountID}, Limit: boughtOrders})
		if err != nil {
			return v, err
		}
		v.Bought = map[string]bool{}
		for _, o := range orders {
			if o.State.Sold() {
				v.Bought[o.ShopID] = true
			}
		}
	}
	return v, nil
}

// languageTags reads Accept-Language in the order in which browsers write it.
func languageTags(text string) (out []string) {
	for one := range strings.SplitSeq(text, ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(one), ";")
		if tag != "" && tag != "*" && len(tag) <= 35 && len(out) < languagesMax {
			out = append(out, tag)
		}
	}
	return out
}

func (s *Server) feedItem(ctx context.Context, p feed.Placed, channels map[string]account.Channel) (FeedItem, error) {
	out := FeedItem{ID: p.ID, Kind: p.Kind, Score: p.Score, Reasons: []FeedReason{}, Transports: []Transport{}}
	for _, t := range p.Terms {
		out.Reasons = append(out.Reasons, FeedReason(t))
	}
	switch of := p.Of.(type) {
	case vod.Video:
		item, err := s.videoItem(ctx, of, false, channels)
		if err != nil {
			return out, err
		}
		out.Video = &item
		if of.Duration > 0 {
			out.Transports = append(out.Transports, Transport{Kind: "hls", URL: "/hls/v/" + of.ID + "/index.m3u8"})
		}
	case streaming.Broadcast:
		c, known := channels[of.ChannelID]
		if !known {
			var err error
			if c, err = s.Accounts.Channel(ctx, of.ChannelID); err != nil {
				return out, err
			}
			channels[of.ChannelID] = c
		}
		item := s.broadcastItem(of, c)
		out.Broadcast, out.Transports = &item, Transports(of.ID, "")
	}
	if p.Boost != nil {
		by, err := s.Accounts.Shop(ctx, p.Boost.Shop)
		if err != nil {
			return out, err
		}
		out.Boost = &FeedBoost{Kind: p.Boost.Kind, By: by.Name}
	}
	return out, nil
}

func (s *Server) feedSignals(ctx context.Context, in *feedSignalsIn) (*struct{}, error) {
	if err := s.attempt(ctx, s.door.taps); err != nil {
		return nil, err
	}
	signals := make([]feed.Signal, len(in.Body.Signals))
	for i, one := range in.Body.Signals {
		signals[i] = feed.Signal{
			Item: one.Item, Watch: one.Kind == "watch", For: time.Duration(min(one.WatchedMS, watchedLonger.Milliseconds())) * time.Millisecond, Boosted: one.Boosted,
		}
	}
	return nil, s.FeedPages.Hear(ctx, signals)
}
