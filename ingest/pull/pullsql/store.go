// Package pullsql keeps sources in SQL: pull.Store on SQLite and PostgreSQL, one text for both.
//
// What enters are the domain's values, what leaves are rows and the domain's errors; each method is one transaction.
// It refuses to know an address: it sees the sealed one only. Only cmd and tests import it.
package pullsql

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/ingest/pull"
	"github.com/hawkerlive/hawker/store"
)

// Store is pull.Store on a database.
type Store struct{ DB *store.DB } // schema Hawker

var _ pull.Store = (*Store)(nil)

const columns = `id, channel, shop, name, address, sealed, wanted, state, reason, broadcast, created_at, changed_at`

// CreateSource implements pull.Store.
func (s *Store) CreateSource(ctx context.Context, one pull.Source, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		// The channel's row is locked: two at once would both count one too few.
		var n int
		err := tx.QueryRow(ctx, `SELECT 1 FROM channel WHERE id = $1`+tx.ForUpdate(), one.Channel).Scan(&n)
		if err != nil && !store.NoRows(err) {
			return fmt.Errorf("lock the channel: %w", err)
		}
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM pull_source WHERE channel = $1`, one.Channel).Scan(&n); err != nil {
			return fmt.Errorf("count sources: %w", err)
		}
		if n >= max {
			return pull.ErrTooMany
		}
		_, err = tx.Exec(ctx, `INSERT INTO pull_source (`+columns+`, node, lease_until) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,'',0)`,
			one.ID, one.Channel, one.Shop, one.Name, one.Address, one.Sealed, number(one.Wanted), string(one.State), string(one.Reason), one.Broadcast,
			store.Millis(one.Created), store.Millis(one.Changed))
		return store.Wrap(err, "create a source")
	})
}

// Source implements pull.Store.
func (s *Store) Source(ctx context.Context, id string) (out pull.Source, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		all, err := scan(tx.Query(ctx, `SELECT `+columns+` FROM pull_source WHERE id = $1`, id))
		if err == nil && len(all) == 0 {
			err = pull.ErrNotFound
		}
		if err == nil {
			out = all[0]
		}
		return err
	})
	return out, err
}

// Sources implements pull.Store.
func (s *Store) Sources(ctx context.Context, channel string) (out []pull.Source, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = scan(tx.Query(ctx, `SELECT `+columns+` FROM pull_source WHERE channel = $1 ORDER BY id`, channel))
		return err
	})
	return out, err
}

// WantSource implements pull.Store.
func (s *Store) WantSource(ctx context.Context, id string, wanted bool, now time.Time) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		query := `UPDATE pull_source SET wanted = 0, state = 'stopped', reason = '', broadcast = '', node = '', lease_until = 0, changed_at = $1 WHERE id = $2`
		if wanted {
			query = `UPDATE pull_source SET state = CASE WHEN wanted = 1 THEN state ELSE 'connecting' END, wanted = 1, reason = '', broadcast = '', changed_at = $1 WHERE id = $2`
		}
		done, err := tx.Exec(ctx, query, store.Millis(now), id)
		return one(done, err, "want a source")
	})
}

// DeleteSource implements pull.Store.
func (s *Store) DeleteSource(ctx context.Context, id string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM pull_source WHERE id = $1`, id)
		return one(done, err, "delete a source")
	})
}

// ClaimSources implements pull.Store. It writes only where a lease is new or two thirds over.
func (s *Store) ClaimSources(ctx context.Context, node string, now, until time.Time, max int) (out []pull.Source, err error) {
	const free = ` FROM pull_source WHERE wanted = 1 AND (node = $1 AND lease_until > 0 OR lease_until <= $2) ORDER BY id LIMIT $3`
	stale := false
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		stale = false
		rows, err := tx.Query(ctx, `SELECT lease_until`+free, node, store.Millis(now), max)
		if err != nil {
			return fmt.Errorf("look for wanted sources: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var lease int64
			if err := rows.Scan(&lease); err != nil {
				return err
			}
			stale = stale || store.Time(lease).Sub(now) < until.Sub(now)/3
		}
		if err := rows.Err(); err != nil || stale {
			return err
		}
		out, err = scan(tx.Query(ctx, `SELECT `+columns+free, node, store.Millis(now), max))
		return err
	})
	if err != nil || !stale {
		return out, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if out, err = scan(tx.Query(ctx, `SELECT `+columns+free+tx.ForUpdate(), node, store.Millis(now), max)); err != nil {
			return err
		}
		for _, one := range out {
			if _, err := tx.Exec(ctx, `UPDATE pull_source SET node = $1, lease_until = $2 WHERE id = $3`, node, store.Millis(until), one.ID); err != nil {
				return fmt.Errorf("claim a source: %w", err)
			}
		}
		return nil
	})
	return out, err
}

// ReleaseSources implements pull.Store.
func (s *Store) ReleaseSources(ctx context.Context, node string) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE pull_source SET node = '', lease_until = 0 WHERE node = $1 AND lease_until > 0`, node)
		return store.Wrap(err, "release sources")
	})
}

// SetSourceState implements pull.Store.
func (s *Store) SetSourceState(ctx context.Context, node string, one pull.Source) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		query := `UPDATE pull_source SET state = $1, reason = $2, broadcast = $3, changed_at = $4`
		if one.State == pull.Stopped || one.State == pull.Failed {
			query += `, wanted = 0, lease_until = 0`
		}
		_, err := tx.Exec(ctx, query+` WHERE id = $5 AND node = $6 AND wanted = 1 AND lease_until > 0`,
			string(one.State), string(one.Reason), one.Broadcast, store.Millis(one.Changed), one.ID, node)
		return store.Wrap(err, "write down a source's state")
	})
}

func scan(rows *sql.Rows, err error) (out []pull.Source, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one pull.Source
		var wanted, created, changed int64
		err := rows.Scan(&one.ID, &one.Channel, &one.Shop, &one.Name, &one.Address, &one.Sealed, &wanted, &one.State, &one.Reason, &one.Broadcast, &created, &changed)
		if err != nil {
			return nil, fmt.Errorf("read a source: %w", err)
		}
		one.Wanted, one.Created, one.Changed = wanted == 1, store.Time(created), store.Time(changed)
		out = append(out, one)
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
	return pull.ErrNotFound
}
