// Package accountsql keeps accounts in SQL: account.Store on SQLite and PostgreSQL, one text for both.
//
// What enters are the domain's values, what leaves are rows and the domain's errors; each method is one
// transaction. It locks parents before it counts or checks children (shop before account), so that limits and the
// last owner hold under concurrency. It refuses to know a secret: it sees digests, hashes and sealed values only.
// Only cmd and tests import it.
package accountsql

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/store"
)

// Store is account.Store on a database.
type Store struct{ DB *store.DB }

var _ account.Store = (*Store)(nil)

// found turns "no rows" into the domain's word and says what was being done.
func found(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case store.NoRows(err):
		return account.ErrNotFound
	}
	return fmt.Errorf("%s: %w", what, err)
}

// one expects a statement to have touched a row.
func one(r sql.Result, err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n == 0 {
		return account.ErrNotFound
	}
	return nil
}

// lock takes the row of a parent that must exist until the transaction ends.
func lock(ctx context.Context, tx *store.Tx, query, id string) error {
	var got string
	return found(tx.QueryRow(ctx, query+tx.ForUpdate(), id).Scan(&got), "lock")
}

const (
	lockAccount = `SELECT id FROM account WHERE id = $1 AND erased_at IS NULL`
	lockShop    = `SELECT id FROM shop WHERE id = $1`
	lockChannel = `SELECT id FROM channel WHERE id = $1`
)

// room tells whether fewer than max rows are counted.
func room(ctx context.Context, tx *store.Tx, max int, query string, args ...any) error {
	var n int
	if err := tx.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		return fmt.Errorf("count: %w", err)
	}
	if n >= max {
		return account.ErrTooMany
	}
	return nil
}

// null stores the zero time as NULL.
func null(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return store.Millis(t)
}
