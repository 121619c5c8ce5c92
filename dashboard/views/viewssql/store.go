// Package viewssql keeps view sessions in SQL: views' Store on SQLite and PostgreSQL.
//
// What enters are batches of sessions with their facts, what leaves are rows. It decides nothing. cmd makes it.
package viewssql

import (
	"context"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
)

// Store is views.Store on the activity schema.
type Store struct {
	DB *store.DB
}

var _ views.Store = (*Store)(nil)

const columns = `id, broadcast, visitor, consent_at, transport, language, source, started_at, last_at, viewed_at, watched_ms`

// Save writes sessions and appends facts.
func (s *Store) Save(ctx context.Context, sessions []views.Session, facts []event.Event) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		if len(sessions) > 0 {
			args := make([]any, 0, len(sessions)*11)
			for _, v := range sessions {
				var consent int64
				if v.Consent {
					consent = store.Millis(v.StartedAt)
				}
				args = append(args, v.ID, v.Broadcast, v.Visitor, consent, v.Transport, v.Language, v.Source,
					store.Millis(v.StartedAt), store.Millis(v.LastAt), store.Millis(v.ViewedAt), v.Watched.Milliseconds())
			}
			if _, err := tx.Exec(ctx, `INSERT INTO view_session (`+columns+`) VALUES `+store.Placeholders(len(sessions), 11)+
				` ON CONFLICT (id) DO UPDATE SET transport = excluded.transport, last_at = excluded.last_at, viewed_at = excluded.viewed_at,
				watched_ms = excluded.watched_ms WHERE excluded.last_at >= view_session.last_at`, args...); err != nil {
				return fmt.Errorf("save view sessions: %w", err)
			}
		}
		return outbox.Append(ctx, tx, facts...)
	})
}

// Sessions returns those of the ids that exist.
func (s *Store) Sessions(ctx context.Context, ids []string) (out []views.Session, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = read(ctx, tx, `WHERE id IN `+store.Placeholders(1, len(ids)), args...)
		return err
	})
	return out, err
}

// Latest returns the visitor's newest session.
func (s *Store) Latest(ctx context.Context, broadcast, visitor string) (out views.Session, ok bool, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := read(ctx, tx, `WHERE broadcast = $1 AND visitor = $2 ORDER BY started_at DESC, id DESC LIMIT 1`, broadcast, visitor)
		if ok = len(found) > 0; ok {
			out = found[0]
		}
		return err
	})
	return out, ok, err
}

// Purge deletes old sessions.
func (s *Store) Purge(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		result, err := tx.Exec(ctx, `DELETE FROM view_session WHERE id IN (SELECT id FROM view_session WHERE started_at < $1 ORDER BY started_at, id LIMIT $2)`,
			store.Millis(before), limit)
		if err != nil {
			return fmt.Errorf("delete view sessions: %w", err)
		}
		deleted, err := result.RowsAffected()
		n = int(deleted)
		return err
	})
	return n, err
}

func read(ctx context.Context, tx *store.Tx, where string, args ...any) ([]views.Session, error) {
	rows, err := tx.Query(ctx, `SELECT `+columns+` FROM view_session `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read view sessions: %w", err)
	}
	defer rows.Close()
	var out []views.Session
	for rows.Next() {
		var v views.Session
		var consent, started, last, viewed, watched int64
		if err := rows.Scan(&v.ID, &v.Broadcast, &v.Visitor, &consent, &v.Transport, &v.Language, &v.Source, &started, &last, &viewed, &watched); err != nil {
			return nil, err
		}
		v.Consent, v.Watched = consent != 0, time.Duration(watched)*time.Millisecond
		v.StartedAt, v.LastAt, v.ViewedAt = store.Time(started), store.Time(last), store.Time(viewed)
		out = append(out, v)
	}
	return out, rows.Err()
}
