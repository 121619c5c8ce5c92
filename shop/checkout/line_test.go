package checkout_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/store/redistest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func join(t *testing.T, l checkout.Line, buyer string, now time.Time) checkout.Place {
	t.Helper()
	p, err := l.Join(t.Context(), checkout.Joining{Buyer: buyer, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lineLike are the settings of a line.
type lineLike struct {
	Opening         time.Duration
	PerAddress, Max int
}

// everyLine runs a test on the line of one node and on that of nodes that share Redis.
func everyLine(t *testing.T, like lineLike, test func(t *testing.T, l checkout.Line)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, &checkout.LineMemory{Opening: like.Opening, PerAddress: like.PerAddress, Max: like.Max})
	})
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		test(t, &checkout.LineRedis{
			Client: b.Client, Prefix: redistest.Prefix(), Opening: like.Opening, PerAddress: like.PerAddress, Max: like.Max, Patience: 10 * time.Second, CallersTime: true,
		})
	})
}

// TestTheLineIsShuffledOnceAndThenInOrder: a faster network at the opening is no better place; later, who comes first
// is first.
func TestTheLineIsShuffledOnceAndThenInOrder(t *testing.T) {
	t.Parallel()
	everyLine(t, lineLike{}, func(t *testing.T, l checkout.Line) {
		var ids []string
		for i := range 200 {
			ids = append(ids, join(t, l, fmt.Sprint("early", i), noon.Add(time.Duration(i)*time.Millisecond)).ID)
		}
		after := noon.Add(2 * time.Second)
		for i := range 200 {
			ids = append(ids, join(t, l, fmt.Sprint("late", i), after.Add(time.Duration(i)*time.Millisecond)).ID)
		}
		seen, inOrder := map[int64]bool{}, 0
		for i, id := range ids {
			p, err := l.Look(t.Context(), id, after)
			if err != nil {
				t.Fatal(err)
			}
			if seen[p.Position] || p.Position < 1 || p.Position > 400 {
				t.Fatalf("place %d is at %d", i, p.Position)
			}
			seen[p.Position] = true
			if i >= 200 && p.Position != int64(i+1) {
				t.Fatalf("who came as number %d stands at %d", i+1, p.Position)
			}
			if i < 200 && p.Position == int64(i+1) {
				inOrder++
			}
		}
		if inOrder > 20 {
			t.Fatalf("%d of 200 stand where they came", inOrder)
		}
	})
}

func TestReloadsAndTabsGainNothing(t *testing.T) {
	t.Parallel()
	everyLine(t, lineLike{Opening: time.Nanosecond}, func(t *testing.T, l checkout.Line) {
		first := join(t, l, "a", noon)
		join(t, l, "b", noon.Add(time.Second))
		for range 100 {
			if again := join(t, l, "a", noon.Add(2*time.Second)); again.ID != first.ID || again.Position != 1 {
				t.Fatalf("%+v", again)
			}
		}
		if c := join(t, l, "c", noon.Add(3*time.Second)); c.Position != 3 {
			t.Fatalf("%+v", c)
		}
	})
}

func TestABotsAddressGetsItsShareOfPlaces(t *testing.T) {
	t.Parallel()
	everyLine(t, lineLike{PerAddress: 3, Max: 5}, func(t *testing.T, l checkout.Line) {
		for i := range 10 {
			_, err := l.Join(t.Context(), checkout.Joining{Buyer: fmt.Sprint("bot", i), Address: "a", Now: noon})
			if (i < 3) != (err == nil) || (err != nil && !errors.Is(err, shop.ErrTooFast)) {
				t.Fatal(i, err)
			}
		}
		join(t, l, "x", noon)
		join(t, l, "y", noon)
		if _, err := l.Join(t.Context(), checkout.Joining{Buyer: "z", Now: noon}); !errors.Is(err, shop.ErrBusy) {
			t.Fatalf("a full line says %v", err)
		}
	})
}

