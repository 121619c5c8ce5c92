package shopsql

import (
	"context"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

// Promised returns the ledger's entries that promised an order its units, one per variant, each with the hash of the
// entry before it.
func (s *Store) Promised(ctx context.Context, o shop.Order) (out []shop.Entry, previous []string, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, previous = nil, nil
		seen := map[string]bool{}
		for _, l := range o.Lines {
			if seen[l.Variant] {
				continue
			}
			seen[l.Variant] = true
			found, err := rows(ctx, tx, scanEntry, `SELECT `+ledgerColumns+` FROM ledger WHERE variant_id = $1 AND at = $2 AND held >= $3 ORDER BY variant_id, number LIMIT 1`,
				l.Variant, millis(o.PlacedAt), l.Quantity)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				continue
			}
			before, err := rows(ctx, tx, scanEntry, `SELECT `+ledgerColumns+` FROM ledger WHERE variant_id = $1 AND number = $2 ORDER BY variant_id, number`, l.Variant, found[0].Number-1)
			if err != nil {
				return err
			}
			hash := ""
			if len(before) > 0 {
				hash = before[0].Hash
			}
			out, previous = append(out, found[0]), append(previous, hash)
		}
		return nil
	})
	return out, previous, wrap("read what was promised", err)
}
