package shoptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

var anybody = shop.Scope{Any: true}

// RunStore holds a store to the rules, case by case. open returns an empty store.
func RunStore(t *testing.T, open func(t *testing.T) Store) {
	cases := []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"the last unit goes to who came first", lastUnit},
		{"an item on two lines is counted once, with both quantities", twoLines},
		{"a claim is granted whole or not at all, across shops too", wholeOrNothing},
		{"one key in one batch is one order", oneKeyInABatch},
		{"many writers at once sell exactly what is there", manyWriters},
		{"one key from many writers is one order", oneKeyManyWriters},
		{"carts in opposite order do not lock each other out", oppositeCarts},
		{"a buyer's limit counts holds and gives them back", buyerLimit},
		{"late money counts against the buyer's limit", lateBeyondLimit},
		{"a key is forgotten after its time", forgottenKey},
		{"a batch may be as large as it gets", largeBatch},
		{"refunds of a line sum to the line", exactRefunds},
		{"an order moves along the table only", moves},
		{"nobody reads another's orders", scopes},
		{"stock cannot fall below what is reserved", adjust},
		{"a free order is paid at once", free},
		{"a provider that has not spoken is asked until it does", unheardOrders},
		{"an order is asked about by one node at a time", unheardOnce},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func claimOf(buyer, key string, lines ...shop.ClaimLine) shop.Claim {
	return shop.Claim{
		PurchaseID: uuid.Must(uuid.NewV7()).String(), Key: key, Fingerprint: "print", Buyer: buyer, Provider: "sandbox", Instrument: "card", Lines: lines, HoldUntil: noon.Add(10 * time.Minute),
	}
}

func units(v shop.Variant, n int64) shop.ClaimLine {
	return shop.ClaimLine{Variant: v.ID, Quantity: n}
}

func claims(t testing.TB, s Store, all ...shop.Claim) []shop.Outcome {
	t.Helper()
	r, err := s.Apply(context.Background(), shop.Batch{Now: noon, KeysFrom: noon.Add(-time.Hour), Claims: all})
	if err != nil {
		t.Fatal(err)
	}
	return r.Outcomes
}

func settle(t testing.TB, s Store, all ...shop.Settlement) []shop.Settled {
	t.Helper()
	for i := range all {
		if all[i].Scope.Buyer == "" && all[i].Scope.Shops == nil {
			all[i].Scope = anybody
		}
	}
	r, err := s.Apply(context.Background(), shop.Batch{Now: noon, KeysFrom: noon.Add(-time.Hour), Settlements: all})
	if err != nil {
		t.Fatal(err)
	}
	return r.Settled
}

func pay(o shop.Order) shop.Settlement {
	return shop.Settlement{OrderID: o.ID, Kind: shop.SettlePaid, Provider: "sandbox", Ref: "ref-" + o.ID, Amount: shop.Money{Amount: o.Total, Currency: o.Currency}}
}

func stockOf(t testing.TB, s Store, v shop.Variant) shop.Stock {
	t.Helper()
	found, err := s.Variants(context.Background(), []string{v.ID})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0].Stock
}

// sound wants the ledger, the stock and the orders to agree.
func sound(t testing.TB, s Store) {
	t.Helper()
	if a, err := s.Verify(context.Background()); err != nil || len(a.Breaks) > 0 {
		t.Fatal(a.Breaks, err)
	}
}

func lastUnit(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 1)
	out := claims(t, s, claimOf("mina", "a", units(v, 1)), claimOf("omar", "b", units(v, 1)))
	if out[0].Err != nil || !errors.Is(out[1].Err, shop.ErrSoldOut) {
		t.Fatalf("%v %v", out[0].Err, out[1].Err)
	}
	if got := stockOf(t, s, v); got.OnHand != 1 || got.Reserved != 1 || got.Number != 2 {
		t.Fatalf("%+v", got)
	}
	sound(t, s)
}

func twoLines(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 3)
	if out := claims(t, s, claimOf("mina", "a", units(v, 2), units(v, 2))); !errors.Is(out[0].Err, shop.ErrSoldOut) {
		t.Fatal(out[0].Err)
	}
	if out := claims(t, s, claimOf("mina", "a", units(v, 2), units(v, 1))); out[0].Err != nil || len(out[0].Orders[0].Lines) != 2 {
		t.Fatal(out[0])
	}
	sound(t, s)
}

