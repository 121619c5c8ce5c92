// Package dashboardsql keeps the seller's numbers in SQL: dashboard's Store on SQLite and PostgreSQL, and its
// Source on an outbox.
//
// What enters are batches of facts with the pure functions that fold them, what leaves are rows and cursors,
// changed together in one transaction. It decides nothing. cmd makes it.
package dashboardsql

import (
	"context"
	"fmt"
	"slices"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
)

// Store is dashboard.Store on the activity schema.
type Store struct {
	DB *store.DB
}

// Source is dashboard.Source: the outbox of a schema, as far as its relay has positioned it.
type Source struct {
	DB *store.DB
}

var (
	_ dashboard.Store  = (*Store)(nil)
	_ dashboard.Source = (*Source)(nil)
)

// Read returns facts after a position.
func (s *Source) Read(ctx context.Context, after int64, limit int) ([]dashboard.Fact, error) {
	stored, err := outbox.Read(ctx, s.DB, "", after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]dashboard.Fact, len(stored))
	for i, f := range stored {
		out[i] = dashboard.Fact{Position: f.Position, Event: f.Event}
	}
	return out, nil
}

// Cursor is the position up to which a source is folded.
func (s *Store) Cursor(ctx context.Context, source string) (position int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `SELECT position FROM dashboard_cursor WHERE source = $1`, source).Scan(&position)
		if store.NoRows(err) {
			return nil
		}
		return err
	})
	return position, err
}

// Fold is one step of a fold: rows, pure function, rows, cursor.
func (s *Store) Fold(ctx context.Context, source string, from, to int64, k dashboard.Keys, apply func(*dashboard.Tables)) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := move(ctx, tx, source, from, to); err != nil {
			return err
		}
		rows, err := load(ctx, tx, k)
		if err != nil {
			return err
		}
		t := dashboard.NewTables(rows)
		apply(t)
		return save(ctx, tx, t.Changes())
	})
}

