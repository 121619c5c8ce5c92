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

// maker makes a show up as it goes along.
type maker struct {
	*Show
	r       *rand.Rand
	now     time.Time
	n       int
	pins    map[string]string // broadcast/product -> open pin
	history []string          // all pins
	sales   []*sale
}

// NewShow makes up a show of some minutes: pins that come and go, also late, orders that are paid, declined,
// expired, paid all the same, refunded in parts, clicks with and without consent, and counts.
func NewShow(seed uint64, steps int) *Show {
	begin := time.Date(2026, 11, 20, 19, 0, 0, 0, time.UTC)
	m := &maker{
		Show: &Show{Broadcasts: []string{"b0", "b1"}, Facts: &History{}, Audience: &History{}, Begin: begin},
		r:    rand.New(rand.NewPCG(seed, 7)), now: begin, pins: map[string]string{},
	}
	for _, b := range m.Broadcasts {
		m.Facts.Add("broadcast/"+b, event.BroadcastStarted, 0, begin, fields{"broadcast": b, "generation": 1, "media_time": 0, "wall": begin})
	}
	for range steps {
		m.now = m.now.Add(time.Duration(m.r.IntN(4000)) * time.Millisecond)
		b, product := m.pick("b", 2), m.pick("p", 4)
		switch k := m.r.IntN(100); {
		case k < 8:
			m.pin(b, product)
		case k < 10:
			m.Facts.Add("broadcast/"+b, event.BagChanged, m.media(), m.now, fields{"products": []string{product, m.pick("p", 6)}, "version": m.n})
		case k < 45:
			m.count(b)
		case k < 70:
			m.order(b)
		case len(m.sales) > 0:
			m.settle(m.r, m.sales[m.r.IntN(len(m.sales))], m.now, m.id)
		}
	}
	m.End = m.now.Add(time.Second)
	return m.Show
}

func (m *maker) media() int64                 { return m.now.Sub(m.Begin).Microseconds() }
func (m *maker) id(kind string) string        { m.n++; return fmt.Sprintf("%s%05d", kind, m.n) }
func (m *maker) pick(of string, k int) string { return fmt.Sprint(of, m.r.IntN(k)) }

// anyPin names a pin of any broadcast and product, none, or one that never was.
func (m *maker) anyPin() string {
	switch {
	case len(m.history) == 0 || m.r.IntN(3) == 0:
		return ""
	case m.r.IntN(20) == 0:
		return "forged"
	}
	return m.history[m.r.IntN(len(m.history))]
}

// seen is a frame that a viewer may have seen, or 0.
func (m *maker) seen() int64 {
	if m.r.IntN(10) == 0 {
		return 0
	}
	return max(0, m.media()-m.r.Int64N(90_000_000))
}

// pin pins a product or unpins it, at a frame up to 30 s back.
func (m *maker) pin(b, product string) {
	at := max(0, m.media()-m.r.Int64N(30_000_000))
	if open := m.pins[b+product]; open != "" {
		m.Facts.Add("broadcast/"+b, event.PinRemoved, at, m.now, fields{"pin": open, "product": product, "until": at, "version": m.n})
		delete(m.pins, b+product)
		return
	}
	pin := m.id("pin")
	m.pins[b+product], m.history = pin, append(m.history, pin)
	m.Facts.Add("broadcast/"+b, event.PinPlaced, at, m.now, fields{"version": m.n, "pin": m.pinned(pin, product, at)})
}

// pinned is a pin as it is told: a product, now and then with others in a set; the others of a large one are only named.
func (m *maker) pinned(pin, product string, at int64) fields {
	out := fields{"id": pin, "product": fields{"id": product}, "variants": []any{}, "from": at}
	others := []string{product, m.pick("p", 7), m.pick("p", 7)}
	switch m.r.IntN(6) {
	case 0:
		var cards []fields
		for _, id := range others {
			cards = append(cards, fields{"id": id})
		}
		out["set"] = fields{"id": "set", "name": "Lamps", "count": len(cards), "products": cards}
	case 1:
		out["set"] = fields{"id": "set", "name": "Many lamps", "count": len(others), "ids": others}
	}
	return out
}

// count tells what viewers did in the last second.
func (m *maker) count(b string) {
	c := fields{"broadcast": b}
	if m.r.IntN(2) == 0 {
		c["viewers"] = m.r.IntN(50)
	}
	var views, impressions, clicks []fields
	for range m.r.IntN(3) {
		views = append(views, fields{"session": m.id("s"), "viewer": m.pick("v", 20)})
		impressions = append(impressions, fields{"product": m.pick("p", 7), "pin": m.anyPin(), "count": m.r.IntN(9), "further": m.r.IntN(3)})
	}
	for range m.r.IntN(4) {
		session := m.pick("session", 12)
		if m.r.IntN(4) == 0 {
			session = ""
		}
		clicks = append(clicks, fields{"id": m.id("click"), "session": session, "product": m.pick("p", 7), "variant": "", "pin": m.anyPin(),
			"media_time": m.seen(), "at": m.now.Add(-time.Duration(m.r.IntN(900)) * time.Millisecond).UnixMilli()})
	}
	c["views"], c["impressions"], c["clicks"] = views, impressions, clicks
	m.Audience.Add("audience/"+b, event.AudienceCounted, 0, m.now, c)
}

// order places a batch of orders.
func (m *maker) order(b string) {
	var batch []fields
	for range 1 + m.r.IntN(4) {
		o := &sale{state: "held"}
		for l := range 1 + m.r.IntN(2) {
			o.lines = append(o.lines, fields{"line": l + 1, "product": m.pick("p", 4), "variant": m.pick("var", 9), "quantity": 1 + m.r.IntN(3), "unit_price": 100 * (1 + m.r.IntN(50))})
		}
		currency := "EUR"
		if m.r.IntN(30) == 0 {
			currency = "SEK"
		}
		o.fact = fields{"order": m.id("order"), "shop": "shop", "broadcast": b, "buyer": m.pick("buyer", 9), "total": 1, "currency": currency, "lines": o.lines,
			"view_session": m.pick("session", 12), "placed_at": m.now.UnixMilli()}
		switch m.r.IntN(6) {
		case 0:
			o.fact["broadcast"] = "" // bought elsewhere
			if m.r.IntN(2) == 0 {
				o.fact["video"] = m.pick("video", 3) // from a short one
			}
		case 1, 2:
			o.fact["pin"], o.fact["media_time"] = m.anyPin(), m.seen()
			if m.r.IntN(3) == 0 {
				o.fact["video"] = m.pick("clip", 3) // from a clip of the show
			}
		case 3:
			o.fact["view_session"] = ""
		}
		m.sales = append(m.sales, o)
		batch = append(batch, o.tell("held", m.now, nil))
	}
	m.Facts.Add("shop/shop", event.OrderPlaced, 0, m.now, fields{"orders": batch})
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
