package shoptest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// RunWaits holds a store's waitlists to the rules, case by case. open returns an empty store.
func RunWaits(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"units that come back go to who has waited longest", firstInFirstOut},
		{"an offer that runs out goes to the next", offerRunsOut},
		{"what is offered is nobody else's", offeredIsKept},
		{"who has as many as one may is passed over", overTheLimit},
		{"a buyer waits for so many things at most", manyWaits},
		{"who leaves gives the unit to the next", leaving},
		{"an erased person leaves every list", erasedWaits},
		{"what cannot be bought is not offered", notOffered},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			c.run(t, s)
			sound(t, s)
		})
	}
}

const offerTime = time.Minute

// works carries out calls on waitlists.
func works(t testing.TB, s Store, at time.Time, all ...shop.WaitCall) shop.BatchResult {
	t.Helper()
	r, err := s.Apply(context.Background(), shop.Batch{Now: at, KeysFrom: at.Add(-time.Hour), Waits: all, OfferFor: offerTime})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// joins puts buyers on a variant's list.
func joins(t testing.TB, s Store, v shop.Variant, buyers ...string) {
	t.Helper()
	for _, b := range buyers {
		if r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: b}); r.Waits[0].Err != nil || r.Waits[0].Wait.State != shop.WaitWaiting {
			t.Fatalf("%s: %+v", b, r.Waits)
		}
	}
}

func stateOf(t testing.TB, s Store, v shop.Variant, buyer string) shop.WaitState {
	t.Helper()
	w, err := s.WaitOf(context.Background(), v.ID, buyer)
	if err != nil {
		t.Fatal(err)
	}
	return w.State
}

func restocks(t testing.TB, s Store, v shop.Variant, n int64) {
	t.Helper()
	if _, err := s.AdjustStock(context.Background(), "shop", shop.Adjustment{VariantID: v.ID, Delta: n, Reason: "restock", By: "seller", At: noon}); err != nil {
		t.Fatal(err)
	}
}

func wantStates(t testing.TB, s Store, v shop.Variant, want map[string]shop.WaitState) {
	t.Helper()
	for buyer, state := range want {
		if got := stateOf(t, s, v, buyer); got != state {
			t.Errorf("%s is %s, want %s", buyer, got, state)
		}
	}
}

func firstInFirstOut(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 1)
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "early"}); !errors.Is(r.Waits[0].Err, shop.ErrInStock) {
		t.Fatalf("%+v", r.Waits)
	}
	held := claims(t, s, claimOf("mina", "a", units(v, 1)))[0].Orders[0]
	joins(t, s, v, "ann", "ben", "cat")
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "ben"}); r.Waits[0].Wait.Number != 2 {
		t.Fatalf("asking again is another place: %+v", r.Waits)
	}
	if w, err := s.WaitOf(context.Background(), v.ID, "cat"); err != nil || w.Ahead != 2 {
		t.Fatal(w, err)
	}
	if got, err := s.Variants(context.Background(), []string{v.ID}); err != nil || got[0].Waiting != 3 {
		t.Fatal(got, err)
	}
	// A cancelled order's unit is ann's, in the same transaction, and two that are put in are ben's and cat's.
	r, err := s.Apply(context.Background(), shop.Batch{Now: noon, OfferFor: offerTime, Settlements: []shop.Settlement{{OrderID: held.ID, Kind: shop.SettleCancelled, Scope: anybody}}})
	if err != nil || len(r.Offers) != 1 || r.Offers[0].Buyer != "ann" || !r.Offers[0].Until.Equal(noon.Add(offerTime)) {
		t.Fatal(r.Offers, err)
	}
	restocks(t, s, v, 3)
	due, err := s.WaitsDue(context.Background(), noon, 10)
	if err != nil || len(due) != 1 || due[0] != v.ID {
		t.Fatal(due, err)
	}
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID}); len(r.Offers) != 2 || r.Offers[0].Buyer != "ben" || r.Stocks[0].Available != 1 {
		t.Fatalf("%+v %+v", r.Offers, r.Stocks)
	}
	wantStates(t, s, v, map[string]shop.WaitState{"ann": shop.WaitOffered, "ben": shop.WaitOffered, "cat": shop.WaitOffered})
	out := claims(t, s, claimOf("ann", "b", units(v, 2))) // the one that was offered and the one that is free
	if out[0].Err != nil || stateOf(t, s, v, "ann") != shop.WaitTaken {
		t.Fatal(out[0].Err)
	}
	if due, err := s.WaitsDue(context.Background(), noon, 10); err != nil || len(due) != 0 {
		t.Fatal(due, err)
	}
}

