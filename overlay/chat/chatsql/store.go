// Package chatsql keeps chat in SQL: chat.Store on SQLite and PostgreSQL, one text for both.
//
// What enters are the domain's values, what leaves are rows and the domain's errors; each method is one transaction,
// with its audit record and its facts in it. Persons' words stand in a table of their own. It decides what must hold
// for all nodes at once: slow mode, silences, and that a message is stored once. Only cmd and tests import it.
package chatsql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Store is chat.Store on a database.
type Store struct{ DB *store.DB } // schema Activity

var _ chat.Store = (*Store)(nil)

const (
	columns = `m.id, m.broadcast, m.channel, m.account, m.role, m.state, m.why, m.media_time, m.at, m.reply, m.ref, m.reports,
		COALESCE(x.name, ''), COALESCE(x.text, ''), COALESCE(q.id, ''), COALESCE(q.account, ''), COALESCE(y.name, ''), COALESCE(y.text, '')`
	// A quote is there only while what it quotes is shown.
	tables = ` FROM chat_message m JOIN chat_text x ON x.message = m.id
		LEFT JOIN chat_message q ON q.id = m.reply AND q.state = 'shown' LEFT JOIN chat_text y ON y.message = q.id `
)

func messages(ctx context.Context, tx *store.Tx, where string, args ...any) ([]chat.Message, error) {
	return store.Collect(ctx, tx, func(rows *sql.Rows) (m chat.Message, err error) {
		var at, mediaTime int64
		var q chat.Quote
		err = rows.Scan(&m.ID, &m.Broadcast, &m.Channel, &m.Account, &m.Role, &m.State, &m.Why, &mediaTime, &at, &m.Reply, &m.Ref, &m.Reports,
			&m.Name, &m.Text, &q.ID, &q.Account, &q.Name, &q.Text)
		m.MediaTime, m.At = mediatime.Time(mediaTime), store.Time(at)
		if q.ID != "" {
			m.Quote = &q
		}
		return m, err
	}, `SELECT `+columns+tables+where, args...)
}

// note appends the record and the facts of a change.
func note(ctx context.Context, tx *store.Tx, r chat.Record, facts ...event.Event) error {
	if r.ID != "" {
		_, err := tx.Exec(ctx, `INSERT INTO chat_audit (id, channel, broadcast, actor, action, subject, message, reason, at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
			r.ID, r.Channel, r.Broadcast, r.Actor, r.Action, r.Subject, r.Message, r.Reason, store.Millis(r.At))
		if err != nil {
			return fmt.Errorf("append to the audit: %w", err)
		}
	}
	return outbox.Append(ctx, tx, facts...)
}

func in(first, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("$%d", first+i)
	}
	return "(" + strings.Join(all, ",") + ")"
}

// Message implements chat.Store.
func (s *Store) Message(ctx context.Context, broadcast, id string) (m chat.Message, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		m, err = one(ctx, tx, broadcast, id)
		return err
	})
	return m, err
}

func one(ctx context.Context, tx *store.Tx, broadcast, id string) (chat.Message, error) {
	found, err := messages(ctx, tx, `WHERE m.id = $1 AND m.broadcast = $2`, id, broadcast)
	if err == nil && len(found) == 0 {
		err = chat.ErrNotFound
	}
	if err != nil {
		return chat.Message{}, store.Wrap(err, "read a message")
	}
	return found[0], nil
}

func (s *Store) list(ctx context.Context, where string, args ...any) (out []chat.Message, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = messages(ctx, tx, where, args...)
		return err
	})
	return out, store.Wrap(err, "list messages")
}

// Newest implements chat.Store.
func (s *Store) Newest(ctx context.Context, broadcast, before string, limit int) ([]chat.Message, error) {
	out, err := s.list(ctx, `WHERE m.broadcast = $1 AND m.state = 'shown' AND ($2 = '' OR m.id < $2) ORDER BY m.id DESC LIMIT $3`, broadcast, before, limit)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out, err
}

// Frames implements chat.Store.
func (s *Store) Frames(ctx context.Context, broadcast string, from, until mediatime.Time, after string, limit int) ([]chat.Message, error) {
	return s.list(ctx, `WHERE m.broadcast = $1 AND m.state = 'shown' AND (m.media_time > $2 OR m.media_time = $2 AND m.id > $3) AND m.media_time < $4
		ORDER BY m.media_time, m.id LIMIT $5`, broadcast, int64(from), after, int64(until), limit)
}

// Review implements chat.Store.
func (s *Store) Review(ctx context.Context, broadcast string, limit int) ([]chat.Message, error) {
	return s.list(ctx, `WHERE m.broadcast = $1 AND (m.state = 'held' OR m.flagged = 1 AND m.state = 'shown') ORDER BY m.id LIMIT $2`, broadcast, limit)
}

// Change implements chat.Store.
func (s *Store) Change(ctx context.Context, c chat.Change, facts ...event.Event) (m chat.Message, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		args := []any{string(c.To), c.Message, c.Broadcast}
		for _, from := range c.From {
			args = append(args, string(from))
		}
		done, err := tx.Exec(ctx, `UPDATE chat_message SET state = $1, flagged = 0 WHERE id = $2 AND broadcast = $3 AND state IN `+in(4, len(c.From)), args...)
		if err != nil {
			return fmt.Errorf("change a message: %w", err)
		}
		n, err := done.RowsAffected()
		if err != nil {
			return err
		}
		if m, err = one(ctx, tx, c.Broadcast, c.Message); err != nil {
			return err
		}
		if n == 0 {
			return chat.ErrState
		}
		return note(ctx, tx, c.Record, facts...)
	})
	return m, err
}

// Report implements chat.Store.
func (s *Store) Report(ctx context.Context, r chat.Report, facts ...event.Event) (hidden bool, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		hidden = false
		done, err := tx.Exec(ctx, `INSERT INTO chat_report (message, reporter, reason, at) VALUES ($1,$2,$3,$4) ON CONFLICT (message, reporter) DO NOTHING`,
			r.Message, r.Reporter, r.Reason, store.Millis(r.At))
		if err != nil {
			return fmt.Errorf("report a message: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE chat_message SET reports = reports + 1, flagged = 1 WHERE id = $1`, r.Message); err != nil {
			return fmt.Errorf("count a report: %w", err)
		}
		if r.Hide == 0 {
			return nil
		}
		done, err = tx.Exec(ctx, `UPDATE chat_message SET state = 'held', why = 'reports' WHERE id = $1 AND state = 'shown' AND
			(SELECT COUNT(*) FROM chat_report WHERE message = $2 AND reporter LIKE 'account:%') >= $3`, r.Message, r.Message, r.Hide)
		if err != nil {
			return fmt.Errorf("hide a message: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		hidden = true
		return note(ctx, tx, chat.Record{}, facts...)
	})
	return hidden, err
}

// Forget implements chat.Store.
func (s *Store) Forget(ctx context.Context, account string, limit int) (n int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		ids, err := ids(ctx, tx, `SELECT m.id FROM chat_message m JOIN chat_text x ON x.message = m.id WHERE m.account = $1 ORDER BY m.id LIMIT $2`, account, limit)
		if err != nil {
			return err
		}
		n = len(ids)
		if _, err := tx.ExecIDs(ctx, `DELETE FROM chat_text WHERE message IN (`, nil, ids); err != nil {
			return fmt.Errorf("forget what was said: %w", err)
		}
		if _, err = tx.ExecIDs(ctx, `UPDATE chat_message SET state = 'deleted', flagged = 0 WHERE id IN (`, nil, ids); err != nil {
			return fmt.Errorf("forget what was said: %w", err)
		}
		_, err = tx.Exec(ctx, `DELETE FROM chat_report WHERE reporter = $1`, chat.OfAccount(account))
		return store.Wrap(err, "forget reports")
	})
	return n, err
}

