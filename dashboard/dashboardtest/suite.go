package dashboardtest

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/dashboard"
)

// RunStore runs the suite against stores that open makes, each empty.
func RunStore(t *testing.T, open func(t *testing.T) dashboard.Store) {
	t.Run("folded as it happens, in whatever rhythm, the rows are those of a rebuild", func(t *testing.T) {
		for seed := range uint64(2) {
			rhythm(t, open(t), seed, 400)
		}
	})
	t.Run("a fold that fails leaves nothing", func(t *testing.T) { fails(t, open(t)) })
	t.Run("two that fold the same share the work", func(t *testing.T) { shared(t, open(t)) })
	t.Run("an unknown broadcast has no rows", func(t *testing.T) {
		rows, err := open(t).Read(context.Background(), "nothing", 20)
		if diff := cmp.Diff(dashboard.Rows{}, rows, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

// Fold makes a fold of a show into a store.
func (s *Show) Fold(store dashboard.Store) *dashboard.Fold {
	return &dashboard.Fold{Store: store, Facts: s.Facts, Audience: s.Audience, Log: slog.New(slog.DiscardHandler)}
}

// Rows reads everything that a store holds of the show.
func (s *Show) Rows(t testing.TB, store dashboard.Store) (out []dashboard.Rows) {
	t.Helper()
	for _, b := range s.Broadcasts {
		rows, err := store.Read(context.Background(), b, -1)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rows)
	}
	return out
}

func same(t testing.TB, what string, want, got []dashboard.Rows) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s (- want, + got):\n%s", what, diff)
	}
}

// rhythm folds a show while it happens, looking now and then, and compares with the model and with a rebuild.
func rhythm(t *testing.T, store dashboard.Store, seed uint64, steps int) {
	t.Helper()
	ctx := context.Background()
	show := NewShow(seed, steps)
	var model Model
	if err := show.Fold(&model).Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	want := show.Rows(t, &model)
	if b := want[0].Broadcasts[0]; b.GMV == 0 || b.Refunds == 0 || b.Declined == 0 || b.Expired == 0 || b.Clicks == 0 || b.Foreign == 0 {
		t.Fatalf("seed %d: the show is too dull: %+v", seed, b)
	}

	fold := show.Fold(store)
	r := rand.New(rand.NewPCG(seed, 9))
	for at := show.Begin; at.Before(show.End); {
		// The audience's facts come up to two seconds late; what caused them is there.
		show.Audience.Until = at.Add(-time.Duration(r.IntN(2000)) * time.Millisecond)
		show.Facts.Until = at
		if _, err := fold.Step(ctx); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Duration(r.IntN(20_000)) * time.Millisecond)
	}
	show.Facts.Until, show.Audience.Until = time.Time{}, time.Time{}
	for more := true; more; {
		var err error
		if more, err = fold.Step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "as it happened", want, show.Rows(t, store))
	if err := fold.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	same(t, "rebuilt", want, show.Rows(t, store))
	latest, err := store.Read(ctx, "b0", 5)
	if err != nil || len(latest.Orders) != 5 || len(latest.Clicks) != 0 {
		t.Fatalf("%d orders, %d clicks, %v", len(latest.Orders), len(latest.Clicks), err)
	}
	if diff := cmp.Diff(want[0].Orders[:5], latest.Orders, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
}

func fails(t *testing.T, store dashboard.Store) {
	ctx := context.Background()
	show := NewShow(1, 50)
	fold := show.Fold(store)
	if _, err := fold.Step(ctx); err != nil {
		t.Fatal(err)
	}
	before := show.Rows(t, store)
	cursor, err := store.Cursor(ctx, "hawker")
	if err != nil || cursor == 0 {
		t.Fatal(cursor, err)
	}
	applied := false
	err = store.Fold(ctx, "hawker", cursor-1, cursor+10, dashboard.Keys{}, func(*dashboard.Tables) { applied = true })
	if !errors.Is(err, dashboard.ErrMoved) || applied {
		t.Fatalf("folding from another place: %v, applied %v", err, applied)
	}
	if now, err := store.Cursor(ctx, "hawker"); err != nil || now != cursor {
		t.Fatalf("the cursor went from %d to %d, %v", cursor, now, err)
	}
	same(t, "after a refused fold", before, show.Rows(t, store))
}

func shared(t *testing.T, store dashboard.Store) {
	ctx := context.Background()
	show := NewShow(2, 400)
	var model Model
	if err := show.Fold(&model).Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 2 {
		go func() {
			fold := show.Fold(store)
			for {
				more, err := fold.Step(ctx)
				if err != nil || !more {
					done <- err
					return
				}
			}
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	same(t, "two folds", show.Rows(t, &model), show.Rows(t, store))
}
