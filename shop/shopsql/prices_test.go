package shopsql_test

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// TestWhatAProductCost raises, lowers and sells at deals, and asks for the lowest price of thirty days on each engine.
func TestWhatAProductCost(t *testing.T) {
	const day = 24 * time.Hour
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			s := &shopsql.Store{DB: e.open(t)}
			v := shoptest.Stocked(t, s, "shop", 10)
			p, err := s.Product(t.Context(), v.ProductID)
			if err != nil {
				t.Fatal(err)
			}
			began := p.CreatedAt
			list := v.Price.Amount
			cost := func(after time.Duration, amount int64) {
				t.Helper()
				price := shop.Money{Amount: amount, Currency: v.Price.Currency}
				if _, err := s.UpdateVariant(t.Context(), "shop", v.ID, shop.VariantChange{Price: &price}, began.Add(after)); err != nil {
					t.Fatal(err)
				}
			}
			want := func(after time.Duration, list, any int64) {
				t.Helper()
				got, err := s.PriorPrices(t.Context(), v.ProductID, []string{v.ID, "unknown"}, began.Add(after))
				if err != nil || len(got) != 1 || got[v.ID] != (shop.PriorPrice{List: list, Any: any}) {
					t.Errorf("after %v: %+v, %v; want %d, %d", after/day*24, got, err, list, any)
				}
			}
			want(time.Hour, list, list)
			cost(10*day, list+1000) // raised, for a deal that looks large
			want(11*day, list, list)
			want(39*day, list, list)
			want(41*day, list+1000, list+1000)
			cost(50*day, list-100)
			cost(51*day, list+1000)
			want(79*day, list-100, list-100)
			want(82*day, list+1000, list+1000)
			// The product's own change takes its variants along, where they cost the same.
			up := shop.Money{Amount: list + 2000, Currency: v.Price.Currency}
			cost(90*day, list)
			if _, err := s.UpdateProduct(t.Context(), "shop", v.ProductID, shop.ProductChange{Price: &up}, began.Add(91*day)); err != nil {
				t.Fatal(err)
			}
			want(92*day, list, list)
			want(122*day, list+2000, list+2000)
			// A variant that comes later has a price from then on.
			more, err := s.AddVariant(t.Context(), "shop", shop.Variant{
				ID: "01a1f8c6-0000-7000-8000-00000000beef", ProductID: v.ProductID, ShopID: "shop", Title: "XL", Price: up, State: shop.Active,
			}, "seller", began.Add(123*day))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.PriorPrices(t.Context(), v.ProductID, []string{more.ID}, began.Add(124*day)); err != nil || got[more.ID].List != list+2000 {
				t.Errorf("%+v, %v", got, err)
			}
			deal := func(id string, state shop.DealState, opens time.Duration, amount int64) {
				t.Helper()
				d := shop.Deal{
					ID: "01a1f8c6-0000-7000-8000-00000000d00" + id, ShopID: "shop", Broadcast: "show", Product: v.ProductID, Variants: []string{v.ID}, Quantity: 5, State: state, Version: 1,
					Price: shop.Money{Amount: amount, Currency: v.Price.Currency}, OpensAt: began.Add(opens), EndsAt: began.Add(opens + time.Hour),
				}
				if err := s.CreateDeal(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			deal("1", shop.DealEnded, 130*day, list-500)
			deal("2", shop.DealCancelled, 131*day, list-900)
			deal("3", shop.DealPrepared, 132*day, list-900)
			deal("4", shop.DealOpen, 200*day, list-900)
			want(133*day, list+2000, list-500)
			want(159*day, list+2000, list-500)
			want(161*day, list+2000, list+2000)
			if got, err := s.PriorPrices(t.Context(), v.ProductID, []string{more.ID}, began.Add(133*day)); err != nil || got[more.ID].Any != list+2000 {
				t.Errorf("a deal is about another variant: %+v, %v", got, err)
			}
		})
	}
}
