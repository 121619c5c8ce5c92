package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
)

// audit compares what was acknowledged, what is stored, what the ledger says and what the bank's book says. The
// server has stopped.
func (t *trial) audit(ctx context.Context) error {
	if report, err := t.verify(); err != nil {
		t.result.note("verify: %v: %.300s", err, strings.TrimSpace(report))
	}
	db, err := store.Open(ctx, store.Config{Dir: t.data(), Database: t.database}, store.Hawker)
	if err != nil {
		return err
	}
	defer db.Close()
	rows := &shopsql.Store{DB: db}
	orders := map[string]shop.Order{}
	for q := (shop.OrderQuery{Scope: shop.Scope{Any: true}, Limit: 1000}); ; {
		page, err := rows.Orders(ctx, q)
		if err != nil {
			return err
		}
		for _, o := range page {
			orders[o.ID], q.After = o, o.ID
		}
		if len(page) < q.Limit {
			break
		}
	}
	t.result.Stored = len(orders)
	for _, o := range orders {
		if o.State.Sold() {
			t.result.Sold++
		}
	}
	t.auditAcks(orders)
	if t.waits != nil {
		if err := t.auditWaits(ctx, db, rows, orders); err != nil {
			return err
		}
	}
	if err := t.auditStock(ctx, rows, orders); err != nil {
		return err
	}
	return t.auditMoney(orders)
}

// auditAcks looks for every order that somebody was told of.
func (t *trial) auditAcks(orders map[string]shop.Order) {
	t.result.Acked = len(t.acks)
	for key, r := range t.acks {
		o, ok := orders[r.Order]
		if r.State == "paid" {
			t.result.Paid++
		}
		if !ok || (r.State == "paid" && !o.State.Sold()) {
			t.result.Lost++
			t.result.note("key %s was acknowledged as %s %s and is %q", key, r.State, r.Order, o.State)
		}
	}
}

// auditStock counts the units that orders have, against the units that were put on each shelf.
func (t *trial) auditStock(ctx context.Context, rows *shopsql.Store, orders map[string]shop.Order) error {
	promised := map[string]int64{}
	for _, o := range orders {
		for _, l := range o.Lines {
			if o.State.Open() || o.State.Sold() {
				promised[l.Variant] += l.Quantity
			}
		}
	}
	for i, id := range t.variants {
		if over := promised[id] - t.units[i]; over > 0 {
			t.result.Oversold += int(over)
			t.result.note("%d units of shelf %d were promised, and %d were there", promised[id], i, t.units[i])
		}
		found, err := rows.Variants(ctx, []string{id})
		if err != nil || len(found) != 1 {
			return fmt.Errorf("read shelf %d: %v", i, err)
		}
		if left := found[0].Stock.Available(); left != t.units[i]-promised[id] {
			t.result.Oversold++
			t.result.note("shelf %d says that %d are left, and %d of %d were promised", i, left, promised[id], t.units[i])
		}
	}
	return nil
}

// auditMoney compares the bank's book with the orders: each was charged at most once, exactly its total, and what the
// bank keeps is what the order says.
func (t *trial) auditMoney(orders map[string]shop.Order) error {
	f, err := os.Open(t.book())
	if err != nil {
		return err
	}
	defer f.Close()
	moved, err := payment.ReadBook(f)
	if err != nil {
		return err
	}
	type booked struct{ charges, refunds map[string]int64 }
	book, of := map[string]booked{}, map[string]string{}
	for _, m := range moved {
		if m.Kind == payment.MovedCharge {
			of[m.Ref] = m.Order
		}
		b, ok := book[of[m.Ref]]
		if !ok {
			b = booked{map[string]int64{}, map[string]int64{}}
			book[of[m.Ref]] = b
		}
		if m.Kind == payment.MovedCharge {
			b.charges[m.Ref] = m.Amount.Amount
		} else {
			b.refunds[m.Key] = m.Amount.Amount
		}
	}
	for id, b := range book {
		o, ok := orders[id]
		taken, back := sum(b.charges), sum(b.refunds)
		switch {
		case !ok:
			t.result.Money++
			t.result.note("order %q was charged %d and is not stored", id, taken)
		case len(b.charges) > 1:
			t.result.Double++
			t.result.note("order %s was charged %d times", id, len(b.charges))
		case taken != o.Total || taken-back != o.Paid-o.Refunded:
			t.result.Money++
			t.result.note("the bank took %d for order %s and gave %d back; it is %s of %d, paid %d, refunded %d", taken, id, back, o.State, o.Total, o.Paid, o.Refunded)
		}
	}
	for id, o := range orders {
		if _, ok := book[id]; !ok && o.Paid != 0 {
			t.result.Money++
			t.result.note("order %s is %s, and the bank never took anything", id, o.State)
		}
	}
	return nil
}

func sum(m map[string]int64) (n int64) {
	for _, v := range m {
		n += v
	}
	return n
}
