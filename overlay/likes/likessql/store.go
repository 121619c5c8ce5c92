// Package likessql keeps likes in SQL: likes.Store on SQLite and PostgreSQL.
//
// What enters are taps of a second, what leaves are sums. It decides nothing. cmd makes it.
package likessql

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hawkerlive/hawker/overlay/likes"
	"github.com/hawkerlive/hawker/store"
)

// Store is likes.Store on the activity schema.
type Store struct{ DB *store.DB }

var _ likes.Store = (*Store)(nil)

// Add implements likes.Store. Rows are taken in one order, so that nodes do not wait for each other in a ring.
func (s *Store) Add(ctx context.Context, taps map[string]int64) (sums map[string]int64, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		sums = make(map[string]int64, len(taps))
		for _, broadcast := range slices.Sorted(maps.Keys(taps)) {
			var sum int64
			err := tx.QueryRow(ctx, `INSERT INTO likes (broadcast, count) VALUES ($1,$2) ON CONFLICT (broadcast) DO UPDATE SET count = likes.count + excluded.count RETURNING count`,
				broadcast, taps[broadcast]).Scan(&sum)
			if err != nil {
				return fmt.Errorf("add likes: %w", err)
			}
			sums[broadcast] = sum
		}
		return nil
	})
	return sums, err
}

// Count implements likes.Store.
func (s *Store) Count(ctx context.Context, broadcast string) (n int64, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		err := tx.QueryRow(ctx, `SELECT count FROM likes WHERE broadcast = $1`, broadcast).Scan(&n)
		if store.NoRows(err) {
			return nil
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("count likes: %w", err)
	}
	return n, err
}
