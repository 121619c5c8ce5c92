package checkout_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/store/redistest"
)

// clock is one that tests move.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) forward(d time.Duration) { c.ms.Add(d.Milliseconds()) }
func wants(n int64, variants ...string) *shop.Claim {
	c := &shop.Claim{}
	for _, v := range variants {
		c.Lines = append(c.Lines, shop.ClaimLine{Variant: v, Quantity: n})
	}
	return c
}

// gates makes gates of nodes that share what they know, or of one node.
type gates func(t *testing.T, c *clock, nodes int) []checkout.Gate

// everyGate lists the backends: memory is one node.
func everyGate(t *testing.T, test func(t *testing.T, nodes int, make gates)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, 1, func(_ *testing.T, c *clock, _ int) []checkout.Gate {
			return []checkout.Gate{&checkout.GateMemory{Now: c.now}}
		})
	})
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		test(t, 2, func(t *testing.T, c *clock, nodes int) (out []checkout.Gate) {
			prefix := redistest.Prefix()
			for range nodes {
				bus := &event.Redis{Client: b.Client, Log: slog.New(slog.DiscardHandler), Prefix: prefix, Partitions: 2}
				g := &checkout.GateShared{Bus: bus, Log: slog.New(slog.DiscardHandler), Now: c.now}
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error, 2)
				go func() { ended <- bus.Run(ctx) }()
				go func() { ended <- g.Run(ctx) }()
				t.Cleanup(func() {
					cancel()
					if err := errors.Join(<-ended, <-ended); err != nil {
						t.Error(err)
					}
				})
				out = append(out, g)
			}
			return out
		})
	})
}

func TestAGateSaysNoOnlyWhereItKnows(t *testing.T) {
	everyGate(t, func(t *testing.T, _ int, make gates) {
		c := newClock()
		g := make(t, c, 1)[0]
		check := func(what string, claim *shop.Claim, want error) {
			t.Helper()
			if err := g.Admit(claim); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
		}
		check("nobody knows", wants(1, "a"), nil)
		g.Note(shop.StockNow{Variant: "a", Available: 2, Number: 5}, shop.StockNow{Variant: "b", Available: 0, Number: 9})
		check("two are there", wants(2, "a"), nil)
		check("three are not", wants(3, "a"), shop.ErrSoldOut)
		check("nor twice two in one cart", wants(2, "a", "a"), shop.ErrSoldOut)
		check("one of two is sold out", wants(1, "a", "b"), shop.ErrSoldOut)
		g.Note(shop.StockNow{Variant: "b", Available: 3, Number: 8})
		check("older news", wants(1, "b"), shop.ErrSoldOut)
		g.Note(shop.StockNow{Variant: "b", Available: 3, Number: 10})
		check("a restock", wants(3, "b"), nil)
		g.Note(shop.StockNow{Variant: "b", Available: 0, Number: 11})
		g.Forget()
		check("forgotten", wants(1, "b"), nil)
		g.Note(shop.StockNow{Variant: "b", Available: 0, Number: 11})
		check("known again", wants(1, "b"), shop.ErrSoldOut)
		c.forward(time.Second)
		check("news of a second ago", wants(1, "b"), nil)
	})
}

func TestGatesOfTwoNodesTellEachOther(t *testing.T) {
	everyGate(t, func(t *testing.T, nodes int, make gates) {
		if nodes == 1 {
			return // there is nobody to tell
		}
		c := newClock()
		g := make(t, c, 2)
		number := int64(0)
		// tell says it until the other has heard: whoever only just came may have missed the first time.
		tell := func(variant string, available int64, want error) {
			t.Helper()
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for end := time.After(20 * time.Second); !errors.Is(g[1].Admit(wants(1, variant)), want); {
				number++
				g[0].Note(shop.StockNow{Variant: variant, Available: available, Number: number})
				select {
				case <-tick.C:
				case <-end:
					t.Fatalf("the other node was not told that %d are there", available)
				}
			}
		}
		tell("a", 0, shop.ErrSoldOut)
		tell("a", 5000, nil) // a variant that was low is told of once more
		tell("b", 0, shop.ErrSoldOut)
		c.forward(time.Second)
		if err := g[1].Admit(wants(1, "b")); err != nil {
			t.Fatalf("news of a second ago: %v", err)
		}
	})
}

func TestAGateDoesNotBelieveNewsThatTookLong(t *testing.T) {
	t.Parallel()
	c, bus := newClock(), event.NewMemory(event.MemoryConfig{})
	g := &checkout.GateShared{Bus: bus, Log: slog.New(slog.DiscardHandler), Now: c.now}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	say := func(variant string, at time.Time) event.Event {
		return event.New(event.NodesTopic("stock"), event.StockChanged, 0, at, shop.StockFact{Variant: variant, Number: 1})
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); g.Admit(wants(1, "fresh")) == nil; { // until it listens
		if err := bus.Publish(ctx, say("old", c.now().Add(-time.Second)), say("future", c.now().Add(time.Hour)), say("fresh", c.now())); err != nil {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it hears nothing")
		}
	}
	for _, variant := range []string{"old", "future"} {
		if err := g.Admit(wants(1, variant)); err != nil {
			t.Errorf("%s news: %v", variant, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
