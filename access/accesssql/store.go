// Package accesssql keeps access in SQL: access.Store on SQLite and PostgreSQL, one text for both.
//
// What enters are the domain's values, what leaves are rows and the domain's errors; each method is one transaction,
// and what takes something away stores the revocation in the same one. It refuses to know a secret: it sees digests
// only. Only cmd and tests import it.
package accesssql

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/store"
)

// Store is access.Store on a database.
type Store struct{ DB *store.DB } // schema Hawker

var _ access.Store = (*Store)(nil)

// Follow implements access.Store.
func (s *Store) Follow(ctx context.Context, account string, f access.Follow, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		var n, have int
		err := tx.QueryRow(ctx, `SELECT COUNT(*), COUNT(CASE WHEN channel = $1 THEN 1 END) FROM follow WHERE account = $2`, f.Channel, account).Scan(&n, &have)
		if err != nil {
			return fmt.Errorf("count follows: %w", err)
		}
		if have > 0 {
			return nil
		}
		if n >= max {
			return access.ErrTooMany
		}
		_, err = tx.Exec(ctx, `INSERT INTO follow (account, channel, since) VALUES ($1,$2,$3) ON CONFLICT (account, channel) DO NOTHING`,
			account, f.Channel, store.Millis(f.Since))
		return store.Wrap(err, "follow")
	})
}

// Unfollow implements access.Store.
func (s *Store) Unfollow(ctx context.Context, account, channel string, r access.Revocation) (was bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		was = false
		done, err := tx.Exec(ctx, `DELETE FROM follow WHERE account = $1 AND channel = $2`, account, channel)
		if err != nil {
			return fmt.Errorf("unfollow: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		was = true
		return revoke(ctx, tx, r)
	})
	return was, err
}

// Follows implements access.Store.
func (s *Store) Follows(ctx context.Context, account, channel string) (bool, error) {
	n, err := s.count(ctx, `SELECT COUNT(*) FROM follow WHERE account = $1 AND channel = $2`, account, channel)
	return n > 0, err
}

// Followers implements access.Store.
func (s *Store) Followers(ctx context.Context, channel string) (int, error) {
	return s.count(ctx, `SELECT COUNT(*) FROM follow WHERE channel = $1`, channel)
}

func (s *Store) count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error { return tx.QueryRow(ctx, query, args...).Scan(&n) })
	return n, store.Wrap(err, "count follows")
}

// FollowsOf implements access.Store.
func (s *Store) FollowsOf(ctx context.Context, account string) (out []access.Follow, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(rows *sql.Rows) (f access.Follow, err error) {
			var since int64
			err = rows.Scan(&f.Channel, &since)
			f.Since = store.Time(since)
			return f, err
		}, `SELECT channel, since FROM follow WHERE account = $1 ORDER BY since DESC, channel`, account)
		return err
	})
	return out, store.Wrap(err, "list follows")
}

// Forget implements access.Store.
func (s *Store) Forget(ctx context.Context, account string, r access.Revocation) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `DELETE FROM follow WHERE account = $1`, account); err != nil {
			return fmt.Errorf("forget follows: %w", err)
		}
		return revoke(ctx, tx, r)
	})
}

const tokenColumns = `id, broadcast, name, digest, created_at, expires_at, sessions_max`

// AddToken implements access.Store.
func (s *Store) AddToken(ctx context.Context, t access.ViewingToken, max int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM viewing_token WHERE broadcast = $1`, t.Broadcast).Scan(&n); err != nil {
			return fmt.Errorf("count viewing tokens: %w", err)
		}
		if n >= max {
			return access.ErrTooMany
		}
		_, err := tx.Exec(ctx, `INSERT INTO viewing_token (`+tokenColumns+`) VALUES `+store.Placeholders(1, 7),
			t.ID, t.Broadcast, t.Name, t.Digest, store.Millis(t.Created), store.Millis(t.Expires), t.SessionsMax)
		return store.Wrap(err, "add a viewing token")
	})
}

// Token implements access.Store.
func (s *Store) Token(ctx context.Context, digest string) (access.ViewingToken, error) {
	found, err := s.tokens(ctx, `WHERE digest = $1 ORDER BY id`, digest)
	if err == nil && len(found) == 0 {
		err = access.ErrNotFound
	}
	if err != nil {
		return access.ViewingToken{}, err
	}
	return found[0], nil
}

// Tokens implements access.Store.
func (s *Store) Tokens(ctx context.Context, broadcast string) ([]access.ViewingToken, error) {
	return s.tokens(ctx, `WHERE broadcast = $1 ORDER BY id DESC`, broadcast)
}

func (s *Store) tokens(ctx context.Context, where string, arg string) (out []access.ViewingToken, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(rows *sql.Rows) (t access.ViewingToken, err error) {
			var created, expires int64
			err = rows.Scan(&t.ID, &t.Broadcast, &t.Name, &t.Digest, &created, &expires, &t.SessionsMax)
			t.Created, t.Expires = store.Time(created), store.Time(expires)
			return t, err
		}, `SELECT `+tokenColumns+` FROM viewing_token `+where, arg)
		return err
	})
	return out, store.Wrap(err, "read viewing tokens")
}

// DeleteToken implements access.Store.
func (s *Store) DeleteToken(ctx context.Context, broadcast, id string, r access.Revocation) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM viewing_token WHERE broadcast = $1 AND id = $2`, broadcast, id)
		if err != nil {
			return fmt.Errorf("delete a viewing token: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			return access.ErrNotFound
		}
		return revoke(ctx, tx, r)
	})
}

// Revoke implements access.Store.
func (s *Store) Revoke(ctx context.Context, r access.Revocation) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error { return revoke(ctx, tx, r) })
}

// revoke keeps the newest of a subject.
func revoke(ctx context.Context, tx *store.Tx, r access.Revocation) error {
	_, err := tx.Exec(ctx, `INSERT INTO access_revocation (subject, at, until) VALUES ($1,$2,$3)
		ON CONFLICT (subject) DO UPDATE SET at = excluded.at, until = excluded.until WHERE excluded.at > access_revocation.at`,
		r.Subject, store.Millis(r.At), store.Millis(r.Until))
	return store.Wrap(err, "store a revocation")
}

// Revocations implements access.Store.
func (s *Store) Revocations(ctx context.Context, now time.Time) (out []access.Revocation, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(rows *sql.Rows) (r access.Revocation, err error) {
			var at, until int64
			err = rows.Scan(&r.Subject, &at, &until)
			r.At, r.Until = store.Time(at), store.Time(until)
			return r, err
		}, `SELECT subject, at, until FROM access_revocation WHERE until > $1 ORDER BY subject`, store.Millis(now))
		return err
	})
	return out, store.Wrap(err, "read revocations")
}

// Sweep implements access.Store.
func (s *Store) Sweep(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		deleted = 0
		for _, query := range []string{
			`DELETE FROM access_revocation WHERE subject IN (SELECT subject FROM access_revocation WHERE until <= $1 ORDER BY until, subject LIMIT $2)`,
			`DELETE FROM viewing_token WHERE id IN (SELECT id FROM viewing_token WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2)`,
		} {
			done, err := tx.Exec(ctx, query, store.Millis(now), limit)
			if err != nil {
				return fmt.Errorf("sweep access: %w", err)
			}
			n, err := done.RowsAffected()
			if err != nil {
				return err
			}
			deleted = max(deleted, int(n))
		}
		return nil
	})
	return deleted, err
}
