package dashboardsql_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/dashboardsql"
	"github.com/hawkerlive/hawker/dashboard/dashboardtest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

// What SQL sums up of a video is what its orders say one by one.
func TestAVideosSalesAreThoseOfItsOrders(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		show := dashboardtest.NewShow(4, 500)
		s := &dashboardsql.Store{DB: db}
		if err := show.Fold(s).Rebuild(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids := append([]string{"nothing"}, show.Broadcasts...)
		for n := range 4 {
			ids = append(ids, fmt.Sprintf("video%d", n), fmt.Sprintf("clip%d", n))
		}
		want := map[string]dashboard.VideoSales{}
		orders := map[string]int64{}
		for _, home := range ids {
			rows, err := s.Read(t.Context(), home, -1)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range rows.Broadcasts {
				if b.Orders > 0 {
					orders[b.ID] = b.Orders
				}
			}
			for _, o := range rows.Orders {
				if o.PaidAt == 0 || o.Video == "" {
					continue
				}
				v, known := want[o.Video]
				if !known {
					v.Currency = "EUR"
				}
				if gmv, units, refunds := o.Sums(); o.Currency == "EUR" {
					v.Orders, v.GMV, v.Units, v.Refunds = v.Orders+1, v.GMV+gmv, v.Units+units, v.Refunds+refunds
				} else {
					v.Foreign++
				}
				want[o.Video] = v
				orders[o.Video] = want[o.Video].Orders + want[o.Video].Foreign
			}
		}
		got, err := s.VideoSales(t.Context(), ids)
		for _, b := range show.Broadcasts {
			delete(got, b) // of recordings below
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" || len(want) < 5 {
			t.Errorf("%d videos sold, %v\n%s", len(want), err, diff)
		}
		sold, err := s.Sold(t.Context(), ids)
		for id, n := range sold {
			if n == 0 || want[id].Orders > n {
				t.Errorf("%s sold %d times, its orders say %+v", id, n, want[id])
			}
		}
		if err != nil || len(sold) < len(want) || sold["nothing"] != 0 {
			t.Errorf("%v %v", sold, err)
		}
		// A recording has sold what was bought after the end of its show.
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE dashboard_broadcast SET ended_at = started_at + 1 WHERE broadcast = $1`, show.Broadcasts[0])
			return err
		}); err != nil {
			t.Fatal(err)
		}
		rows, err := s.Read(t.Context(), show.Broadcasts[0], -1)
		if err != nil {
			t.Fatal(err)
		}
		var paid int64
		for _, o := range rows.Orders {
			if o.PaidAt > 0 && o.Video == "" && o.Currency == "EUR" && o.PlacedAt > rows.Broadcasts[0].EndedAt {
				paid++
			}
		}
		if got, err = s.VideoSales(t.Context(), show.Broadcasts[:1]); err != nil || paid == 0 || got[show.Broadcasts[0]].Orders != paid {
			t.Errorf("the recording sold %+v, its orders are %d, %v", got, paid, err)
		}
	})
}
