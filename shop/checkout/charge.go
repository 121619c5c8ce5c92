package checkout

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

const (
	chargeTries  = 2                // of one worker; later rounds go on
	sweepEvery   = time.Second      // for holds that ran out
	sweepMax     = 500              // holds released by one transaction
	recoverEvery = 10 * time.Second // for charges that were lost
	recoverAfter = 30 * time.Second // a held order this old has no charge under way; at most a third of the hold
	refundEvery  = 2 * time.Second
	refundMax    = 100       // refunds asked for in one round
	refundWait   = time.Hour // longest wait between two tries
	keysPage     = 5000      // keys read at once
)

// charge is money to ask for.
type charge struct {
	order shop.Order
	token string
	back  string // path to return to; empty: ReturnPath with the order
}

// chargeLater hands an order to the workers. Where they are too many, the next round of recoverCharges finds it.
func (a *Allocator) chargeLater(c charge) {
	a.open.Add(1)
	select {
	case a.charges <- c:
	default:
		a.open.Add(-1)
		a.Metrics.charge("postponed")
	}
}

// chargeSoon asks for the money of an order that was just committed. A provider that decides at once, without leaving
// the process, is asked here, and its answer goes into the next batch; the others are the workers' business.
func (a *Allocator) chargeSoon(c charge) {
	if a.over(c.order) {
		a.Metrics.charge("too_late")
		return
	}
	if p, ok := a.Providers[c.order.Provider].(payment.Instant); ok {
		if result, decided := p.ChargeNow(a.request(c)); decided {
			a.Metrics.charge(string(result.State))
			if s, ok := settlementOf(result); ok {
				s.Placed = &c.order
				a.open.Add(1)
				a.instant = append(a.instant, &entry{settlement: &s, told: true})
			}
			return
		}
	}
	a.chargeLater(c)
}

// over tells whether an order's hold has run out: nobody is asked for money for it any more.
func (a *Allocator) over(o shop.Order) bool { return !a.now().Before(o.HoldUntil) }

// request is what the provider is asked.
func (a *Allocator) request(c charge) shop.Charge {
	back := c.back
	if back == "" {
		back = a.ReturnPath + "?order=" + c.order.ID
	}
	return shop.Charge{
		Key: shop.ChargeKey(c.order.ID), OrderID: c.order.ID, Amount: shop.Money{Amount: c.order.Total, Currency: c.order.Currency},
		Token: c.token, ReturnURL: back, ExpiresAt: c.order.HoldUntil,
	}
}

// chargeAll is one worker.
func (a *Allocator) chargeAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-a.charges:
			a.chargeOne(ctx, c)
			a.open.Add(-1)
		}
	}
}

// chargeOne asks the provider, and gives its answer to the next batch.
func (a *Allocator) chargeOne(ctx context.Context, c charge) {
	p := a.Providers[c.order.Provider]
	if p == nil {
		a.Log.Error("checkout: the provider of an order is not set up", "order", c.order.ID, "provider", c.order.Provider)
		return
	}
	if a.over(c.order) {
		a.Metrics.charge("too_late")
		return
	}
	request := a.request(c)
	var result shop.PaymentResult
	var err error
	for range chargeTries {
		call, cancel := context.WithTimeout(ctx, a.ChargeTimeout/chargeTries)
		result, err = p.Charge(call, request)
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		// The outcome is unknown: the order stays held, and the same charge is asked for again.
		a.Metrics.charge("unknown")
		a.Log.Warn("checkout: a charge has no answer", "order", c.order.ID, "error", err)
		return
	}
	a.Metrics.charge(string(result.State))
	s, ok := settlementOf(result)
	if !ok {
		return
	}
	s.Placed = &c.order
	a.open.Add(1)
	a.news <- &entry{settlement: &s, told: true} // the loop outlives the workers
}

// sweepHolds releases the stock of holds that ran out, and works off waitlists.
func (a *Allocator) sweepHolds(ctx context.Context) {
	var forgot time.Time
	a.every(ctx, sweepEvery, nil, func() error {
		return errors.Join(a.expireHolds(ctx), a.sweepWaits(ctx, &forgot))
	})
}