func wholeOrNothing(t *testing.T, s Store) {
	a, b := Stocked(t, s, "shop-a", 5), Stocked(t, s, "shop-b", 1)
	if out := claims(t, s, claimOf("mina", "a", units(a, 1), units(b, 2))); !errors.Is(out[0].Err, shop.ErrSoldOut) || stockOf(t, s, a).Reserved != 0 {
		t.Fatal(out[0])
	}
	c := claimOf("mina", "a", units(a, 1), units(b, 1), units(a, 2))
	out := claims(t, s, c)
	orders := out[0].Orders
	if out[0].Err != nil || len(orders) != 2 || orders[0].ShopID != "shop-a" || len(orders[0].Lines) != 2 || orders[1].PurchaseID != orders[0].ID || orders[1].Part != 1 {
		t.Fatalf("%+v", out[0])
	}
	all, err := s.Purchase(t.Context(), shop.Scope{Buyer: "mina"}, c.PurchaseID)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if again := claims(t, s, claimOf("mina", "a", units(a, 1))); !again[0].Known || len(again[0].Orders) != 2 {
		t.Fatalf("%+v", again[0])
	}
	settle(t, s, pay(orders[0]), shop.Settlement{OrderID: orders[1].ID, Kind: shop.SettleDeclined})
	if x, y := stockOf(t, s, a), stockOf(t, s, b); x.OnHand != 2 || x.Reserved != 0 || y.OnHand != 1 || y.Reserved != 0 {
		t.Fatalf("%+v %+v", x, y)
	}
	sound(t, s)
}

func oneKeyInABatch(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 5)
	first := claimOf("mina", "a", units(v, 1))
	other := claimOf("mina", "a", units(v, 1))
	other.Fingerprint = "another"
	out := claims(t, s, first, claimOf("mina", "a", units(v, 1)), other)
	if out[0].Err != nil || !out[1].Known || out[1].Orders[0].ID != first.PurchaseID || !errors.Is(out[2].Err, shop.ErrKeyReused) {
		t.Fatalf("%+v", out)
	}
	if got := stockOf(t, s, v); got.Reserved != 1 {
		t.Fatalf("%+v", got)
	}
}

// atOnce runs fn n times in parallel.
func atOnce(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func manyWriters(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 50)
	granted := make([]int, 8)
	atOnce(8, func(w int) {
		for round := range 5 {
			var batch []shop.Claim
			for i := range 4 {
				batch = append(batch, claimOf(fmt.Sprint("buyer", i), fmt.Sprint(w, "-", round, "-", i), units(v, 1)))
			}
			r, err := s.Apply(context.Background(), shop.Batch{Now: noon, KeysFrom: noon.Add(-time.Hour), Claims: batch})
			if err != nil {
				t.Error(err)
				return
			}
			for _, o := range r.Outcomes {
				if o.Err == nil {
					granted[w]++
				} else if !errors.Is(o.Err, shop.ErrSoldOut) {
					t.Error(o.Err)
				}
			}
		}
	})
	sum := 0
	for _, n := range granted {
		sum += n
	}
	if got := stockOf(t, s, v); sum != 50 || got.Reserved != 50 {
		t.Fatalf("%d granted, %+v", sum, got)
	}
	sound(t, s)
}

func oneKeyManyWriters(t *testing.T, s Store) {
	v, w := Stocked(t, s, "shop", 50), Stocked(t, s, "shop", 50)
	ids := make([]string, 8)
	atOnce(8, func(i int) {
		of := v
		if i%2 == 1 {
			of = w // the same key with other rows to lock: only the key itself is in the way
		}
		r, err := s.Apply(context.Background(), shop.Batch{Now: noon, KeysFrom: noon.Add(-time.Hour), Claims: []shop.Claim{claimOf("mina", "same", units(of, 1))}})
		if err != nil || r.Outcomes[0].Err != nil {
			t.Error(r, err)
			return
		}
		ids[i] = r.Outcomes[0].Orders[0].ID
	})
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 1 {
		t.Fatal(ids)
	}
	if a, b := stockOf(t, s, v), stockOf(t, s, w); a.Reserved+b.Reserved != 1 {
		t.Fatalf("%+v %+v", a, b)
	}
	sound(t, s)
}

func oppositeCarts(t *testing.T, s Store) {
	v, w := Stocked(t, s, "shop", 1000), Stocked(t, s, "shop", 1000)
	atOnce(6, func(i int) {
		lines := []shop.ClaimLine{units(v, 1), units(w, 1)}
		if i%2 == 1 {
			slices.Reverse(lines)
		}
		for round := range 6 {
			c := claimOf("mina", fmt.Sprint(i, "-", round), lines...)
			r, err := s.Apply(context.Background(), shop.Batch{Now: noon, KeysFrom: noon.Add(-time.Hour), Claims: []shop.Claim{c}})
			if err != nil || r.Outcomes[0].Err != nil {
				t.Error(r, err)
				return
			}
			if _, err := s.Apply(context.Background(), shop.Batch{Now: noon, Settlements: []shop.Settlement{{OrderID: c.PurchaseID, Kind: shop.SettleCancelled, Scope: anybody}}}); err != nil {
				t.Error(err)
			}
		}
	})
	sound(t, s)
}