func ids(ctx context.Context, tx *store.Tx, query string, args ...any) ([]string, error) {
	out, err := store.Collect(ctx, tx, func(rows *sql.Rows) (id string, err error) {
		err = rows.Scan(&id)
		return id, err
	}, query, args...)
	return out, store.Wrap(err, "find messages")
}

// Said implements chat.Store.
func (s *Store) Said(ctx context.Context, account string, limit int) ([]chat.Message, error) {
	return s.list(ctx, `WHERE m.account = $1 ORDER BY m.id DESC LIMIT $2`, account, limit)
}

// Purge implements chat.Store.
func (s *Store) Purge(ctx context.Context, texts, addresses, now time.Time, limit int) (n int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		n = 0
		old, err := ids(ctx, tx, `SELECT id FROM chat_message WHERE at < $1 ORDER BY at, id LIMIT $2`, store.Millis(texts), limit)
		if err != nil {
			return err
		}
		for _, query := range []string{`DELETE FROM chat_text WHERE message IN (`, `DELETE FROM chat_report WHERE message IN (`, `DELETE FROM chat_message WHERE id IN (`} {
			if _, err := tx.ExecIDs(ctx, query, nil, old); err != nil {
				return fmt.Errorf("purge messages: %w", err)
			}
		}
		n = len(old)
		known, err := ids(ctx, tx, `SELECT m.id FROM chat_message m JOIN chat_text x ON x.message = m.id WHERE m.at < $1 AND x.address <> '' ORDER BY m.at, m.id LIMIT $2`, store.Millis(addresses), limit)
		if err != nil {
			return err
		}
		if _, err := tx.ExecIDs(ctx, `UPDATE chat_text SET address = '' WHERE message IN (`, nil, known); err != nil {
			return fmt.Errorf("forget addresses: %w", err)
		}
		n += len(known)
		for query, before := range map[string]time.Time{
			`DELETE FROM chat_silence WHERE id IN (SELECT id FROM chat_silence WHERE until_at > 0 AND until_at <= $1 ORDER BY until_at, id LIMIT $2)`: now,
			`DELETE FROM chat_pace WHERE at < $1 AND account IN (SELECT account FROM chat_pace WHERE at < $1 ORDER BY at, channel, account LIMIT $2)`: now.Add(-2 * time.Hour),
		} {
			done, err := tx.Exec(ctx, query, store.Millis(before), limit)
			if err != nil {
				return fmt.Errorf("purge what is over: %w", err)
			}
			gone, err := done.RowsAffected()
			if err != nil {
				return err
			}
			n += int(gone)
		}
		return nil
	})
	return n, err
}
