package overlay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/overlaytest"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// studio is a service with everything around it made up.
type studio struct {
	*overlay.Service
	store *overlaytest.Model
	bus   *event.Memory

	mu         sync.Mutex
	broadcasts map[string]overlay.Broadcast
	products   map[string]shop.Product
	edge       map[string]mediatime.Time
	lookups    int
	now        time.Time
}

func (s *studio) Broadcast(_ context.Context, id string) (overlay.Broadcast, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.broadcasts[id]
	if !ok {
		return b, overlay.ErrNotFound
	}
	return b, nil
}

func (s *studio) OnAir(context.Context) (map[string][]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string][]string{}
	for _, b := range s.broadcasts {
		if b.State == "live" {
			out[b.Shop] = append(out[b.Shop], b.ID)
		}
	}
	return out, nil
}

func (s *studio) Product(_ context.Context, id string) (shop.Product, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	p, ok := s.products[id]
	if !ok {
		return p, shop.ErrNotFound
	}
	return p, nil
}

// Issue writes a quote that can be read in a test.
func (s *studio) Issue(q shop.Quote) (string, error) {
	return fmt.Sprintf("%s|%d|%s|%d|%s", q.Variant, q.Price.Amount, q.Broadcast, q.MediaTime, q.Expires.Sub(s.now)), nil
}

type clock struct{ *studio }

func (c clock) Now(id string) (mediatime.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.edge[id]
	return t, ok
}

func (s *studio) Viewers(string) int { return 7 }

func product(id, owner string) shop.Product {
	price := shop.Money{Amount: 2900, Currency: "EUR"}
	return shop.Product{ID: id, ShopID: owner, Title: "Shirt " + id, Kind: shop.KindGoods, Picture: "picture", State: shop.Active, Price: price, CompareAt: 3900, Variants: []shop.Variant{
		{ID: id + "-m", Title: "M", Price: price, CompareAt: 3900, State: shop.Active, Stock: shop.Stock{OnHand: 12, Reserved: 2, Number: 5}},
		{ID: id + "-old", Title: "XS", Price: price, State: shop.Archived},
	}}
}

func newStudio() *studio {
	s := &studio{
		store: &overlaytest.Model{}, bus: event.NewMemory(event.MemoryConfig{}), now: time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC),
		broadcasts: map[string]overlay.Broadcast{
			"live":  {ID: "live", Shop: "shop", Channel: "noor", State: "live", Title: "Show", Currency: "EUR", Anchors: mediatime.Anchors{{Generation: 1, Wall: time.Now()}}},
			"soon":  {ID: "soon", Shop: "shop", State: "scheduled"},
			"ended": {ID: "ended", Shop: "shop", State: "ended"},
		},
		products: map[string]shop.Product{"foreign": product("foreign", "other shop")},
		edge:     map[string]mediatime.Time{"live": 100_000_000, "ended": 100_000_000},
	}
	for i := range 105 {
		id := fmt.Sprint("p", i)
		s.products[id] = product(id, "shop")
	}
	archived := product("archived", "shop")
	archived.State = shop.Archived
	s.products["archived"] = archived
	s.Service = &overlay.Service{Store: s.store, Sets: s.store, Catalogue: s, Quotes: s, Broadcasts: s, Clock: clock{s}, Bus: s.bus, Audience: s, Lead: -1, Now: func() time.Time { return s.now }}
	return s
}

func media(t mediatime.Time) *mediatime.Time { return &t }

func TestAPinBelongsToTheFrameThatTheCreatorSaw(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		broadcast string
		at        *mediatime.Time
		want      mediatime.Time
		err       error
	}{
		"the frame that was seen":                      {"live", media(95_123_456), 95_123_456, nil},
		"the frame that enters now, without one":       {"live", nil, 100_000_000, nil},
		"the oldest frame of the window":               {"live", media(70_000_000), 70_000_000, nil},
		"before the window":                            {"live", media(69_999_999), 0, overlay.ErrMediaTime},
		"a publisher's clock may run ahead":            {"live", media(101_000_000), 101_000_000, nil},
		"the future":                                   {"live", media(101_000_001), 0, overlay.ErrMediaTime},
		"negative":                                     {"live", media(-1), 0, overlay.ErrMediaTime},
		"before the first frame everything is frame 0": {"soon", nil, 0, nil},
		"before the first frame nothing can be seen":   {"soon", media(5), 0, overlay.ErrMediaTime},
		"an ended broadcast":                           {"ended", media(99_000_000), 0, overlay.ErrEnded},
		"an unknown broadcast":                         {"nothing", nil, 0, overlay.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStudio()
			card, err := s.Pin(ctx, c.broadcast, "p1", c.at, "creator")
			if !errors.Is(err, c.err) || card.From != c.want {
				t.Fatalf("from %d, %v; want %d, %v", card.From, err, c.want, c.err)
			}
			if want := 1; (err == nil) != (len(s.store.Facts()) == want) {
				t.Fatalf("%d facts", len(s.store.Facts()))
			}
		})
	}
}

