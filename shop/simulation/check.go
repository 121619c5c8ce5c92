package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
)

var anybody = shop.Scope{Any: true}

// answered judges an answer when it comes: the same key is always the same order, nobody hears "sold out" while
// enough was there all the time, and no answer is one that the API does not promise.
func (w *World) answered(a *ask, r checkout.Request, got checkout.Receipt, err error) {
	mine := w.offersOf(a.Buyer)
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.asks {
		if w.asks[i] == a {
			w.asks = append(w.asks[:i:i], w.asks[i+1:]...)
			break
		}
	}
	switch {
	case err == nil:
		w.tally.Orders++
		if got.Known {
			w.tally.Known++
		}
		id := got.Orders[0].ID
		if a.order == "" {
			a.order, a.bodies = id, map[int64]bool{a.other: true}
		}
		if a.order != id || !a.bodies[a.other] {
			w.breaks("%s is order %s, and then order %s (another body: %v)", a.Key, a.order, id, !a.bodies[a.other])
		}
	case errors.Is(err, shop.ErrSoldOut):
		w.tally.SoldOut++
		wants, enough := map[string]int64{}, true
		for _, l := range r.Lines {
			wants[l.Variant] += l.Quantity
		}
		for id, n := range wants {
			if a.mine[id] && mine[id] {
				n--
			}
			enough = enough && a.least[id] >= n
		}
		if enough {
			w.breaks("%s is told that it is sold out, but there were never less than %v of %v", a.Key, a.least, wants)
		}
	case errors.Is(err, shop.ErrLimited):
		w.tally.Limited++
	case errors.Is(err, shop.ErrBusy):
		w.tally.Busy++
	case errors.Is(err, shop.ErrUnavailable):
		w.tally.Unknown++
	case errors.Is(err, shop.ErrKeyReused), dealRefusal(err):
	default:
		w.breaks("%s is answered %v", a.Key, err)
	}
}

// check asks what must hold at any time.
func (w *World) check() {
	ctx := context.Background()
	audit, err := w.store.Verify(ctx)
	if err != nil || len(audit.Breaks) > 0 {
		w.broken("the audit says %v %v", audit.Breaks, err)
	}
	orders, err := w.orders()
	if err != nil {
		w.broken("%v", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.wishes {
		if _, stored := orders[o.order]; o.order != "" && !stored {
			w.breaks("order %s was acknowledged and is not stored", o.order)
		}
	}
	w.checkDeal(orders)
	w.checkWaits()
	type whose struct{ buyer, variant string }
	has := map[whose]int64{}
	for _, o := range orders {
		for _, l := range o.Lines {
			if l.Limited && (o.State.Open() || o.State.Sold()) {
				has[whose{o.BuyerID, l.Variant}] += l.Quantity
			}
		}
	}
	for who, n := range has { // money that comes late is honoured over the limit: the buyer has paid
		for _, v := range w.variants {
			if v.ID == who.variant && n > v.PerBuyer && !w.late[who.buyer] {
				w.breaks("%s has %d of %s, and at most %d are allowed", who.buyer, n, v.ID, v.PerBuyer)
			}
		}
	}
}

func (w *World) orders() (map[string]shop.Order, error) {
	out := map[string]shop.Order{}
	for q := (shop.OrderQuery{Scope: anybody, Limit: 500}); ; {
		page, err := w.store.Orders(context.Background(), q)
		for _, o := range page {
			out[o.ID], q.After = o, o.ID
		}
		if err != nil || len(page) < q.Limit {
			return out, err
		}
	}
}

const eveningMax = 3000 // rounds: longer than every hold, retry and refund takes

// evening lets everything come to its end without further faults, and then counts the money.
func (w *World) evening() {
	w.mu.Lock()
	w.skew = max(w.skew, 0)
	w.mu.Unlock()
	for range eveningMax {
		if w.failed != "" || w.atRest() {
			break
		}
		for len(w.door.calls()) > 0 {
			w.letThrough(pass)
			w.settle()
		}
		for i, c := range w.bank.those(undecided) {
			w.bank.decide(c, i%2 == 0)
		}
		for _, c := range w.bank.those(untold) {
			w.webhook(c)
		}
		time.Sleep(time.Second)
		w.settle()
	}
	w.check()
	w.countMoney()
}

// atRest tells whether nothing will happen any more.
func (w *World) atRest() bool {
	due, err := w.store.RefundsDue(context.Background(), w.now().Add(24*time.Hour), 1)
	if err != nil || len(due) > 0 || len(w.door.calls()) > 0 || len(w.bank.those(undecided)) > 0 || len(w.bank.those(untold)) > 0 {
		return false
	}
	orders, err := w.orders()
	for _, o := range orders {
		if o.State.Open() {
			return false
		}
	}
	for _, c := range w.bank.those(func(c *charge) bool { return c.State == shop.PaymentPaid }) {
		if orders[c.OrderID].Paid == 0 {
			return false // nobody has told yet, and we have not asked
		}
	}
	return err == nil
}

// countMoney compares the bank's books with ours, order by order.
func (w *World) countMoney() {
	if w.failed != "" {
		return
	}
	if !w.atRest() {
		w.broken("the day does not come to an end: %d calls wait, %d charges are untold", len(w.door.calls()), len(w.bank.those(untold)))
		return
	}
	orders, err := w.orders()
	if err != nil {
		w.broken("%v", err)
	}
	taken := map[string]int64{}
	for _, c := range w.bank.those(func(*charge) bool { return true }) {
		o, ok := orders[c.OrderID]
		switch {
		case !ok:
			w.broken("order %s was charged and is not stored", c.OrderID)
		case c.asked.Amount != o.Total || c.asked.Currency != o.Currency:
			w.broken("order %s of %d was charged %d", o.ID, o.Total, c.asked.Amount)
		}
		if c.State == shop.PaymentPaid {
			taken[c.OrderID] += c.asked.Amount
		}
	}
	for id, o := range orders {
		kept := taken[id] - w.bank.back[id]
		if kept != o.Paid-o.Refunded || taken[id] > o.Total {
			w.broken("the bank took %d for order %s and gave %d back; the order is %s of %d, paid %d, refunded %d", taken[id], id, w.bank.back[id], o.State, o.Total, o.Paid, o.Refunded)
		}
		if !o.State.Sold() && kept != 0 {
			w.broken("order %s is %s, and the bank keeps %d", id, o.State, kept)
		}
	}
}