func (a *Allocator) expireHolds(ctx context.Context) error {
	most := min(sweepMax, a.BatchMax)
	for {
		ids, err := a.Store.ExpiredHolds(ctx, a.now(), most)
		if err != nil || len(ids) == 0 {
			return err
		}
		if released, err := a.expire(ctx, ids); err != nil || released == 0 || len(ids) < most {
			return err
		}
	}
}

// expire settles a slice of expired holds and waits until that is durable.
func (a *Allocator) expire(ctx context.Context, ids []string) (released int, err error) {
	entries := make([]*entry, len(ids))
	for i, id := range ids {
		e := &entry{settlement: &shop.Settlement{OrderID: id, Kind: shop.SettleExpired, Scope: shop.Scope{Any: true}}, done: make(chan struct{})}
		a.open.Add(1)
		select {
		case a.news <- e:
		case <-ctx.Done():
			a.open.Add(-1)
			return 0, nil
		}
		entries[i] = e
	}
	for _, e := range entries {
		<-e.done // the loop carries out what it accepted, also at the end
		if e.settled.Changed {
			released++
		}
		err = errors.Join(err, e.settled.Err)
	}
	return released, err
}

// recoverCharges asks again for money whose answer was lost, by a crash or by a provider that did not answer.
// The charge's key is the same, so nobody pays twice.
//
// Where this node is the only one, every order that it finds held when it starts is one whose charge died with the
// process before.
func (a *Allocator) recoverCharges(ctx context.Context) {
	after := min(recoverAfter, a.HoldFor/3)
	age := after
	if !a.Shared {
		age = 0
	}
	a.every(ctx, min(recoverEvery, after), nil, func() error {
		now := a.now()
		orders, err := a.Store.Uncharged(ctx, now.Add(-age), now, sweepMax)
		if err == nil && len(orders) < sweepMax {
			age = after
		}
		for _, o := range orders {
			i, err := a.Instruments.Instrument(ctx, o.BuyerID, o.Instrument)
			if err != nil {
				continue // deleted meanwhile: the hold will run out
			}
			a.chargeLater(charge{order: o, token: i.Token})
		}
		return err
	})
}

// sendRefunds sends money back that was decided to go back.
func (a *Allocator) sendRefunds(ctx context.Context) {
	a.every(ctx, refundEvery, a.refunds, func() error {
		due, err := a.Orders.RefundsDue(ctx, a.now(), refundMax)
		for _, r := range due {
			if err := a.refund(ctx, r); err != nil && !errors.Is(err, shop.ErrNotFound) { // another node was sooner
				return err
			}
		}
		return err
	})
}

func (a *Allocator) refund(ctx context.Context, r shop.Refund) error {
	p := a.Providers[r.Provider]
	if p == nil {
		return a.Orders.RefundAsked(ctx, r.ID, shop.RefundFailed, a.now())
	}
	call, cancel := context.WithTimeout(ctx, a.ChargeTimeout)
	defer cancel()
	err := p.Refund(call, "refund:"+r.ID, r.PaymentRef, shop.Money{Amount: r.Amount, Currency: r.Currency})
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil:
		a.Metrics.refund("done")
		return a.Orders.RefundAsked(ctx, r.ID, shop.RefundDone, a.now())
	case errors.Is(err, payment.ErrRefused):
		a.Metrics.refund("failed")
		a.Log.Error("checkout: the provider refuses a refund", "refund", r.ID, "order", r.OrderID, "error", err)
		return a.Orders.RefundAsked(ctx, r.ID, shop.RefundFailed, a.now())
	}
	a.Metrics.refund("again")
	a.Log.Warn("checkout: a refund has no answer", "refund", r.ID, "error", err)
	return a.Orders.RefundAsked(ctx, r.ID, shop.RefundDue, a.now().Add(min(refundWait, time.Second<<min(r.Attempts, 12))))
}

// every runs round at once, then at each tick or wake, until ctx ends. Errors are logged; the next round tries again.
func (a *Allocator) every(ctx context.Context, period time.Duration, wake <-chan struct{}, round func() error) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		if err := round(); err != nil && ctx.Err() == nil {
			a.Log.Warn("checkout: a round failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-wake:
		}
	}
}
