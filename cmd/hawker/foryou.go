package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/dashboard/dashboardsql"
	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/feed/feedsql"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/vod"
)

const (
	feedShows   = 200
	feedVideos  = 100 // in one read
	localesKept = time.Minute
	localesMax  = 10_000
)

// buildForYou makes what orders the first page.
func (a *app) buildForYou() {
	m, figures := &marketplace{app: a}, &dashboardsql.Store{DB: a.activity}
	a.api.VideoSales = figures.VideoSales
	a.forYou = &feed.Service{Store: &feedsql.Store{Main: a.main, Activity: a.activity}, Items: m.list, Find: m.find, Log: a.log, Sold: figures.Sold}
	a.api.FeedPages = a.forYou
}

// marketplace is what everybody may see, in the feed's words.
type marketplace struct {
	app *app

	mu      sync.Mutex
	locales map[string]string // of shops
	read    time.Time
}

func (m *marketplace) list(ctx context.Context, most int) (out []feed.Item, err error) {
	shows, err := m.app.broadcasts.List(ctx, streaming.Filter{States: []streaming.State{streaming.Live, streaming.Interrupted}, Listed: true, Limit: feedShows})
	if err != nil {
		return nil, err
	}
	for _, b := range shows {
		if i, ok, err := m.show(ctx, b); err != nil {
			return nil, err
		} else if ok {
			out = append(out, i)
		}
	}
	q := vod.VideoQuery{Public: true, Limit: feedVideos}
	for len(out) < most {
		found, err := m.app.library.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			i, err := m.video(ctx, v)
			if err != nil {
				return nil, err
			}
			out = append(out, i)
			q.Before, q.BeforeID = v.PublishedAt, v.ID
		}
		if len(found) < feedVideos {
			break
		}
	}
	return out, nil
}

func (m *marketplace) find(ctx context.Context, id string) (feed.Item, bool, error) {
	v, err := m.app.library.Video(ctx, id)
	if err == nil && v.Kind != vod.KindReplay {
		if !v.Public(time.Now()) {
			return feed.Item{}, false, nil
		}
		i, err := m.video(ctx, v)
		return i, err == nil, err
	}
	if err != nil && !errors.Is(err, vod.ErrNotFound) {
		return feed.Item{}, false, err
	}
	b, err := m.app.broadcasts.Get(ctx, id)
	if errors.Is(err, streaming.ErrNotFound) {
		return feed.Item{}, false, nil
	}
	if err != nil {
		return feed.Item{}, false, err
	}
	return m.show(ctx, b)
}

// show is a broadcast; false where it is not on air or not for everybody.
func (m *marketplace) show(ctx context.Context, b streaming.Broadcast) (feed.Item, bool, error) {
	if !b.State.OnAir() || !api.AccessOf(b).Open() {
		return feed.Item{}, false, nil
	}
	locale, err := m.locale(ctx, b.ShopID)
	return feed.Item{
		ID: b.ID, Kind: feed.Live, Channel: b.ChannelID, Shop: b.ShopID, Language: locale, At: b.StartedAt, Viewers: int64(m.app.views.Viewers(b.ID)), Of: b,
	}, err == nil, err
}

func (m *marketplace) video(ctx context.Context, v vod.Video) (i feed.Item, err error) {
	i = feed.Item{ID: v.ID, Kind: feed.Kind(v.Kind), Channel: v.Channel, Shop: v.Shop, Language: v.Language, At: v.PublishedAt, Length: v.Duration, Of: v}
	if i.Language == "" {
		i.Language, err = m.locale(ctx, v.Shop)
	}
	return i, err
}

// locale is the language of a shop: what nobody said a language of is in its.
func (m *marketplace) locale(ctx context.Context, shop string) (string, error) {
	m.mu.Lock()
	if now := time.Now(); m.locales == nil || now.Sub(m.read) >= localesKept || len(m.locales) >= localesMax {
		m.locales, m.read = map[string]string{}, now
	}
	known, ok := m.locales[shop]
	m.mu.Unlock()
	if ok {
		return known, nil
	}
	s, err := m.app.accounts.Shop(ctx, shop)
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locales[shop] = s.Locale
	return s.Locale, nil
}
