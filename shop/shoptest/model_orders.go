package shoptest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// sorted returns the orders that pass, oldest first.
func (m *Model) sorted(pass func(*placed) bool) (out []shop.Order) {
	for _, id := range slices.Sorted(maps.Keys(m.orders)) {
		if o := m.orders[id]; pass(o) {
			out = append(out, o.Order)
		}
	}
	return out
}

func first[T any](all []T, n int) []T { return all[:min(n, len(all))] }

// Known returns the orders of a key.
func (m *Model) Known(_ context.Context, key string, from time.Time) (shop.Outcome, string, error) {
	defer m.lock()()
	var print string
	orders := m.sorted(func(o *placed) bool {
		if o.key != key || key == "" || o.PlacedAt.Before(from) {
			return false
		}
		print = o.print
		return true
	})
	slices.SortFunc(orders, func(a, b shop.Order) int { return cmp.Compare(a.Part, b.Part) })
	return shop.Outcome{Orders: orders, Known: len(orders) > 0}, print, nil
}

// Keys pages through the keys of orders.
func (m *Model) Keys(_ context.Context, after string, limit int) (keys []string, last string, err error) {
	defer m.lock()()
	last = after
	for _, o := range first(m.sorted(func(o *placed) bool { return o.ID > after }), limit) {
		last = o.ID
		if key := m.orders[o.ID].key; key != "" && o.Part == 0 {
			keys = append(keys, key)
		}
	}
	return keys, last, nil
}

func byHold(a, b shop.Order) int {
	return cmp.Or(a.HoldUntil.Compare(b.HoldUntil), cmp.Compare(a.ID, b.ID))
}

// ExpiredHolds lists open orders whose hold has run out.
func (m *Model) ExpiredHolds(_ context.Context, now time.Time, limit int) (ids []string, err error) {
	defer m.lock()()
	open := m.sorted(func(o *placed) bool { return o.State.Open() && !o.HoldUntil.After(now) })
	slices.SortFunc(open, byHold)
	for _, o := range first(open, limit) {
		ids = append(ids, o.ID)
	}
	return ids, nil
}

// Uncharged lists held orders whose charge may have been lost.
func (m *Model) Uncharged(_ context.Context, placedBefore, now time.Time, limit int) ([]shop.Order, error) {
	defer m.lock()()
	held := m.sorted(func(o *placed) bool {
		return o.State == shop.Held && o.HoldUntil.After(now) && !o.PlacedAt.After(placedBefore)
	})
	slices.SortFunc(held, byHold)
	return first(held, limit), nil
}

// Order returns one order inside the scope.
func (m *Model) Order(_ context.Context, s shop.Scope, id string) (shop.Order, error) {
	defer m.lock()()
	o := m.orders[id]
	if o == nil || !s.Holds(o.BuyerID, o.ShopID) {
		return shop.Order{}, shop.ErrNotFound
	}
	return o.Order, nil
}

// Orders lists orders, newest first.
func (m *Model) Orders(_ context.Context, q shop.OrderQuery) ([]shop.Order, error) {
	defer m.lock()()
	out := m.sorted(func(o *placed) bool {
		return q.Scope.Holds(o.BuyerID, o.ShopID) && (q.Broadcast == "" || o.Source.Broadcast == q.Broadcast) &&
			(q.State == "" || o.State == q.State) && (q.After == "" || o.ID < q.After)
	})
	slices.Reverse(out)
	return first(out, q.Limit), nil
}

// Purchase returns the orders of one checkout.
func (m *Model) Purchase(_ context.Context, s shop.Scope, id string) ([]shop.Order, error) {
	defer m.lock()()
	out := m.sorted(func(o *placed) bool { return o.PurchaseID == id && s.Holds(o.BuyerID, o.ShopID) })
	slices.SortFunc(out, func(a, b shop.Order) int { return cmp.Compare(a.Part, b.Part) })
	if len(out) == 0 {
		return nil, shop.ErrNotFound
	}
	return out, nil
}

// Contacts returns where purchases are sent to.
func (m *Model) Contacts(_ context.Context, ids []string) (map[string]string, error) {
	defer m.lock()()
	out := map[string]string{}
	for _, id := range ids {
		if c, ok := m.contacts[id]; ok {
			out[id] = c[1]
		}
	}
	return out, nil
}