func TestTurnsAreGivenInOrderAndEnd(t *testing.T) {
	t.Parallel()
	everyLine(t, lineLike{Opening: time.Nanosecond}, func(t *testing.T, l checkout.Line) {
		var ids []string
		for i := range 4 {
			ids = append(ids, join(t, l, fmt.Sprint(i), noon.Add(time.Duration(i)*time.Second)).ID)
		}
		now := noon.Add(15 * time.Second)
		for _, id := range []string{ids[0], ids[1], ids[3]} {
			if _, err := l.Look(t.Context(), id, now); err != nil {
				t.Fatal(err)
			}
		}
		now = noon.Add(23 * time.Second) // nobody has asked for the third since it came
		turns, err := l.Call(t.Context(), 3, now, now.Add(30*time.Second))
		if err != nil || !slices.Equal(turns, []string{ids[0], ids[1], ids[3]}) {
			t.Fatal(turns, err)
		}
		for i, turn := range []bool{true, true, false, true} {
			p, err := l.Look(t.Context(), ids[i], now)
			if turn != (err == nil && p.Turn()) {
				t.Fatalf("place %d: %+v %v", i, p, err)
			}
		}
		if waiting, called, _ := l.Size(t.Context(), now); waiting != 0 || called != 3 {
			t.Fatal(waiting, called)
		}
		if err := l.Use(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Look(t.Context(), ids[0], now); !errors.Is(err, shop.ErrPlaceOver) {
			t.Fatalf("a used place: %v", err)
		}
		if _, err := l.Look(t.Context(), ids[1], now.Add(31*time.Second)); !errors.Is(err, shop.ErrPlaceOver) {
			t.Fatalf("a turn that has passed: %v", err)
		}
		if again := join(t, l, "0", now); again.ID == ids[0] {
			t.Fatal("who has bought begins with a new place")
		}
	})
}

// TestATurnIsOnePurchase: beside it a second one under another key finds no turn; its own retries do, and the next one
// when it was refused.
func TestATurnIsOnePurchase(t *testing.T) {
	t.Parallel()
	everyLine(t, lineLike{Opening: time.Nanosecond}, func(t *testing.T, l checkout.Line) {
		p, now := join(t, l, "a", noon), noon.Add(time.Second)
		take := func(key string, at time.Time, free bool) {
			t.Helper()
			if err := l.Take(t.Context(), p.ID, key, at); (err == nil) != free || (!free && !errors.Is(err, shop.ErrPlaceOver)) {
				t.Fatalf("%s: %v", key, err)
			}
		}
		take("before the turn", now, false)
		if _, err := l.Call(t.Context(), 1, now, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		take("first", now, true)
		take("first", now.Add(time.Second), true)
		take("second", now.Add(2*time.Second), false)
		if err := l.Free(t.Context(), p.ID, "second"); err != nil {
			t.Fatal(err)
		}
		take("second", now.Add(3*time.Second), false)
		if err := l.Free(t.Context(), p.ID, "first"); err != nil {
			t.Fatal(err)
		}
		take("second", now.Add(4*time.Second), true)
		take("third", now.Add(30*time.Second), true) // nobody has heard of the second for long
		if err := l.Use(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		take("fourth", now.Add(31*time.Second), false)
	})
}

// TestAClockThatIsSetBackKeepsNobodyAtTheOpening: an opening lasts a second, whatever the clock says then.
func TestAClockThatIsSetBackKeepsNobodyAtTheOpening(t *testing.T) {
	t.Parallel()
	everyLine(t, lineLike{Opening: time.Second}, func(t *testing.T, l checkout.Line) {
		p := join(t, l, "a", noon)
		before := noon.Add(-time.Hour)
		join(t, l, "b", before)
		if _, err := l.Call(t.Context(), 2, before, before.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got, err := l.Look(t.Context(), p.ID, before); err != nil || !got.Turn() {
			t.Fatalf("%+v %v", got, err)
		}
	})
}

func TestLimitsCountEveryNameAndGiveBack(t *testing.T) {
	t.Parallel()
	l := &checkout.LimitsMemory{}
	a, b := checkout.Attempt{Name: "a", Rate: checkout.Per(3, time.Second)}, checkout.Attempt{Name: "b", Rate: checkout.Per(5, time.Minute)}
	for i := range 3 {
		if wait := l.Take(t.Context(), noon, b, a); wait != 0 {
			t.Fatal(i, wait)
		}
	}
	for range 10 { // a is used up: b is not counted
		if wait := l.Take(t.Context(), noon, b, a); wait <= 0 || wait > time.Second {
			t.Fatal(wait)
		}
	}
	for i := range 3 {
		if wait := l.Take(t.Context(), noon, b); (wait == 0) != (i < 2) {
			t.Fatal(i, wait)
		}
	}
	if wait := l.Take(t.Context(), noon.Add(time.Second), a, checkout.Attempt{Name: "none"}); wait != 0 {
		t.Fatal(wait)
	}
}
