package shopsql_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
)

func TestVerifySaysWhereAWaitlistWasTouched(t *testing.T) {
	for name, c := range map[string]struct{ touch, says string }{
		"who waits is one more":           {`UPDATE stock SET waiting = waiting + 1`, "counts 3 who wait"},
		"an offer taken out":              {`DELETE FROM waitlist WHERE state = 'offered'`, "open offers 0"},
		"an offer that nobody made":       {`UPDATE waitlist SET state = 'offered' WHERE number = 2`, "open offers 2"},
		"somebody served before the next": {`UPDATE waitlist SET number = 9 WHERE number = 1`, "number 9 of the waitlist was served while number 2 waits"},
		"a number that was never given":   {`UPDATE waitlist SET number = 7 WHERE number = 3`, "up to number 7"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, engines[:1], func(t *testing.T, db *store.DB) {
				s := &shopsql.Store{DB: db}
				v := shoptest.Stocked(t, s, "shop", 0)
				now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
				wait := func(buyers ...string) {
					t.Helper()
					for _, b := range buyers {
						if _, err := s.Apply(t.Context(), shop.Batch{Now: now, OfferFor: time.Minute, Waits: []shop.WaitCall{{Variant: v.ID, Buyer: b}}}); err != nil {
							t.Fatal(err)
						}
					}
				}
				wait("ann", "ben", "cat")
				if _, err := s.AdjustStock(t.Context(), "shop", shop.Adjustment{VariantID: v.ID, Delta: 1, Reason: "restock", At: now}); err != nil {
					t.Fatal(err)
				}
				wait("")
				if whole, err := s.Verify(t.Context()); err != nil || len(whole.Breaks) > 0 {
					t.Fatal(whole, err)
				}
				exec(t, db, c.touch)
				a, err := s.Verify(t.Context())
				for _, b := range a.Breaks {
					if strings.Contains(b.What, c.says) {
						return
					}
				}
				t.Fatalf("found %+v %v, want %q", a.Breaks, err, c.says)
			})
		})
	}
}

func TestVerifySaysWhereADealWasTouched(t *testing.T) {
	each(t, engines[:1], func(t *testing.T, db *store.DB) {
		s := &shopsql.Store{DB: db}
		v := shoptest.Stocked(t, s, "shop", 5)
		d := shop.Deal{
			ID: "01a1f8c6-0000-7000-8000-00000000000d", ShopID: "shop", Broadcast: "show", Product: v.ProductID, Variants: []string{v.ID}, Price: shop.Money{Amount: 1, Currency: "EUR"},
			Quantity: 3, State: shop.DealPrepared, Version: 1,
		}
		if err := s.CreateDeal(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if whole, err := s.Verify(t.Context()); err != nil || len(whole.Breaks) > 0 {
			t.Fatal(whole, err)
		}
		exec(t, db, `UPDATE deal SET taken = 1`)
		if a, err := s.Verify(t.Context()); err != nil || len(a.Breaks) != 1 || !strings.Contains(a.Breaks[0].What, "1 are taken, but orders have 0") {
			t.Fatal(a, err)
		}
	})
}
