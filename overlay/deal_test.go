package overlay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

func eur(n int64) shop.Money { return shop.Money{Amount: n, Currency: "EUR"} }

func (s *studio) withDeals() *shoptest.Model {
	deals := &shoptest.Model{}
	s.Deals = deals
	return deals
}

func wish() overlay.DealWish {
	return overlay.DealWish{Product: "p1", Price: eur(1900), Quantity: 5, PerBuyer: 2, Countdown: 30 * time.Second, Duration: 2 * time.Minute}
}

func TestADealOpensAndEndsOnItsFrames(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	facts := s.withDeals()
	made, err := s.PrepareDeal(ctx, "live", wish(), "creator")
	if err != nil || made.State != shop.DealPrepared {
		t.Fatalf("%+v %v", made, err)
	}
	if scene, err := s.Scene(ctx, "live", nil); err != nil || len(scene.Deals) != 0 {
		t.Fatalf("a prepared deal is shown: %+v %v", scene.Deals, err)
	}
	started, err := s.StartDeal(ctx, "live", made.ID, media(99_000_000), "creator")
	if err != nil {
		t.Fatal(err)
	}
	// The countdown begins on the frame that the creator saw, and is whole for who is nearest to the edge.
	if started.From != 99_000_000 || started.Opens != 130_000_000 || started.Ends != 250_000_000 || !started.OpensAt.Equal(s.now.Add(30*time.Second)) {
		t.Fatalf("%+v", started)
	}
	if again, err := s.StartDeal(ctx, "live", made.ID, nil, "creator"); err != nil || again.From != started.From {
		t.Fatalf("a double tap: %+v %v", again, err)
	}
	for at, want := range map[mediatime.Time]string{98_999_999: "", 99_000_000: "announced", 129_999_999: "announced", 130_000_000: "open", 249_999_999: "open", 250_000_000: ""} {
		scene, err := s.Scene(ctx, "live", media(at))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(scene.Deals) == 1 {
			got = scene.Deals[0].State
		}
		if got != want {
			t.Errorf("at %d: %q, want %q", at, got, want)
		}
	}
	scene, err := s.Scene(ctx, "live", nil)
	if err != nil || len(scene.Deals) != 1 || len(scene.Deals[0].Variants) != 1 || scene.Deals[0].Variants[0].Quote != "p1-m|1900|live|130000000|2m45s" {
		t.Fatalf("%+v %v", scene.Deals, err)
	}
	ended, err := s.EndDeal(ctx, "live", made.ID, media(99_500_000))
	if err != nil || ended.State != shop.DealCancelled || ended.Ends != 99_500_000 {
		t.Fatalf("before it opened it is cancelled: %+v %v", ended, err)
	}
	told := facts.Facts()
	if len(told) != 2 || told[0].MediaTime != 99_000_000 || told[1].MediaTime != 99_500_000 {
		t.Fatalf("%+v", told)
	}
	eventtest.CheckWriter(t, event.DealAnnounced, told[0].Data, "deal.fair", "deal.window_ms", "deal.commitment")
	eventtest.CheckWriter(t, event.DealEnded, told[1].Data)
}

func TestWhatNoDealCanBeIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		broadcast string
		change    func(w *overlay.DealWish)
		err       error
	}{
		"a price above the list":           {"live", func(w *overlay.DealWish) { w.Price.Amount = 2901 }, shop.ErrDealPrice},
		"the list price":                   {"live", func(w *overlay.DealWish) { w.Price.Amount = 2900 }, shop.ErrDealPrice},
		"for nothing":                      {"live", func(w *overlay.DealWish) { w.Price.Amount = 0 }, shop.ErrDealPrice},
		"less than nothing":                {"live", func(w *overlay.DealWish) { w.Price.Amount = -1 }, shop.ErrAmount},
		"another currency":                 {"live", func(w *overlay.DealWish) { w.Price.Currency = "USD" }, shop.ErrCurrencyDiffers},
		"no units":                         {"live", func(w *overlay.DealWish) { w.Quantity = 0 }, shop.ErrDealQuantity},
		"absurdly many":                    {"live", func(w *overlay.DealWish) { w.Quantity = 1 << 60 }, shop.ErrDealQuantity},
		"more per buyer than there are":    {"live", func(w *overlay.DealWish) { w.PerBuyer = 6 }, shop.ErrDealQuantity},
		"less than nothing per buyer":      {"live", func(w *overlay.DealWish) { w.PerBuyer = -1 }, shop.ErrDealQuantity},
		"a countdown of nine seconds":      {"live", func(w *overlay.DealWish) { w.Countdown = 9 * time.Second }, shop.ErrDealTimes},
		"a countdown of 301 s":             {"live", func(w *overlay.DealWish) { w.Countdown = 301 * time.Second }, shop.ErrDealTimes},
		"a countdown backwards":            {"live", func(w *overlay.DealWish) { w.Countdown = -time.Second }, shop.ErrDealTimes},
		"59 seconds":                       {"live", func(w *overlay.DealWish) { w.Duration = 59 * time.Second }, shop.ErrDealTimes},
		"21 minutes":                       {"live", func(w *overlay.DealWish) { w.Duration = 21 * time.Minute }, shop.ErrDealTimes},
		"a window under the slowest":       {"live", func(w *overlay.DealWish) { w.Fair, w.Window = true, 3*time.Second }, shop.ErrDealTimes},
		"a start in the past":              {"live", func(w *overlay.DealWish) { w.StartsAt = time.Unix(1, 0) }, shop.ErrDealTimes},
		"a start in two years":             {"live", func(w *overlay.DealWish) { w.StartsAt = time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC) }, shop.ErrDealTimes},
		"another seller's product":         {"live", func(w *overlay.DealWish) { w.Product = "foreign" }, overlay.ErrProduct},
		"an archived product":              {"live", func(w *overlay.DealWish) { w.Product = "archived" }, overlay.ErrProduct},
		"another product's variant":        {"live", func(w *overlay.DealWish) { w.Variants = []string{"p2-m"} }, shop.ErrVariantUnknown},
		"a variant that is not for sale":   {"live", func(w *overlay.DealWish) { w.Variants = []string{"p1-old"} }, shop.ErrVariantUnknown},
		"a variant twice":                  {"live", func(w *overlay.DealWish) { w.Variants = []string{"p1-m", "p1-m"} }, shop.ErrVariantUnknown},
		"a show that is over":              {"ended", func(*overlay.DealWish) {}, overlay.ErrEnded},
		"a show that is not":               {"nothing", func(*overlay.DealWish) {}, overlay.ErrNotFound},
		"what is as it should be, be told": {"live", func(*overlay.DealWish) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStudio()
			s.withDeals()
			w := wish()
			c.change(&w)
			if _, err := s.PrepareDeal(ctx, c.broadcast, w, "creator"); !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
		})
	}
}

func TestADealThatCannotStartIsRefused(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStudio()
	s.withDeals()
	prepare := func(broadcast string) string {
		d, err := s.PrepareDeal(ctx, broadcast, wish(), "creator")
		if err != nil {
			t.Fatal(err)
		}
		return d.ID
	}
	one, two, soon := prepare("live"), prepare("live"), prepare("soon")
	want := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	start := func(broadcast, deal string, at *mediatime.Time) error {
		_, err := s.StartDeal(ctx, broadcast, deal, at, "creator")
		return err
	}
	want(start("soon", soon, nil), overlay.ErrOffAir)
	want(start("live", soon, nil), overlay.ErrDeal)
	want(start("live", "nothing", nil), overlay.ErrDeal)
	want(start("live", one, media(1_000_000)), overlay.ErrMediaTime)
	want(start("live", one, media(102_000_000)), overlay.ErrMediaTime)
	want(start("live", one, media(-7)), overlay.ErrMediaTime)
	want(start("live", one, nil), nil)
	want(start("live", two, nil), shop.ErrDealRuns)
	if _, err := s.EndDeal(ctx, "live", one, nil); err != nil {
		t.Fatal(err)
	}
	want(start("live", one, nil), shop.ErrDealState)
	p := s.products["p1"]
	p.Variants = slices.Clone(p.Variants)
	p.Variants[0].Price.Amount = 1500 // cheaper than the deal by now
	s.products["p1"] = p
	want(start("live", two, nil), shop.ErrDealPrice)
}

// clockwork is a studio whose clocks run, in a bubble of testing/synctest.
func clockwork() (*studio, *shoptest.Model) {
	s := newStudio()
	deals := s.withDeals()
	began := time.Now()
	s.Now = time.Now
	s.Clock = &running{began: began, at: 100_000_000}
	b := s.broadcasts["live"]
	b.Anchors = mediatime.Anchors{{Generation: 1, Media: 100_000_000, Wall: began}}
	s.broadcasts["live"] = b
	return s, deals
}

type running struct {
	mu    sync.Mutex
	began time.Time
	at    mediatime.Time
}

func (r *running) set(at mediatime.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began, r.at = time.Now(), at
}

func (r *running) Now(id string) (mediatime.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at + mediatime.Of(time.Since(r.began)), id == "live"
}

type noDraw struct{}

