// Package streamingsql keeps broadcasts and their anchors in SQL, on both engines.
//
// It implements streaming.Store: each method is one transaction, and the fact of a change is appended to the outbox
// in the same one. It refuses to decide: which move is legal is streaming's table. cmd makes it.
package streamingsql

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Store is a streaming.Store.
type Store struct {
	DB *store.DB // schema Hawker
}

var _ streaming.Store = (*Store)(nil)

const columns = `id, channel_id, shop_id, title, state, created_at, starts_at, started_at, interrupted_at, ended_at, length, access`

// Create stores a new broadcast.
func (s *Store) Create(ctx context.Context, b streaming.Broadcast) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error { return create(ctx, tx, b) })
}

func create(ctx context.Context, tx *store.Tx, b streaming.Broadcast) error {
	_, err := tx.Exec(ctx, `INSERT INTO broadcast (`+columns+`) VALUES `+store.Placeholders(1, 12), b.ID, b.ChannelID, b.ShopID, b.Title,
		string(b.State), store.Millis(b.CreatedAt), store.Millis(b.StartsAt), store.Millis(b.StartedAt), store.Millis(b.InterruptedAt),
		store.Millis(b.EndedAt), int64(b.Length), string(cmp.Or(b.Access, streaming.Public)))
	if err != nil {
		return fmt.Errorf("create broadcast: %w", err)
	}
	if b.State == streaming.Scheduled {
		return outbox.Append(ctx, tx, event.New(event.ShopTopic(b.ShopID), event.BroadcastScheduled, 0, b.CreatedAt, scheduledData{b.ID, b.ChannelID, b.Title, b.StartsAt}))
	}
	return nil
}

// Broadcast returns one.
func (s *Store) Broadcast(ctx context.Context, id string) (b streaming.Broadcast, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		b, err = get(ctx, tx, id, "")
		return err
	})
	return b, err
}

