package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/dashboardtest"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/shop"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fields = map[string]any

// evening is a show told by hand, one fact after the other.
type evening struct {
	t        *testing.T
	store    dashboardtest.Model
	facts    dashboardtest.History
	audience dashboardtest.History
	begin    time.Time
}

func newEvening(t *testing.T) *evening {
	t.Parallel()
	e := &evening{t: t, begin: time.Date(2026, 11, 20, 19, 0, 30, 0, time.UTC)}
	e.fact(0, "broadcast/b", event.BroadcastStarted, fields{"broadcast": "b", "generation": 1, "media_time": 0, "wall": e.begin})
	return e
}

// fact tells a fact that happened so many seconds into the show.
func (e *evening) fact(second float64, topic string, kind event.Kind, data any) {
	at := e.begin.Add(time.Duration(second * float64(time.Second)))
	e.facts.Add(topic, kind, int64(second*1e6), at, data)
}

func (e *evening) pin(second float64, id, product string) {
	e.fact(second, "broadcast/b", event.PinPlaced, fields{"pin": fields{"id": id, "product": fields{"id": product}, "from": int64(second * 1e6)}, "version": 1})
}

func (e *evening) unpin(second float64, id string) {
	e.fact(second, "broadcast/b", event.PinRemoved, fields{"pin": id, "until": int64(second * 1e6), "version": 1})
}

// order tells what became of an order of two shirts and a hat: 2 × 29.00 and 15.00.
func (e *evening) order(second float64, kind event.Kind, id, buyer, state string, more fields) {
	o := fields{
		"order": id, "shop": "s", "broadcast": "b", "buyer": buyer, "state": state, "total": 7300, "currency": "EUR",
		"lines": []fields{{"line": 1, "product": "shirt", "variant": "m", "quantity": 2, "unit_price": 2900}, {"line": 2, "product": "hat", "variant": "one", "quantity": 1, "unit_price": 1500}},
		"at":    e.begin.Add(time.Duration(second * float64(time.Second))).UnixMilli(),
	}
	for k, v := range more {
		o[k] = v
	}
	e.fact(second, "shop/s", kind, fields{"orders": []fields{o}})
}

func (e *evening) click(second float64, id, session, product, pin string, seen float64) {
	at := e.begin.Add(time.Duration(second * float64(time.Second)))
	e.audience.Add("audience/b", event.AudienceCounted, 0, at, fields{"broadcast": "b", "clicks": []fields{{
		"id": id, "session": session, "product": product, "pin": pin, "media_time": int64(seen * 1e6), "at": at.UnixMilli()}}})
}

func (e *evening) sales() dashboard.Sales {
	e.t.Helper()
	fold := &dashboard.Fold{Store: &e.store, Facts: &e.facts, Audience: &e.audience, Log: slog.New(slog.DiscardHandler)}
	if err := fold.Rebuild(context.Background()); err != nil {
		e.t.Fatal(err)
	}
	service := &dashboard.Service{Store: &e.store, Catalogue: catalogue{}, Audience: catalogue{}}
	out, err := service.Sales(context.Background(), "b")
	if err != nil {
		e.t.Fatal(err)
	}
	return out
}

type catalogue struct{}

func (catalogue) Product(_ context.Context, id string) (shop.Product, error) {
	if id == "hat" {
		return shop.Product{}, shop.ErrNotFound
	}
	return shop.Product{ID: id, Title: "The " + id, Variants: []shop.Variant{{Stock: shop.Stock{OnHand: 9, Reserved: 2}}, {Stock: shop.Stock{OnHand: 1}}}}, nil
}

func (catalogue) Viewers(string) int { return 3 }

