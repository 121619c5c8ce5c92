package dashboardtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/event"
)

// History is a source of facts in memory. Until bounds what can be seen of it.
type History struct {
	Facts []dashboard.Fact
	Until time.Time // facts from then on have not happened yet; zero: all are there
}

var _ dashboard.Source = (*History)(nil)

// Read is dashboard.Source.
func (h *History) Read(_ context.Context, after int64, limit int) (out []dashboard.Fact, _ error) {
	for _, f := range h.Facts {
		if f.Position > after && len(out) < limit && (h.Until.IsZero() || f.At < h.Until.UnixMilli()) {
			out = append(out, f)
		}
	}
	return out, nil
}

// Add appends a fact.
func (h *History) Add(topic string, kind event.Kind, mediaTime int64, at time.Time, data any) {
	e := event.New(topic, kind, mediaTime, at, data)
	h.Facts = append(h.Facts, dashboard.Fact{Position: int64(len(h.Facts)) + 1, Event: e})
}

// Show is a made-up evening: what happened, as the two sources tell it.
type Show struct {
	Broadcasts []string
	Facts      *History // hawker
	Audience   *History // activity
	Begin, End time.Time
}

type (
	fields = map[string]any
	sale   struct {
		fact  fields
		state string
		lines []fields
	}
)

// NewShow makes up a show of some minutes: pins that come and go, also late, orders that are paid, declined,
// expired, paid all the same, refunded in parts, clicks with and without consent, and counts.
func NewShow(seed uint64, steps int) *Show {
	r := rand.New(rand.NewPCG(seed, 7))
	begin := time.Date(2026, 11, 20, 19, 0, 0, 0, time.UTC)
	s := &Show{Broadcasts: []string{"b0", "b1"}, Facts: &History{}, Audience: &History{}, Begin: begin}
	now := begin
	media := func() int64 { return now.Sub(begin).Microseconds() }
	for _, b := range s.Broadcasts {
		s.Facts.Add("broadcast/"+b, event.BroadcastStarted, 0, now, fields{"broadcast": b, "generation": 1, "media_time": 0, "wall": begin})
	}
	pins := map[string]string{} // broadcast/product -> open pin
	var history []string        // all pins
	var sales []*sale
	n := 0
	id := func(kind string) string { n++; return fmt.Sprintf("%s%05d", kind, n) }
	pick := func(of string, k int) string { return fmt.Sprint(of, r.IntN(k)) }
	anyPin := func() string {
		switch {
		case len(history) == 0 || r.IntN(3) == 0:
			return ""
		case r.IntN(20) == 0:
			return "forged"
		}
		return history[r.IntN(len(history))]
	}
	seen := func() int64 {
		if r.IntN(10) == 0 {
			return 0
		}
		return max(0, media()-r.Int64N(90_000_000))
	}
	for range steps {
		now = now.Add(time.Duration(r.IntN(4000)) * time.Millisecond)
		b, product := pick("b", 2), pick("p", 4)
		switch k := r.IntN(100); {
		case k < 8: // pin or unpin, with a media time up to 30 s back
			at := max(0, media()-r.Int64N(30_000_000))
			if open := pins[b+product]; open != "" {
				s.Facts.Add("broadcast/"+b, event.PinRemoved, at, now, fields{"pin": open, "product": product, "until": at, "version": n})
				delete(pins, b+product)
				break
			}
			pin := id("pin")
			pins[b+product], history = pin, append(history, pin)
			s.Facts.Add("broadcast/"+b, event.PinPlaced, at, now, fields{"version": n, "pin": fields{"id": pin, "product": fields{"id": product}, "variants": []any{}, "from": at}})
		case k < 10:
			s.Facts.Add("broadcast/"+b, event.BagChanged, media(), now, fields{"products": []string{product, pick("p", 6)}, "version": n})
		case k < 45: // what viewers did in the last second
			c := fields{"broadcast": b}
			if r.IntN(2) == 0 {
				c["viewers"] = r.IntN(50)
			}
			var views, impressions, clicks []fields
			for range r.IntN(3) {
				views = append(views, fields{"session": id("s"), "viewer": pick("v", 20)})
				impressions = append(impressions, fields{"product": pick("p", 7), "pin": anyPin(), "count": r.IntN(9)})
			}
			for range r.IntN(4) {
				session := pick("session", 12)
				if r.IntN(4) == 0 {
					session = ""
				}
				clicks = append(clicks, fields{"id": id("click"), "session": session, "product": pick("p", 7), "variant": "", "pin": anyPin(),
					"media_time": seen(), "at": now.Add(-time.Duration(r.IntN(900)) * time.Millisecond).UnixMilli()})
			}
			c["views"], c["impressions"], c["clicks"] = views, impressions, clicks
			s.Audience.Add("audience/"+b, event.AudienceCounted, 0, now, c)
		case k < 70: // a batch of new orders
			var batch []fields
			for range 1 + r.IntN(4) {
				o := &sale{state: "held"}
				for l := range 1 + r.IntN(2) {
					o.lines = append(o.lines, fields{"line": l + 1, "product": pick("p", 4), "variant": pick("var", 9), "quantity": 1 + r.IntN(3), "unit_price": 100 * (1 + r.IntN(50))})
				}
				currency := "EUR"
				if r.IntN(30) == 0 {
					currency = "SEK"
				}
				o.fact = fields{"order": id("order"), "shop": "shop", "broadcast": b, "buyer": pick("buyer", 9), "total": 1, "currency": currency, "lines": o.lines,
					"view_session": pick("session", 12), "placed_at": now.UnixMilli()}
				switch r.IntN(6) {
				case 0:
					o.fact["broadcast"] = "" // bought elsewhere
				case 1, 2:
					o.fact["pin"], o.fact["media_time"] = anyPin(), seen()
				case 3:
					o.fact["view_session"] = ""
				}
				sales = append(sales, o)
				batch = append(batch, o.tell("held", now, nil))
			}
			s.Facts.Add("shop/shop", event.OrderPlaced, 0, now, fields{"orders": batch})
		case len(sales) > 0:
			s.settle(r, sales[r.IntN(len(sales))], now, id)
		}
	}
	s.End = now.Add(time.Second)
	return s
}

