// Package restreamsql keeps targets in SQL: restream.Store on SQLite and PostgreSQL, one text for both.
//
// What enters are the domain's values, what leaves are rows and the domain's errors; each method is one transaction.
// It refuses to know an address or a key: it sees the sealed ones only. Only cmd and tests import it.
package restreamsql

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/restream"
)

// Store is restream.Store on a database.
type Store struct{ DB *store.DB } // schema Hawker

var _ restream.Store = (*Store)(nil)

const columns = `id, channel, shop, name, address, sealed, enabled, created_at`

// CreateTarget implements restream.Store.
func (s *Store) CreateTarget(ctx context.Context, t restream.Target, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		// The channel's row is locked: two at once would both count one too few.
		var n int
		err := tx.QueryRow(ctx, `SELECT 1 FROM channel WHERE id = $1`+tx.ForUpdate(), t.Channel).Scan(&n)
		if err != nil && !store.NoRows(err) {
			return fmt.Errorf("lock the channel: %w", err)
		}
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM restream_target WHERE channel = $1`, t.Channel).Scan(&n); err != nil {
			return fmt.Errorf("count targets: %w", err)
		}
		if n >= max {
			return restream.ErrTooMany
		}
		_, err = tx.Exec(ctx, `INSERT INTO restream_target (`+columns+`) VALUES `+store.Placeholders(1, 8),
			t.ID, t.Channel, t.Shop, t.Name, t.Address, t.Sealed, number(t.Enabled), store.Millis(t.Created))
		if err != nil {
			return fmt.Errorf("create a target: %w", err)
		}
		return nil
	})
}

// Target implements restream.Store.
func (s *Store) Target(ctx context.Context, id string) (out restream.Target, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := scan(tx.Query(ctx, `SELECT `+columns+` FROM restream_target WHERE id = $1`, id))
		if err == nil && len(all) == 0 {
			err = restream.ErrNotFound
		}
		if err == nil {
			out = all[0]
		}
		return err
	})
	return out, err
}

// Targets implements restream.Store.
func (s *Store) Targets(ctx context.Context, channel string) (out []restream.Target, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = scan(tx.Query(ctx, `SELECT `+columns+` FROM restream_target WHERE channel = $1 ORDER BY id`, channel))
		return err
	})
	return out, err
}

// EnableTarget implements restream.Store.
func (s *Store) EnableTarget(ctx context.Context, id string, on bool) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE restream_target SET enabled = $1 WHERE id = $2`, number(on), id)
		return one(done, err, "switch a target")
	})
}

// DeleteTarget implements restream.Store.
func (s *Store) DeleteTarget(ctx context.Context, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM restream_target WHERE id = $1`, id)
		return one(done, err, "delete a target")
	})
}

func scan(rows *sql.Rows, err error) (out []restream.Target, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read targets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var t restream.Target
		var enabled, created int64
		if err := rows.Scan(&t.ID, &t.Channel, &t.Shop, &t.Name, &t.Address, &t.Sealed, &enabled, &created); err != nil {
			return nil, fmt.Errorf("read a target: %w", err)
		}
		t.Enabled, t.Created = enabled == 1, store.Time(created)
		out = append(out, t)
	}
	return out, rows.Err()
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// one turns a change of nothing into ErrNotFound.
func one(done sql.Result, err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return restream.ErrNotFound
}
