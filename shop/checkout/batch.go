package checkout

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

const (
	applyTimeout = 30 * time.Second // of one transaction
	batchBudget  = 5 * time.Second  // for a batch that fails, halves included
	lostWait     = 50 * time.Millisecond
	wakeEvery    = 50 * time.Millisecond // facts of orders may wait that long; the relay looks by itself after 200 ms
)

// loop is the one goroutine that changes stock on this node.
func (a *Allocator) loop(ctx context.Context, quit <-chan struct{}) {
	b := batch{entries: make([]*entry, 0, 2*a.BatchMax)}
	for {
		b.reset()
		a.pace.begin()
		if a.takeInstant(&b); len(b.entries) == 0 {
			a.pace.idle()
			select {
			case e := <-a.claims:
				b.add(e)
			case e := <-a.news:
				b.add(e)
			case <-quit:
				for a.collect(&b); len(b.entries) > 0; a.collect(&b) {
					a.carryOut(ctx, b.entries)
					b.reset()
					a.takeInstant(&b)
				}
				return
			}
			a.pace.begin()
		}
		a.collect(&b)
		a.Metrics.batch(b.claims, b.news)
		began := now()
		a.under.Store(int64(b.claims))
		a.carryOut(ctx, b.entries)
		a.yield(now().Sub(began))
		a.pace.end(b.claims)
	}
}

// takeInstant puts what was paid at once into the batch.
func (a *Allocator) takeInstant(b *batch) {
	for i, e := range a.instant {
		b.add(e)
		a.instant[i] = nil
	}
	a.instant = a.instant[:0]
}

type batch struct {
	entries             []*entry
	claims, lines, news int
}

func (b *batch) reset() { b.entries, b.claims, b.lines, b.news = b.entries[:0], 0, 0, 0 }

func (b *batch) add(e *entry) {
	b.entries = append(b.entries, e)
	if e.claim != nil {
		b.claims++
		b.lines += len(e.claim.Lines)
		return
	}
	b.news++
}

// collect takes what has queued up. It yields until the queue stops growing: with one processor the scheduler
// runs this loop as soon as one claim is there, and batches of one would follow.
func (a *Allocator) collect(b *batch) {
	most := a.pace.most(a.BatchMax)
	for yielded := false; ; yielded = true {
		before := len(b.entries)
		for b.news < a.BatchMax && take(a.news, b) {
		}
		for b.claims < most && b.lines < batchLinesMax && take(a.claims, b) {
		}
		full := b.claims >= most || b.lines >= batchLinesMax || b.news >= a.BatchMax
		if full || (yielded && len(b.entries) == before) {
			return
		}
		runtime.Gosched()
	}
}

func take(from chan *entry, b *batch) bool {
	select {
	case e := <-from:
		b.add(e)
		return true
	default:
		return false
	}
}

// carryOut applies a batch and delivers every outcome. A batch that fails is tried once more, then halved, so
// that one bad claim does not take others with it. After a lost connection nobody knows whether it was
// committed: applying again reads the keys back. What finds no end in its time is ErrUnavailable, and asking
// again with the same key is safe.
func (a *Allocator) carryOut(ctx context.Context, entries []*entry) {
	budget, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchBudget)
	defer cancel()
	a.attempt(budget, entries)
}

func (a *Allocator) attempt(budget context.Context, entries []*entry) {
	var err error
	for try := 0; ; try++ {
		var r shop.BatchResult
		if r, err = a.apply(entries); err == nil {
			a.deliver(entries, r)
			return
		}
		a.Metrics.failed()
		gone := lost(err)
		a.Log.Error("checkout: a batch failed", "entries", len(entries), "try", try+1, "lost", gone, "error", err)
		if budget.Err() != nil || (!gone && try > 0) || (gone && a.ending.Load()) {
			break
		}
		if gone {
			a.Gate.Forget()
			select {
			case <-time.After(lostWait << min(try, 5)):
			case <-budget.Done():
			}
		}
	}
	if len(entries) > 1 && !lost(err) && budget.Err() == nil {
		a.attempt(budget, entries[:len(entries)/2])
		a.attempt(budget, entries[len(entries)/2:])
		return
	}
	for _, e := range entries {
		if e.told && lost(err) && !a.ending.Load() {
			a.instant = append(a.instant, e) // whoever paid has paid: nobody tells it again
			continue
		}
		e.outcome.Err, e.settled.Err, e.waited.Err = shop.ErrUnavailable, shop.ErrUnavailable, shop.ErrUnavailable
		a.finish(e, true)
	}
}

