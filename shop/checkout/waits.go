package checkout

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

const (
	offersFresh = 500 * time.Millisecond // how old what is known of offers may be
	offersMax   = 10_000                 // open offers of a variant that are remembered; beyond it everybody passes
	waitsMax    = 100                    // waitlists worked off by one round
	waitsKept   = 30 * 24 * time.Hour    // how long a wait that has ended is remembered
	waitsForget = 500                    // of them, deleted by one round
)

// JoinWaitlist puts a buyer on a variant's waitlist, or returns the place that the buyer has. It is durable when it returns.
func (a *Allocator) JoinWaitlist(ctx context.Context, variant, buyer string) (shop.Wait, error) {
	return a.waitCall(ctx, shop.WaitCall{Variant: variant, Buyer: buyer})
}

// LeaveWaitlist takes a buyer off a variant's waitlist. A unit that was offered goes to the next.
func (a *Allocator) LeaveWaitlist(ctx context.Context, variant, buyer string) (shop.Wait, error) {
	return a.waitCall(ctx, shop.WaitCall{Variant: variant, Buyer: buyer, Leave: true})
}

func (a *Allocator) waitCall(ctx context.Context, c shop.WaitCall) (shop.Wait, error) {
	a.init()
	e := &entry{wait: &c, done: make(chan struct{})}
	if err := a.bring(ctx, e); err != nil {
		return shop.Wait{}, err
	}
	return e.waited.Wait, e.waited.Err
}

// sweepWaits works off the waitlists that have something to do: an offer that ran out, or units that came back while
// nobody bought.
func (a *Allocator) sweepWaits(ctx context.Context, forgot *time.Time) error {
	now := a.now()
	if now.Sub(*forgot).Abs() >= time.Hour {
		*forgot = now
		if err := a.Store.ForgetWaits(ctx, now.Add(-waitsKept), waitsForget); err != nil {
			return err
		}
	}
	variants, err := a.Store.WaitsDue(ctx, now, min(waitsMax, a.BatchMax))
	for _, id := range variants {
		_, failed := a.waitCall(ctx, shop.WaitCall{Variant: id})
		if errors.Is(failed, shop.ErrBusy) || ctx.Err() != nil {
			return nil // the next round
		}
		err = errors.Join(err, failed)
	}
	return err
}

// offers are the buyers for whom units are held, per variant, so that the gate's "sold out" does not keep them from
// what is theirs. What this node's batches offer is known at once; what others do, half a second later.
type offers struct {
	mu sync.Mutex
	by map[string]*offered
}

type offered struct {
	at      time.Time // of the last look
	reading bool
	news    int // offers that this node made since
	buyers  map[string]bool
}

func (o *offers) note(made []shop.Wait) {
	if len(made) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range made {
		k := o.by[w.Variant]
		if k == nil {
			continue // the first who asks has it read
		}
		k.news++
		if k.buyers != nil {
			k.buyers[w.Buyer] = true
		}
	}
}

// offered tells whether something that the gate calls sold out is held for the buyer.
func (a *Allocator) offered(ctx context.Context, c *shop.Claim) bool {
	now := a.now()
	for i := range c.Lines {
		if a.offers.has(ctx, a, c.Lines[i].Variant, c.Buyer, now) {
			return true
		}
	}
	return false
}

func (o *offers) has(ctx context.Context, a *Allocator, variant, buyer string, now time.Time) bool {
	o.mu.Lock()
	k := o.by[variant]
	if k == nil {
		if o.by == nil || len(o.by) >= gateMax {
			o.by = map[string]*offered{}
		}
		k = &offered{}
		o.by[variant] = k
	}
	read := !k.reading && now.Sub(k.at).Abs() >= offersFresh
	mine := k.buyers[buyer] || k.buyers == nil || len(k.buyers) >= offersMax // nobody has looked yet: the store decides
	k.reading = k.reading || read
	news := k.news
	o.mu.Unlock()
	if !read {
		return mine
	}
	buyers, err := a.Store.OfferedTo(context.WithoutCancel(ctx), variant, now, offersMax)
	o.mu.Lock()
	defer o.mu.Unlock()
	if k.reading = false; k.news == news {
		k.at = now // else what was read may be older than what was noted: the next one looks again
	}
	if err != nil {
		a.Log.Warn("checkout: open offers not read", "error", err)
		return true
	}
	k.buyers = make(map[string]bool, len(buyers))
	for _, id := range buyers {
		k.buyers[id] = true
	}
	return k.buyers[buyer] || len(buyers) >= offersMax
}
