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

// StoredBlob is what a line or an init says of its blob.
type StoredBlob struct {
	Key   string
	Bytes int64
	Sum   string // SHA-256, "" where it was not noted
}

// Blobs lists the blobs that lines and inits name, with what is said of them.
func (s *Store) Blobs(ctx context.Context, yield func(b StoredBlob) error) error {
	for after := ""; ; {
		var page []StoredBlob
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			rows, err := tx.Query(ctx, `SELECT blob, bytes, sum FROM vod_line WHERE blob > $1 UNION SELECT blob, bytes, sum FROM vod_init WHERE blob > $1 ORDER BY 1, 2, 3 LIMIT $2`, after, keysPage)
			page, err = scan(rows, err, func(b *StoredBlob) error { return rows.Scan(&b.Key, &b.Bytes, &b.Sum) })
			return err
		})
		if err != nil {
			return fmt.Errorf("list the blobs of recordings: %w", err)
		}
		for _, b := range page {
			if err := yield(b); err != nil {
				return err
			}
			after = b.Key
		}
		if len(page) < keysPage {
			return nil
		}
	}
}

// Unnamed returns those of the keys that no line and no init names.
func (s *Store) Unnamed(ctx context.Context, keys []string) (out []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out = nil
		for _, key := range keys {
			var n int
			if err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM vod_line WHERE blob = $1) + (SELECT COUNT(*) FROM vod_init WHERE blob = $1)`, key).Scan(&n); err != nil {
				return fmt.Errorf("look for a blob's line: %w", err)
			}
			if n == 0 {
				out = append(out, key)
			}
		}
		return nil
	})
	return out, err
}