func TestAPinThatNamesNoFrameStartsAMomentAhead(t *testing.T) {
	t.Parallel()
	s := newStudio()
	s.Lead = 0 // the default
	card, err := s.Pin(context.Background(), "live", "p1", nil, "creator")
	if err != nil || card.From != 100_250_000 {
		t.Fatalf("from %d, %v", card.From, err)
	}
	if card, err = s.Pin(context.Background(), "live", "p2", media(99_000_000), "creator"); err != nil || card.From != 99_000_000 {
		t.Fatalf("a named frame was moved: from %d, %v", card.From, err)
	}
	if card, err = s.Pin(context.Background(), "soon", "p1", nil, "creator"); err != nil || card.From != 0 {
		t.Fatalf("before the first frame: from %d, %v", card.From, err)
	}
}

func TestPinningIsIdempotent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	woken := 0
	s.Wake = func() { woken++ }
	first, err := s.Pin(ctx, "live", "p1", nil, "creator")
	if err != nil {
		t.Fatal(err)
	}
	if first.Variants[0].Quote != "p1-m|2900|live|100000000|10m0s" || len(first.Variants) != 1 || first.Variants[0].Available != 10 {
		t.Fatalf("%+v", first.Variants)
	}
	again, err := s.Pin(ctx, "live", "p1", media(90_000_000), "moderator")
	if err != nil || again.ID != first.ID || again.From != first.From {
		t.Fatalf("%+v, %v", again, err)
	}
	gone, err := s.Unpin(ctx, "live", "p1", media(100_500_000), "creator")
	if err != nil || gone.ID != first.ID || *gone.Until != 100_500_000 {
		t.Fatalf("%+v, %v", gone, err)
	}
	twice, err := s.Unpin(ctx, "live", "p1", nil, "creator")
	if err != nil || *twice.Until != *gone.Until {
		t.Fatalf("%+v, %v", twice, err)
	}
	if _, err := s.Unpin(ctx, "live", "p2", nil, "creator"); !errors.Is(err, overlay.ErrNotPinned) {
		t.Fatalf("unpinning what was never pinned: %v", err)
	}
	if facts := s.store.Facts(); len(facts) != 2 || facts[0].Kind != event.PinPlaced || facts[1].Kind != event.PinRemoved || facts[1].MediaTime != 100_500_000 || woken != 2 {
		t.Fatalf("%d facts, woken %d times", len(facts), woken)
	}
	// A pin that is taken back at a frame before its own never lay on any.
	if _, err := s.Pin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	if never, err := s.Unpin(ctx, "live", "p1", media(80_000_000), "creator"); err != nil || *never.Until != never.From {
		t.Fatalf("%+v, %v", never, err)
	}
}

func TestWhatCannotBePinnedIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	for _, id := range []string{"foreign", "archived", "unknown"} {
		if _, err := s.Pin(ctx, "live", id, nil, "creator"); !errors.Is(err, overlay.ErrProduct) {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := s.SetBag(ctx, "live", []string{"p1", id}, "creator"); !errors.Is(err, overlay.ErrProduct) {
			t.Errorf("%s in the bag: %v", id, err)
		}
	}
	for i := range overlay.PinsMax {
		if _, err := s.Pin(ctx, "live", fmt.Sprint("p", i), nil, "creator"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Pin(ctx, "live", "p9", nil, "creator"); !errors.Is(err, overlay.ErrTooManyPins) {
		t.Errorf("one too many: %v", err)
	}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprint("p", i))
	}
	if _, err := s.SetBag(ctx, "live", many, "creator"); !errors.Is(err, overlay.ErrBag) {
		t.Errorf("101 products: %v", err)
	}
	if _, err := s.SetBag(ctx, "live", []string{"p1", "p2", "p1"}, "creator"); !errors.Is(err, overlay.ErrBag) {
		t.Errorf("one twice: %v", err)
	}
	if _, err := s.SetBag(ctx, "live", many[:100], "creator"); err != nil {
		t.Errorf("100 products: %v", err)
	}
}

