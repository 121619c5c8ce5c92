package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/lately"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/whep"
)

const (
	doorKeepsMax = 10_000
	doorReads    = 5 * time.Second // the database, where nobody waits
	recheckEvery = 5 * time.Second // finds what has run out, and keeps the seats of viewing tokens
	recheckSoon  = 300 * time.Millisecond
)

// errNotForYou hides what is the team's: for others it does not exist.
var errNotForYou = errors.New("this broadcast is not public")

// doorkeeper says who may watch and who may follow, on every protocol, from memory: what is for everybody is open,
// everything else needs a grant, which the API gives once per session. A shop's topic is its people's.
type doorkeeper struct {
	broadcasts *streaming.Broadcasts
	access     *access.Service
	api        *api.Server
	chat       *chat.Service
	now        func() time.Time
	// again has room for one: somebody may have lost the right to watch.
	again chan struct{}

	kept lately.Cache[streaming.Broadcast]
}

// find reads a broadcast through a cache of a moment.
func (d *doorkeeper) find(ctx context.Context, id string) (streaming.Broadcast, error) {
	return d.kept.Get(ctx, id, d.now(), func(ctx context.Context) (streaming.Broadcast, error) { return d.broadcasts.Get(ctx, id) })
}

// changed forgets what is known of a broadcast and looks at its sessions again.
func (d *doorkeeper) changed(broadcast string) {
	d.kept.Forget(broadcast)
	d.revoked()
}

// revoked has all sessions looked at again, soon.
func (d *doorkeeper) revoked() { wake(d.again)() }

// admit returns nil for a grant that opens the broadcast, and for everybody where it is open; else
// streaming.ErrNotFound, errNotForYou or access.ErrGrant.
func (d *doorkeeper) admit(ctx context.Context, broadcast, grant string) error {
	b, err := d.find(ctx, broadcast)
	if err != nil {
		return err
	}
	a := api.AccessOf(b)
	if a.Open() {
		return nil
	}
	if _, err = d.access.Check(grant, a); err != nil && a.TeamOnly {
		return errNotForYou
	}
	return err
}

// MayFollow tells who may follow a feed. The grant stands in the address; the channel's people need none.
func (d *doorkeeper) MayFollow(r *http.Request, topic string) (cookie bool, err error) {
	cookie = r.Header.Get("Authorization") == ""
	if id, ok := strings.CutPrefix(topic, "broadcast/"); ok {
		err = d.admit(r.Context(), id, grantIn(r))
		if errors.Is(err, errNotForYou) {
			err = overlay.ErrNotFound
		}
		refused := errors.Is(err, overlay.ErrNotFound) || errors.Is(err, access.ErrGrant)
		if refused && d.team(r, id) != nil {
			return cookie, nil
		}
		if err == nil {
			err = d.banned(r, id)
		}
		return false, err
	}
	shop, ok := strings.CutPrefix(topic, "shop/")
	if !ok {
		return false, overlay.ErrNotFound
	}
	p, err := d.api.Principal(r)
	if err != nil {
		return cookie, err
	}
	return cookie, p.May(account.SalesRead, account.Owner{Shop: shop})
}

func grantIn(r *http.Request) string { return r.URL.Query().Get("grant") }

// team is who asks, if it is one of the people of a broadcast's channel.
func (d *doorkeeper) team(r *http.Request, broadcast string) *account.Principal {
	b, err := d.find(r.Context(), broadcast)
	if err != nil {
		return nil
	}
	p, err := d.api.Principal(r)
	if err != nil || p.May(account.BroadcastRead, account.Owner{Shop: b.ShopID, Channel: b.ChannelID}) != nil {
		return nil
	}
	return p
}

// run looks at everybody's sessions again: when something was revoked, once more a moment later, for who was just
// coming in, and from time to time.
func (d *doorkeeper) run(recheck func()) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(recheckEvery)
		defer tick.Stop()
		var soon <-chan time.Time
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-d.again:
				soon = time.After(recheckSoon)
			case <-soon:
				soon = nil
			case <-tick.C:
			}
			recheck()
		}
	}
}

// may is the question of a recheck: per broadcast, what tells whether a grant still opens it; nil where it is open.
func (d *doorkeeper) may(broadcast string) func(grant string) bool {
	ctx, stop := context.WithTimeout(context.Background(), doorReads)
	defer stop()
	b, err := d.find(ctx, broadcast)
	if err != nil {
		return nil // what cannot be read is not known to be closed; the next look is soon
	}
	a := api.AccessOf(b)
	if a.Open() {
		return nil
	}
	return func(grant string) bool {
		_, err := d.access.Check(grant, a)
		return err == nil
	}
}

// whepAccess is the doorkeeper in WHEP's words.
type whepAccess struct{ *doorkeeper }

func (a whepAccess) MayWatch(ctx context.Context, r *http.Request, broadcast string) error {
	err := a.admit(ctx, broadcast, whep.Bearer(r))
	switch {
	case errors.Is(err, streaming.ErrNotFound), errors.Is(err, errNotForYou):
		return whep.ErrNotFound
	case errors.Is(err, access.ErrGrant):
		return whep.ErrUnauthorized
	}
	return err
}
