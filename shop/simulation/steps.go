package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
)

// wish is something that a buyer wants, under one idempotency key, however often it is asked for.
type wish struct {
	checkout.Request
	order  string // as it was acknowledged first
	bodies map[int64]bool
}

// ask is one request of a wish on its way.
type ask struct {
	*wish
	other int64            // units more than the wish: another body under the same key
	least map[string]int64 // the least that was available while it was under way
	mine  map[string]bool  // shelves of which a unit was held for the buyer all the time
}

// step is one thing that happens.
func (w *World) step() {
	switch n := w.rng.IntN(100); {
	case n < 22:
		for range 1 + w.rng.IntN(5)*w.rng.IntN(2) {
			w.buy()
		}
	case n < 32:
		w.again()
	case n < 37:
		w.queue()
	case n < 68:
		w.letThrough(w.anyVerdict())
	case n < 78:
		w.wait(time.Duration(w.rng.IntN(2500)) * time.Millisecond)
	case n < 81:
		w.wait(time.Duration(10+w.rng.IntN(60)) * time.Second)
	case n < 89:
		w.bankSpeaks()
	case n < 92:
		w.cancel()
	case n < 94:
		w.jump()
	case n < 96:
		w.count()
	case n < 98:
		w.giveBack()
	case w.rng.IntN(3) == 0:
		w.outage()
	default:
		w.tell("the process dies")
		w.node.die()
	}
}

// buy is somebody's new wish.
func (w *World) buy() {
	r := checkout.Request{
		Key: fmt.Sprint("key-", len(w.wishes)), Buyer: fmt.Sprint("buyer-", w.rng.IntN(6)),
		Instrument: []string{payment.TokenApproved, payment.TokenApproved, payment.TokenApproved, payment.TokenDeclined, payment.TokenRequiresAction, payment.TokenLate}[w.rng.IntN(6)],
	}
	r.Principal = r.Buyer
	for range 1 + w.rng.IntN(4)/3 { // a variant may stand on two lines
		r.Lines = append(r.Lines, checkout.RequestLine{Variant: w.variants[w.rng.IntN(len(w.variants))].ID, Quantity: 1 + int64(w.rng.IntN(8)/7)})
	}
	w.atDeal(&r)
	made := &wish{Request: r}
	w.wishes = append(w.wishes, made)
	w.ask(made, 0)
}

// again is a double click, a retry, or a program that uses a key twice.
func (w *World) again() {
	if len(w.wishes) == 0 {
		return
	}
	at := len(w.wishes) - 1 - w.rng.IntN(min(len(w.wishes), 12))
	w.ask(w.wishes[at], int64(w.rng.IntN(8)/7))
}

// ask sends a request. Its answer is judged when it comes.
func (w *World) ask(of *wish, other int64) {
	a := &ask{wish: of, other: other, least: w.available(), mine: w.offersOf(of.Buyer)}
	w.tell("%s asks for %s, %s, %d lines%s", of.Buyer, of.Key, of.Instrument, len(of.Lines), map[bool]string{true: ", in another way"}[other > 0])
	w.mu.Lock()
	w.asks = append(w.asks, a)
	w.tally.Asks++
	w.mu.Unlock()
	r, n := of.Request, w.node
	r.Lines = append([]checkout.RequestLine(nil), of.Lines...)
	r.Lines[0].Quantity += other
	go func() {
		receipt, err := n.Checkout(context.Background(), r)
		if !n.isDead() {
			w.answered(a, r, receipt, err)
		}
	}()
	synctest.Wait()
}

func (w *World) anyVerdict() verdict {
	if w.rng.IntN(10) > 0 {
		return pass
	}
	return verdict(1 + w.rng.IntN(5))
}

// letThrough gives a verdict to one of the calls that wait at the door.
func (w *World) letThrough(v verdict) {
	waiting := w.door.calls()
	if len(waiting) == 0 {
		return
	}
	c := waiting[w.rng.IntN(len(waiting))]
	w.tell("%s %d %s", c.kind, c.number, v)
	if c.kind == "commit" {
		w.tally.Commits++
	}
	if v != pass {
		w.tally.Faults++
	}
	w.door.release(c, v)
}

// wait lets time go by.
func (w *World) wait(d time.Duration) {
	w.tell("%v go by", d)
	time.Sleep(d) // in the bubble
}

