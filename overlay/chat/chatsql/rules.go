package chatsql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/store"
)

// Settings implements chat.Store.
func (s *Store) Settings(ctx context.Context, channel string) (set chat.Settings, words []chat.Word, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if set, err = settings(ctx, tx, channel); err != nil {
			return err
		}
		words, err = store.Collect(ctx, tx, func(rows *sql.Rows) (w chat.Word, err error) {
			err = rows.Scan(&w.ID, &w.Text, &w.Action)
			return w, err
		}, `SELECT id, text, action FROM chat_word WHERE channel = $1 ORDER BY text, id`, channel)
		return store.Wrap(err, "read a channel's words")
	})
	return set, words, err
}

func settings(ctx context.Context, tx *store.Tx, channel string) (chat.Settings, error) {
	out := chat.Defaults()
	var text string
	err := tx.QueryRow(ctx, `SELECT settings, version FROM chat_settings WHERE channel = $1`, channel).Scan(&text, &out.Version)
	if store.NoRows(err) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("read chat settings: %w", err)
	}
	version := out.Version
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		return out, fmt.Errorf("read chat settings: %w", err)
	}
	out.Version = version
	return out, nil
}

// SetSettings implements chat.Store.
func (s *Store) SetSettings(ctx context.Context, channel string, set chat.Settings, r chat.Record) (chat.Settings, error) {
	text, err := json.Marshal(set)
	if err != nil {
		return set, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO chat_settings (channel, settings, version) VALUES ($1,$2,1)
			ON CONFLICT (channel) DO UPDATE SET settings = excluded.settings, version = chat_settings.version + 1 RETURNING version`, channel, string(text)).Scan(&set.Version)
		if err != nil {
			return fmt.Errorf("store chat settings: %w", err)
		}
		return note(ctx, tx, r)
	})
	return set, err
}

// AddWord implements chat.Store.
func (s *Store) AddWord(ctx context.Context, channel string, w chat.Word, max int, r chat.Record) (chat.Word, error) {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM chat_word WHERE channel = $1 AND text <> $2`, channel, w.Text).Scan(&n); err != nil {
			return fmt.Errorf("count words: %w", err)
		}
		if n >= max {
			return chat.ErrTooMany
		}
		err := tx.QueryRow(ctx, `INSERT INTO chat_word (id, channel, text, action) VALUES ($1,$2,$3,$4)
			ON CONFLICT (channel, text) DO UPDATE SET action = excluded.action RETURNING id`, w.ID, channel, w.Text, string(w.Action)).Scan(&w.ID)
		if err != nil {
			return fmt.Errorf("store a word: %w", err)
		}
		return note(ctx, tx, r)
	})
	return w, err
}

// RemoveWord implements chat.Store.
func (s *Store) RemoveWord(ctx context.Context, channel, id string, r chat.Record) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `DELETE FROM chat_word WHERE channel = $1 AND id = $2 RETURNING text`, channel, id).Scan(&r.Subject)
		if store.NoRows(err) {
			return chat.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("remove a word: %w", err)
		}
		return note(ctx, tx, r)
	})
}

// Room implements chat.Store.
func (s *Store) Room(ctx context.Context, broadcast string) (r chat.Room, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		r, err = room(ctx, tx, broadcast, "")
		return err
	})
	return r, err
}

func room(ctx context.Context, tx *store.Tx, broadcast, suffix string) (chat.Room, error) {
	r := chat.Room{Broadcast: broadcast}
	var off int
	err := tx.QueryRow(ctx, `SELECT off, pinned, announcement, version FROM chat_room WHERE broadcast = $1`+suffix, broadcast).Scan(&off, &r.Pinned, &r.Announcement, &r.Version)
	if store.NoRows(err) {
		return r, nil
	}
	r.Off = off == 1
	return r, store.Wrap(err, "read a chat room")
}

