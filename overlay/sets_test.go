package overlay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

var noor = overlay.SetPlace{Shop: "shop", Channel: "noor"}

func products(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint("p", i))
	}
	return out
}

func TestASetHasANameAndProductsOfItsShop(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		name     string
		products []string
		err      error
	}{
		"one product":              {"Lights", products(1), nil},
		"a hundred":                {strings.Repeat("ض", 80), products(100), nil},
		"none":                     {"Lights", nil, overlay.ErrSetProducts},
		"more than a hundred":      {"Lights", products(101), overlay.ErrSetProducts},
		"one twice":                {"Lights", []string{"p1", "p1"}, overlay.ErrSetProducts},
		"another seller's product": {"Lights", []string{"p1", "foreign"}, overlay.ErrSetProducts},
		"an unknown product":       {"Lights", []string{"nothing"}, overlay.ErrSetProducts},
		"one off sale may stay":    {"Lights", []string{"p1", "archived"}, nil},
		"no name":                  {" ", products(1), overlay.ErrSetText},
		"a long name":              {strings.Repeat("x", 81), products(1), overlay.ErrSetText},
		"a control character":      {"Li\x1bghts", products(1), overlay.ErrSetText},
		"not UTF-8":                {"Li\xff", products(1), overlay.ErrSetText},
		"a direction override":     {"Li\u202eghts", products(1), overlay.ErrSetText},
		"a joiner":                 {"می\u200cخواهم", products(1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStudio()
			set, err := s.MakeSet(ctx, noor, c.name, c.products, "creator")
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if _, err := s.ChangeSet(ctx, noor, set.ID, "Other", []string{"foreign"}, "creator"); !errors.Is(err, overlay.ErrSetProducts) {
				t.Fatalf("changed to another seller's: %v", err)
			}
			if _, err := s.ChangeSet(ctx, overlay.SetPlace{Shop: "shop", Channel: "other"}, set.ID, "Other", products(2), "creator"); !errors.Is(err, overlay.ErrSet) {
				t.Fatalf("another channel's: %v", err)
			}
			if set, err = s.ChangeSet(ctx, noor, set.ID, "Other", products(2), "creator"); err != nil || set.Name != "Other" {
				t.Fatalf("%+v, %v", set, err)
			}
		})
	}
}

func TestASetIsOnePinOfItsProducts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	set, err := s.MakeSet(ctx, noor, "Lights", []string{"p2", "archived", "p1"}, "creator")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pin(ctx, "live", "p2", media(90_000_000), "creator"); err != nil {
		t.Fatal(err)
	}
	card, err := s.PinSet(ctx, "live", set.ID, media(95_000_000), "moderator")
	if err != nil || card.Set == nil || card.Set.Name != "Lights" || card.Set.Count != 2 || card.Product.ID != "p2" || card.From != 95_000_000 {
		t.Fatalf("%+v, %v", card, err)
	}
	if q := card.Set.Products[1].Variants[0].Quote; !strings.HasPrefix(q, "p1-m|2900|live|95000000|") {
		t.Fatalf("the second product's quote: %s", q)
	}
	// Pinned again it is the same pin; changed or forgotten since, it stays as it was.
	if again, err := s.PinSet(ctx, "live", set.ID, nil, "creator"); err != nil || again.ID != card.ID || again.From != card.From {
		t.Fatalf("%+v, %v", again, err)
	}
	if _, err := s.ChangeSet(ctx, noor, set.ID, "Dark", []string{"p9"}, "creator"); err != nil {
		t.Fatal(err)
	}
	if err := s.Sets.RemoveSet(ctx, "noor", set.ID); err != nil {
		t.Fatal(err)
	}
	at := media(96_000_000)
	scene, err := s.Scene(ctx, "live", at)
	if err != nil || len(scene.Pins) != 2 || scene.Pins[1].Set == nil || scene.Pins[1].Set.Name != "Lights" || scene.Pins[0].Set != nil {
		t.Fatalf("%+v, %v", scene.Pins, err)
	}
	room, err := s.store.Room(ctx, "live", nil)
	if err != nil || !room.Holds("p1") || room.Holds("p9") {
		t.Fatalf("%+v, %v", room, err)
	}
	gone, err := s.Unpin(ctx, "live", set.ID, media(97_000_000), "creator")
	if err != nil || gone.ID != card.ID || gone.Until == nil || *gone.Until != 97_000_000 {
		t.Fatalf("%+v, %v", gone, err)
	}
	for at, want := range map[int64]int{94_999_999: 1, 95_000_000: 2, 96_999_999: 2, 97_000_000: 1} {
		scene, err := s.Scene(ctx, "live", media(mediatime.Time(at)))
		if err != nil || len(scene.Pins) != want {
			t.Errorf("at %d: %d pins, %v", at, len(scene.Pins), err)
		}
	}
	history, err := s.History(ctx, "live")
	if err != nil || len(history) != 2 || history[1].Set == nil || !slices.Equal(history[1].Set.Products, []string{"p2", "p1"}) || history[1].Product != "p2" {
		t.Fatalf("%+v, %v", history, err)
	}
	var fact overlay.PinFact
	if e := s.store.Facts()[1]; e.Kind != event.PinPlaced || e.MediaTime != 95_000_000 || json.Unmarshal(e.Data, &fact) != nil || len(fact.Pin.Set.Products) != 2 {
		t.Fatalf("%+v", s.store.Facts()[1])
	}
}

