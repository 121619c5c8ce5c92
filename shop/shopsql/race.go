package shopsql

import (
	"context"
	"errors"

	"github.com/hawkerlive/hawker/shop"
)

// raced tells whether another node placed an order under a key that this batch refuses. Keys are read before the
// stock is locked; who waited for the lock may have waited for that very order, and "sold out" would contradict what
// the buyer was told there. Now that the lock is ours, a second look sees it.
func (r *run) raced(ctx context.Context) error {
	if r.tx.ForUpdate() == "" {
		return nil // one writer: nothing comes between
	}
	var keys []string
	for i, o := range r.result.Outcomes {
		if o.Err != nil && !errors.Is(o.Err, shop.ErrKeyReused) {
			keys = append(keys, r.batch.Claims[i].Key)
		}
	}
	found, err := in(ctx, r.tx, scanKeyed, keyedQuery, distinct(keys), ``)
	if err != nil {
		return err
	}
	for _, f := range found {
		if !f.order.PlacedAt.Before(r.batch.KeysFrom) {
			return errKeyRace
		}
	}
	return nil
}