// apply gives the entries to the store. A panic there is a broken invariant of one of them: it fails the batch,
// so that halving finds it, and not the process.
func (a *Allocator) apply(entries []*entry) (r shop.BatchResult, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	now := a.now()
	b := shop.Batch{Now: now, KeysFrom: now.Add(-keysFor), OfferFor: a.OfferFor}
	for _, e := range entries {
		if e.claim != nil {
			// Asked now, when every batch before has been answered, and noted at once: whatever becomes of this try, the
			// next one looks the key up.
			e.claim.Fresh = !a.keys.mayHave(e.claim.Key, b.KeysFrom)
			a.keys.add(e.claim.Key)
			b.Claims = append(b.Claims, *e.claim)
		} else if e.wait != nil {
			b.Waits = append(b.Waits, *e.wait)
		} else {
			b.Settlements = append(b.Settlements, *e.settlement)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), applyTimeout)
	defer cancel()
	defer a.Metrics.applied()()
	return a.Store.Apply(ctx, b)
}

// deliver hands out what is now durable: the gate and viewers hear of the stock first, then whoever waits.
func (a *Allocator) deliver(entries []*entry, r shop.BatchResult) {
	a.under.Store(0) // before those who are answered come again
	a.noteStock(r.Stocks)
	a.offers.note(r.Offers)
	a.tellFacts(r)
	a.deals.left(r.Deals)
	if a.Bus != nil {
		a.values.noteDeals(r.Deals)
	}
	claims, settled, waits := r.Outcomes, r.Settled, r.Waits
	refund := false
	for _, e := range entries {
		if e.claim != nil {
			continue
		}
		if e.wait != nil {
			e.waited, waits = waits[0], waits[1:]
			a.finish(e, true)
			continue
		}
		e.settled, settled = settled[0], settled[1:]
		refund = refund || e.settled.Refund
		a.Metrics.settled(e.settlement.Kind, e.settled)
		if e.settled.Err == nil {
			a.watches.tell(e.settled.Order)
			if !e.settled.Order.State.Sold() {
				a.denials.free(e.settled.Order.BuyerID)
			}
		}
		a.finish(e, true)
	}
	for _, e := range entries {
		if e.claim == nil {
			continue
		}
		e.outcome, claims = claims[0], claims[1:]
		a.finish(e, a.place(e))
	}
	if refund {
		a.RefundDue()
	}
}

// tellFacts wakes whoever relays facts: at most once in a while, because relaying is a transaction of its own that
// would stand between two batches, but at once when something has just sold out, or came back to who waited.
func (a *Allocator) tellFacts(r shop.BatchResult) {
	if a.Wake == nil {
		return
	}
	at := now()
	urgent := len(r.Offers) > 0 || slices.ContainsFunc(r.Stocks, func(s shop.StockNow) bool { return s.Available == 0 })
	if urgent || at.Sub(a.woke) >= wakeEvery {
		a.woke = at
		a.Wake()
	}
}

// place starts the charges of new orders. It returns false where the caller goes on waiting because they are held.
func (a *Allocator) place(e *entry) (answered bool) {
	if e.outcome.Err != nil {
		if errors.Is(e.outcome.Err, shop.ErrLimited) && e.claim.Lines[0].Deal == "" {
			a.denials.note(e.claim, a.now())
		}
		a.opening.note(e.claim, e.outcome.Err, a.now())
		a.deals.note(e.claim, e.outcome.Err, a.now())
		return true
	}
	if e.outcome.Claim != nil {
		return true
	}
	if e.outcome.Orders[0].PurchaseID == e.claim.PurchaseID {
		e.outcome.Known = false // read back after a commit whose reply was lost: these are this claim's own
	}
	if !held(e.outcome.Orders) {
		return true
	}
	answered = a.watches.add(e)
	if e.outcome.Known {
		return answered
	}
	for _, o := range e.outcome.Orders {
		if o.State == shop.Held {
			a.chargeSoon(charge{order: o, token: e.token, back: e.back})
		}
	}
	return answered
}

// finish counts an entry as done with, and wakes who waits for it if this is the answer.
func (a *Allocator) finish(e *entry, answered bool) {
	a.open.Add(-1)
	if answered && e.done != nil {
		close(e.done)
	}
}
