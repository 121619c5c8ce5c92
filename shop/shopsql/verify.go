package shopsql

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const (
	verifyPage = 2000 // rows read at once
	breaksMax  = 1000 // places named in one audit
)

// Entries reads a variant's ledger.
func (s *Store) Entries(ctx context.Context, variantID string, after int64, limit int) (out []shop.Entry, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanEntry, `SELECT `+ledgerColumns+` FROM ledger WHERE variant_id = $1 AND number > $2 ORDER BY variant_id, number LIMIT $3`, variantID, after, limit)
		return err
	})
	return out, wrap("read the ledger", err)
}

// Verify re-derives every balance from the ledger and from the orders, in one reading transaction.
func (s *Store) Verify(ctx context.Context) (a shop.Audit, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		a = shop.Audit{}
		v := &verifier{tx: tx, audit: &a, open: map[string]int64{}, sold: map[string]int64{}, deals: map[string]int64{}, lists: map[string]listed{}, limited: map[limit]int64{}}
		if err := v.orders(ctx); err != nil {
			return err
		}
		if err := v.taken(ctx); err != nil {
			return err
		}
		if err := v.limits(ctx); err != nil {
			return err
		}
		if err := v.waits(ctx); err != nil {
			return err
		}
		var failed error
		a.Head = shop.HeadOf(func(yield func(string, shop.Stock) bool) { failed = v.stocks(ctx, yield) })
		return failed
	})
	return a, wrap("verify", err)
}

type verifier struct {
	tx         *store.Tx
	audit      *shop.Audit
	open, sold map[string]int64 // units per variant, by the orders
	lists      map[string]listed
	limited    map[limit]int64  // units per variant and buyer that count against a limit
	deals      map[string]int64 // units per deal, of orders that are open or sold
}

func (v *verifier) found(variant string, number int64, format string, args ...any) {
	if len(v.audit.Breaks) < breaksMax {
		v.audit.Breaks = append(v.audit.Breaks, shop.Break{VariantID: variant, Number: number, What: fmt.Sprintf(format, args...)})
	}
}

// orders sums what orders hold and what they bought, and checks each order's money.
func (v *verifier) orders(ctx context.Context) error {
	for after := ""; ; {
		page, err := rows(ctx, v.tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE id > $1 ORDER BY id LIMIT $2`, after, verifyPage)
		if err != nil {
			return err
		}
		for _, o := range page {
			after = o.ID
			v.audit.Orders++
			var total int64
			for _, l := range o.Lines {
				total += l.Total()
				if l.Deal != "" && (o.State.Open() || o.State.Sold()) {
					v.deals[l.Deal] += l.Quantity
				}
				if l.Limited && (o.State.Open() || o.State.Sold()) {
					v.limited[variantLimit(l.Variant, o.BuyerID)] += l.Quantity
				}
				switch {
				case o.State.Open():
					v.open[l.Variant] += l.Quantity
				case o.State.Sold():
					v.sold[l.Variant] += l.Quantity
				}
			}
			if total != o.Total || o.Refunded > o.Paid || (o.State == shop.Paid && o.Paid-o.Refunded != o.Total) || (o.State.Open() && o.Paid != 0) {
				v.found("", 0, "order %s: state %s, lines %d, total %d, paid %d, refunded %d", o.ID, o.State, total, o.Total, o.Paid, o.Refunded)
			}
		}
		if len(page) < verifyPage {
			return nil
		}
	}
}

// taken compares each deal's counter with the orders at its price.
func (v *verifier) taken(ctx context.Context) error {
	for after := ""; ; {
		page, err := rows(ctx, v.tx, scanDeal, `SELECT `+dealColumns+` FROM deal WHERE id > $1 ORDER BY id LIMIT $2`, after, verifyPage)
		if err != nil {
			return err
		}
		for _, d := range page {
			after = d.ID
			if n := v.deals[d.ID]; n != d.Taken || n > d.Quantity {
				v.found("", 0, "deal %s of %d units: %d are taken, but orders have %d", d.ID, d.Quantity, d.Taken, n)
			}
		}
		if len(page) < verifyPage {
			return nil
		}
	}
}

// stocks walks each variant's chain and compares its end with the stock row and with the orders.
func (v *verifier) stocks(ctx context.Context, head func(string, shop.Stock) bool) error {
	type level struct {
		id string
		shop.Stock
		counts
	}
	for after := ""; ; {
		page, err := rows(ctx, v.tx, func(rows *sql.Rows) (l level, err error) {
			return l, rows.Scan(&l.id, &l.OnHand, &l.Reserved, &l.Number, &l.Hash, &l.waiting, &l.offered, &l.waited)
		}, `SELECT variant_id, on_hand, reserved, number, hash, waiting, offered, waited FROM stock WHERE variant_id > $1 ORDER BY variant_id LIMIT $2`, after, verifyPage)
		if err != nil {
			return err
		}
		for _, l := range page {
			after = l.id
			v.audit.Variants++
			head(l.id, l.Stock)
			end, sold, err := v.chain(ctx, l.id)
			if err != nil {
				return err
			}
			if end != l.Stock {
				v.found(l.id, 0, "the stock row says %d on hand, %d reserved at entry %d; the ledger ends with %d, %d at entry %d", l.OnHand, l.Reserved, l.Number, end.OnHand, end.Reserved, end.Number)
			}
			if l.Reserved != v.open[l.id]+v.lists[l.id].offered {
				v.found(l.id, 0, "%d reserved, but open orders hold %d and open offers %d", l.Reserved, v.open[l.id], v.lists[l.id].offered)
			}
			v.list(l.id, l.counts)
			if sold != v.sold[l.id] {
				v.found(l.id, 0, "the ledger sold %d, but orders bought %d", sold, v.sold[l.id])
			}
			delete(v.open, l.id)
			delete(v.sold, l.id)
		}
		if len(page) < verifyPage {
			break
		}
	}
	for _, rest := range []map[string]int64{v.open, v.sold} {
		for _, id := range sortedKeys(rest) {
			v.found(id, 0, "orders name %d units of a variant without stock", rest[id])
		}
	}
	return nil
}

func (v *verifier) chain(ctx context.Context, variant string) (end shop.Stock, sold int64, err error) {
	for {
		page, err := rows(ctx, v.tx, scanEntry, `SELECT `+ledgerColumns+` FROM ledger WHERE variant_id = $1 AND number > $2 ORDER BY variant_id, number LIMIT $3`, variant, end.Number, verifyPage)
		if err != nil {
			return end, sold, err
		}
		for _, e := range page {
			v.audit.Entries++
			if err := e.Check(end); err != nil {
				v.found(variant, e.Number, "%s", err)
			}
			end = e.After()
			sold += e.Sold
		}
		if len(page) < verifyPage {
			return end, sold, nil
		}
	}
}
