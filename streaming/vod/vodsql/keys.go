package vodsql

import (
	"context"
	"fmt"

	"github.com/hawkerlive/hawker/store"
)

const keysPage = 2000 // read at once

// Keys lists the blobs that lines and inits name, in the order of their keys.
func (s *Store) Keys(ctx context.Context, yield func(key string) error) error {
	for after := ""; ; {
		var page []string
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			rows, err := tx.Query(ctx, `SELECT blob FROM vod_line WHERE blob > $1 UNION SELECT blob FROM vod_init WHERE blob > $1 ORDER BY 1 LIMIT $2`, after, keysPage)
			page, err = scan(rows, err, func(key *string) error { return rows.Scan(key) })
			return err
		})
		if err != nil {
			return fmt.Errorf("list the blobs of recordings: %w", err)
		}
		for _, key := range page {
			if err := yield(key); err != nil {
				return err
			}
			after = key
		}
		if len(page) < keysPage {
			return nil
		}
	}
}
