package shopsql

import (
	"context"
	"database/sql"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const picturesPage = 2000 // read at once

// PictureKeys lists the blobs of all pictures.
func (s *Store) PictureKeys(ctx context.Context, yield func(key string) error) error {
	for after := ""; ; {
		var page []shop.Picture
		err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
			page, err = rows(ctx, tx, func(r *sql.Rows) (p shop.Picture, err error) { return p, r.Scan(&p.ID, &p.ShopID) },
				`SELECT id, shop_id FROM picture WHERE id > $1 ORDER BY id LIMIT $2`, after, picturesPage)
			return err
		})
		if err != nil {
			return wrap("list pictures", err)
		}
		for _, p := range page {
			if err := yield(p.BlobKey()); err != nil {
				return err
			}
			after = p.ID
		}
		if len(page) < picturesPage {
			return nil
		}
	}
}