func TestMoneyIsCountedWhenItComesAndTakenBackWhenItGoes(t *testing.T) {
	e := newEvening(t)
	e.pin(5, "pin", "shirt")
	e.order(10, event.OrderPlaced, "o1", "mina", "held", nil)
	e.order(40, event.OrderPaid, "o1", "mina", "paid", nil) // in the next minute of the clock
	e.order(41, event.OrderPlaced, "o2", "noor", "held", nil)
	e.order(42, event.OrderDeclined, "o2", "noor", "declined", nil)
	e.order(43, event.OrderPlaced, "o3", "noor", "held", nil)
	e.order(50, event.OrderExpired, "o3", "noor", "expired", nil)
	e.order(60, event.OrderPlaced, "o4", "mina", "held", nil)
	e.order(61, event.OrderPaid, "o4", "mina", "paid", nil)
	e.order(61, event.OrderPaid, "o4", "mina", "paid", nil) // told twice, counted once
	e.order(62, event.OrderPlaced, "o5", "ali", "held", fields{"currency": "SEK"})
	e.order(63, event.OrderPaid, "o5", "ali", "paid", fields{"currency": "SEK"})
	e.order(64, event.OrderPaid, "o6", "ali", "paid", fields{"broadcast": ""})
	e.order(150, event.OrderRefunded, "o1", "mina", "partially_refunded", fields{"refund": "r", "amount": 2900, "lines": []fields{{"line": 1, "quantity": 1, "amount": 2900}}})
	got := e.sales()
	if got.GMV != 14600 || got.Refunds != 2900 || got.Net != 11700 || got.Orders != 2 || got.Units != 6 || got.Buyers != 1 || got.AOV != 7300 {
		t.Errorf("%+v", got)
	}
	if got.Placed != 5 || got.Declined != 1 || got.Expired != 1 || got.Foreign != 1 || got.Currency != "EUR" || got.ViewersNow != 3 {
		t.Errorf("%+v", got)
	}
	type row struct{ MediaTime, GMV, Refunds, Orders, Units int64 }
	var minutes []row
	for _, m := range got.Minutes {
		minutes = append(minutes, row{m.MediaTime, m.GMV, m.Refunds, m.Orders, m.Units})
	}
	if diff := cmp.Diff([]row{{30_000_000, 14600, 0, 2, 6}, {150_000_000, 0, 2900, 0, 0}}, minutes); diff != "" {
		t.Errorf("minutes (- want, + got): %s", diff)
	}
	if diff := cmp.Diff([]string{"pin"}, got.Minutes[0].Pins); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]dashboard.SalesItem{
		{Product: "shirt", Title: "The shirt", Orders: 2, Units: 4, GMV: 11600, Refunds: 2900, Available: 8},
		{Product: "hat", Orders: 2, Units: 2, GMV: 3000},
	}, got.Products); diff != "" {
		t.Errorf("products (- want, + got): %s", diff)
	}
	var states []string
	for _, o := range got.Latest {
		states = append(states, o.OrderID+" "+o.State)
	}
	if diff := cmp.Diff([]string{"o5 paid", "o4 paid", "o3 expired", "o2 declined", "o1 partially_refunded"}, states); diff != "" {
		t.Errorf("latest (- want, + got): %s", diff)
	}
}

func TestMoneyThatComesAfterTheHoldDiedCounts(t *testing.T) {
	e := newEvening(t)
	e.order(10, event.OrderPlaced, "o1", "mina", "held", nil)
	e.order(20, event.OrderExpired, "o1", "mina", "expired", nil)
	e.order(30, event.OrderPaid, "o1", "mina", "paid", nil)
	if got := e.sales(); got.GMV != 7300 || got.Orders != 1 || got.Expired != 1 || got.Latest[0].State != "paid" {
		t.Fatalf("%+v", got)
	}
}