func offerRunsOut(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 0)
	joins(t, s, v, "ann", "ben")
	restocks(t, s, v, 1)
	works(t, s, noon, shop.WaitCall{Variant: v.ID})
	late := noon.Add(offerTime)
	if due, err := s.WaitsDue(context.Background(), late.Add(-time.Millisecond), 10); err != nil || len(due) != 0 {
		t.Fatal(due, err)
	}
	if due, err := s.WaitsDue(context.Background(), late, 10); err != nil || len(due) != 1 {
		t.Fatal(due, err)
	}
	// Who comes a moment too late finds that it is ben's, though nobody has looked at the list since.
	c := claimOf("ann", "late", units(v, 1))
	r, err := s.Apply(context.Background(), shop.Batch{Now: late, OfferFor: offerTime, Claims: []shop.Claim{c}})
	if err != nil || !errors.Is(r.Outcomes[0].Err, shop.ErrSoldOut) || len(r.Offers) != 1 || r.Offers[0].Buyer != "ben" {
		t.Fatal(r, err)
	}
	wantStates(t, s, v, map[string]shop.WaitState{"ann": shop.WaitPassed, "ben": shop.WaitOffered})
	joins(t, s, v, "ann")
	if w, err := s.WaitOf(context.Background(), v.ID, "ann"); err != nil || w.Number != 3 {
		t.Fatal(w, err)
	}
}

func offeredIsKept(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 0)
	joins(t, s, v, "ann")
	restocks(t, s, v, 1)
	// The list comes first, also where others ask in the same batch and before anybody looked at it.
	r, err := s.Apply(context.Background(), shop.Batch{Now: noon, OfferFor: offerTime, Claims: []shop.Claim{claimOf("zoe", "z", units(v, 1)), claimOf("ann", "a", units(v, 1)), claimOf("ann", "again", units(v, 1))}})
	if err != nil || !errors.Is(r.Outcomes[0].Err, shop.ErrSoldOut) || r.Outcomes[1].Err != nil || !errors.Is(r.Outcomes[2].Err, shop.ErrSoldOut) {
		t.Fatal(r, err)
	}
	if got := stockOf(t, s, v); got.Reserved != 1 || got.OnHand != 1 {
		t.Fatalf("%+v", got)
	}
	if _, err := s.AdjustStock(context.Background(), "shop", shop.Adjustment{VariantID: v.ID, Delta: -1, Reason: "lost", By: "seller", At: noon}); !errors.Is(err, shop.ErrStockTooLow) {
		t.Fatal(err)
	}
}

func overTheLimit(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 1)
	limit := func(n int64) {
		t.Helper()
		if _, err := s.UpdateVariant(context.Background(), "shop", v.ID, shop.VariantChange{PerBuyer: &n}, noon); err != nil {
			t.Fatal(err)
		}
	}
	limit(2)
	settle(t, s, pay(claims(t, s, claimOf("ann", "a", units(v, 1)))[0].Orders[0]))
	joins(t, s, v, "ann", "ben")
	limit(1) // ann has as many as one may by now
	restocks(t, s, v, 1)
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID}); len(r.Offers) != 1 || r.Offers[0].Buyer != "ben" {
		t.Fatalf("%+v", r.Offers)
	}
	wantStates(t, s, v, map[string]shop.WaitState{"ann": shop.WaitPassed, "ben": shop.WaitOffered})
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "ann"}); !errors.Is(r.Waits[0].Err, shop.ErrLimited) {
		t.Fatalf("%+v", r.Waits)
	}
	// An offer does not lift the limit either.
	if out := claims(t, s, claimOf("ben", "b", units(v, 1))); out[0].Err != nil {
		t.Fatal(out[0].Err)
	}
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "ben"}); !errors.Is(r.Waits[0].Err, shop.ErrLimited) {
		t.Fatalf("%+v", r.Waits)
	}
}

// FullWaitlist fills a list, and serves it whole: who comes then is not taken, and pushes nobody out.
func FullWaitlist(t *testing.T, s Store) {
	defer sound(t, s)
	v := Stocked(t, s, "shop", 0)
	for from := 0; from < shop.WaitsMax; from += 500 {
		calls := make([]shop.WaitCall, 500)
		for i := range calls {
			calls[i] = shop.WaitCall{Variant: v.ID, Buyer: fmt.Sprint("buyer-", from+i)}
		}
		for i, w := range works(t, s, noon, calls...).Waits {
			if w.Err != nil || w.Wait.Number != int64(from+i+1) {
				t.Fatalf("%+v", w)
			}
		}
	}
	if r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "one more"}); !errors.Is(r.Waits[0].Err, shop.ErrWaitFull) {
		t.Fatalf("%+v", r.Waits)
	}
	// A restock for everybody is served in slices of bounded size, in order.
	restocks(t, s, v, shop.WaitsMax)
	for n := int64(0); n < shop.WaitsMax; n += shop.WaitsAtOnce {
		r := works(t, s, noon, shop.WaitCall{Variant: v.ID})
		if len(r.Offers) != shop.WaitsAtOnce || r.Offers[0].Number != n+1 {
			t.Fatalf("%d offers from %d", len(r.Offers), n)
		}
	}
	if due, err := s.WaitsDue(context.Background(), noon, 10); err != nil || len(due) != 0 {
		t.Fatal(due, err)
	}
}