// jump sets the clock wrong, or right again.
func (w *World) jump() {
	w.tally.Jumps++
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.skew = 0; w.rng.IntN(3) > 0 {
		w.skew = time.Duration(w.rng.IntN(240)-120) * time.Second
	}
	for _, a := range w.asks { // whether an offer was open all the time is not for anybody to say
		clear(a.mine)
	}
	w.tell("the clock is %v wrong", w.skew)
}

// bankSpeaks decides a charge that waits, or tells the news of one that is decided, perhaps not for the first time.
func (w *World) bankSpeaks() {
	if open := w.bank.those(undecided); len(open) > 0 && w.rng.IntN(2) == 0 {
		c, paid := open[w.rng.IntN(len(open))], w.rng.IntN(4) > 0
		w.tell("the bank decides order %d, paid: %v", w.number(c.OrderID), paid)
		w.bank.decide(c, paid)
		return
	}
	news := w.bank.those(untold)
	if len(news) == 0 || w.rng.IntN(4) == 0 {
		news = w.bank.those(func(c *charge) bool { return !undecided(c) })
	}
	if len(news) > 0 {
		w.webhook(news[w.rng.IntN(len(news))])
	}
}

func (w *World) webhook(c *charge) {
	w.tell("the bank tells of order %d", w.number(c.OrderID))
	body, err := json.Marshal(c.PaymentResult)
	if err != nil {
		w.t.Fatal(err)
	}
	w.tally.Webhooks++
	n := w.node
	go func() {
		if err := n.Webhook(context.Background(), payment.SandboxName, nil, body); err == nil && !n.isDead() {
			w.bank.mu.Lock()
			c.told = true
			w.bank.mu.Unlock()
		}
	}()
	synctest.Wait()
}

// someOrder is one of the newest acknowledged orders, or "".
func (w *World) someOrder() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range 8 {
		if len(w.wishes) == 0 {
			break
		}
		if o := w.wishes[len(w.wishes)-1-w.rng.IntN(min(len(w.wishes), 20))]; o.order != "" {
			return o.order
		}
	}
	return ""
}

func (w *World) cancel() {
	id := w.someOrder()
	if id == "" {
		return
	}
	w.tell("order %d is cancelled", w.number(id))
	n := w.node
	go func() { _, _ = n.Cancel(context.Background(), shop.Scope{Any: true}, id) }()
	synctest.Wait()
}

// count is the seller's: units come, or are found missing.
func (w *World) count() {
	v := w.variants[w.rng.IntN(len(w.variants))]
	a := shop.Adjustment{VariantID: v.ID, Delta: int64(w.rng.IntN(9) - 4), Reason: "count", By: "seller", At: w.now()}
	if a.Delta == 0 {
		a.Delta = 5
	}
	now, err := w.store.AdjustStock(context.Background(), shopName, a)
	want, wantErr := w.model.AdjustStock(context.Background(), shopName, a)
	if now != want || (err == nil) != (wantErr == nil) {
		w.broken("a count of %d is answered %+v, %v; the model says %+v, %v", a.Delta, now, err, want, wantErr)
	}
	w.tell("%s is counted: %+d, %v", v.ID, a.Delta, err)
	if err == nil {
		w.stockMoved()
		w.node.NoteStock(now)
	}
}

// giveBack is the seller's refund of a line.
func (w *World) giveBack() {
	id := w.someOrder()
	if id == "" {
		return
	}
	w.tally.Refunds++
	r := shop.RefundRequest{
		ID: shop.PartID(id, fmt.Sprint("refund of step ", w.tally.Steps)), Scope: shop.Scope{Any: true}, OrderID: id, Reason: "too small", By: "seller", At: w.now(),
		Lines: []shop.RefundWish{{Line: 1, Quantity: 1, Restock: w.rng.IntN(2) == 0}},
	}
	_, o, stocks, err := w.store.Refund(context.Background(), r)
	_, want, _, wantErr := w.model.Refund(context.Background(), r)
	if (err == nil) != (wantErr == nil) || (err == nil && (o.State != want.State || o.Refunded != want.Refunded)) {
		w.broken("a refund leaves %s %d, %v; the model says %s %d, %v", o.State, o.Refunded, err, want.State, want.Refunded, wantErr)
	}
	w.tell("order %d is given back: %v", w.number(id), err)
	if err == nil {
		w.stockMoved()
		w.node.NoteStock(stocks...)
		w.node.RefundDue()
	}
}