// Refund decides a refund.
func (m *Model) Refund(_ context.Context, r shop.RefundRequest) (shop.Refund, shop.Order, []shop.StockNow, error) {
	defer m.lock()()
	fail := func(err error) (shop.Refund, shop.Order, []shop.StockNow, error) {
		return shop.Refund{}, shop.Order{}, nil, err
	}
	o := m.orders[r.OrderID]
	if o == nil || !r.Scope.Holds(o.BuyerID, o.ShopID) {
		return fail(shop.ErrNotFound)
	}
	for _, old := range m.refunds {
		if r.Key != "" && old.key == r.Key {
			if old.print != r.Print {
				return fail(shop.ErrKeyReused)
			}
			return old.Refund, o.Order, nil, nil
		}
	}
	if o.State != shop.Paid && o.State != shop.PartiallyRefunded {
		return fail(shop.ErrOrderState)
	}
	done := map[int64]shop.RefundLine{}
	for _, old := range m.refunds {
		for _, l := range old.Lines {
			if old.OrderID == o.ID {
				d := done[l.Line]
				done[l.Line] = shop.RefundLine{Line: l.Line, Quantity: d.Quantity + l.Quantity, Amount: d.Amount + l.Amount}
			}
		}
	}
	lines, total, err := r.Resolve(o.Order, done)
	if err != nil {
		return fail(err)
	}
	out := shop.Refund{ID: r.ID, OrderID: o.ID, ShopID: o.ShopID, Provider: o.Provider, Amount: total, Currency: o.Currency, Reason: r.Reason, By: r.By, State: shop.RefundDone, Lines: lines, CreatedAt: r.At, NextAt: r.At}
	if total > 0 {
		out.State = shop.RefundDue
		out.Provider, out.PaymentRef = m.paidBy(o.ID)
	}
	o.Refunded += total
	o.State, o.ChangedAt, o.ActionURL = shop.PartiallyRefunded, r.At, ""
	if o.Refunded == o.Paid {
		o.State = shop.Refunded
	}
	m.refunds = append(m.refunds, refund{out, r.Key, r.Print})
	facts := shop.NewFacts(r.At)
	facts.Order(event.OrderRefunded, shop.RefundFact(o.Order, out))
	stocks := m.restock(o, out, facts)
	m.facts = append(m.facts, facts.Events()...)
	return out, o.Order, stocks, nil
}

// paidBy names the oldest payment that was kept.
func (m *Model) paidBy(orderID string) (provider, ref string) {
	var kept []shop.Payment
	for _, p := range m.payments {
		returned := slices.ContainsFunc(m.refunds, func(r refund) bool {
			return r.OrderID == p.OrderID && r.Provider == p.Provider && r.PaymentRef == p.Ref && r.By == ""
		})
		if p.OrderID == orderID && p.State == shop.PaymentPaid && !returned {
			kept = append(kept, p)
		}
	}
	p := slices.MinFunc(kept, func(a, b shop.Payment) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Ref, b.Ref))
	})
	return p.Provider, p.Ref
}

func (m *Model) restock(o *placed, r shop.Refund, facts *shop.Facts) (stocks []shop.StockNow) {
	back := map[string]int64{}
	for _, l := range r.Lines {
		if l.Restock {
			back[o.Lines[l.Line-1].Variant] += l.Quantity
		}
	}
	for _, id := range slices.Sorted(maps.Keys(back)) {
		before := m.stock[id]
		m.write(before.Next(id, shop.Moves{Adjusted: back[id]}, "restock", r.ID, r.CreatedAt))
		stocks = append(stocks, m.now(id))
		facts.Stock(before.Available(), m.now(id))
	}
	return stocks
}

func (m *Model) refundsThat(pass func(refund) bool) (out []shop.Refund) {
	for _, r := range m.refunds {
		if pass(r) {
			out = append(out, r.Refund)
		}
	}
	slices.SortFunc(out, func(a, b shop.Refund) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// Refunds lists an order's refunds.
func (m *Model) Refunds(_ context.Context, orderID string) ([]shop.Refund, error) {
	defer m.lock()()
	return m.refundsThat(func(r refund) bool { return r.OrderID == orderID }), nil
}

// RefundsDue lists refunds that the provider must be asked for.
func (m *Model) RefundsDue(_ context.Context, now time.Time, limit int) ([]shop.Refund, error) {
	defer m.lock()()
	due := m.refundsThat(func(r refund) bool { return r.State == shop.RefundDue && !r.NextAt.After(now) })
	slices.SortFunc(due, func(a, b shop.Refund) int { return cmp.Or(a.NextAt.Compare(b.NextAt), cmp.Compare(a.ID, b.ID)) })
	return first(due, limit), nil
}

// RefundAsked records the provider's answer.
func (m *Model) RefundAsked(_ context.Context, id string, state shop.RefundState, next time.Time) error {
	defer m.lock()()
	for i := range m.refunds {
		if r := &m.refunds[i]; r.ID == id && r.State == shop.RefundDue {
			r.State, r.NextAt, r.Attempts = state, next, r.Attempts+1
			return nil
		}
	}
	return shop.ErrNotFound
}

// SaveInstrument stores a buyer's way to pay.
func (m *Model) SaveInstrument(_ context.Context, i shop.Instrument) error {
	defer m.lock()()
	m.instruments[i.ID] = i
	return nil
}

// Instruments lists a buyer's instruments, newest first.
func (m *Model) Instruments(_ context.Context, buyerID string) (out []shop.Instrument, err error) {
	defer m.lock()()
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(m.instruments))) {
		if i := m.instruments[id]; i.BuyerID == buyerID {
			out = append(out, i)
		}
	}
	return first(out, shop.PageMax), nil
}