func TestASceneIsTheFoldOfChangesUpToAFrame(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	step := func(f func() error) {
		t.Helper()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		s.edge["live"] += 10_000_000
		s.now = s.now.Add(10 * time.Second)
	}
	pin := func(p string, at *mediatime.Time) func() error {
		return func() error { _, err := s.Pin(ctx, "live", p, at, "creator"); return err }
	}
	step(func() error { _, err := s.SetBag(ctx, "live", []string{"p1", "p2"}, "creator"); return err })       // at 100 s
	step(pin("p1", nil))                                                                                      // at 110 s
	step(func() error { _, err := s.SetBag(ctx, "live", []string{"p2", "p1", "p3"}, "creator"); return err }) // at 120 s
	step(func() error { _, err := s.Unpin(ctx, "live", "p1", media(125_000_000), "creator"); return err })    // at 130 s
	step(pin("p2", media(115_000_000)))                                                                       // at 140 s, a late one
	for at, want := range map[mediatime.Time]string{
		99_999_999:  " / ",
		100_000_000: " / p1 p2",
		110_000_000: "p1 / p1 p2",
		115_000_000: "p1 p2 / p1 p2",
		120_000_000: "p1 p2 / p2 p1 p3",
		125_000_000: "p2 / p2 p1 p3",
		1 << 50:     "p2 / p2 p1 p3",
	} {
		scene, err := s.Scene(ctx, "live", &at)
		if err != nil {
			t.Fatal(err)
		}
		if got := describe(scene); got != want || scene.Now != at {
			t.Errorf("at %d: %q, now %d; want %q", at, got, scene.Now, want)
		}
	}
	scene, err := s.Scene(ctx, "live", nil)
	if err != nil || describe(scene) != "p2 / p2 p1 p3" || scene.Version != 5 || scene.State != "live" || scene.Viewers != 7 || scene.Now != 150_000_000 || len(scene.Anchors) != 1 {
		t.Fatalf("%+v, %v", scene, err)
	}
	history, err := s.History(ctx, "live")
	if err != nil || len(history) != 2 || history[0].Product != "p1" || *history[0].Until != 125_000_000 || history[1].Until != nil {
		t.Fatalf("%+v, %v", history, err)
	}
	for name, value := range map[string]any{"pins": scene.Pins, "bag": scene.Bag} {
		if raw, _ := json.Marshal(value); !strings.Contains(string(raw), `"quote"`) || !strings.Contains(string(raw), `"compare_at"`) {
			t.Errorf("%s: %s", name, raw)
		}
	}
}

func describe(s overlay.Scene) string {
	var pins, bag []string
	for _, p := range s.Pins {
		pins = append(pins, p.Product.ID)
	}
	slices.Sort(pins)
	for _, p := range s.Bag {
		bag = append(bag, p.ID)
	}
	return strings.Join(pins, " ") + " / " + strings.Join(bag, " ")
}

func TestASceneIsEncodedOnceForAllWhoAsk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	if _, err := s.Pin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	before := s.lookups
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			raw, position, err := s.EncodedScene(ctx, "live")
			var scene overlay.Scene
			if err != nil || json.Unmarshal(raw, &scene) != nil || scene.Position != position.String() || len(scene.Pins) != 1 {
				t.Errorf("%s, %v", raw, err)
			}
		})
	}
	wg.Wait()
	if n := s.lookups - before; n != 1 {
		t.Fatalf("the product was looked up %d times for 100 scenes", n)
	}
	// Whoever changed something sees it at once.
	if _, err := s.Pin(ctx, "live", "p2", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	raw, _, err := s.EncodedScene(ctx, "live")
	if err != nil || !strings.Contains(string(raw), "Shirt p2") {
		t.Fatalf("%s, %v", raw, err)
	}
	if _, _, err := s.EncodedScene(ctx, "nothing"); !errors.Is(err, overlay.ErrNotFound) {
		t.Fatal(err)
	}
}

