package dashboardsql

import (
	"context"
	"fmt"
	"slices"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/store"
)

// VideoSales returns what was bought from each of the videos: those that have sold something. A show's id stands for its
// recording: what was bought in it after it had ended.
func (s *Store) VideoSales(ctx context.Context, ids []string) (map[string]dashboard.VideoSales, error) {
	const sums = `o.currency, COUNT(*), CAST(SUM(o.gmv) AS BIGINT), CAST(SUM(o.units) AS BIGINT), CAST(SUM(o.refunded) AS BIGINT)`
	return s.videoSales(ctx, ids,
		`SELECT o.video, `+sums+` FROM dashboard_order o WHERE o.paid_at > 0 AND o.video IN %s GROUP BY o.video, o.currency ORDER BY COUNT(*) DESC, o.video, o.currency`,
		`SELECT o.broadcast, `+sums+` FROM dashboard_order o JOIN dashboard_broadcast b ON b.broadcast = o.broadcast
			WHERE o.paid_at > 0 AND o.video = '' AND b.ended_at > 0 AND o.placed_at > b.ended_at AND o.broadcast IN %s GROUP BY o.broadcast, o.currency ORDER BY COUNT(*) DESC, o.broadcast, o.currency`)
}

// Sold returns how many orders were paid that came from each of the videos, and in each of the shows that are on air.
func (s *Store) Sold(ctx context.Context, ids []string) (map[string]int64, error) {
	found, err := s.videoSales(ctx, ids,
		`SELECT o.video, '', COUNT(*), 0, 0, 0 FROM dashboard_order o WHERE o.paid_at > 0 AND o.video IN %s GROUP BY o.video`,
		`SELECT b.broadcast, '', b.orders, 0, 0, 0 FROM dashboard_broadcast b WHERE b.orders > 0 AND b.broadcast IN %s`)
	out := make(map[string]int64, len(found))
	for id, v := range found {
		out[id] = v.Orders
	}
	return out, err
}

// videoSales runs queries of rows by video; the first row of a video decides its currency: that of most orders.
func (s *Store) videoSales(ctx context.Context, ids []string, queries ...string) (map[string]dashboard.VideoSales, error) {
	out := map[string]dashboard.VideoSales{}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		for some := range slices.Chunk(ids, inMax) {
			args := make([]any, len(some))
			for i, id := range some {
				args[i] = id
			}
			for _, q := range queries {
				before := map[string]bool{}
				for id := range out {
					before[id] = true
				}
				if err := readSales(ctx, tx, fmt.Sprintf(q, store.Placeholders(1, len(some))), args, before, out); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return out, err
}

// readSales adds rows to out, but for those that an earlier query has answered.
func readSales(ctx context.Context, tx *store.Tx, query string, args []any, before map[string]bool, out map[string]dashboard.VideoSales) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read videos' sales: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, currency string
		var orders, gmv, units, refunds int64
		if err := rows.Scan(&id, &currency, &orders, &gmv, &units, &refunds); err != nil {
			return fmt.Errorf("read videos' sales: %w", err)
		}
		v, known := out[id]
		switch {
		case before[id]:
		case !known:
			out[id] = dashboard.VideoSales{Currency: currency, Orders: orders, Units: units, GMV: gmv, Refunds: refunds}
		default:
			v.Foreign += orders
			out[id] = v
		}
	}
	return rows.Err()
}
