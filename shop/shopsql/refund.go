package shopsql

import (
	"context"
	"database/sql"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

// Refund decides a refund under the order's lock: amounts, restock, ledger and fact in one transaction.
func (s *Store) Refund(ctx context.Context, r shop.RefundRequest) (refund shop.Refund, o shop.Order, stocks []shop.StockNow, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if o, err = oneOrder(ctx, tx, r.Scope, r.OrderID, tx.ForUpdate()); err != nil {
			return err
		}
		if r.Key != "" {
			var known bool
			if refund, known, err = knownRefund(ctx, tx, r); err != nil || known {
				return err
			}
		}
		if !o.State.MayBecome(shop.PartiallyRefunded) {
			return shop.ErrOrderState
		}
		done, err := refundedLines(ctx, tx, o.ID)
		if err != nil {
			return err
		}
		lines, total, err := r.Resolve(o, done)
		if err != nil {
			return err
		}
		if refund, err = newRefund(ctx, tx, r, o, lines, total); err != nil {
			return err
		}
		o.Refunded += total
		o.State, o.ChangedAt = shop.PartiallyRefunded, at(r.At)
		if o.Refunded == o.Paid {
			o.State = shop.Refunded
		}
		if err := insertRefund(ctx, tx, refund, r.Key, r.Print); err != nil {
			return err
		}
		if err := updateOrders(ctx, tx, []*shop.Order{&o}); err != nil {
			return err
		}
		facts := shop.NewFacts(r.At)
		facts.Order(event.OrderRefunded, shop.RefundFact(o, refund))
		if stocks, err = restock(ctx, tx, o, refund, facts); err != nil {
			return err
		}
		return outbox.Append(ctx, tx, facts.Events()...)
	})
	return refund, o, stocks, wrap("refund", err)
}

// knownRefund finds the refund that was made under the request's key.
func knownRefund(ctx context.Context, tx *store.Tx, r shop.RefundRequest) (shop.Refund, bool, error) {
	var id, print string
	err := tx.QueryRow(ctx, `SELECT id, fingerprint FROM refund WHERE key_hash = $1`, r.Key).Scan(&id, &print)
	switch {
	case store.NoRows(err):
		return shop.Refund{}, false, nil
	case err != nil:
		return shop.Refund{}, false, err
	case print != r.Print:
		return shop.Refund{}, false, shop.ErrKeyReused
	}
	found, err := refunds(ctx, tx, `WHERE id = $1`, id)
	if err != nil {
		return shop.Refund{}, false, err
	}
	return found[0], true, nil
}

// newRefund names the payment that the money goes back to: the first one that paid the order.
func newRefund(ctx context.Context, tx *store.Tx, r shop.RefundRequest, o shop.Order, lines []shop.RefundLine, total int64) (shop.Refund, error) {
	refund := shop.Refund{
		ID: r.ID, OrderID: o.ID, ShopID: o.ShopID, Provider: o.Provider, Amount: total, Currency: o.Currency, Reason: r.Reason, By: r.By,
		State: shop.RefundDue, Lines: lines, CreatedAt: at(r.At), NextAt: at(r.At),
	}
	if total == 0 { // nothing to send
		refund.State = shop.RefundDone
		return refund, nil
	}
	err := tx.QueryRow(ctx, `SELECT p.provider, p.ref FROM payment p WHERE p.order_id = $1 AND p.state = 'paid' AND NOT EXISTS (
		SELECT 1 FROM refund r WHERE r.order_id = p.order_id AND r.provider = p.provider AND r.payment_ref = p.ref AND r.by_id = '') ORDER BY p.at, p.provider, p.ref LIMIT 1`, o.ID).
		Scan(&refund.Provider, &refund.PaymentRef)
	if store.NoRows(err) {
		err = shop.ErrRefundTooMuch
	}
	return refund, err
}

