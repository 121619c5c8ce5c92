package overlay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
)

// A price that changes while nobody follows the shop yet, or in the moment in which its product is pinned, stands on no
// card for long: it is told when the forwarder begins, and when the room holds the product.
func TestNoCardKeepsAnOldPrice(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := newStudio()
	if _, err := s.Pin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	live, err := s.bus.Subscribe(ctx, event.BroadcastTopic("live"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	f := &overlay.Forwarder{Bus: s.bus, Store: s.store, Broadcasts: s, Catalogue: s, Log: discard}
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()

	var told []string // prices and counts of the second product, in their order
	until := func(what string, of func(e event.Event) bool) {
		t.Helper()
		wait, stop := context.WithTimeout(ctx, patience)
		defer stop()
		for {
			frame, err := live.Next(wait)
			if err != nil {
				t.Fatalf("%s: %v after %v", what, err, told)
			}
			found := false
			for _, e := range frame.Events {
				var p shop.PriceFact
				var n shop.StockFact
				switch {
				case e.Kind == event.PriceChanged && json.Unmarshal(e.Data, &p) == nil && p.Product == "p2":
					told = append(told, fmt.Sprint("price ", p.Price.Amount))
				case e.Kind == event.StockChanged && json.Unmarshal(e.Data, &n) == nil && n.Product == "p2":
					told = append(told, fmt.Sprint("count ", n.Available))
				}
				found = found || of(e)
			}
			if found {
				return
			}
		}
	}
	p1, err := s.Product(ctx, "p1")
	if err != nil {
		t.Fatal(err)
	}
	until("the price of what was pinned before", func(e event.Event) bool {
		var p shop.PriceFact
		return e.Kind == event.PriceChanged && json.Unmarshal(e.Data, &p) == nil && p.Product == "p1" && p.Price == p1.Variants[0].Price
	})

	send := func(kind event.Kind, data any) {
		t.Helper()
		if err := s.bus.Publish(ctx, event.New(event.ShopTopic("shop"), kind, 0, time.Now(), data)); err != nil {
			t.Fatal(err)
		}
	}
	for amount := int64(1); amount <= 3; amount++ { // only the newest counts
		send(event.PriceChanged, shop.PriceFact{Variant: "p2-m", Product: "p2", Price: shop.Money{Amount: amount, Currency: "EUR"}})
		send(event.StockChanged, shop.StockFact{Variant: "p2-m", Product: "p2", Available: amount, Number: amount})
	}
	// The shop is followed as far as this: what went before found no room that holds it.
	send(event.StockOut, shop.StockFact{Variant: "p1-m", Product: "p1", Number: 99})
	until("what is pinned to be sold out", func(e event.Event) bool { return e.Kind == event.StockOut })
	if len(told) > 0 {
		t.Fatalf("%v of what nobody is shown", told)
	}
	if _, err := s.Pin(ctx, "live", "p2", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	until("the newest price of what was pinned since", func(event.Event) bool {
		return slices.Contains(told, "price 3") && slices.Contains(told, "count 3")
	})
	if len(told) != 2 {
		t.Errorf("told %v", told)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