// SetRoom implements chat.Store.
func (s *Store) SetRoom(ctx context.Context, broadcast string, change func(*chat.Room), rec chat.Record) (r chat.Room, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO chat_room (broadcast, off, pinned, announcement, version) VALUES ($1,0,'','',0) ON CONFLICT (broadcast) DO NOTHING`, broadcast)
		if err != nil {
			return fmt.Errorf("make a chat room: %w", err)
		}
		if r, err = room(ctx, tx, broadcast, tx.ForUpdate()); err != nil {
			return err
		}
		change(&r)
		r.Version++
		off := 0
		if r.Off {
			off = 1
		}
		if _, err := tx.Exec(ctx, `UPDATE chat_room SET off = $1, pinned = $2, announcement = $3, version = $4 WHERE broadcast = $5`, off, r.Pinned, r.Announcement, r.Version, broadcast); err != nil {
			return fmt.Errorf("change a chat room: %w", err)
		}
		return note(ctx, tx, rec)
	})
	return r, err
}

// Audit implements chat.Store.
func (s *Store) Audit(ctx context.Context, channel, before string, limit int) (out []chat.Record, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(rows *sql.Rows) (r chat.Record, err error) {
			var at int64
			err = rows.Scan(&r.ID, &r.Channel, &r.Broadcast, &r.Actor, &r.Action, &r.Subject, &r.Message, &r.Reason, &at)
			r.At = store.Time(at)
			return r, err
		}, `SELECT id, channel, broadcast, actor, action, subject, message, reason, at FROM chat_audit WHERE channel = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`, channel, before, limit)
		return err
	})
	return out, store.Wrap(err, "read the audit")
}

const silenceColumns = `id, channel, subject, kind, until_at, actor, reason, at`

func scanSilence(scan func(...any) error) (out chat.Silence, err error) {
	var until, at int64
	err = scan(&out.ID, &out.Channel, &out.Subject, &out.Kind, &until, &out.Actor, &out.Reason, &at)
	out.Until, out.At = store.Time(until), store.Time(at)
	return out, err
}

// Silence implements chat.Store.
func (s *Store) Silence(ctx context.Context, v chat.Silence, max int, r chat.Record, facts ...event.Event) (chat.Silence, error) {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM chat_silence WHERE channel = $1 AND subject <> $2`, v.Channel, v.Subject).Scan(&n); err != nil {
			return fmt.Errorf("count silences: %w", err)
		}
		if n >= max {
			return chat.ErrTooMany
		}
		err := tx.QueryRow(ctx, `INSERT INTO chat_silence (`+silenceColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
			ON CONFLICT (channel, subject) DO UPDATE SET kind = excluded.kind, until_at = excluded.until_at, actor = excluded.actor, reason = excluded.reason, at = excluded.at
			RETURNING id`, v.ID, v.Channel, v.Subject, string(v.Kind), store.Millis(v.Until), v.Actor, v.Reason, store.Millis(v.At)).Scan(&v.ID)
		if err != nil {
			return fmt.Errorf("store a silence: %w", err)
		}
		return note(ctx, tx, r, facts...)
	})
	return v, err
}

// Lift implements chat.Store.
func (s *Store) Lift(ctx context.Context, channel, id string, r chat.Record, facts func(chat.Silence) []event.Event) (out chat.Silence, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		out, err = scanSilence(tx.QueryRow(ctx, `DELETE FROM chat_silence WHERE channel = $1 AND id = $2 RETURNING `+silenceColumns, channel, id).Scan)
		if store.NoRows(err) {
			return chat.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("lift a silence: %w", err)
		}
		r.Subject = out.Subject
		return note(ctx, tx, r, facts(out)...)
	})
	return out, err
}

// Silences implements chat.Store.
func (s *Store) Silences(ctx context.Context, channel string, now time.Time) (out []chat.Silence, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = store.Collect(ctx, tx, func(rows *sql.Rows) (chat.Silence, error) { return scanSilence(rows.Scan) },
			`SELECT `+silenceColumns+` FROM chat_silence WHERE channel = $1 AND (until_at = 0 OR until_at > $2) ORDER BY at DESC, id DESC`, channel, store.Millis(now))
		return err
	})
	return out, store.Wrap(err, "list silences")
}

// DeleteOf implements chat.Store.
func (s *Store) DeleteOf(ctx context.Context, channel, account string, limit int) (n int, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `UPDATE chat_message SET state = 'deleted', flagged = 0 WHERE id IN
			(SELECT id FROM chat_message WHERE channel = $1 AND account = $2 AND state IN ('shown', 'held') ORDER BY id DESC LIMIT $3)`, channel, account, limit)
		if err != nil {
			return fmt.Errorf("delete somebody's messages: %w", err)
		}
		gone, err := done.RowsAffected()
		n = int(gone)
		return err
	})
	return n, err
}