// OnAir returns all that are live or interrupted.
func (s *Store) OnAir(ctx context.Context) (out []streaming.Airing, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, shop_id FROM broadcast WHERE state IN ('live','interrupted') ORDER BY id`)
		if err != nil {
			return fmt.Errorf("read what is on air: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var one streaming.Airing
			if err := rows.Scan(&one.ID, &one.ShopID); err != nil {
				return err
			}
			out = append(out, one)
		}
		return rows.Err()
	})
	return out, err
}

// List returns broadcasts, newest first.
func (s *Store) List(ctx context.Context, f streaming.Filter) ([]streaming.Broadcast, error) {
	var where []string
	var args []any
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	if len(f.States) > 0 {
		values := make([]any, len(f.States))
		for i, state := range f.States {
			values[i] = string(state)
		}
		and(`state IN (?`+strings.Repeat(`,?`, len(values)-1)+`)`, values...)
	}
	if f.Channel != "" {
		and(`channel_id = ?`, f.Channel)
	}
	if f.Shop != "" {
		and(`shop_id = ?`, f.Shop)
	}
	if f.Listed {
		where = append(where, `access <> 'token'`)
	}
	if f.Before != "" {
		and(`id < ?`, f.Before)
	}
	query := `SELECT ` + columns + ` FROM broadcast`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, ` AND `)
	}
	limit := f.Limit
	if limit <= 0 || limit > 100 {
		limit = 50
	}
	args = append(args, limit)
	query += fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args))
	return s.all(ctx, query, args...)
}

// EndedSince returns those that ended after a time, the last one first.
func (s *Store) EndedSince(ctx context.Context, after time.Time, most int) ([]streaming.Broadcast, error) {
	return s.all(ctx, `SELECT `+columns+` FROM broadcast WHERE state = 'ended' AND ended_at > $1 ORDER BY ended_at DESC, id DESC LIMIT $2`, store.Millis(after), most)
}

// all reads broadcasts with their anchors.
func (s *Store) all(ctx context.Context, query string, args ...any) (out []streaming.Broadcast, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if out, err = scan(tx.Query(ctx, query, args...)); err != nil {
			return err
		}
		for i := range out {
			if out[i].Anchors, err = anchors(ctx, tx, out[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Take returns the broadcast that the channel's publisher goes on.
func (s *Store) Take(ctx context.Context, fallback streaming.Broadcast, now time.Time) (b streaming.Broadcast, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		open, err := scan(tx.Query(ctx, `SELECT `+columns+` FROM broadcast WHERE channel_id = $1 AND state <> 'ended' ORDER BY id DESC LIMIT 200`, fallback.ChannelID))
		if err != nil {
			return err
		}
		if taken, ok := streaming.Pick(open, now); ok {
			b = taken
			b.Anchors, err = anchors(ctx, tx, b.ID)
			return err
		}
		if fallback.ID == "" {
			return streaming.ErrNotFound
		}
		b = fallback
		b.Access = cmp.Or(b.Access, streaming.Public)
		return create(ctx, tx, b)
	})
	return b, err
}

// Move changes the state and appends the fact.
func (s *Store) Move(ctx context.Context, m streaming.Move) (b streaming.Broadcast, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		before, err := get(ctx, tx, m.ID, tx.ForUpdate())
		if err != nil {
			return err
		}
		after, added, err := m.Apply(before)
		if err != nil {
			return err
		}
		b = after
		_, err = tx.Exec(ctx, `UPDATE broadcast SET state = $1, started_at = $2, interrupted_at = $3, ended_at = $4, length = $5 WHERE id = $6`,
			string(b.State), store.Millis(b.StartedAt), store.Millis(b.InterruptedAt), store.Millis(b.EndedAt), int64(b.Length), b.ID)
		if store.IsUnique(err) {
			return streaming.ErrOnAirElse
		}
		if err != nil {
			return fmt.Errorf("move broadcast: %w", err)
		}
		for _, a := range added {
			if _, err := tx.Exec(ctx, `INSERT INTO broadcast_anchor (broadcast_id, generation, media_time, wall) VALUES ($1,$2,$3,$4)`,
				b.ID, a.Generation, int64(a.Media), a.Wall.UnixMicro()); err != nil {
				return fmt.Errorf("add anchor: %w", err)
			}
		}
		return outbox.Append(ctx, tx, facts(before, b, added, m.At)...)
	})
	return b, err
}

// Rename changes the title.
func (s *Store) Rename(ctx context.Context, id, title string) (b streaming.Broadcast, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if b, err = get(ctx, tx, id, tx.ForUpdate()); err != nil {
			return err
		}
		b.Title = title
		_, err := tx.Exec(ctx, `UPDATE broadcast SET title = $1 WHERE id = $2`, title, id)
		return err
	})
	return b, err
}

// SetAccess changes whom it is for.
func (s *Store) SetAccess(ctx context.Context, id string, a streaming.Access) (b streaming.Broadcast, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if b, err = get(ctx, tx, id, tx.ForUpdate()); err != nil {
			return err
		}
		b.Access = a
		_, err := tx.Exec(ctx, `UPDATE broadcast SET access = $1 WHERE id = $2`, string(a), id)
		return err
	})
	return b, err
}

func get(ctx context.Context, tx *store.Tx, id, lock string) (streaming.Broadcast, error) {
	found, err := scan(tx.Query(ctx, `SELECT `+columns+` FROM broadcast WHERE id = $1`+lock, id))
	if err != nil {
		return streaming.Broadcast{}, err
	}
	if len(found) == 0 {
		return streaming.Broadcast{}, streaming.ErrNotFound
	}
	found[0].Anchors, err = anchors(ctx, tx, id)
	return found[0], err
}

func scan(rows *sql.Rows, err error) (out []streaming.Broadcast, _ error) {
	if err != nil {
		return nil, fmt.Errorf("read broadcasts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var b streaming.Broadcast
		var state, level string
		var created, starts, started, interrupted, ended, length int64
		if err := rows.Scan(&b.ID, &b.ChannelID, &b.ShopID, &b.Title, &state, &created, &starts, &started, &interrupted, &ended, &length, &level); err != nil {
			return nil, err
		}
		b.State, b.Length, b.Access = streaming.State(state), mediatime.Time(length), streaming.Access(level)
		b.CreatedAt, b.StartsAt, b.StartedAt = store.Time(created), store.Time(starts), store.Time(started)
		b.InterruptedAt, b.EndedAt = store.Time(interrupted), store.Time(ended)
		out = append(out, b)
	}
	return out, rows.Err()
}

func anchors(ctx context.Context, tx *store.Tx, id string) (out mediatime.Anchors, _ error) {
	rows, err := tx.Query(ctx, `SELECT generation, media_time, wall FROM broadcast_anchor WHERE broadcast_id = $1 AND (
		generation = (SELECT min(generation) FROM broadcast_anchor WHERE broadcast_id = $1) OR
		generation IN (SELECT generation FROM broadcast_anchor WHERE broadcast_id = $1 ORDER BY generation DESC LIMIT $2)
	) ORDER BY generation`, id, mediatime.AnchorsKept-1)
	if err != nil {
		return nil, fmt.Errorf("read anchors: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var generation int
		var media, wall int64
		if err := rows.Scan(&generation, &media, &wall); err != nil {
			return nil, err
		}
		out = append(out, mediatime.Anchor{Generation: generation, Media: mediatime.Time(media), Wall: time.UnixMicro(wall).UTC()})
	}
	return out, rows.Err()
}