// refundedLines sums what was refunded per line.
func refundedLines(ctx context.Context, tx *store.Tx, orderID string) (map[int64]shop.RefundLine, error) {
	found, err := rows(ctx, tx, func(rows *sql.Rows) (l shop.RefundLine, err error) {
		return l, rows.Scan(&l.Line, &l.Quantity, &l.Amount)
	}, `SELECT line, CAST(SUM(quantity) AS BIGINT), CAST(SUM(amount) AS BIGINT) FROM refund_line WHERE order_id = $1 GROUP BY line`, orderID)
	out := make(map[int64]shop.RefundLine, len(found))
	for _, l := range found {
		out[l.Line] = l
	}
	return out, err
}

// restock puts returned units back on sale, in the order of the stock rows' locks.
func restock(ctx context.Context, tx *store.Tx, o shop.Order, refund shop.Refund, facts *shop.Facts) (stocks []shop.StockNow, err error) {
	back := map[string]int64{}
	product := map[string]string{}
	for _, rl := range refund.Lines {
		for _, l := range o.Lines {
			if rl.Restock && l.Line == rl.Line {
				back[l.Variant] += rl.Quantity
				product[l.Variant] = l.Product
			}
		}
	}
	var entries []shop.Entry
	for _, id := range sortedKeys(back) {
		before, err := lockStock(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		e := before.Next(id, shop.Moves{Adjusted: back[id]}, "restock", refund.ID, refund.CreatedAt)
		entries = append(entries, e)
		now := shop.StockNow{Variant: id, Product: product[id], Shop: o.ShopID, Available: e.After().Available(), Number: e.Number}
		stocks = append(stocks, now)
		facts.Stock(before.Available(), now)
	}
	return stocks, writeEntries(ctx, tx, entries)
}

// refunds reads refunds with their lines.
func refunds(ctx context.Context, tx *store.Tx, where string, args ...any) ([]shop.Refund, error) {
	found, err := rows(ctx, tx, scanRefund, `SELECT `+refundColumns+` FROM refund `+where, args...)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(found))
	place := map[string]int{}
	for i, r := range found {
		ids[i], place[r.ID] = r.ID, i
	}
	type line struct {
		refund string
		shop.RefundLine
	}
	lines, err := in(ctx, tx, func(rows *sql.Rows) (l line, err error) {
		var restock int64
		err = rows.Scan(&l.refund, &l.Line, &l.Quantity, &l.Amount, &restock)
		l.Restock = restock != 0
		return l, err
	}, `SELECT refund_id, line, quantity, amount, restock FROM refund_line WHERE refund_id IN (`, ids, ` ORDER BY order_id, line, refund_id`)
	for _, l := range lines {
		r := &found[place[l.refund]]
		r.Lines = append(r.Lines, l.RefundLine)
	}
	return found, err
}

// Refunds lists an order's refunds, oldest first.
func (s *Store) Refunds(ctx context.Context, orderID string) (out []shop.Refund, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = refunds(ctx, tx, `WHERE order_id = $1 ORDER BY id`, orderID)
		return err
	})
	return out, wrap("list refunds", err)
}

// RefundsDue lists refunds that the provider must be asked for now.
func (s *Store) RefundsDue(ctx context.Context, now time.Time, limit int) (out []shop.Refund, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = refunds(ctx, tx, `WHERE state = 'due' AND next_at <= $1 ORDER BY next_at, id LIMIT $2`, millis(now), limit)
		return err
	})
	return out, wrap("list due refunds", err)
}

// RefundAsked records the provider's answer.
func (s *Store) RefundAsked(ctx context.Context, id string, state shop.RefundState, next time.Time) error {
	return wrap("record a refund", s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE refund SET state = $1, attempts = attempts + 1, next_at = $2 WHERE id = $3 AND state = 'due'`, string(state), millis(next), id)
		return exactlyOne(r, err, shop.ErrNotFound)
	}))
}
