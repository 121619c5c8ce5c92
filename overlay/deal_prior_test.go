package overlay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// prices are what products cost before.
type prices map[string]shop.PriorPrice

func (p prices) PriorPrices(_ context.Context, _ string, variants []string, _ time.Time) (map[string]shop.PriorPrice, error) {
	out := map[string]shop.PriorPrice{}
	for _, id := range variants {
		if known, ok := p[id]; ok {
			out[id] = known
		}
	}
	return out, nil
}

func TestADealIsAReduction(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	s.withDeals()
	cost := prices{}
	s.Prices = cost
	// Raised and then lowered again: 19.00 is what it cost a week ago.
	cost["p1-m"] = shop.PriorPrice{List: 1900, Any: 1900}
	if _, err := s.PrepareDeal(ctx, "live", wish(), "creator"); !errors.Is(err, shop.ErrDealPrior) {
		t.Fatalf("no reduction, and %v", err)
	}
	cost["p1-m"] = shop.PriorPrice{List: 2500, Any: 2400}
	made, err := s.PrepareDeal(ctx, "live", wish(), "creator")
	if err != nil {
		t.Fatal(err)
	}
	// Between preparing and starting it was sold for less.
	cost["p1-m"] = shop.PriorPrice{List: 1800, Any: 1800}
	if _, err := s.StartDeal(ctx, "live", made.ID, nil, "creator"); !errors.Is(err, shop.ErrDealPrior) {
		t.Fatalf("no reduction any more, and %v", err)
	}
	cost["p1-m"] = shop.PriorPrice{List: 2500, Any: 2200}
	if _, err := s.StartDeal(ctx, "live", made.ID, nil, "creator"); err != nil {
		t.Fatal(err)
	}
	delete(cost, "p1-m") // it was measured when it was announced
	scene, err := s.Scene(ctx, "live", nil)
	if err != nil || len(scene.Deals) != 1 || scene.Deals[0].Variants[0].Lowest == nil || *scene.Deals[0].Variants[0].Lowest != eur(2200) {
		t.Fatalf("%+v, %v", scene.Deals, err)
	}
}
