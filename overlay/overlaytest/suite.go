package overlaytest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Backend is a store under test, with the facts that it appended so far.
type Backend struct {
	Store interface {
		overlay.Store
		overlay.Sets
	}
	Facts func(t testing.TB) []event.Event
}

var at0 = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// RunStore runs the suite against stores that open makes, each empty.
func RunStore(t *testing.T, open func(t *testing.T) Backend) {
	t.Run("a program of 10,000 calls answers as the model does", func(t *testing.T) {
		calls := 10_000
		if testing.Short() {
			calls = 1_000
		}
		RunProgram(t, open(t), 20261120, calls)
	})
	t.Run("a refused call leaves nothing", func(t *testing.T) { refused(t, open(t)) })
	t.Run("concurrent pins stay under the limit and number the versions one by one", func(t *testing.T) { concurrent(t, open(t)) })
	t.Run("sets are a channel's own, up to its limit", func(t *testing.T) { sets(t, open(t)) })
	t.Run("broadcasts do not mix", func(t *testing.T) { apart(t, open(t)) })
}

// RunProgram makes the same random calls to the store and to the model and compares every answer.
func RunProgram(t *testing.T, b Backend, seed uint64, calls int) {
	t.Helper()
	ctx := context.Background()
	var model Model
	r := rand.New(rand.NewPCG(seed, 0))
	same := func(call string, want, got any, wantErr, gotErr error) {
		t.Helper()
		if (wantErr == nil) != (gotErr == nil) || (wantErr != nil && !errors.Is(gotErr, wantErr)) {
			t.Fatalf("seed %d, %s: the store says %v, the model %v", seed, call, gotErr, wantErr)
		}
		if wantErr != nil {
			return
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d, %s (- model, + store):\n%s", seed, call, diff)
		}
	}
	now := mediatime.Time(0)
	for i := range calls {
		now += mediatime.Time(r.IntN(2_000_000))
		at := at0.Add(now.Duration()).Truncate(time.Millisecond)
		broadcast := fmt.Sprintf("b%d", r.IntN(12))
		product := fmt.Sprintf("p%d", r.IntN(6))
		when := max(now-mediatime.Time(r.IntN(30_000_000)), 0)
		id := fmt.Sprintf("%08d", i)
		mark := func(version int64) event.Event {
			return event.Event{ID: id, Topic: event.BroadcastTopic(broadcast), Kind: event.PinPlaced, V: 1, MediaTime: int64(when), At: at.UnixMilli(), Data: fmt.Appendf(nil, `{"version":%d}`, version)}
		}
		unmark := func(p overlay.Pin, version int64) event.Event {
			e := mark(version)
			e.Kind, e.Data = event.PinRemoved, fmt.Appendf(nil, `{"pin":%q,"until":%d,"version":%d}`, p.ID, *p.Until, version)
			return e
		}
		switch n := r.IntN(100); {
		case n < 25:
			pin := overlay.Pin{ID: id, Broadcast: broadcast, Product: product, From: when, PlacedBy: "creator", PlacedAt: at}
			if r.IntN(4) == 0 {
				pin.Set = &overlay.PinnedSet{ID: fmt.Sprintf("s%d", r.IntN(3)), Name: "Set " + id, Products: []string{product, "p7"}}
			}
			want, wantNew, wantErr := model.PlacePin(ctx, pin, 3, mark)
			got, gotNew, gotErr := b.Store.PlacePin(ctx, pin, 3, mark)
			same("place "+id, []any{want, wantNew}, []any{got, gotNew}, wantErr, gotErr)
		case n < 45:
			rm := overlay.Removal{Broadcast: broadcast, Product: product, Until: when, By: "moderator", At: at}
			if r.IntN(4) == 0 {
				rm.Product = fmt.Sprintf("s%d", r.IntN(3))
			}
			want, wantNew, wantErr := model.RemovePin(ctx, rm, unmark)
			got, gotNew, gotErr := b.Store.RemovePin(ctx, rm, unmark)
			same("remove "+id, []any{want, wantNew}, []any{got, gotNew}, wantErr, gotErr)
		case n < 55:
			bag := overlay.Bag{Broadcast: broadcast, From: now, SetBy: "creator", SetAt: at, Products: []string{}}
			for _, p := range r.Perm(5)[:r.IntN(3)] {
				bag.Products = append(bag.Products, fmt.Sprintf("p%d", p))
			}
			want, wantErr := model.SetBag(ctx, bag, mark)
			got, gotErr := b.Store.SetBag(ctx, bag, mark)
			same("bag "+id, want, got, wantErr, gotErr)
		case n < 75:
			want, wantErr := model.Room(ctx, broadcast, nil)
			got, gotErr := b.Store.Room(ctx, broadcast, nil)
			same("room "+id, want, got, wantErr, gotErr)
		case n < 97:
			t := mediatime.Time(r.Int64N(int64(now) + 1))
			want, wantErr := model.Room(ctx, broadcast, &t)
			got, gotErr := b.Store.Room(ctx, broadcast, &t)
			same(fmt.Sprintf("room %s at %d", id, t), want, got, wantErr, gotErr)
		default:
			want, wantErr := model.Pins(ctx, broadcast)
			got, gotErr := b.Store.Pins(ctx, broadcast)
			same("pins "+id, want, got, wantErr, gotErr)
			after, most := at.Add(-time.Duration(r.IntN(60))*time.Second), 1+r.IntN(8)
			want, wantErr = model.PinsRemoved(ctx, after, most)
			got, gotErr = b.Store.PinsRemoved(ctx, after, most)
			same("pins removed after "+after.String(), want, got, wantErr, gotErr)
		}
	}
	same("facts", model.Facts(), b.Facts(t), nil, nil)
}

