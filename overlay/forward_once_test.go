package overlay_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
)

func TestAStockOutThatEveryNodeForwardsIsToldOnce(t *testing.T) {
	t.Parallel()
	const nodes, outs = 3, 40
	s := newStudio()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := s.Pin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	sub, err := s.bus.Subscribe(ctx, event.BroadcastTopic("live"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	done := make(chan error, nodes)
	for range nodes {
		f := &overlay.Forwarder{Bus: s.bus, Store: s.store, Broadcasts: s, Catalogue: s, Log: discard}
		go func() { done <- f.Run(ctx) }()
	}
	fact := func(kind event.Kind, number int64) event.Event {
		return event.New(event.ShopTopic("shop"), kind, 0, time.Now(), shop.StockFact{Variant: "p1-m", Product: "p1", Number: number})
	}
	seen := map[string]int{} // by id
	read := func(within time.Duration) {
		wait, stop := context.WithTimeout(ctx, within)
		defer stop()
		frame, err := sub.Next(wait)
		for _, e := range frame.Events {
			if e.Kind == event.PriceChanged {
				continue // each node begins with the prices of what is pinned
			}
			var stock shop.StockFact
			if err != nil || json.Unmarshal(e.Data, &stock) != nil || stock.Variant != "p1-m" {
				t.Fatalf("%+v, %v", e, err)
			}
			seen[e.ID]++
		}
	}
	// A count is told by each node that follows the shop: when one comes from all of them, all do.
	count := func(number int64) {
		for follows := false; !follows; {
			e := fact(event.StockChanged, number)
			if err := s.bus.Publish(ctx, e); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(time.Second); !follows && time.Now().Before(deadline); follows = seen[e.ID] == nodes {
				read(200 * time.Millisecond)
			}
			number++
		}
	}
	count(1)
	var ids []string
	for n := range outs {
		kind := event.StockOut
		if n%2 == 1 {
			kind = event.StockBack
		}
		e := fact(kind, int64(10_000+n))
		ids = append(ids, e.ID)
		if err := s.bus.Publish(ctx, e, e); err != nil { // the relay may tell it twice, too
			t.Fatal(err)
		}
	}
	count(20_000)
	for n, id := range ids {
		if seen[id] != 1 {
			t.Errorf("fact %d was told %d times", n, seen[id])
		}
	}
	cancel()
	for range nodes {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