// Instrument returns one of the buyer's own.
func (m *Model) Instrument(_ context.Context, buyerID, id string) (shop.Instrument, error) {
	defer m.lock()()
	i, ok := m.instruments[id]
	if !ok || i.BuyerID != buyerID {
		return shop.Instrument{}, shop.ErrInstrument
	}
	return i, nil
}

// DeleteInstrument deletes one of the buyer's own.
func (m *Model) DeleteInstrument(ctx context.Context, buyerID, id string) error {
	if _, err := m.Instrument(ctx, buyerID, id); err != nil {
		return err
	}
	defer m.lock()()
	delete(m.instruments, id)
	return nil
}

// ForgetBuyer deletes a person's instruments, contacts and waits.
func (m *Model) ForgetBuyer(_ context.Context, buyerID string, now time.Time) error {
	defer m.lock()()
	maps.DeleteFunc(m.instruments, func(_ string, i shop.Instrument) bool { return i.BuyerID == buyerID })
	maps.DeleteFunc(m.contacts, func(_ string, c [2]string) bool { return c[0] == buyerID })
	m.forgetWaits(buyerID, now)
	return nil
}

// Entries reads a variant's ledger.
func (m *Model) Entries(_ context.Context, variantID string, after int64, limit int) ([]shop.Entry, error) {
	defer m.lock()()
	all := m.ledger[variantID]
	return slices.Clone(first(all[min(int(after), len(all)):], limit)), nil
}

// Verify counts; the model's ledger cannot break.
func (m *Model) Verify(context.Context) (shop.Audit, error) {
	defer m.lock()()
	a := shop.Audit{Variants: int64(len(m.stock)), Orders: int64(len(m.orders))}
	for _, entries := range m.ledger {
		a.Entries += int64(len(entries))
	}
	a.Head = shop.HeadOf(func(yield func(string, shop.Stock) bool) {
		for _, id := range slices.Sorted(maps.Keys(m.stock)) {
			yield(id, m.stock[id])
		}
	})
	return a, nil
}

// OpenSandboxPayment stores a payment that is decided later.
func (m *Model) OpenSandboxPayment(_ context.Context, p payment.SandboxPayment) (payment.SandboxPayment, error) {
	defer m.lock()()
	if old, ok := m.sandbox[p.ID]; ok {
		return old, nil
	}
	m.sandbox[p.ID] = p
	return p, nil
}

// SandboxPayment returns one payment.
func (m *Model) SandboxPayment(_ context.Context, id string) (payment.SandboxPayment, error) {
	defer m.lock()()
	p, ok := m.sandbox[id]
	if !ok {
		return p, shop.ErrNotFound
	}
	return p, nil
}

// DecideSandboxPayment decides an open payment.
func (m *Model) DecideSandboxPayment(_ context.Context, id string, s payment.SandboxState, tellAt time.Time) (payment.SandboxPayment, error) {
	defer m.lock()()
	p, ok := m.sandbox[id]
	switch {
	case !ok:
		return p, shop.ErrNotFound
	case p.State == payment.SandboxOpen:
		p.State, p.TellAt = s, tellAt
		m.sandbox[id] = p
	}
	return p, nil
}

// SandboxPaymentsToTell lists payments whose webhook is due.
func (m *Model) SandboxPaymentsToTell(_ context.Context, now time.Time, limit int) (out []payment.SandboxPayment, err error) {
	defer m.lock()()
	for _, p := range m.sandbox {
		if !p.TellAt.IsZero() && !p.TellAt.After(now) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b payment.SandboxPayment) int {
		return cmp.Or(a.TellAt.Compare(b.TellAt), cmp.Compare(a.ID, b.ID))
	})
	return first(out, limit), nil
}

// SandboxPaymentTold notes when to tell again.
func (m *Model) SandboxPaymentTold(_ context.Context, id string, again time.Time) error {
	defer m.lock()()
	if p, ok := m.sandbox[id]; ok {
		p.TellAt = again
		m.sandbox[id] = p
	}
	return nil
}
