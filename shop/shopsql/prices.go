package shopsql

import (
	"context"
	"database/sql"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

// dealsLooked is how many of a product's newest deals count for what it cost.
const dealsLooked = 1000

// notePrices writes down what variants cost from now on. Each stands at the end of its variant's list.
func notePrices(ctx context.Context, tx *store.Tx, variants []shop.Variant, at time.Time) error {
	for _, v := range variants {
		if _, err := tx.Exec(ctx, `INSERT INTO variant_price (variant_id, number, from_at, amount)
			SELECT v.id, COALESCE((SELECT MAX(number) FROM variant_price WHERE variant_id = v.id), 0) + 1, $1, v.price FROM variant v WHERE v.id = $2`, millis(at), v.ID); err != nil {
			return err
		}
	}
	return nil
}

type prior struct {
	variant string
	amount  int64
}

func scanPrior(rows *sql.Rows) (p prior, err error) {
	err = rows.Scan(&p.variant, &p.amount)
	return p, err
}

// PriorPrices returns the lowest that each of a product's variants cost in the thirty days before at, what held at
// their beginning included. Deals that were open then count in Any; one that was not opened does not.
func (s *Store) PriorPrices(ctx context.Context, product string, variants []string, at time.Time) (out map[string]shop.PriorPrice, err error) {
	since := at.Add(-shop.PriorWindow)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out = map[string]shop.PriorPrice{}
		for _, id := range variants {
			found, err := rows(ctx, tx, scanPrior, `SELECT variant_id, MIN(amount) FROM variant_price WHERE variant_id = $1 AND number >=
				COALESCE((SELECT MAX(number) FROM variant_price WHERE variant_id = $1 AND from_at <= $2), 0) GROUP BY variant_id`, id, millis(since))
			if err != nil {
				return err
			}
			for _, p := range found {
				out[p.variant] = shop.PriorPrice{List: p.amount, Any: p.amount}
			}
		}
		deals, err := rows(ctx, tx, scanDeal, `SELECT `+dealColumns+` FROM deal WHERE product_id = $1 AND state IN ('open', 'ended') ORDER BY id DESC LIMIT $2`, product, dealsLooked)
		if err != nil {
			return err
		}
		for _, d := range deals {
			if !d.OpensAt.Before(at) || !d.EndsAt.After(since) {
				continue
			}
			for id, p := range out {
				if d.Covers(id) && d.Price.Amount < p.Any {
					p.Any = d.Price.Amount
					out[id] = p
				}
			}
		}
		return nil
	})
	return out, wrap("read what a product cost", err)
}
