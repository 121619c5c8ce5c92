package shoptest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

func buyerLimit(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 10)
	two := int64(2)
	if _, err := s.UpdateVariant(t.Context(), "shop", v.ID, shop.VariantChange{PerBuyer: &two}, noon); err != nil {
		t.Fatal(err)
	}
	first := claims(t, s, claimOf("mina", "a", units(v, 2)), claimOf("mina", "b", units(v, 1)), claimOf("omar", "c", units(v, 1)))
	if first[0].Err != nil || !errors.Is(first[1].Err, shop.ErrLimited) || first[2].Err != nil {
		t.Fatalf("%+v", first)
	}
	settle(t, s, shop.Settlement{OrderID: first[0].Orders[0].ID, Kind: shop.SettleDeclined})
	if out := claims(t, s, claimOf("mina", "d", units(v, 2)), claimOf("mina", "e", units(v, 1))); out[0].Err != nil || !errors.Is(out[1].Err, shop.ErrLimited) {
		t.Fatalf("%+v", out)
	}
	sound(t, s)
}

// lateBeyondLimit: money that comes after the hold, while its buyer has bought again up to the limit, goes back. Else
// whoever pays slowly enough could have twice what others may.
func lateBeyondLimit(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 10)
	two := int64(2)
	if _, err := s.UpdateVariant(t.Context(), "shop", v.ID, shop.VariantChange{PerBuyer: &two}, noon); err != nil {
		t.Fatal(err)
	}
	buy := func(key string, n int64) shop.Order {
		out := claims(t, s, claimOf("mina", key, units(v, n)))
		if out[0].Err != nil {
			t.Fatal(out[0].Err)
		}
		return out[0].Orders[0]
	}
	slow := buy("a", 2)
	settle(t, s, shop.Settlement{OrderID: slow.ID, Kind: shop.SettleDeclined})
	settle(t, s, pay(buy("b", 1)))
	late := settle(t, s, pay(slow))[0]
	if late.Err != nil || !late.Changed || !late.Refund || late.Order.State != shop.Declined || late.Order.Refunded != slow.Total {
		t.Fatalf("%+v", late)
	}
	refunds, err := s.Refunds(t.Context(), slow.ID)
	if err != nil || len(refunds) != 1 || refunds[0].Reason != shop.ReasonLimit || refunds[0].Amount != slow.Total {
		t.Fatal(refunds, err)
	}
	if again := settle(t, s, pay(slow))[0]; again.Changed || again.Refund {
		t.Fatalf("told twice: %+v", again)
	}
	other := buy("c", 1)
	settle(t, s, shop.Settlement{OrderID: other.ID, Kind: shop.SettleDeclined})
	if fits := settle(t, s, pay(other))[0]; fits.Order.State != shop.Paid || fits.Refund {
		t.Fatalf("late and within the limit: %+v", fits)
	}
	if got := stockOf(t, s, v); got.OnHand != 8 || got.Reserved != 0 {
		t.Fatalf("%+v", got)
	}
	sound(t, s)
}

func forgottenKey(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 10)
	claims(t, s, claimOf("mina", "a", units(v, 1)))
	later := noon.Add(31 * 24 * time.Hour)
	r, err := s.Apply(t.Context(), shop.Batch{Now: later, KeysFrom: later.Add(-30 * 24 * time.Hour), Claims: []shop.Claim{claimOf("mina", "a", units(v, 2))}})
	if err != nil || r.Outcomes[0].Err != nil || r.Outcomes[0].Known {
		t.Fatalf("%+v %v", r, err)
	}
}

