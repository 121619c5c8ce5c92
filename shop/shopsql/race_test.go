package shopsql_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
)

// A double click that reaches two nodes at the same moment, for the last unit: one places the order while the other,
// which has seen no such key, waits for the stock. It must answer with that order, not with "sold out".
func TestADoubleClickOnTwoNodesIsOneAnswer(t *testing.T) {
	each(t, engines[1:], func(t *testing.T, db *store.DB) {
		s := &shopsql.Store{DB: db}
		v := shoptest.Stocked(t, s, "shop", 1)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		answers := make([]shop.BatchResult, 2)
		errs := make([]error, 2)
		var clicks sync.WaitGroup
		hold := errors.New("roll back")
		err := db.Update(ctx, func(tx *store.Tx) error { // both wait for this one, and have read the keys before
			if _, err := tx.Exec(ctx, `SELECT number FROM stock WHERE variant_id = $1 FOR UPDATE`, v.ID); err != nil {
				return err
			}
			for i, id := range []string{"01a1f8c6-0000-7000-8000-000000000001", "01a1f8c6-0000-7000-8000-000000000002"} {
				clicks.Go(func() {
					answers[i], errs[i] = s.Apply(ctx, shop.Batch{Now: now, Claims: []shop.Claim{
						{PurchaseID: id, Key: "key", Fingerprint: "same", Buyer: "mina", Lines: []shop.ClaimLine{{Variant: v.ID, Quantity: 1}}, HoldUntil: now},
					}})
				})
			}
			return errors.Join(hold, waiting(ctx, db, 2))
		})
		clicks.Wait()
		if !errors.Is(err, hold) || errs[0] != nil || errs[1] != nil {
			t.Fatal(err, errs)
		}
		one, two := answers[0].Outcomes[0], answers[1].Outcomes[0]
		if one.Err != nil || two.Err != nil || one.Orders[0].ID != two.Orders[0].ID || one.Known == two.Known {
			t.Fatalf("%+v\n%+v", one, two)
		}
	})
}

// waiting returns when so many of the database's connections wait for a lock.
func waiting(ctx context.Context, db *store.DB, want int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var n int
		err := db.View(ctx, func(tx *store.Tx) error { // a transaction sees one moment only
			return tx.QueryRow(ctx, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		})
		if err != nil || n >= want {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
