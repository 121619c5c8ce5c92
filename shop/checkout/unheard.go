package checkout

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

const (
	findEvery   = 2 * time.Second
	findMax     = 64                  // orders asked about in one round
	findWorkers = 8                   // of them at once; as many failures, and no answer, end a round
	findAgain   = 10 * time.Second    // before the second time; twice as long each time after that
	findNoReply = time.Hour           // the longest wait where the provider did not answer
	unknownFor  = 24 * time.Hour      // a charge that a provider does not know may still reach it, ...
	unknownAsks = 8                   // ... and a clock may be wrong
	findFor     = 30 * 24 * time.Hour // a charge that is under way for longer is a person's business
	findAsks    = 30                  // likewise
	noteFor     = 2 * time.Second
)

// findCharges asks what became of the charges of orders that ended before their provider had said it: a reply may have
// been lost, or the process that had it, while the database was away until the hold was over. Money that is found
// follows the rule of money that comes late. Where several nodes ask, each order is one node's for a while; asking
// twice does no harm.
func (a *Allocator) findCharges(ctx context.Context) {
	a.every(ctx, findEvery, nil, func() error { return a.findRound(ctx) })
}

func (a *Allocator) findRound(ctx context.Context) error {
	lease := time.Duration(findMax/findWorkers+1) * a.ChargeTimeout
	due, err := a.Orders.TakeUnheard(ctx, a.now(), a.now().Add(lease), findMax)
	if err != nil || len(due) == 0 {
		return err
	}
	var answers, failures, next atomic.Int64
	var mu sync.Mutex
	var asked []shop.Asked
	var workers sync.WaitGroup
	for range min(findWorkers, len(due)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(due)); i = next.Add(1) - 1 {
				u := due[i]
				note := shop.Asked{OrderID: u.Order.ID, Attempts: u.Attempts, Next: a.now()} // not asked: at once again
				if ctx.Err() == nil && (answers.Load() > 0 || failures.Load() < findWorkers) {
					var answered bool
					if note, answered = a.find(ctx, u); answered {
						answers.Add(1)
					} else {
						failures.Add(1)
					}
				}
				mu.Lock()
				if note.OrderID != "" {
					asked = append(asked, note)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if n := failures.Load(); n > 0 && ctx.Err() == nil {
		a.Log.Warn("checkout: providers do not say what became of charges; they are asked again", "orders", n)
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteFor)
	defer cancel()
	return a.Orders.NoteUnheard(last, asked)
}

// find asks the provider of one order. The note says when to ask again; it is empty where that has been settled.
func (a *Allocator) find(ctx context.Context, u shop.Unheard) (note shop.Asked, answered bool) {
	r, err := a.ask(ctx, u.Order)
	if ctx.Err() != nil {
		return shop.Asked{OrderID: u.Order.ID, Attempts: u.Attempts, Next: a.now()}, false
	}
	note = shop.Asked{OrderID: u.Order.ID, Attempts: u.Attempts + 1}
	wait := min(shop.UnheardWaitMax, findAgain<<min(u.Attempts, 20))
	ended := a.now().Sub(u.Order.HoldUntil)
	switch {
	case err != nil:
		a.Metrics.found("no_answer")
		a.Log.Debug("checkout: no answer what became of a charge", "order", u.Order.ID, "error", err)
		note.Next = a.now().Add(min(wait, findNoReply))
		return note, false
	case r.State == shop.PaymentPaid, r.State == shop.PaymentDeclined:
		a.Metrics.found(string(r.State))
		if err := a.heard(ctx, r); err != nil {
			note.Next = a.now().Add(min(wait, findNoReply))
			return note, true
		}
		return shop.Asked{}, true
	case r.State == shop.PaymentUnknown:
		a.Metrics.found("unknown")
		if ended < unknownFor || note.Attempts < unknownAsks {
			note.Next = a.now().Add(wait)
		}
	default:
		a.Metrics.found("under_way")
		if ended < findFor || note.Attempts < findAsks {
			note.Next = a.now().Add(wait)
			break
		}
		a.Log.Error("checkout: a provider calls a charge under way for too long; it is not asked again", "order", u.Order.ID, "provider", u.Order.Provider, "ref", r.Ref)
	}
	return note, true
}

var errNoProvider = errors.New("checkout: the provider of the order is not set up")

func (a *Allocator) ask(ctx context.Context, o shop.Order) (shop.PaymentResult, error) {
	p := a.Providers[o.Provider]
	if p == nil {
		return shop.PaymentResult{}, errNoProvider
	}
	call, cancel := context.WithTimeout(ctx, a.ChargeTimeout)
	defer cancel()
	return p.Find(call, payment.Query{Key: shop.ChargeKey(o.ID), OrderID: o.ID})
}

// heard settles what a provider said of an order that has ended, and waits until that is durable.
func (a *Allocator) heard(ctx context.Context, r shop.PaymentResult) error {
	s, _ := settlementOf(r)
	e := &entry{settlement: &s, done: make(chan struct{})}
	a.open.Add(1)
	select {
	case a.news <- e:
	case <-ctx.Done():
		a.open.Add(-1)
		return ctx.Err()
	}
	<-e.done // the loop carries out what it accepted, also at the end
	return e.settled.Err
}
