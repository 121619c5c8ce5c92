package shopsql

import (
	"context"
	"database/sql"
	"strings"
)

// limits compares what is counted against each buyer's limits of variants with what the orders say that they have. That
// nobody has more than the limit is not asked: a seller may have lowered it since.
func (v *verifier) limits(ctx context.Context) error {
	type counter struct {
		limit
		n int64
	}
	for after := (limit{}); ; {
		page, err := rows(ctx, v.tx, func(rows *sql.Rows) (c counter, err error) { return c, rows.Scan(&c.id, &c.buyer, &c.n) },
			`SELECT limit_id, buyer_id, quantity FROM buyer_limit WHERE limit_id > $1 OR (limit_id = $1 AND buyer_id > $2) ORDER BY limit_id, buyer_id LIMIT $3`, after.id, after.buyer, verifyPage)
		if err != nil {
			return err
		}
		for _, c := range page {
			after = c.limit
			variant, ok := strings.CutPrefix(c.id, variantLimit("", "").id)
			if !ok {
				continue // a deal's
			}
			if has := v.limited[c.limit]; has != c.n {
				v.found(variant, 0, "%d count against the limit of buyer %s, but orders have %d", c.n, c.buyer, has)
			}
			delete(v.limited, c.limit)
		}
		if len(page) < verifyPage {
			break
		}
	}
	for k, n := range v.limited {
		if n != 0 {
			v.found(strings.TrimPrefix(k.id, variantLimit("", "").id), 0, "nothing counts against the limit of buyer %s, but orders have %d", k.buyer, n)
		}
	}
	return nil
}
