package shopsql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
)

// What people put on a shelf or take from it by hand, and what comes back with a refund, are entries like any other: the
// books hold with them, and verify names the entry that was touched.
func TestVerifyKnowsWhatWasDoneByHand(t *testing.T) {
	for name, c := range map[string]struct {
		touch, says string
		number      int64
	}{
		"nothing":                            {},
		"how much was put on the shelf":      {`UPDATE ledger SET adjusted = adjusted + 1 WHERE reason = 'counted'`, "the balances", 4},
		"why it was put there":               {`UPDATE ledger SET reason = 'gift' WHERE reason = 'counted'`, "the hash", 4},
		"who put it there":                   {`UPDATE ledger SET by_id = 'somebody' WHERE reason = 'counted'`, "the hash", 4},
		"an adjustment taken out":            {`DELETE FROM ledger WHERE reason = 'counted'`, "follows entry 3", 5},
		"how much came back with a refund":   {`UPDATE ledger SET adjusted = adjusted + 1 WHERE number = 5`, "the balances", 5},
		"a restock at the end taken out":     {`DELETE FROM ledger WHERE number = 5`, "the stock row says", 0},
		"a restock made up by whoever could": {`UPDATE stock SET on_hand = on_hand + 1, number = number + 1`, "the stock row says", 0},
	} {
		t.Run(name, func(t *testing.T) {
			on := engines[:1] // the text is one; a second engine shows it for one case
			if c.touch == "" {
				on = engines
			}
			each(t, on, func(t *testing.T, db *store.DB) {
				s := &shopsql.Store{DB: db}
				v := sell(t, s) // entries 1 to 3: put on sale, held, one of two sold
				at := time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC)
				if _, err := s.AdjustStock(t.Context(), "shop", shop.Adjustment{VariantID: v.ID, Delta: -3, Reason: "counted", By: "seller", At: at}); err != nil {
					t.Fatal(err)
				}
				if _, _, _, err := s.Refund(t.Context(), shop.RefundRequest{
					ID: "01a1f8c6-0000-7000-8000-00000000000f", Scope: shop.Scope{Any: true}, OrderID: "01a1f8c6-0000-7000-8000-000000000001", Reason: "too small", By: "seller", At: at,
					Lines: []shop.RefundWish{{Line: 1, Quantity: 1, Restock: true}},
				}); err != nil {
					t.Fatal(err)
				}
				if c.touch != "" {
					exec(t, db, c.touch)
				}
				a, err := s.Verify(t.Context())
				if err != nil || a.Entries < 4 {
					t.Fatal(a, err)
				}
				found := fmt.Sprintf("%+v", a.Breaks)
				switch {
				case c.touch == "" && len(a.Breaks) > 0:
					t.Fatal(found)
				case c.touch != "" && !strings.Contains(found, c.says):
					t.Fatalf("found %s, want %q", found, c.says)
				}
				for _, b := range a.Breaks {
					if strings.Contains(b.What, c.says) && b.Number == c.number {
						return
					}
				}
				if c.number != 0 {
					t.Fatalf("found %s, want entry %d", found, c.number)
				}
			})
		})
	}
}