func TestWhichSetsCannotBePinned(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	foreign := overlay.Set{ID: "theirs", Channel: "other", Name: "Theirs", Products: []string{"p1"}}
	empty := overlay.Set{ID: "empty", Channel: "noor", Name: "Empty", Products: []string{"archived"}}
	good := overlay.Set{ID: "good", Channel: "noor", Name: "Good", Products: []string{"p1"}}
	for _, set := range []overlay.Set{foreign, empty, good} {
		if err := s.store.AddSet(ctx, set, overlay.SetsMax); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		set string
		at  int64
		err error
	}{{"theirs", 95_000_000, overlay.ErrSet}, {"nothing", 95_000_000, overlay.ErrSet}, {"empty", 95_000_000, overlay.ErrProduct}, {"good", 1, overlay.ErrMediaTime}} {
		if _, err := s.PinSet(ctx, "live", c.set, media(mediatime.Time(c.at)), "creator"); !errors.Is(err, c.err) {
			t.Errorf("%s at %d: %v, want %v", c.set, c.at, err, c.err)
		}
	}
	for i := range overlay.PinsMax {
		if _, err := s.Pin(ctx, "live", fmt.Sprint("p", 10+i), nil, "creator"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PinSet(ctx, "live", "good", nil, "creator"); !errors.Is(err, overlay.ErrTooManyPins) {
		t.Errorf("a fourth pin: %v", err)
	}
}

func TestALargeSetIsWholeInTheSceneAndShortInItsEvent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	set, err := s.MakeSet(ctx, noor, "All", products(100), "creator")
	if err != nil {
		t.Fatal(err)
	}
	if card, err := s.PinSet(ctx, "live", set.ID, nil, "creator"); err != nil || len(card.Set.Products) != 100 {
		t.Fatal(len(card.Set.Products), err)
	}
	e := s.store.Facts()[0]
	var fact overlay.PinFact
	if err := json.Unmarshal(e.Data, &fact); err != nil || len(e.Data) > 33<<10 || len(fact.Pin.Set.Products) != 0 || fact.Pin.Set.Count != 100 || len(fact.Pin.Set.IDs) != 100 {
		t.Fatalf("%d bytes, %d cards of %d, %v", len(e.Data), len(fact.Pin.Set.Products), fact.Pin.Set.Count, err)
	}
	scene, err := s.Scene(ctx, "live", nil)
	if err != nil || len(scene.Pins) != 1 || len(scene.Pins[0].Set.Products) != 100 {
		t.Fatalf("%d pins, %v", len(scene.Pins), err)
	}
}

func TestASetGoesIntoTheBagInOneCall(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	if _, err := s.SetBag(ctx, "live", []string{"p5", "p1", "p104"}, "creator"); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	off := s.products["p104"]
	off.State = shop.Archived
	s.products["p104"] = off
	s.mu.Unlock()
	set, err := s.MakeSet(ctx, noor, "Lights", []string{"p2", "p1", "archived", "p3"}, "creator")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second changes nothing
		bag, err := s.AddSetToBag(ctx, "live", set.ID, "moderator")
		var ids []string
		for _, card := range bag {
			ids = append(ids, card.ID)
		}
		if err != nil || !slices.Equal(ids, []string{"p5", "p1", "p2", "p3"}) {
			t.Fatalf("%v, %v", ids, err)
		}
	}
	if n := len(s.store.Facts()); n != 2 {
		t.Fatalf("%d facts", n)
	}
	all, err := s.MakeSet(ctx, noor, "All", products(100), "creator")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetBag(ctx, "live", []string{"p101"}, "creator"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddSetToBag(ctx, "live", all.ID, "creator"); !errors.Is(err, overlay.ErrBag) {
		t.Fatalf("a bag of 101: %v", err)
	}
}

func TestStockOfASetReachesItsViewers(t *testing.T) {
	t.Parallel()
	s := newStudio()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	set, err := s.MakeSet(ctx, noor, "Lights", []string{"p2", "p1"}, "creator")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.PinSet(ctx, "live", set.ID, nil, "creator"); err != nil {
		t.Fatal(err)
	}
	sub, err := s.bus.Subscribe(ctx, event.BroadcastTopic("live"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	f := &overlay.Forwarder{Bus: s.bus, Store: s.store, Broadcasts: s, Catalogue: s, Log: discard}
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	for { // until the forwarder follows the shop, nothing arrives
		sold := shop.StockFact{Variant: "p1-m", Product: "p1", Number: 9}
		if err := s.bus.Publish(ctx, event.New(event.ShopTopic("shop"), event.StockOut, 0, time.Now(), sold)); err != nil {
			t.Fatal(err)
		}
		wait, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		frame, err := sub.Next(wait)
		stop()
		if err == nil {
			// It begins with the prices of what is pinned.
			told := slices.DeleteFunc(frame.Events, func(e event.Event) bool { return e.Kind == event.PriceChanged })
			if len(told) == 0 {
				continue
			}
			if e := told[0]; e.Kind != event.StockOut || !strings.Contains(string(e.Data), "p1-m") {
				t.Fatalf("%+v", e)
			}
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