func manyWaits(t *testing.T, s Store) {
	var last shop.Variant
	for range shop.WaitsPerBuyer {
		last = Stocked(t, s, "shop", 0)
		joins(t, s, last, "ann")
	}
	more := Stocked(t, s, "shop", 0)
	if r := works(t, s, noon, shop.WaitCall{Variant: more.ID, Buyer: "ann"}); !errors.Is(r.Waits[0].Err, shop.ErrWaits) {
		t.Fatalf("%+v", r.Waits)
	}
	if r := works(t, s, noon, shop.WaitCall{Variant: last.ID, Buyer: "ann", Leave: true}, shop.WaitCall{Variant: more.ID, Buyer: "ann"}); r.Waits[1].Err != nil {
		t.Fatalf("%+v", r.Waits)
	}
	if all, err := s.WaitsOf(context.Background(), "ann", 3); err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
}

func leaving(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 0)
	joins(t, s, v, "ann", "ben", "cat")
	restocks(t, s, v, 1)
	works(t, s, noon, shop.WaitCall{Variant: v.ID})
	r := works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "ann", Leave: true}, shop.WaitCall{Variant: v.ID, Buyer: "zoe", Leave: true}, shop.WaitCall{Variant: "nothing", Buyer: "zoe"})
	if len(r.Offers) != 1 || r.Offers[0].Buyer != "ben" || !errors.Is(r.Waits[1].Err, shop.ErrNotFound) || !errors.Is(r.Waits[2].Err, shop.ErrVariantUnknown) {
		t.Fatalf("%+v", r)
	}
	works(t, s, noon, shop.WaitCall{Variant: v.ID, Buyer: "cat", Leave: true})
	wantStates(t, s, v, map[string]shop.WaitState{"ann": shop.WaitLeft, "ben": shop.WaitOffered, "cat": shop.WaitLeft})
	if err := s.ForgetWaits(context.Background(), noon.Add(time.Second), 10); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WaitOf(context.Background(), v.ID, "ann"); !errors.Is(err, shop.ErrNotFound) {
		t.Fatal(err)
	}
	if got, err := s.OfferedTo(context.Background(), v.ID, noon, 10); err != nil || len(got) != 1 || got[0] != "ben" {
		t.Fatal(got, err)
	}
}

func erasedWaits(t *testing.T, s Store) {
	v, w := Stocked(t, s, "shop", 0), Stocked(t, s, "shop", 0)
	joins(t, s, v, "ann", "ben")
	joins(t, s, w, "ann")
	restocks(t, s, v, 1)
	works(t, s, noon, shop.WaitCall{Variant: v.ID})
	if err := s.ForgetBuyer(context.Background(), "ann", noon); err != nil {
		t.Fatal(err)
	}
	if all, err := s.WaitsOf(context.Background(), "ann", 10); err != nil || len(all) != 0 {
		t.Fatal(all, err)
	}
	if got := stockOf(t, s, v); got.Available() != 1 {
		t.Fatalf("%+v", got)
	}
	works(t, s, noon, shop.WaitCall{Variant: v.ID})
	wantStates(t, s, v, map[string]shop.WaitState{"ben": shop.WaitOffered})
}

func notOffered(t *testing.T, s Store) {
	v := Stocked(t, s, "shop", 0)
	joins(t, s, v, "ann")
	restocks(t, s, v, 1)
	opens, archived, active := noon.Add(time.Minute), shop.Archived, shop.Active
	for _, c := range []shop.VariantChange{{State: &archived}, {State: &active, OpensAt: &opens}} {
		if _, err := s.UpdateVariant(context.Background(), "shop", v.ID, c, noon); err != nil {
			t.Fatal(err)
		}
		if due, err := s.WaitsDue(context.Background(), noon, 10); err != nil || len(due) != 0 {
			t.Fatal(due, err)
		}
		if r := works(t, s, noon, shop.WaitCall{Variant: v.ID}); len(r.Offers) != 0 {
			t.Fatalf("%+v", r.Offers)
		}
	}
	if r := works(t, s, opens, shop.WaitCall{Variant: v.ID}); len(r.Offers) != 1 {
		t.Fatalf("%+v", r.Offers)
	}
}
