package shoptest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// ended makes orders and ends them, in the order of their names.
func ended(t *testing.T, s Store, kinds ...shop.SettlementKind) (out []shop.Order) {
	t.Helper()
	v := Stocked(t, s, "shop", 1000)
	var all []shop.Claim
	for i := range kinds {
		all = append(all, claimOf("mina", fmt.Sprint("ends", i), units(v, 1)))
	}
	news := make([]shop.Settlement, len(kinds))
	for i, o := range claims(t, s, all...) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		news[i] = pay(o.Orders[0])
		news[i].Kind, news[i].Scope = kinds[i], anybody
	}
	r, err := s.Apply(t.Context(), shop.Batch{Now: noon.Add(10 * time.Minute), Settlements: news})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range r.Settled {
		if n.Err != nil || !n.Changed {
			t.Fatalf("%+v", n)
		}
		out = append(out, n.Order)
	}
	return out
}

// taken are the ids of the orders to ask about, sorted.
func taken(t *testing.T, s Store, now, until time.Time) (ids []string, attempts []int64) {
	t.Helper()
	all, err := s.TakeUnheard(t.Context(), now, until, 100)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b shop.Unheard) int { return a.Order.PlacedAt.Compare(b.Order.PlacedAt) })
	for _, u := range all {
		if len(u.Order.Lines) != 1 || u.Order.Provider != "sandbox" || u.Order.State.Open() {
			t.Fatalf("%+v", u.Order)
		}
		ids, attempts = append(ids, u.Order.ID), append(attempts, u.Attempts)
	}
	slices.Sort(ids)
	return ids, attempts
}

func unheardOrders(t *testing.T, s Store) {
	o := ended(t, s, shop.SettleExpired, shop.SettleCancelled, shop.SettlePaid, shop.SettleDeclined, shop.SettleExpired)
	want := []string{o[0].ID, o[1].ID, o[4].ID}
	slices.Sort(want)
	now := noon.Add(10 * time.Minute)
	if got, _ := taken(t, s, now.Add(-time.Second), now); got != nil {
		t.Fatal("too early", got)
	}
	if got, attempts := taken(t, s, now, now.Add(time.Minute)); !slices.Equal(got, want) || slices.Max(attempts) != 0 {
		t.Fatal(got, want, attempts)
	}
	if got, _ := taken(t, s, now.Add(59*time.Second), now.Add(time.Hour)); got != nil {
		t.Fatal("somebody has them", got)
	}
	settle(t, s, pay(o[0])) // somebody tells
	now = now.Add(2 * time.Minute)
	if err := s.NoteUnheard(t.Context(), []shop.Asked{{OrderID: o[4].ID, Attempts: 3, Next: now}, {OrderID: o[1].ID}, {OrderID: o[0].ID, Attempts: 1, Next: now}}); err != nil {
		t.Fatal(err)
	}
	got, attempts := taken(t, s, now, now.Add(5*shop.UnheardWaitMax))
	if !slices.Equal(got, []string{o[4].ID}) || attempts[0] != 3 {
		t.Fatal(got, attempts)
	}
	if got, _ := taken(t, s, now, now.Add(time.Hour)); !slices.Equal(got, []string{o[4].ID}) {
		t.Fatal("what a wrong clock put off for days is asked about at once", got)
	}
	refused := pay(o[4])
	refused.Kind = shop.SettleDeclined
	if out := settle(t, s, refused)[0]; out.Changed || out.Order.State != shop.Expired {
		t.Fatalf("%+v", out)
	}
	if got, _ := taken(t, s, now.Add(2*time.Hour), now); got != nil {
		t.Fatal("all have spoken", got)
	}
	sound(t, s)
}

func unheardOnce(t *testing.T, s Store) {
	kinds := make([]shop.SettlementKind, 60)
	for i := range kinds {
		kinds[i] = shop.SettleExpired
	}
	orders := ended(t, s, kinds...)
	now := noon.Add(time.Hour)
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]int{}
	for node := range 4 {
		wg.Go(func() {
			for {
				all, err := s.TakeUnheard(t.Context(), now, now.Add(time.Minute), 7)
				if err != nil {
					t.Error(err)
				}
				if len(all) == 0 {
					return
				}
				asked := make([]shop.Asked, len(all))
				mu.Lock()
				for i, u := range all {
					seen[u.Order.ID]++
					asked[i] = shop.Asked{OrderID: u.Order.ID, Attempts: 1, Next: now.Add(time.Minute)}
				}
				mu.Unlock()
				if node%2 == 0 {
					slices.Reverse(asked)
				}
				if err := s.NoteUnheard(t.Context(), asked); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var news []shop.Settlement
	for _, o := range slices.Backward(orders) {
		news = append(news, pay(o))
	}
	settle(t, s, news[:30]...) // in the meantime
	wg.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was asked about %d times", id, n)
		}
	}
	if len(seen) < 30 {
		t.Error(len(seen))
	}
	if left, _ := taken(t, s, now.Add(time.Hour), now.Add(2*time.Hour)); len(left) != 30 {
		t.Error(len(left), "are left")
	}
}
