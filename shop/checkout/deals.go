package checkout

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

const (
	drawClaims = 250 // claims of a draw that are on their way at once
	overMax    = 10_000
)

// Draws is what the allocator needs of fair deals beside its batches.
type Draws interface {
	DealClaims(ctx context.Context, deal string, state shop.DealClaimState, after string, limit int) ([]shop.DealClaim, error)
}

// dealGate turns away in constant time who comes too early or too late for a deal: the quote says when the deal opens
// and until when its price is honoured, and what the store has just refused is remembered for a second. The store
// decides about everybody else.
type dealGate struct {
	mu   sync.Mutex
	over map[string]overDeal
}

type overDeal struct {
	err error
	at  time.Time
}

// check judges a quote that was read.
func (g *dealGate) check(q shop.Quote, now time.Time) error {
	if q.Deal == "" {
		return nil
	}
	if q.Opens > 0 && now.Before(time.UnixMilli(q.Opens).Add(-shop.DealEarly)) {
		return shop.ErrDealNotOpen
	}
	g.mu.Lock()
	o, ok := g.over[q.Deal]
	g.mu.Unlock()
	if ok && now.Sub(o.at).Abs() < gateFor {
		return o.err
	}
	return nil
}

// note remembers a refusal that everybody would get. More than one unit may be too many where one is not, so only a
// refused single unit counts.
func (g *dealGate) note(c *shop.Claim, err error, now time.Time) {
	cause := shop.ErrDealSoldOut
	switch {
	case len(c.Lines) != 1 || c.Lines[0].Deal == "" || c.Drawn:
		return
	case errors.Is(err, shop.ErrDealEnded):
		cause = shop.ErrDealEnded
	case !errors.Is(err, shop.ErrDealSoldOut) || c.Lines[0].Quantity != 1:
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over == nil || len(g.over) >= overMax {
		g.over = map[string]overDeal{}
	}
	g.over[c.Lines[0].Deal] = overDeal{cause, now}
}

// left forgets a deal that has units again.
func (g *dealGate) left(deals []shop.DealNow) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range deals {
		if d.Left > 0 {
			delete(g.over, d.Deal)
		}
	}
}

// seen finds by which transport the buyer sees the show.
func (a *Allocator) seen(ctx context.Context, r *Request, c *shop.Claim) (err error) {
	if a.Seen != nil && r.Source.ViewSession != "" {
		if transport, ok := a.Seen(ctx, r.Source.Broadcast, r.Source.ViewSession); ok && transport != "" {
			c.Source.Transport = transport
			return nil
		}
	}
	return &shop.InputError{Field: "view_session", Err: shop.ErrDealAlone}
}

// expiredDeal says why a deal's quote has expired: the deal is over.
func expiredDeal(q shop.Quote, err error) error {
	if errors.Is(err, shop.ErrQuoteExpired) && q.Deal != "" {
		return shop.ErrDealEnded
	}
	return err
}

// dealEvent tells viewers how many units a deal has left.
func dealEvent(d shop.DealNow, at time.Time) event.Event {
	return event.New(event.BroadcastTopic(d.Broadcast), event.DealLeft, 0, at, shop.DealLeft{Deal: d.Deal, Product: d.Product, Left: d.Left, Number: d.Number})
}

// Draw serves the claims of a fair deal's draw, in the order of their keys, and returns when each is decided. It may be
// called again after a crash, and by several nodes: each begins with the first claim that waits, and what is decided
// stays.
func (a *Allocator) Draw(ctx context.Context, draws Draws, deal string) error {
	a.init()
	for {
		claims, err := draws.DealClaims(ctx, deal, shop.ClaimWaits, "", drawClaims)
		if err != nil {
			return fmt.Errorf("read the claims of a draw: %w", err)
		}
		if len(claims) == 0 {
			return nil
		}
		entries := make([]*entry, 0, len(claims))
		for i := range claims {
			c := claims[i].Claim
			c.Drawn, c.HoldUntil = true, a.now().Add(a.HoldFor)
			instrument, err := a.Instruments.Instrument(ctx, c.Buyer, c.Instrument)
			if err != nil && !errors.Is(err, shop.ErrInstrument) {
				return fmt.Errorf("find how a drawn claim is paid: %w", err)
			}
			// Without it the charge is declined, and the units go back.
			entries = append(entries, &entry{claim: &c, token: instrument.Token, done: make(chan struct{}), watch: watch{hurry: true}})
		}
		for _, e := range entries {
			if err := a.offerDrawn(ctx, e); err != nil {
				return err
			}
		}
		for _, e := range entries {
			select {
			case <-e.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if e.outcome.Err != nil {
				return fmt.Errorf("serve a drawn claim: %w", e.outcome.Err)
			}
		}
	}
}

// offerDrawn waits for a place in the inbox: the order of a draw has no holes.
func (a *Allocator) offerDrawn(ctx context.Context, e *entry) error {
	for {
		a.mu.RLock()
		closed := a.closed
		if !closed && len(a.charges) < chargesMax-a.InboxMax/2 {
			a.open.Add(1)
			select {
			case a.claims <- e:
				a.mu.RUnlock()
				return nil
			default:
				a.open.Add(-1)
			}
		}
		a.mu.RUnlock()
		if closed {
			return shop.ErrBusy
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
