package overlaysql

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/store"
)

var _ overlay.Sets = (*Store)(nil)

const setColumnNames = `id, channel, name, products, changed_by, changed_at`

// setColumns are what a pin's row says of its set.
func setColumns(p overlay.Pin) (name, products string, err error) {
	if p.Set == nil {
		return "", "", nil
	}
	raw, err := json.Marshal(p.Set.Products)
	return p.Set.Name, string(raw), err
}

// Sets lists a channel's.
func (s *Store) Sets(ctx context.Context, channel string) (out []overlay.Set, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = sets(ctx, tx, `WHERE channel = $1 ORDER BY name, id`, channel)
		return err
	})
	return out, err
}

// Set finds one.
func (s *Store) Set(ctx context.Context, id string) (out overlay.Set, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := sets(ctx, tx, `WHERE id = $1`, id)
		if err == nil && len(found) == 0 {
			return overlay.ErrSet
		}
		if err == nil {
			out = found[0]
		}
		return err
	})
	return out, err
}

// AddSet keeps a new one.
func (s *Store) AddSet(ctx context.Context, set overlay.Set, max int) error {
	products, err := json.Marshal(set.Products)
	if err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		// The row is written, so that of two who add at once one waits for the other.
		if _, err := tx.Exec(ctx, `INSERT INTO overlay_sets (channel, made) VALUES ($1, 1) ON CONFLICT (channel) DO UPDATE SET made = overlay_sets.made + 1`, set.Channel); err != nil {
			return fmt.Errorf("lock a channel's sets: %w", err)
		}
		var have int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM overlay_set WHERE channel = $1`, set.Channel).Scan(&have); err != nil {
			return fmt.Errorf("count a channel's sets: %w", err)
		}
		if have >= max {
			return overlay.ErrTooManySets
		}
		if _, err := tx.Exec(ctx, `INSERT INTO overlay_set (`+setColumnNames+`) VALUES `+store.Placeholders(1, 6),
			set.ID, set.Channel, set.Name, string(products), set.ChangedBy, store.Millis(set.ChangedAt)); err != nil {
			return fmt.Errorf("keep a set: %w", err)
		}
		return nil
	})
}

// ChangeSet replaces its name and products.
func (s *Store) ChangeSet(ctx context.Context, set overlay.Set) error {
	products, err := json.Marshal(set.Products)
	if err != nil {
		return err
	}
	return s.one(ctx, `UPDATE overlay_set SET name = $1, products = $2, changed_by = $3, changed_at = $4 WHERE id = $5 AND channel = $6`,
		set.Name, string(products), set.ChangedBy, store.Millis(set.ChangedAt), set.ID, set.Channel)
}

// RemoveSet forgets it.
func (s *Store) RemoveSet(ctx context.Context, channel, id string) error {
	return s.one(ctx, `DELETE FROM overlay_set WHERE id = $1 AND channel = $2`, id, channel)
}

// one carries out what must concern exactly one set.
func (s *Store) one(ctx context.Context, query string, args ...any) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		done, err := tx.Exec(ctx, query, args...)
		if err != nil {
			return fmt.Errorf("change a set: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return overlay.ErrSet
		}
		return nil
	})
}

func sets(ctx context.Context, tx *store.Tx, where string, args ...any) (out []overlay.Set, err error) {
	rows, err := tx.Query(ctx, `SELECT `+setColumnNames+` FROM overlay_set `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read sets: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var set overlay.Set
		var products string
		var changed int64
		if err := rows.Scan(&set.ID, &set.Channel, &set.Name, &products, &set.ChangedBy, &changed); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(products), &set.Products); err != nil {
			return nil, fmt.Errorf("read a set: %w", err)
		}
		set.ChangedAt = store.Time(changed)
		out = append(out, set)
	}
	return out, rows.Err()
}
