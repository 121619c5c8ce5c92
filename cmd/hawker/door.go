package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	doorKeeps    = time.Second // an answer about a broadcast is good for this long: players ask six times a second
	doorKeepsMax = 10_000
)

var errNotForYou = errors.New("this broadcast is not public")

// doorkeeper says who may watch and who may follow. What is on air, was, or is announced is everybody's; drafts and
// rehearsals are the team's; a shop's topic is its people's.
type doorkeeper struct {
	broadcasts *streaming.Broadcasts
	api        *api.Server
	now        func() time.Time

	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	broadcast streaming.Broadcast
	err       error
	until     time.Time
}

// find reads a broadcast through a cache of a second.
func (d *doorkeeper) find(ctx context.Context, id string) (streaming.Broadcast, error) {
	now := d.now()
	d.mu.Lock()
	k, ok := d.kept[id]
	d.mu.Unlock()
	if ok && now.Before(k.until) {
		return k.broadcast, k.err
	}
	b, err := d.broadcasts.Get(ctx, id)
	if err != nil && !errors.Is(err, streaming.ErrNotFound) {
		return b, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil || len(d.kept) >= doorKeepsMax {
		d.kept = map[string]kept{}
	}
	d.kept[id] = kept{b, err, now.Add(doorKeeps)}
	return b, err
}

// watch returns nil for who may watch, streaming.ErrNotFound or errNotForYou.
func (d *doorkeeper) watch(ctx context.Context, r *http.Request, broadcast string) error {
	b, err := d.find(ctx, broadcast)
	if err != nil {
		return err
	}
	if b.State != streaming.Draft && b.State != streaming.Rehearsal {
		return nil
	}
	if p, err := d.api.Principal(r); err == nil && p.May(account.BroadcastRead, account.Owner{Shop: b.ShopID, Channel: b.ChannelID}) == nil {
		return nil
	}
	return errNotForYou
}

// MayFollow tells who may follow a feed. A shop's feed relies on who asks; cookie says that a cookie told.
func (d *doorkeeper) MayFollow(r *http.Request, topic string) (cookie bool, err error) {
	if id, ok := strings.CutPrefix(topic, "broadcast/"); ok {
		err := d.watch(r.Context(), r, id)
		if errors.Is(err, errNotForYou) {
			err = overlay.ErrNotFound
		}
		return false, err
	}
	shop, ok := strings.CutPrefix(topic, "shop/")
	if !ok {
		return false, overlay.ErrNotFound
	}
	cookie = r.Header.Get("Authorization") == ""
	p, err := d.api.Principal(r)
	if err != nil {
		return cookie, err
	}
	return cookie, p.May(account.SalesRead, account.Owner{Shop: shop})
}
