// Package feedsql keeps the feed's counts and boosts in SQL: feed.Store on SQLite and PostgreSQL.
//
// What enters are counts of a second and boosts that were decided on, what leaves are rows. Counts stand in the activity
// schema, boosts, which somebody paid for, in the other. It decides nothing. cmd makes it.
package feedsql

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/feed"
	"github.com/hawkerlive/hawker/store"
)

// Store is feed.Store on both schemas.
type Store struct{ Main, Activity *store.DB }

var _ feed.Store = (*Store)(nil)

const (
	inMax        = 400 // values of one IN list
	boostColumns = `id, shop, item, kind, from_at, until_at, made_by, made_at, ended_by, ended_at`
)

// Counts returns those of the items that have any.
func (s *Store) Counts(ctx context.Context, items []string) (map[string]feed.Counts, error) {
	out := map[string]feed.Counts{}
	err := s.Activity.View(ctx, func(tx *store.Tx) error {
		for some := range slices.Chunk(items, inMax) {
			args := make([]any, len(some))
			for i, id := range some {
				args[i] = id
			}
			rows, err := tx.Query(ctx, `SELECT item, impressions, plays, watched, boosted FROM feed_count WHERE item IN `+store.Placeholders(1, len(some)), args...)
			if err := each(rows, err, func() error {
				var id string
				var c feed.Counts
				err := rows.Scan(&id, &c.Impressions, &c.Plays, &c.Watched, &c.Boosted)
				out[id] = c
				return err
			}); err != nil {
				return fmt.Errorf("read the feed's counts: %w", err)
			}
		}
		return nil
	})
	return out, err
}

func each(rows *sql.Rows, err error, one func() error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := one(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Add adds to counts. Rows are taken in one order, so that nodes do not wait for each other in a ring.
func (s *Store) Add(ctx context.Context, counts map[string]feed.Counts, now time.Time) error {
	if len(counts) == 0 {
		return nil
	}
	var args []any
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		c := counts[id]
		args = append(args, id, c.Impressions, c.Plays, c.Watched, c.Boosted, store.Millis(now))
	}
	return s.Activity.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO feed_count (item, impressions, plays, watched, boosted, changed_at) VALUES `+store.Placeholders(len(counts), 6)+`
			ON CONFLICT (item) DO UPDATE SET impressions = feed_count.impressions + excluded.impressions, plays = feed_count.plays + excluded.plays,
			watched = feed_count.watched + excluded.watched, boosted = feed_count.boosted + excluded.boosted, changed_at = excluded.changed_at`, args...)
		if err != nil {
			return fmt.Errorf("add to the feed's counts: %w", err)
		}
		return nil
	})
}

// Purge deletes old counts.
func (s *Store) Purge(ctx context.Context, before time.Time, n int) (deleted int, err error) {
	err = s.Activity.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, `DELETE FROM feed_count WHERE item IN (SELECT item FROM feed_count WHERE changed_at < $1 ORDER BY changed_at, item LIMIT $2)`, store.Millis(before), n)
		if err != nil {
			return fmt.Errorf("delete old counts of the feed: %w", err)
		}
		rows, err := done.RowsAffected()
		deleted = int(rows)
		return err
	})
	return deleted, err
}

// AddBoost adds one where the shop may have one more. The shop's rows of now are counted under its lock.
func (s *Store) AddBoost(ctx context.Context, b feed.Boost, most int, now time.Time) error {
	return s.Main.Update(ctx, func(tx *store.Tx) error {
		var id string
		if err := tx.QueryRow(ctx, `SELECT id FROM shop WHERE id = $1`+tx.ForUpdate(), b.Shop).Scan(&id); err != nil {
			return fmt.Errorf("lock a shop: %w", err)
		}
		var open int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM feed_boost WHERE shop = $1 AND ended_at = 0 AND until_at > $2`, b.Shop, store.Millis(now)).Scan(&open); err != nil {
			return fmt.Errorf("count a shop's boosts: %w", err)
		}
		if open >= most {
			return feed.ErrBoosts
		}
		if _, err := tx.Exec(ctx, `INSERT INTO feed_boost (`+boostColumns+`) VALUES `+store.Placeholders(1, 10), b.ID, b.Shop, b.Item, string(b.Kind),
			store.Millis(b.From), store.Millis(b.Until), b.By, store.Millis(b.MadeAt), b.EndedBy, store.Millis(b.EndedAt)); err != nil {
			return fmt.Errorf("store a boost: %w", err)
		}
		return nil
	})
}

// EndBoost ends one that is not over.
func (s *Store) EndBoost(ctx context.Context, shop, id, by string, now time.Time) error {
	return s.Main.Update(ctx, func(tx *store.Tx) error {
		var over bool
		err := tx.QueryRow(ctx, `SELECT ended_at > 0 OR until_at <= $3 FROM feed_boost WHERE shop = $1 AND id = $2`+tx.ForUpdate(), shop, id, store.Millis(now)).Scan(&over)
		if store.NoRows(err) {
			return feed.ErrNotFound
		}
		if err != nil || over {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE feed_boost SET ended_by = $1, ended_at = $2 WHERE shop = $3 AND id = $4`, by, store.Millis(now), shop, id); err != nil {
			return fmt.Errorf("end a boost: %w", err)
		}
		return nil
	})
}

// Boosts lists a shop's, newest first.
func (s *Store) Boosts(ctx context.Context, shop string, n int) ([]feed.Boost, error) {
	return s.boosts(ctx, `WHERE shop = $1 ORDER BY id DESC LIMIT $2`, shop, n)
}

// Running lists what is in force, oldest first.
func (s *Store) Running(ctx context.Context, now time.Time, n int) ([]feed.Boost, error) {
	return s.boosts(ctx, `WHERE ended_at = 0 AND until_at > $1 AND from_at <= $1 ORDER BY id LIMIT $2`, store.Millis(now), n)
}

func (s *Store) boosts(ctx context.Context, where string, args ...any) (out []feed.Boost, err error) {
	err = s.Main.View(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+boostColumns+` FROM feed_boost `+where, args...)
		return each(rows, err, func() error {
			var b feed.Boost
			var from, until, made, ended int64
			err := rows.Scan(&b.ID, &b.Shop, &b.Item, &b.Kind, &from, &until, &b.By, &made, &b.EndedBy, &ended)
			b.From, b.Until, b.MadeAt, b.EndedAt = store.Time(from), store.Time(until), store.Time(made), store.Time(ended)
			out = append(out, b)
			return err
		})
	})
	if err != nil {
		err = fmt.Errorf("read boosts: %w", err)
	}
	return out, err
}
