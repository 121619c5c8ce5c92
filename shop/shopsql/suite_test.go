package shopsql_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
)

func TestTheRules(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			shoptest.RunStore(t, func(t *testing.T) shoptest.Store { return &shopsql.Store{DB: e.open(t)} })
			t.Run("a full waitlist", func(t *testing.T) { shoptest.FullWaitlist(t, &shopsql.Store{DB: e.open(t)}) })
			shoptest.RunWaits(t, func(t *testing.T) shoptest.Store { return &shopsql.Store{DB: e.open(t)} })
		})
	}
}

// sell leaves two orders, one paid and one held, and returns the variant.
func sell(t *testing.T, s *shopsql.Store) shop.Variant {
	t.Helper()
	v := shoptest.Stocked(t, s, "shop", 10)
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	b := shop.Batch{Now: now}
	for _, id := range []string{"01a1f8c6-0000-7000-8000-000000000001", "01a1f8c6-0000-7000-8000-000000000002"} {
		b.Claims = append(b.Claims, shop.Claim{PurchaseID: id, Key: id, Buyer: "mina", Lines: []shop.ClaimLine{{Variant: v.ID, Quantity: 2}}, HoldUntil: now})
	}
	r, err := s.Apply(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	o := r.Outcomes[0].Orders[0]
	if _, err := s.Apply(t.Context(), shop.Batch{Now: now, Settlements: []shop.Settlement{
		{OrderID: o.ID, Kind: shop.SettlePaid, Provider: "p", Ref: "r", Amount: shop.Money{Amount: o.Total, Currency: o.Currency}, Scope: shop.Scope{Any: true}},
	}}); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifySaysWhereTheBooksWereTouched(t *testing.T) {
	for name, c := range map[string]struct{ touch, says string }{
		"an entry's number of units": {`UPDATE ledger SET held = held + 1 WHERE number = 2`, "entry 2: the balances"},
		"an entry's time":            {`UPDATE ledger SET at = at + 1 WHERE number = 2`, "entry 2: the hash"},
		"an entry's reason":          {`UPDATE ledger SET reason = 'theft' WHERE number = 1`, "entry 1: the hash"},
		"an entry taken out":         {`DELETE FROM ledger WHERE number = 2`, "entry 3 follows entry 1"},
		"the last entry taken out":   {`DELETE FROM ledger WHERE number = 3`, "the stock row says"},
		"the stock row":              {`UPDATE stock SET on_hand = on_hand + 1`, "the stock row says"},
		"an order's state":           {`UPDATE orders SET state = 'cancelled' WHERE state = 'held'`, "open orders hold 0"},
		"an order taken out":         {`DELETE FROM orders WHERE state = 'held'`, "open orders hold 0"},
		"an order marked paid":       {`UPDATE orders SET state = 'paid', paid = total WHERE state = 'held'`, "orders bought 4"},
		"a buyer's counter":          {`INSERT INTO buyer_limit (limit_id, buyer_id, quantity) SELECT 'variant/' || variant_id, 'mina', 3 FROM stock`, "3 count against the limit"},
		"an order's money":           {`UPDATE orders SET paid = paid + 1 WHERE state = 'paid'`, "state paid"},
	} {
		t.Run(name, func(t *testing.T) {
			on := engines[:1] // the text is one; a second engine shows it for one case
			if c.says == "entry 3 follows entry 1" {
				on = engines
			}
			each(t, on, func(t *testing.T, db *store.DB) {
				s := &shopsql.Store{DB: db}
				sell(t, s)
				whole, err := s.Verify(t.Context())
				if err != nil || len(whole.Breaks) > 0 {
					t.Fatal(whole, err)
				}
				exec(t, db, c.touch)
				a, err := s.Verify(t.Context())
				if err != nil || len(a.Breaks) == 0 {
					t.Fatalf("nothing found: %+v %v", a, err)
				}
				for _, b := range a.Breaks {
					if strings.Contains(b.What, c.says) {
						return
					}
				}
				t.Fatalf("found %+v, want %q", a.Breaks, c.says)
			})
		})
	}
}

func exec(t *testing.T, db *store.DB, statement string) {
	t.Helper()
	if err := try(db, statement); err != nil {
		t.Fatal(err)
	}
}

func try(db *store.DB, statement string) error {
	return db.Update(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Exec(context.Background(), statement)
		return err
	})
}

// TestTheDatabaseRefusesTheImpossible takes every other guard away: the CHECKs are the last one.
func TestTheDatabaseRefusesTheImpossible(t *testing.T) {
	each(t, engines, func(t *testing.T, db *store.DB) {
		s := &shopsql.Store{DB: db}
		v := sell(t, s)
		for name, statement := range map[string]string{
			"more reserved than there is":    `UPDATE stock SET reserved = on_hand + 1`,
			"less than nothing reserved":     `UPDATE stock SET reserved = -1`,
			"more refunded than paid":        `UPDATE orders SET refunded = paid + 1`,
			"a second order of a key":        `INSERT INTO orders (id, key_hash, shop_id, buyer_id, broadcast_id, state, currency, total, variant_id, quantity, body, placed_at, hold_until, changed_at) SELECT 'x', key_hash, shop_id, buyer_id, broadcast_id, state, currency, total, variant_id, quantity, body, placed_at, hold_until, changed_at FROM orders`,
			"a second entry of a number":     `INSERT INTO ledger SELECT variant_id, number, held, sold, released, adjusted, on_hand, reserved, reason, by_id, at, hash FROM ledger WHERE number = 1`,
			"an unknown state":               `UPDATE orders SET state = 'won'`,
			"less than nothing for a buyer":  `INSERT INTO buyer_limit (limit_id, buyer_id, quantity) VALUES ('a', 'b', -1)`,
			"stock of a variant of no shelf": `INSERT INTO stock (variant_id, on_hand, reserved, number, hash) VALUES ('nothing', 1, 0, 0, '')`,
		} {
			if err := try(db, statement); err == nil {
				t.Errorf("%s is stored", name)
			}
		}
		if a, err := s.Verify(t.Context()); err != nil || len(a.Breaks) > 0 {
			t.Fatal(v.ID, a, err)
		}
	})
}