// settle lets something happen to an order.
func (s *Show) settle(r *rand.Rand, o *sale, now time.Time, id func(string) string) {
	tell := func(kind event.Kind, state string, more fields) {
		o.state = state
		s.Facts.Add("shop/shop", kind, 0, now, fields{"orders": []fields{o.tell(state, now, more)}})
	}
	switch {
	case o.state == "held":
		switch r.IntN(5) {
		case 0:
			tell(event.OrderDeclined, "declined", nil)
		case 1:
			tell(event.OrderExpired, "expired", nil)
		default:
			tell(event.OrderPaid, "paid", nil)
		}
	case o.state == "expired" && r.IntN(2) == 0: // the money came late, and stock was free
		tell(event.OrderPaid, "paid", nil)
	case o.state == "paid" && r.IntN(4) == 0:
		tell(event.OrderPaid, "paid", nil) // told twice
	case o.state == "paid" && r.IntN(4) == 0:
		tell(event.OrderCanceled, "cancelled", nil)
	case o.state == "paid" || o.state == "partially_refunded":
		line := o.lines[r.IntN(len(o.lines))]
		tell(event.OrderRefunded, "partially_refunded", fields{"refund": id("refund"), "amount": 100,
			"lines": []fields{{"line": line["line"], "product": line["product"], "variant": line["variant"], "quantity": 1, "unit_price": line["unit_price"], "amount": 100}}})
	}
}

func (o *sale) tell(state string, now time.Time, more fields) fields {
	out := fields{}
	for _, from := range []fields{o.fact, {"state": state, "at": now.UnixMilli()}, more} {
		for k, v := range from {
			out[k] = v
		}
	}
	return out
}

// Data decodes a fact's data.
func Data[D any](f dashboard.Fact) (d D) {
	if err := json.Unmarshal(f.Data, &d); err != nil {
		panic(err)
	}
	return d
}