// move sets the cursor, under a lock that all folds share: the two sources change the same rows.
func move(ctx context.Context, tx *store.Tx, source string, from, to int64) error {
	var zero int64
	if err := tx.QueryRow(ctx, `SELECT position FROM dashboard_cursor WHERE source = ''`+tx.ForUpdate()).Scan(&zero); err != nil {
		return fmt.Errorf("lock the rows: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO dashboard_cursor (source, position) VALUES ($1, 0) ON CONFLICT DO NOTHING`, source); err != nil {
		return fmt.Errorf("make a cursor: %w", err)
	}
	result, err := tx.Exec(ctx, `UPDATE dashboard_cursor SET position = $1 WHERE source = $2 AND position = $3`, to, source, from)
	if err != nil {
		return fmt.Errorf("move a cursor: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return dashboard.ErrMoved
	}
	return nil
}

func load(ctx context.Context, tx *store.Tx, k dashboard.Keys) (r dashboard.Rows, err error) {
	for _, step := range []func() error{
		func() (err error) { r.Broadcasts, err = broadcasts.in(ctx, tx, "broadcast", k.Broadcasts); return err },
		func() (err error) { r.Products, err = products.in(ctx, tx, "broadcast", k.Broadcasts); return err },
		func() (err error) { r.Pins, err = pins.in(ctx, tx, "broadcast", k.Broadcasts); return err },
		func() (err error) { r.Minutes, err = minutesOf(ctx, tx, k.Minutes); return err },
		func() (err error) { r.Members, err = membersOf(ctx, tx, k.Members); return err },
		func() (err error) { r.Orders, err = ordersOf(ctx, tx, k); return err },
	} {
		if err := step(); err != nil {
			return r, err
		}
	}
	sessions := slices.Clone(k.Sessions)
	for _, o := range r.Orders {
		if o.Session != "" {
			sessions = append(sessions, o.Session)
		}
	}
	slices.Sort(sessions)
	r.Clicks, err = clicks.in(ctx, tx, "session", slices.Compact(sessions))
	return r, err
}

func minutesOf(ctx context.Context, tx *store.Tx, keys []dashboard.MinuteKey) (out []dashboard.Minute, err error) {
	for _, k := range keys {
		found, err := minutes.find(ctx, tx, `broadcast = $1 AND minute = $2`, k.Broadcast, k.Minute)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

func membersOf(ctx context.Context, tx *store.Tx, keys []dashboard.Member) (out []dashboard.Member, err error) {
	type group struct{ broadcast, sort string }
	ids := map[group][]string{}
	var groups []group
	for _, m := range keys {
		g := group{m.Broadcast, m.Sort}
		if ids[g] == nil {
			groups = append(groups, g)
		}
		ids[g] = append(ids[g], m.ID)
	}
	for _, g := range groups {
		for rest := ids[g]; len(rest) > 0; {
			n := min(len(rest), inMax)
			args := []any{g.broadcast, g.sort}
			marks := ""
			for i, id := range rest[:n] {
				args = append(args, id)
				marks += fmt.Sprintf(",$%d", i+3)
			}
			found, err := members.find(ctx, tx, `broadcast = $1 AND sort = $2 AND id IN (`+marks[1:]+`)`, args...)
			if err != nil {
				return nil, err
			}
			out, rest = append(out, found...), rest[n:]
		}
	}
	return out, nil
}

// ordersOf reads each order once, whichever way it is asked for.
func ordersOf(ctx context.Context, tx *store.Tx, k dashboard.Keys) (out []dashboard.Order, err error) {
	found, err := orders.in(ctx, tx, "id", k.Orders)
	if err != nil {
		return nil, err
	}
	more, err := orders.in(ctx, tx, "session", k.Sessions)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	for _, m := range k.Moved {
		more, err := orders.find(ctx, tx, `broadcast = $1 AND evidence >= $2`, m.Broadcast, m.From)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	seen := map[string]bool{}
	for _, o := range found {
		if !seen[o.ID] {
			seen[o.ID] = true
			out = append(out, o)
		}
	}
	return out, nil
}

func save(ctx context.Context, tx *store.Tx, r dashboard.Rows) error {
	for _, step := range []func() error{
		func() error { return broadcasts.save(ctx, tx, r.Broadcasts) },
		func() error { return minutes.save(ctx, tx, r.Minutes) },
		func() error { return products.save(ctx, tx, r.Products) },
		func() error { return pins.save(ctx, tx, r.Pins) },
		func() error { return orders.save(ctx, tx, r.Orders) },
		func() error { return clicks.save(ctx, tx, r.Clicks) },
		func() error { return members.save(ctx, tx, r.Members) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Reset deletes all rows and cursors.
func (s *Store) Reset(ctx context.Context) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		for _, name := range []string{broadcasts.name, minutes.name, products.name, pins.name, orders.name, clicks.name, members.name} {
			if _, err := tx.Exec(ctx, `DELETE FROM `+name); err != nil {
				return fmt.Errorf("delete %s: %w", name, err)
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM dashboard_cursor WHERE source <> ''`); err != nil {
			return fmt.Errorf("reset the cursors: %w", err)
		}
		return nil
	})
}

// Read returns the rows of one broadcast.
func (s *Store) Read(ctx context.Context, broadcast string, latest int) (r dashboard.Rows, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		newest, args := ` LIMIT $2`, []any{broadcast, latest}
		if latest < 0 {
			newest, args = ``, args[:1]
		}
		for _, step := range []func() error{
			func() (err error) {
				r.Broadcasts, err = broadcasts.find(ctx, tx, `broadcast = $1`, broadcast)
				return err
			},
			func() (err error) {
				r.Minutes, err = minutes.find(ctx, tx, `broadcast = $1 ORDER BY minute`, broadcast)
				return err
			},
			func() (err error) {
				r.Products, err = products.find(ctx, tx, `broadcast = $1 ORDER BY offered_at, product`, broadcast)
				return err
			},
			func() (err error) {
				r.Pins, err = pins.find(ctx, tx, `broadcast = $1 ORDER BY placed_at, id`, broadcast)
				return err
			},
			func() (err error) {
				r.Orders, err = orders.find(ctx, tx, `broadcast = $1 ORDER BY placed_at DESC, id DESC`+newest, args...)
				return err
			},
		} {
			if err := step(); err != nil {
				return err
			}
		}
		if latest >= 0 {
			return nil
		}
		if r.Clicks, err = clicks.find(ctx, tx, `broadcast = $1 ORDER BY id`, broadcast); err != nil {
			return err
		}
		r.Members, err = members.find(ctx, tx, `broadcast = $1 ORDER BY sort, id`, broadcast)
		return err
	})
	return r, err
}