func largeBatch(t *testing.T, s Store) {
	var many []shop.Variant
	for range shop.LinesMax {
		many = append(many, Stocked(t, s, "shop", 1000))
	}
	var batch []shop.Claim
	cart := make([]shop.ClaimLine, 0, shop.LinesMax)
	for _, v := range many {
		cart = append(cart, units(v, 1))
	}
	for i := range 10 {
		batch = append(batch, claimOf("mina", fmt.Sprint("cart", i), cart...))
	}
	for i := range 500 {
		batch = append(batch, claimOf("omar", fmt.Sprint("one", i), units(many[i%7], 1)))
	}
	var news []shop.Settlement
	for i, o := range claims(t, s, batch...) {
		if o.Err != nil {
			t.Fatal(i, o.Err)
		}
		news = append(news, pay(o.Orders[0]))
	}
	for _, n := range settle(t, s, news...) {
		if !n.Changed || n.Order.State != shop.Paid {
			t.Fatalf("%+v", n)
		}
	}
	sound(t, s)
}

// paidOrder is one order of one line that was paid.
func paidOrder(t *testing.T, s Store, quantity, price int64) (shop.Order, shop.Variant) {
	t.Helper()
	v := Priced(t, s, "shop", 100, price)
	out := claims(t, s, claimOf("mina", "key-"+v.ID, units(v, quantity)))
	if out[0].Err != nil {
		t.Fatal(out[0].Err)
	}
	return settle(t, s, pay(out[0].Orders[0]))[0].Order, v
}

func exactRefunds(t *testing.T, s Store) {
	o, v := paidOrder(t, s, 3, 3333)
	ask := func(quantity int64, amount *int64) (shop.Refund, shop.Order, error) {
		r, now, _, err := s.Refund(t.Context(), shop.RefundRequest{
			ID: shop.PartID(o.ID, fmt.Sprint(quantity, amount, time.Now().UnixNano())), Scope: shop.Scope{Shops: []string{"shop"}}, OrderID: o.ID, Reason: "r", By: "seller", At: noon,
			Lines: []shop.RefundWish{{Line: 1, Quantity: quantity, Amount: amount, Restock: true}},
		})
		return r, now, err
	}
	cent, most := int64(1), int64(9999)
	if _, _, err := ask(1, &most); err != nil { // all of the money for one unit: nothing is left for the others
		t.Fatal(err)
	}
	if _, _, err := ask(0, &cent); !errors.Is(err, shop.ErrOrderState) {
		t.Fatal(err)
	}
	if got := stockOf(t, s, v); got.OnHand != 98 {
		t.Fatalf("%+v", got)
	}
	o, _ = paidOrder(t, s, 3, 3333)
	if r, now, err := ask(0, &cent); err != nil || r.Amount != 1 || now.State != shop.PartiallyRefunded {
		t.Fatal(r, now, err)
	}
	sum := int64(1)
	for range 3 {
		r, _, err := ask(1, nil)
		if err != nil {
			t.Fatal(err)
		}
		sum += r.Amount
	}
	now, err := s.Order(t.Context(), anybody, o.ID)
	if err != nil || sum != o.Total || now.State != shop.Refunded || now.Refunded != now.Paid {
		t.Fatal(sum, now, err)
	}
	if _, _, err := ask(1, nil); !errors.Is(err, shop.ErrOrderState) {
		t.Fatal(err)
	}
	due, err := s.RefundsDue(t.Context(), noon, 10)
	if err != nil || len(due) != 5 {
		t.Fatal(due, err)
	}
	sound(t, s)
}

func moves(t *testing.T, s Store) {
	o, v := paidOrder(t, s, 1, 2900)
	for _, kind := range []shop.SettlementKind{shop.SettleDeclined, shop.SettleExpired, shop.SettleRequiresAction, shop.SettlePaid} {
		n := pay(o)
		n.Kind = kind
		if got := settle(t, s, n)[0]; got.Changed || got.Order.State != shop.Paid {
			t.Fatalf("%s: %+v", kind, got)
		}
	}
	if got := settle(t, s, shop.Settlement{OrderID: o.ID, Kind: shop.SettleCancelled})[0]; !errors.Is(got.Err, shop.ErrOrderState) {
		t.Fatalf("%+v", got)
	}
	if got := settle(t, s, shop.Settlement{OrderID: "nothing", Kind: shop.SettlePaid})[0]; !errors.Is(got.Err, shop.ErrNotFound) {
		t.Fatalf("%+v", got)
	}
	second := pay(o)
	second.Ref = "a second charge"
	if got := settle(t, s, second)[0]; !got.Refund || got.Order.State != shop.Paid || got.Order.Paid-got.Order.Refunded != o.Total {
		t.Fatalf("a second charge goes back: %+v", got)
	}
	if got := stockOf(t, s, v); got.OnHand != 99 || got.Reserved != 0 {
		t.Fatalf("%+v", got)
	}
	sound(t, s)
}