func TestAnIntegratorsEventPassesUnchanged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	sub, err := s.bus.Subscribe(ctx, "broadcast/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if _, err := s.Pass(ctx, "live", "x.acme.spin", json.RawMessage("{\n \"a\": [1, \"<b>\"]\n}")); err != nil {
		t.Fatal(err)
	}
	e := eventtest.Read(t, sub, 1)[0]
	if string(e.Data) != `{"a":[1,"<b>"]}` || e.Kind != "x.acme.spin" || e.MediaTime != 100_000_000 || len(s.store.Facts()) != 0 {
		t.Fatalf("%+v", e)
	}
	for name, c := range map[string]struct {
		kind event.Kind
		data string
	}{
		"our own kind":     {"pin.placed", `{}`},
		"no name":          {"x.", `{}`},
		"upper case":       {"x.Y", `{}`},
		"a list":           {"x.y", `[]`},
		"nothing":          {"x.y", ` `},
		"half an object":   {"x.y", `{"a":`},
		"two objects":      {"x.y", `{}{}`},
		"too large":        {"x.y", `{"a":"` + strings.Repeat("x", 4096) + `"}`},
		"not UTF-8":        {"x.y", "{\"a\":\"\xff\"}"},
		"a very long name": {event.Kind("x." + strings.Repeat("y", 100)), `{}`},
	} {
		if _, err := s.Pass(ctx, "live", c.kind, json.RawMessage(c.data)); !errors.Is(err, overlay.ErrEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Pass(ctx, "ended", "x.y", json.RawMessage(`{}`)); !errors.Is(err, overlay.ErrEnded) {
		t.Errorf("an ended broadcast: %v", err)
	}
}

func FuzzPass(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `[]`, "{\"a\":\"\xff\"}", `{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + `}`, "{\n}"} {
		f.Add("x.y", s)
	}
	f.Fuzz(func(t *testing.T, kind, data string) {
		e, err := newStudio().Pass(context.Background(), "live", event.Kind(kind), json.RawMessage(data))
		if err != nil {
			return
		}
		if !json.Valid(e.Data) || strings.ContainsAny(string(e.Data), "\n\r") || len(e.Data) > 4096 || !strings.HasPrefix(string(e.Kind), "x.") {
			t.Fatalf("%q %q became %q", kind, data, e.Data)
		}
	})
}

func TestFactsAreWhatTheirSamplesShow(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	if _, err := s.Pin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unpin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetBag(ctx, "live", []string{"p1"}, "creator"); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.store.Facts() {
		eventtest.CheckWriter(t, e.Kind, e.Data)
	}
}

func TestStockIsForwardedToBroadcastsThatShowTheProduct(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s := newStudio()
	s.broadcasts["other"] = overlay.Broadcast{ID: "other", Shop: "shop", State: "live"}
	if _, err := s.Pin(ctx, "live", "p1", nil, "creator"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetBag(ctx, "other", []string{"p2"}, "creator"); err != nil {
		t.Fatal(err)
	}
	live, err := s.bus.Subscribe(ctx, "broadcast/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	other, err := s.bus.Subscribe(ctx, "broadcast/other", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	f := &overlay.Forwarder{Bus: s.bus, Store: s.store, Broadcasts: s, Catalogue: s, Log: discard}
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	fact := func(kind event.Kind, product string, available, number int64) event.Event {
		return event.New("shop/shop", kind, 0, time.Now(), shop.StockFact{Variant: product + "-m", Product: product, Available: available, Number: number})
	}
	send := func(events ...event.Event) {
		if err := s.bus.Publish(ctx, events...); err != nil {
			t.Fatal(err)
		}
	}
	// Until the forwarder follows the shop, nothing arrives: the first that does says that it follows.
	var first []event.Event
	for first == nil {
		send(fact(event.StockBack, "p1", 1, 1))
		wait, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		if frame, err := live.Next(wait); err == nil {
			first = frame.Events
		}
		stop()
	}
	var burst []event.Event
	for n := int64(2); n < 300; n++ {
		burst = append(burst, fact(event.StockChanged, "p1", 300-n, n), fact(event.StockChanged, "p2", 300-n, n), fact(event.StockChanged, "p9", 300-n, n))
	}
	burst = append(burst, fact(event.StockOut, "p1", 0, 300), fact(event.StockChanged, "p1", 0, 300), event.New("shop/shop", event.OrderPaid, 0, time.Now(), "secret"))
	send(burst...)
	var got []string
	for len(got) == 0 || got[len(got)-1] != "stock.changed 0" {
		wait, stop := context.WithTimeout(ctx, patience)
		frame, err := live.Next(wait)
		stop()
		if err != nil {
			t.Fatalf("%v after %v", err, got)
		}
		for _, e := range frame.Events {
			var stock shop.StockFact
			if err := json.Unmarshal(e.Data, &stock); err != nil || stock.Product != "p1" {
				t.Fatalf("%s of %s, %v", e.Kind, stock.Product, err)
			}
			if stock.Number > 1 {
				got = append(got, fmt.Sprint(e.Kind, " ", stock.Available))
			}
		}
	}
	if out := slices.Index(got, "stock.out 0"); out < 0 || len(got) > 20 || out != len(got)-2 {
		t.Fatalf("%d events: %v", len(got), got)
	}
	frame, err := other.Next(ctx)
	if err != nil || len(frame.Events) > 20 {
		t.Fatalf("%d events, %v", len(frame.Events), err)
	}
	for _, e := range frame.Events {
		if e.Kind != event.StockChanged || !strings.Contains(string(e.Data), `"p2-m"`) {
			t.Fatalf("%+v", e)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