func TestALineBelongsToThePinOfItsLastClick(t *testing.T) {
	for name, c := range map[string]struct {
		order  fields
		clicks func(e *evening)
		want   string // pin, "late pin" or ""
	}{
		"the card itself": {fields{"pin": "first", "media_time": 15_000_000}, nil, "first"},
		"the card, clicked up to a minute after its end": {fields{"pin": "first", "media_time": 79_999_999}, nil, "late first"},
		"the card, more than a minute after its end":     {fields{"pin": "first", "media_time": 80_000_000}, nil, ""},
		"the card, at a time that is not known":          {fields{"pin": "first"}, nil, "first"},
		"a card of another product":                      {fields{"pin": "hats", "media_time": 15_000_000}, nil, ""},
		"a card that never was":                          {fields{"pin": "forged", "media_time": 15_000_000}, nil, ""},
		"the last click of the session": {fields{"view_session": "v"}, func(e *evening) {
			e.click(12, "c1", "v", "shirt", "first", 12)
			e.click(35, "c2", "v", "shirt", "second", 34)
			e.click(36, "c3", "v", "hat", "hats", 36)
			e.click(37, "c4", "w", "shirt", "first", 13)
		}, "second"},
		"a click that names no pin belongs to the one on its frame": {fields{"view_session": "v"}, func(e *evening) { e.click(35, "c", "v", "shirt", "", 31) }, "second"},
		"of a pin that ended and one that is there, the one there":  {fields{"view_session": "v"}, func(e *evening) { e.click(35, "c", "v", "shirt", "", 30.5) }, "second"},
		"between two pins the one that ended, late":                 {fields{"view_session": "v"}, func(e *evening) { e.click(35, "c", "v", "shirt", "", 25) }, "late first"},
		"a click before any pin":                                    {fields{"view_session": "v"}, func(e *evening) { e.click(35, "c", "v", "shirt", "", 2) }, ""},
		"a click after the order":                                   {fields{"view_session": "v"}, func(e *evening) { e.click(120, "c", "v", "shirt", "second", 34) }, ""},
		"without consent a click is nobody's":                       {fields{"view_session": "v"}, func(e *evening) { e.click(35, "c", "", "shirt", "second", 34) }, ""},
		"neither card nor click: counted, and credited to nobody":   {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvening(t)
			e.pin(10, "first", "shirt")
			e.pin(10, "hats", "hat")
			e.unpin(20, "first")
			e.pin(30, "second", "shirt")
			if c.clicks != nil {
				c.clicks(e)
			}
			e.order(100, event.OrderPlaced, "o", "mina", "held", c.order)
			e.order(101, event.OrderPaid, "o", "mina", "paid", c.order)
			e.order(160, event.OrderRefunded, "o", "mina", "partially_refunded", fields{"lines": []fields{{"line": 1, "quantity": 1, "amount": 2900}}})
			sales := e.sales()
			got := ""
			for _, p := range sales.Pins {
				if p.ID == "hats" && p.GMV != 0 && p.GMV != 1500 || p.ID != "hats" && p.GMV != 0 && (p.GMV != 5800 || p.Refunds != 2900 || p.Units != 2) {
					t.Errorf("%+v", p)
				}
				if p.GMV != 0 && p.ID != "hats" {
					if got = p.ID; p.LateGMV != 0 {
						got = "late " + got
					}
				}
			}
			if got != c.want || sales.GMV != 7300 {
				t.Errorf("credited to %q, want %q; GMV %d", got, c.want, sales.GMV)
			}
		})
	}
}

func TestTheAudienceIsCountedAsDefined(t *testing.T) {
	e := newEvening(t)
	e.pin(5, "pin", "shirt")
	count := func(second float64, data fields) {
		data["broadcast"] = "b"
		e.audience.Add("audience/b", event.AudienceCounted, 0, e.begin.Add(time.Duration(second*float64(time.Second))), data)
	}
	count(10, fields{"viewers": 40, "views": []fields{{"viewer": "a"}, {"viewer": "b"}}})
	count(15, fields{"viewers": 35, "views": []fields{{"viewer": "a"}}, "impressions": []fields{{"product": "shirt", "pin": "pin", "count": 30}, {"product": "made up", "count": 1000}}})
	count(45, fields{"viewers": 38, "impressions": []fields{{"product": "shirt", "count": 3}, {"product": "shirt", "pin": "forged", "count": 2}}})
	count(1, fields{"impressions": []fields{{"product": "shirt", "count": 500}}}) // before it was offered
	e.click(50, "c", "v", "shirt", "pin", 20)
	got := e.sales()
	if got.ViewersPeak != 40 || got.Views != 3 || got.UniqueViewers != 2 || got.Impressions != 35 || got.Clicks != 1 {
		t.Errorf("%+v", got)
	}
	if len(got.Minutes) != 2 || got.Minutes[0].Viewers != 40 || got.Minutes[1].Viewers != 38 {
		t.Errorf("%+v", got.Minutes)
	}
	if len(got.Products) != 1 || got.Products[0].Impressions != 35 || got.Products[0].Clicks != 1 || got.Pins[0].Impressions != 30 || got.Pins[0].Clicks != 1 {
		t.Errorf("%+v %+v", got.Products, got.Pins)
	}
}