func scopes(t *testing.T, s Store) {
	o, _ := paidOrder(t, s, 1, 2900)
	for name, c := range map[string]struct {
		scope shop.Scope
		sees  bool
	}{
		"nobody":        {shop.Scope{}, false},
		"a stranger":    {shop.Scope{Buyer: "omar"}, false},
		"another shop":  {shop.Scope{Shops: []string{"other", ""}}, false},
		"the buyer":     {shop.Scope{Buyer: "mina"}, true},
		"the shop":      {shop.Scope{Shops: []string{"shop"}}, true},
		"the house":     {anybody, true},
		"an empty name": {shop.Scope{Buyer: "", Shops: []string{""}}, false},
	} {
		_, err := s.Order(t.Context(), c.scope, o.ID)
		if (err == nil) != c.sees || (!c.sees && !errors.Is(err, shop.ErrNotFound)) {
			t.Errorf("%s: %v", name, err)
		}
		list, err := s.Orders(t.Context(), shop.OrderQuery{Scope: c.scope, Limit: 10})
		if err != nil || (len(list) == 1) != c.sees {
			t.Errorf("%s: %d in the list, %v", name, len(list), err)
		}
		if _, _, _, err := s.Refund(t.Context(), shop.RefundRequest{ID: "x", Scope: c.scope, OrderID: o.ID, At: noon}); !c.sees && !errors.Is(err, shop.ErrNotFound) {
			t.Errorf("%s refunds: %v", name, err)
		}
	}
	v := Stocked(t, s, "shop", 1)
	title := "mine"
	if _, err := s.UpdateVariant(t.Context(), "other", v.ID, shop.VariantChange{Title: &title}, noon); !errors.Is(err, shop.ErrNotFound) {
		t.Error(err)
	}
	if _, err := s.UpdateProduct(t.Context(), "other", v.ProductID, shop.ProductChange{Title: &title}, noon); !errors.Is(err, shop.ErrNotFound) {
		t.Error(err)
	}
}

func adjust(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 3)
	claims(t, s, claimOf("mina", "a", units(v, 2)))
	change := func(shopID string, delta int64) (shop.StockNow, error) {
		return s.AdjustStock(t.Context(), shopID, shop.Adjustment{VariantID: v.ID, Delta: delta, Reason: "count", By: "seller", At: noon})
	}
	if _, err := change("shop", -2); !errors.Is(err, shop.ErrStockTooLow) {
		t.Fatal(err)
	}
	if _, err := change("other", 1); !errors.Is(err, shop.ErrNotFound) {
		t.Fatal(err)
	}
	if now, err := change("shop", -1); err != nil || now.Available != 0 || now.Number != 3 {
		t.Fatal(now, err)
	}
	entries, err := s.Entries(t.Context(), v.ID, 0, 10)
	if err != nil || len(entries) != 3 || entries[2].Adjusted != -1 || entries[1].Held != 2 {
		t.Fatal(entries, err)
	}
	sound(t, s)
}

func free(t *testing.T, s Store) {
	v := Priced(t, s, "shop", 1, 0)
	out := claims(t, s, claimOf("mina", "a", units(v, 1)))
	if out[0].Err != nil || out[0].Orders[0].State != shop.Paid {
		t.Fatalf("%+v", out[0])
	}
	if got := stockOf(t, s, v); got.OnHand != 0 || got.Reserved != 0 {
		t.Fatalf("%+v", got)
	}
	sound(t, s)
}
