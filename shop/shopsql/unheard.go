package shopsql

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

// hear notes whether an order that a batch settles has ended without its provider's word, or has it now.
func (r *run) hear(o *shop.Order, wasOpen bool, kind shop.SettlementKind) {
	switch {
	case wasOpen && (o.State == shop.Expired || o.State == shop.Cancelled):
		r.unheard[o.ID] = true
	case !wasOpen && (kind == shop.SettlePaid || kind == shop.SettleDeclined):
		r.unheard[o.ID] = false
	}
}

// writeUnheard stores which orders' providers must be asked, and forgets those that have spoken.
func (r *run) writeUnheard(ctx context.Context) error {
	var args []any
	var heard []string
	for _, id := range sortedKeys(r.unheard) {
		if r.unheard[id] {
			args = append(args, id, 0, millis(r.batch.Now))
		} else {
			heard = append(heard, id)
		}
	}
	if _, err := r.tx.ExecRows(ctx, `INSERT INTO unheard (order_id, attempts, next_at) VALUES`, 3, args, ` ON CONFLICT DO NOTHING`); err != nil {
		return err
	}
	if err := lockUnheard(ctx, r.tx, heard); err != nil {
		return err
	}
	_, err := r.tx.ExecIDs(ctx, `DELETE FROM unheard WHERE order_id IN (`, nil, heard)
	return err
}

// lockUnheard locks rows by id, so that no two transactions wait for each other.
func lockUnheard(ctx context.Context, tx *store.Tx, ids []string) error {
	if tx.ForUpdate() == "" {
		return nil
	}
	_, err := in(ctx, tx, scanID, `SELECT order_id FROM unheard WHERE order_id IN (`, ids, ` ORDER BY order_id`+tx.ForUpdate())
	return err
}

// TakeUnheard lists orders whose provider must be asked now, and lets nobody else have them until a time.
func (s *Store) TakeUnheard(ctx context.Context, now, until time.Time, limit int) (out []shop.Unheard, err error) {
	var ids []string
	far := now.Add(2 * shop.UnheardWaitMax)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		ids, err = rows(ctx, tx, scanID, `SELECT order_id FROM unheard WHERE next_at <= $1 OR next_at > $2 ORDER BY next_at, order_id LIMIT $3`, millis(now), millis(far), limit)
		return err
	})
	if err != nil || len(ids) == 0 { // as a rule: then nothing is written
		return nil, wrap("list unheard orders", err)
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		out, err = takeUnheard(ctx, tx, ids, fmt.Sprintf(` AND (next_at <= %d OR next_at > %d)`, millis(now), millis(far)), until)
		return err
	})
	return out, wrap("take unheard orders", err)
}

func takeUnheard(ctx context.Context, tx *store.Tx, ids []string, still string, until time.Time) ([]shop.Unheard, error) {
	attempts := map[string]int64{}
	var taken []string
	_, err := in(ctx, tx, func(rows *sql.Rows) (id string, err error) {
		var n int64
		if err = rows.Scan(&id, &n); err == nil {
			attempts[id], taken = n, append(taken, id)
		}
		return id, err
	}, `SELECT order_id, attempts FROM unheard WHERE order_id IN (`, slices.Clone(ids), still+` ORDER BY order_id`+tx.ForUpdate())
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecIDs(ctx, `UPDATE unheard SET next_at = $1 WHERE order_id IN (`, []any{millis(until)}, taken); err != nil {
		return nil, err
	}
	orders, err := in(ctx, tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE id IN (`, taken, ``)
	slices.SortFunc(orders, func(a, b shop.Order) int { return cmp.Compare(slices.Index(ids, a.ID), slices.Index(ids, b.ID)) })
	out := make([]shop.Unheard, len(orders))
	for i, o := range orders {
		out[i] = shop.Unheard{Order: o, Attempts: attempts[o.ID]}
	}
	return out, err
}

// NoteUnheard notes when the providers are asked again.
func (s *Store) NoteUnheard(ctx context.Context, asked []shop.Asked) error {
	if len(asked) == 0 {
		return nil
	}
	asked = slices.SortedFunc(slices.Values(asked), func(a, b shop.Asked) int { return cmp.Compare(a.OrderID, b.OrderID) })
	return wrap("note unheard orders", s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, a := range asked {
			var err error
			if a.Next.IsZero() {
				_, err = tx.Exec(ctx, `DELETE FROM unheard WHERE order_id = $1`, a.OrderID)
			} else {
				_, err = tx.Exec(ctx, `UPDATE unheard SET attempts = $1, next_at = $2 WHERE order_id = $3`, a.Attempts, millis(a.Next), a.OrderID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
}
