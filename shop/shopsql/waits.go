package shopsql

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

// errWaitMoved cannot happen while the stock row is locked. It keeps a mistake of ours from being stored.
var errWaitMoved = errors.New("shopsql: the waitlist's row is not as it was read")

// WaitOf reads a buyer's wait for a variant, with how many come first.
func (s *Store) WaitOf(ctx context.Context, variant, buyer string) (w shop.Wait, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := rows(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE variant_id = $1 AND buyer_id = $2`, variant, buyer)
		if err == nil && len(found) == 0 {
			err = shop.ErrNotFound
		}
		if err != nil {
			return err
		}
		if w = found[0]; w.State != shop.WaitWaiting {
			return nil
		}
		return tx.QueryRow(ctx, `SELECT COUNT(*) FROM waitlist WHERE variant_id = $1 AND state = 'waiting' AND number < $2`, variant, w.Number).Scan(&w.Ahead)
	})
	return w, wrap("read a wait", err)
}

// WaitsOf lists what a buyer waits for, or did lately, the newest first.
func (s *Store) WaitsOf(ctx context.Context, buyer string, limit int) (out []shop.Wait, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = rows(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE buyer_id = $1 ORDER BY joined_at DESC, variant_id LIMIT $2`, buyer, limit)
		return err
	})
	return out, wrap("list waits", err)
}

func scanID(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) }

// WaitsDue lists variants whose waitlist has something to do.
func (s *Store) WaitsDue(ctx context.Context, now time.Time, limit int) (ids []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		over, err := rows(ctx, tx, scanID, `SELECT DISTINCT variant_id FROM waitlist WHERE state = 'offered' AND until_at <= $1 ORDER BY variant_id LIMIT $2`, millis(now), limit)
		if err != nil {
			return err
		}
		free, err := rows(ctx, tx, scanID, `SELECT s.variant_id FROM stock s JOIN variant v ON v.id = s.variant_id JOIN product p ON p.id = v.product_id
			WHERE s.waiting > 0 AND s.on_hand > s.reserved AND v.state = 'active' AND p.state = 'active' AND v.opens_at <= $1 ORDER BY s.variant_id LIMIT $2`, millis(now), limit)
		ids = distinct(append(over, free...))
		ids = ids[:min(len(ids), limit)]
		return err
	})
	return ids, wrap("list waitlists", err)
}

// OfferedTo lists the buyers who have an open offer of a variant.
func (s *Store) OfferedTo(ctx context.Context, variant string, now time.Time, limit int) (buyers []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		buyers, err = rows(ctx, tx, scanID, `SELECT buyer_id FROM waitlist WHERE variant_id = $1 AND state = 'offered' AND until_at > $2 ORDER BY number LIMIT $3`, variant, millis(now), limit)
		return err
	})
	return buyers, wrap("list offers", err)
}

// ForgetWaits deletes waits that ended before a time.
func (s *Store) ForgetWaits(ctx context.Context, before time.Time, limit int) error {
	return wrap("forget waits", s.DB.Update(ctx, func(tx *store.Tx) error {
		old, err := rows(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE state IN ('taken', 'passed', 'left') AND changed_at < $1 ORDER BY variant_id, number LIMIT $2`, millis(before), limit)
		for _, w := range old {
			if err == nil {
				_, err = tx.Exec(ctx, `DELETE FROM waitlist WHERE variant_id = $1 AND number = $2 AND state IN ('taken', 'passed', 'left')`, w.Variant, w.Number)
			}
		}
		return err
	}))
}

// forgetWaits takes a person off every list. Units that were offered are free for the next.
func forgetWaits(ctx context.Context, tx *store.Tx, buyer string, now time.Time) error {
	own, err := rows(ctx, tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE buyer_id = $1 ORDER BY variant_id`, buyer)
	if err != nil {
		return err
	}
	facts := shop.NewFacts(now)
	for _, w := range own {
		before, err := lockStock(ctx, tx, w.Variant)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT state FROM waitlist WHERE variant_id = $1 AND buyer_id = $2`, w.Variant, buyer).Scan(&w.State); err != nil {
			return err
		}
		switch w.State {
		case shop.WaitWaiting:
			_, err = tx.Exec(ctx, `UPDATE stock SET waiting = waiting - 1 WHERE variant_id = $1`, w.Variant)
		case shop.WaitOffered:
			if _, err = tx.Exec(ctx, `UPDATE stock SET offered = offered - 1 WHERE variant_id = $1`, w.Variant); err != nil {
				return err
			}
			e := before.Next(w.Variant, shop.Moves{Released: 1}, "", "", now)
			err = writeEntries(ctx, tx, []shop.Entry{e})
			var product string
			if err == nil {
				err = tx.QueryRow(ctx, `SELECT product_id FROM variant WHERE id = $1`, w.Variant).Scan(&product)
			}
			facts.Stock(before.Available(), shop.StockNow{Variant: w.Variant, Product: product, Shop: w.Shop, Available: e.After().Available(), Number: e.Number})
		}
		if err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `DELETE FROM waitlist WHERE buyer_id = $1`, buyer); err != nil {
		return err
	}
	return outbox.Append(ctx, tx, facts.Events()...)
}