func (noDraw) Draw(context.Context, string) error { return nil }

// dealer runs one process's dealer until what it returns is called.
func (s *studio) dealer(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	d := &overlay.Dealer{Service: s.Service, Drawer: noDraw{}, Log: slog.New(slog.DiscardHandler)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return func() { cancel(); <-done }
}

func kinds(events []event.Event) (out []event.Kind) {
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func TestAScheduledDealFiresOnceAfterARestartAndOnTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s, facts := clockwork()
		w := wish()
		w.StartsAt = time.Now().Add(20 * time.Second)
		d, err := s.PrepareDeal(ctx, "live", w, "creator")
		if err != nil || d.State != shop.DealScheduled {
			t.Fatalf("%+v %v", d, err)
		}
		stop := s.dealer(t)
		time.Sleep(10 * time.Second)
		stop() // the process is down when its time comes
		time.Sleep(15 * time.Second)
		if len(facts.Facts()) != 0 {
			t.Fatal("nobody was there")
		}
		one, two := s.dealer(t), s.dealer(t) // and two come back
		time.Sleep(29 * time.Second)
		if got := kinds(facts.Facts()); !slices.Equal(got, []event.Kind{event.DealAnnounced}) {
			t.Fatal(got)
		}
		time.Sleep(2 * time.Second)
		if got := kinds(facts.Facts()); !slices.Equal(got, []event.Kind{event.DealAnnounced, event.DealStarted}) {
			t.Fatal(got)
		}
		one()
		two()
		time.Sleep(5 * time.Minute) // down over its end
		last := s.dealer(t)
		time.Sleep(2 * time.Second)
		last()
		told := facts.Facts()
		if got := kinds(told); !slices.Equal(got, []event.Kind{event.DealAnnounced, event.DealStarted, event.DealEnded}) {
			t.Fatal(got)
		}
		var ended overlay.DealMoved
		eventtest.CheckWriter(t, event.DealStarted, told[1].Data, "reason")
		if err := json.Unmarshal(told[2].Data, &ended); err != nil || ended.Reason != shop.DealByTime || int64(ended.At) != told[2].MediaTime || told[2].MediaTime-told[1].MediaTime != 120_000_000 {
			t.Fatalf("%+v %+v %v", ended, told[2], err)
		}
	})
}

func TestADealEndsWithItsShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s, facts := clockwork()
		d, err := s.PrepareDeal(ctx, "live", wish(), "creator")
		if err != nil {
			t.Fatal(err)
		}
		stop := s.dealer(t)
		defer stop()
		if _, err := s.StartDeal(ctx, "live", d.ID, nil, "creator"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		s.mu.Lock()
		b := s.broadcasts["live"]
		b.State, b.EndedAt = "ended", time.Now()
		s.broadcasts["live"] = b
		s.mu.Unlock()
		time.Sleep(2 * time.Second)
		told := facts.Facts()
		var ended overlay.DealMoved
		if err := json.Unmarshal(told[len(told)-1].Data, &ended); err != nil || ended.Reason != shop.DealByShow || ended.At != 140_000_000 {
			t.Fatalf("%+v %v", ended, err)
		}
		// In the recording it is over, whatever the frame, and cannot be bought.
		scene, err := s.Scene(ctx, "live", media(135_000_000))
		if err != nil || len(scene.Deals) != 1 || scene.Deals[0].State != "ended" || scene.Deals[0].Variants[0].Quote != "" {
			t.Fatalf("%+v %v", scene.Deals, err)
		}
	})
}

// folded is a scene as the history of facts gives it: what lies on a frame follows from the events up to it.
func folded(events []event.Event, at mediatime.Time) string {
	pins, deals := map[string]bool{}, map[string]string{}
	var bag []string
	for _, e := range events {
		if e.MediaTime > int64(at) {
			continue
		}
		switch e.Kind {
		case event.PinPlaced:
			var f overlay.PinFact
			_ = json.Unmarshal(e.Data, &f)
			pins[f.Pin.ID] = true
		case event.PinRemoved:
			var f overlay.UnpinFact
			_ = json.Unmarshal(e.Data, &f)
			delete(pins, f.Pin)
		case event.BagChanged:
			var f overlay.BagFact
			_ = json.Unmarshal(e.Data, &f)
			bag = f.Products
		case event.DealAnnounced:
			var f overlay.DealFact
			_ = json.Unmarshal(e.Data, &f)
			if at < f.Deal.Ends {
				deals[f.Deal.ID] = "announced"
			}
			if at >= f.Deal.Opens && at < f.Deal.Ends {
				deals[f.Deal.ID] = "open"
			}
		case event.DealEnded:
			var f overlay.DealMoved
			_ = json.Unmarshal(e.Data, &f)
			delete(deals, f.Deal)
		}
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(pins)), bag, deals)
}