func fact(id, broadcast string) func(int64) event.Event {
	return func(version int64) event.Event {
		return event.Event{ID: id, Topic: event.BroadcastTopic(broadcast), Kind: event.PinPlaced, V: 1, At: version, Data: []byte(`{}`)}
	}
}

func refused(t *testing.T, b Backend) {
	ctx := context.Background()
	for i := range 3 {
		p := overlay.Pin{ID: fmt.Sprint("pin", i), Broadcast: "b", Product: fmt.Sprint("p", i), PlacedAt: at0}
		if _, placed, err := b.Store.PlacePin(ctx, p, 3, fact(p.ID, "b")); err != nil || !placed {
			t.Fatal(placed, err)
		}
	}
	before, err := b.Store.Room(ctx, "b", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Store.PlacePin(ctx, overlay.Pin{ID: "pin4", Broadcast: "b", Product: "p4", PlacedAt: at0}, 3, fact("pin4", "b")); !errors.Is(err, overlay.ErrTooManyPins) {
		t.Fatalf("a fourth pin: %v", err)
	}
	never := func(overlay.Pin, int64) event.Event { panic("a fact of nothing") }
	if _, _, err := b.Store.RemovePin(ctx, overlay.Removal{Broadcast: "b", Product: "p9", At: at0}, never); !errors.Is(err, overlay.ErrNotPinned) {
		t.Fatalf("unpinning what was never pinned: %v", err)
	}
	after, err := b.Store.Room(ctx, "b", nil)
	if diff := cmp.Diff(before, after); err != nil || diff != "" || len(b.Facts(t)) != 3 {
		t.Fatalf("%v, %d facts, %s", err, len(b.Facts(t)), diff)
	}
}

func concurrent(t *testing.T, b Backend) {
	ctx := context.Background()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			p := overlay.Pin{ID: fmt.Sprintf("pin%02d", i), Broadcast: "b", Product: fmt.Sprint("p", i%8), PlacedAt: at0}
			if _, _, err := b.Store.PlacePin(ctx, p, 3, fact(p.ID, "b")); err != nil && !errors.Is(err, overlay.ErrTooManyPins) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	room, err := b.Store.Room(ctx, "b", nil)
	if err != nil || len(room.Pins) != 3 || room.Version != 3 {
		t.Fatalf("%d pins, version %d, %v", len(room.Pins), room.Version, err)
	}
	seen := map[int64]bool{}
	for _, e := range b.Facts(t) {
		seen[e.At] = true
	}
	if len(seen) != 3 || !seen[1] || !seen[2] || !seen[3] {
		t.Fatalf("versions %v", seen)
	}
}

func apart(t *testing.T, b Backend) {
	ctx := context.Background()
	if _, _, err := b.Store.PlacePin(ctx, overlay.Pin{ID: "pin", Broadcast: "one", Product: "p", PlacedAt: at0}, 3, fact("pin", "one")); err != nil {
		t.Fatal(err)
	}
	room, err := b.Store.Room(ctx, "two", nil)
	if err != nil || room.Version != 0 || len(room.Pins) != 0 {
		t.Fatalf("%+v, %v", room, err)
	}
	if pins, err := b.Store.Pins(ctx, "two"); err != nil || len(pins) != 0 {
		t.Fatalf("%+v, %v", pins, err)
	}
}
