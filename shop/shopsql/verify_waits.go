package shopsql

import (
	"context"
	"database/sql"
)

// listed is what a variant's waitlist holds.
type listed struct {
	waiting, offered int64
	first            int64 // the lowest number that waits; 0: nobody does
	served           int64 // the highest number that was offered a unit or passed over
	newest           int64
}

// waits counts the waitlists.
func (v *verifier) waits(ctx context.Context) error {
	type row struct {
		variant string
		listed
	}
	found, err := rows(ctx, v.tx, func(rows *sql.Rows) (r row, err error) {
		return r, rows.Scan(&r.variant, &r.waiting, &r.offered, &r.first, &r.served, &r.newest)
	}, `SELECT variant_id, SUM(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), SUM(CASE WHEN state = 'offered' THEN 1 ELSE 0 END),
		COALESCE(MIN(CASE WHEN state = 'waiting' THEN number END), 0), COALESCE(MAX(CASE WHEN state IN ('offered', 'taken', 'passed') THEN number END), 0), MAX(number)
		FROM waitlist GROUP BY variant_id ORDER BY variant_id`)
	for _, r := range found {
		v.lists[r.variant] = r.listed
	}
	return err
}

// list compares a variant's waitlist with the counters of its stock row, and says where somebody was served before who
// came first.
func (v *verifier) list(variant string, c counts) {
	l := v.lists[variant]
	if l.waiting != c.waiting || l.offered != c.offered || l.newest > c.waited {
		v.found(variant, 0, "the stock row counts %d who wait and %d offers up to number %d; the waitlist has %d and %d up to number %d", c.waiting, c.offered, c.waited, l.waiting, l.offered, l.newest)
	}
	if l.first > 0 && l.served > l.first {
		v.found(variant, 0, "number %d of the waitlist was served while number %d waits", l.served, l.first)
	}
}