func shown(s overlay.Scene) string {
	pins, deals := map[string]bool{}, map[string]string{}
	var bag []string
	for _, p := range s.Pins {
		pins[p.ID] = true
	}
	for _, p := range s.Bag {
		bag = append(bag, p.ID)
	}
	for _, d := range s.Deals {
		deals[d.ID] = d.State
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(pins)), bag, deals)
}

// A scene at T is the fold of the history up to T: for every kind of event, at any T, over publishers who come back.
func TestAnySceneIsTheFoldOfItsHistory(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { foldOnce(t, seed) }) })
	}
}

func foldOnce(t *testing.T, seed uint64) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(seed, 5))
	s, deals := clockwork()
	stop := s.dealer(t)
	var ids []string
	clock := s.Clock.(*running)
	frame := func() *mediatime.Time { // what the creator saw: a little ago, or nothing
		now, _ := s.Clock.Now("live")
		if rng.IntN(3) == 0 {
			return nil
		}
		return media(now - mediatime.Time(rng.IntN(8_000_000)))
	}
	must := func(err error, fine ...error) {
		t.Helper()
		for _, f := range fine {
			if errors.Is(err, f) {
				return
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 150 {
		time.Sleep(time.Duration(rng.IntN(6000)) * time.Millisecond)
		product := fmt.Sprint("p", rng.IntN(5))
		switch n := rng.IntN(20); {
		case n < 4:
			_, err := s.Pin(ctx, "live", product, frame(), "creator")
			must(err, overlay.ErrTooManyPins)
		case n < 8:
			_, err := s.Unpin(ctx, "live", product, frame(), "creator")
			must(err, overlay.ErrNotPinned)
		case n < 10:
			var list []string
			for _, i := range rng.Perm(5)[:rng.IntN(5)] {
				list = append(list, fmt.Sprint("p", i))
			}
			_, err := s.SetBag(ctx, "live", list, "creator")
			must(err)
		case n < 13:
			w := wish()
			w.Product = product
			w.Countdown, w.Duration = time.Duration(10+rng.IntN(30))*time.Second, time.Minute
			if rng.IntN(3) == 0 {
				w.StartsAt = time.Now().Add(time.Duration(rng.IntN(20)) * time.Second)
			}
			d, err := s.PrepareDeal(ctx, "live", w, "creator")
			must(err)
			ids = append(ids, d.ID)
		case n < 16 && len(ids) > 0:
			_, err := s.StartDeal(ctx, "live", ids[rng.IntN(len(ids))], frame(), "creator")
			must(err, shop.ErrDealRuns, shop.ErrDealState)
		case n < 18 && len(ids) > 0:
			_, err := s.EndDeal(ctx, "live", ids[rng.IntN(len(ids))], frame())
			must(err)
		case n == 18: // the publisher comes back: a new generation with an anchor of its own
			now, _ := s.Clock.Now("live")
			now += mediatime.Time(rng.IntN(2_000_000))
			clock.set(now)
			s.mu.Lock()
			b := s.broadcasts["live"]
			b.Anchors = append(slices.Clone(b.Anchors), mediatime.Anchor{Generation: len(b.Anchors) + 1, Media: now, Wall: time.Now()})
			s.broadcasts["live"] = b
			s.mu.Unlock()
		}
	}
	stop()
	history := append(s.store.Facts(), deals.Facts()...)
	slices.SortStableFunc(history, func(a, b event.Event) int { return int(a.At - b.At) })
	end, _ := s.Clock.Now("live")
	points := []mediatime.Time{0, end}
	for _, e := range history {
		points = append(points, mediatime.Time(e.MediaTime), max(0, mediatime.Time(e.MediaTime)-1))
	}
	for range 300 {
		points = append(points, mediatime.Time(rng.Int64N(int64(end))))
	}
	spans, err := s.DealHistory(ctx, "live")
	must(err)
	for _, at := range points {
		scene, err := s.Scene(ctx, "live", &at)
		if err != nil {
			t.Fatal(err)
		}
		on := 0
		for _, span := range spans {
			if at >= span.From && at < span.Until {
				on++
			}
		}
		if on != len(scene.Deals) {
			t.Fatalf("at %d the scene has %d deals, their spans say %d", at, len(scene.Deals), on)
		}
		if got, want := shown(scene), folded(history, at); got != want {
			t.Fatalf("at %d the scene has\n%s\nthe history\n%s", at, got, want)
		}
	}
}