// What is pinned as a set is offered, clicked and sold product by product, and all of it is the pin's; its card counts once
// however many products it shows.
func TestASetIsOnePinOfSeveralProducts(t *testing.T) {
	for name, set := range map[string]fields{
		"with its cards": {"id": "set", "name": "Outfit", "count": 2, "products": []fields{{"id": "shirt"}, {"id": "hat"}}},
		"named only":     {"id": "set", "name": "Outfit", "count": 2, "ids": []string{"shirt", "hat"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEvening(t)
			e.fact(10, "broadcast/b", event.PinPlaced, fields{"version": 1, "pin": fields{"id": "both", "product": fields{"id": "shirt"}, "from": int64(10e6), "set": set}})
			e.audience.Add("audience/b", event.AudienceCounted, 0, e.begin.Add(15*time.Second), fields{"broadcast": "b", "impressions": []fields{
				{"product": "shirt", "pin": "both", "count": 20, "further": 1}, {"product": "hat", "pin": "both", "count": 12, "further": 11}, {"product": "scarf", "pin": "both", "count": 9}}})
			e.click(20, "c", "v", "hat", "both", 19)
			e.order(30, event.OrderPaid, "o", "mina", "paid", fields{"view_session": "v", "pin": "both", "media_time": int64(29e6), "placed_at": e.begin.Add(30 * time.Second).UnixMilli()})
			got := e.sales()
			if got.Impressions != 32 || got.Clicks != 1 || len(got.Products) != 2 {
				t.Fatalf("%+v", got)
			}
			for _, p := range got.Products {
				if want := map[string]int64{"shirt": 20, "hat": 12}[p.Product]; p.Impressions != want {
					t.Errorf("%s was shown %d times, want %d", p.Product, p.Impressions, want)
				}
			}
			if p := got.Pins[0]; p.Set != "Outfit" || p.Impressions != 20 || p.Clicks != 1 || p.GMV != 7300 || p.Units != 3 {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestMediaTimeOfAMinuteFollowsTheAnchors(t *testing.T) {
	e := newEvening(t)
	// The publisher came back: its second generation begins 100 s into the show, by the wall and by the frame.
	again := fields{"broadcast": "b", "generation": 2, "media_time": 100_000_000, "wall": e.begin.Add(100 * time.Second)}
	e.fact(100, "broadcast/b", event.BroadcastResumed, again)
	e.fact(100, "broadcast/b", event.BroadcastAnchored, again)
	e.order(130, event.OrderPaid, "o", "mina", "paid", nil)
	e.fact(200, "broadcast/b", event.BroadcastEnded, fields{"broadcast": "b", "media_time": 200_000_000})
	rows := e.sales()
	if len(rows.Minutes) != 1 || rows.Minutes[0].MediaTime != 90_000_000 && rows.Minutes[0].MediaTime != 89_999_999 {
		t.Fatalf("%+v", rows.Minutes)
	}
}

func TestNothingYetIsAnEmptyAnswer(t *testing.T) {
	t.Parallel()
	service := &dashboard.Service{Store: &dashboardtest.Model{}, Catalogue: catalogue{}}
	sales, err := service.Sales(context.Background(), "b")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(sales)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"minutes", "products", "pins", "latest"} {
		if _, ok := got[list].([]any); !ok {
			t.Errorf("%s is %v", list, got[list])
		}
	}
}

func TestTheFoldReadsWhatTheSamplesShow(t *testing.T) {
	t.Parallel()
	e := &dashboardtest.History{}
	for _, k := range []event.Kind{
		event.BroadcastStarted, event.BroadcastAnchored, event.BroadcastResumed, event.PinPlaced, event.PinRemoved, event.BagChanged,
		event.OrderPlaced, event.OrderDeclined, event.OrderExpired, event.OrderPaid, event.OrderRefunded, event.OrderCanceled, event.BroadcastEnded,
		event.StockChanged, event.StockOut, event.KeyRotated, // nothing to it
	} {
		e.Facts = append(e.Facts, dashboard.Fact{Position: int64(len(e.Facts)) + 1, Event: eventtest.Sample(t, k)})
	}
	counted := &dashboardtest.History{Facts: []dashboard.Fact{{Position: 1, Event: eventtest.Sample(t, event.AudienceCounted)}}}
	store := &dashboardtest.Model{}
	fold := &dashboard.Fold{Store: store, Facts: e, Audience: counted, Log: slog.New(slog.DiscardHandler)}
	if err := fold.Rebuild(context.Background()); err != nil {
		t.Fatal(err)
	}
	var sample struct{ Broadcast string }
	if err := json.Unmarshal(counted.Facts[0].Data, &sample); err != nil {
		t.Fatal(err)
	}
	service := &dashboard.Service{Store: store, Catalogue: catalogue{}}
	got, err := service.Sales(context.Background(), sample.Broadcast)
	if err != nil || got.GMV != 5800 || got.Refunds != 2900 || got.Orders != 1 || got.Units != 2 || got.Placed != 1 || got.Declined != 1 || got.Expired != 1 || got.Cancelled != 1 ||
		got.Views != 1 || got.Impressions != 37 || got.Clicks != 1 || got.ViewersPeak != 1204 || len(got.Pins) != 1 || got.Pins[0].GMV != 5800 || got.Pins[0].Until == nil {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestAFactThatCannotBeReadStopsNothing(t *testing.T) {
	e := newEvening(t)
	e.fact(1, "shop/s", event.OrderPaid, "not an object")
	e.order(2, event.OrderPaid, "o", "mina", "paid", nil)
	if got := e.sales(); got.Orders != 1 {
		t.Fatalf("%+v", got)
	}
}

// steps counts the transactions of a fold.
type steps struct {
	*dashboardtest.Model
	orders []int // asked for by each
}

func (s *steps) Fold(ctx context.Context, source string, from, to int64, k dashboard.Keys, apply func(*dashboard.Tables)) error {
	s.orders = append(s.orders, len(k.Orders))
	return s.Model.Fold(ctx, source, from, to, k, apply)
}

func TestAnOrderThatIsPlacedAndPaidMeanwhileIsWrittenOnce(t *testing.T) {
	e := newEvening(t)
	for i := range 90 { // each fact by itself: fewer facts than are read at once
		id := fmt.Sprint("o", i)
		e.order(10, event.OrderPlaced, id, "mina", "held", nil)
		e.order(11, event.OrderPaid, id, "mina", "paid", nil)
	}
	many := func(state string) fields {
		var orders []fields
		for i := range 400 {
			orders = append(orders, fields{"order": fmt.Sprint("many", i), "shop": "s", "broadcast": "b", "buyer": "noor", "state": state, "total": 100, "currency": "EUR", "lines": []fields{}})
		}
		return fields{"orders": orders}
	}
	e.fact(12, "shop/s", event.OrderPlaced, many("held"))
	e.fact(13, "shop/s", event.OrderPaid, many("paid"))
	e.order(14, event.OrderPlaced, "last", "mina", "held", nil)
	s := &steps{Model: &e.store}
	fold := &dashboard.Fold{Store: s, Facts: &e.facts, Audience: &e.audience, Log: slog.New(slog.DiscardHandler)}
	if _, err := fold.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []int{491}; !slices.Equal(s.orders, want) {
		t.Errorf("transactions of %v orders, want %v", s.orders, want)
	}
	e.fact(15, "shop/s", event.OrderPlaced, many("held"))
	for i := range 101 {
		e.order(16, event.OrderPlaced, fmt.Sprint("more", i), "mina", "held", nil)
	}
	s.orders = nil
	if _, err := fold.Step(context.Background()); err != nil {
		t.Fatal(err)
	}
	if want := []int{500, 1}; !slices.Equal(s.orders, want) {
		t.Errorf("transactions of %v orders, want %v", s.orders, want)
	}
}

func TestRunFoldsUntilItIsToldToEnd(t *testing.T) {
	e := newEvening(t)
	e.order(2, event.OrderPaid, "o", "mina", "paid", nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	fold := &dashboard.Fold{Store: &e.store, Facts: &e.facts, Audience: &e.audience, Log: slog.New(slog.DiscardHandler)}
	go func() { done <- fold.Run(ctx) }()
	for {
		rows, err := e.store.Read(ctx, "b", 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows.Broadcasts) == 1 && rows.Broadcasts[0].Orders == 1 {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
