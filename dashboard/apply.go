package dashboard

import (
	"cmp"
	"slices"

	"github.com/hawkerlive/hawker/event"
)

// Every function here is pure: it changes the rows that it is given by the fact that it is given, and looks at
// nothing else. Applying the same facts in the same order gives the same rows.

// anchorsMost are kept of a broadcast, however often its publisher comes anew: the first and the newest.
const anchorsMost = 1024

func applyAnchor(t *Tables, e event.Event, d *anchorData) {
	b := t.broadcast(d.Broadcast)
	if b.StartedAt == 0 {
		b.StartedAt = e.At
	}
	b.EndedAt = 0
	for _, a := range b.Anchors {
		if a.Generation == d.Generation {
			return // resumed in the generation that just began
		}
	}
	b.Anchors = append(slices.Clone(b.Anchors), Anchor{d.Generation, d.MediaTime, d.Wall.UnixMicro()})
	slices.SortFunc(b.Anchors, func(a, b Anchor) int { return cmp.Compare(a.Generation, b.Generation) })
	if more := len(b.Anchors) - anchorsMost; more > 0 {
		b.Anchors = slices.Delete(b.Anchors, 1, 1+more)
	}
}

func applyEnd(t *Tables, e event.Event, d *endData) { t.broadcast(d.Broadcast).EndedAt = e.At }

func applyPin(t *Tables, e event.Event, d *pinData) {
	b := topicOf(e)
	others := d.others()
	for _, product := range append([]string{d.Pin.Product.ID}, others...) {
		offer(t, b, product, e.At)
	}
	p := t.pins.edit(d.Pin.ID, func() Pin { return Pin{ID: d.Pin.ID, Broadcast: b} })
	p.Product, p.From, p.Until, p.PlacedAt = d.Pin.Product.ID, d.Pin.From, Open, e.At
	p.Others, p.Set = others, ""
	if d.Pin.Set != nil {
		p.Set = d.Pin.Set.Name
	}
	recredit(t, p, p.From)
}

// others are the products of a pinned set behind its first.
func (d *pinData) others() (out []string) {
	if d.Pin.Set == nil {
		return nil
	}
	ids := d.Pin.Set.IDs
	for _, p := range d.Pin.Set.Products {
		ids = append(ids, p.ID)
	}
	for _, id := range ids {
		if id != d.Pin.Product.ID && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func applyUnpin(t *Tables, e event.Event, d *unpinData) {
	if t.pins.get(d.Pin) == nil {
		return
	}
	p := t.pins.edit(d.Pin, nil)
	p.Until, p.RemovedAt = d.Until, e.At
	recredit(t, p, d.Until)
}

func applyBag(t *Tables, e event.Event, d *bagData) {
	for _, product := range d.Products {
		offer(t, topicOf(e), product, e.At)
	}
}

// offer notes since when a product can be seen in the broadcast.
func offer(t *Tables, broadcast, product string, at int64) {
	if p := t.products.get(ProductKey{broadcast, product}); p != nil && p.OfferedAt <= at {
		return
	}
	t.product(broadcast, product).OfferedAt = at
}

// order finds or makes the row of an order, with the newest fact's state.
func order(t *Tables, e event.Event, d orderData) (*Order, *Broadcast) {
	b := t.broadcast(d.Broadcast)
	if b.Currency == "" {
		b.Currency = d.Currency
	}
	known := t.orders.get(d.Order) != nil
	if !known {
		t.addOrder(&Order{
			ID: d.Order, Broadcast: d.Broadcast, Video: d.Video, Session: d.ViewSession, Buyer: d.Buyer, Currency: d.Currency, Total: d.Total,
			PlacedAt: at(d.PlacedAt, e), Pin: d.Pin, MediaTime: d.MediaTime, Evidence: -1,
		})
	}
	o := t.orders.edit(d.Order, nil)
	if !known {
		for _, l := range d.Lines {
			o.Lines = append(o.Lines, Line{Line: l.Line, Product: l.Product, Variant: l.Variant, Quantity: l.Quantity, UnitPrice: l.UnitPrice})
			offer(t, o.Broadcast, l.Product, o.PlacedAt)
		}
		b.Placed++
		if o.Currency != b.Currency {
			b.Foreign++
		}
		credit(t, o)
	}
	o.State, o.At = d.State, at(d.At, e)
	return o, b
}

func applyPlaced(t *Tables, e event.Event, d *ordersData) {
	for _, each := range d.Orders {
		if each.Broadcast != "" {
			order(t, e, each)
		}
	}
}

func applyPaid(t *Tables, e event.Event, d *ordersData) {
	for _, each := range d.Orders {
		if each.Broadcast == "" {
			continue
		}
		o, b := order(t, e, each)
		if o.PaidAt != 0 {
			continue // money is counted once
		}
		o.PaidAt = o.At
		if o.Currency != b.Currency {
			continue
		}
		m := t.minute(b.ID, o.PaidAt)
		b.Orders++
		m.Orders++
		if t.count(b.ID, Buyer, o.Buyer) {
			b.Buyers++
		}
		for i, l := range o.Lines {
			gmv := l.UnitPrice * l.Quantity
			b.GMV, m.GMV = b.GMV+gmv, m.GMV+gmv
			b.Units, m.Units = b.Units+l.Quantity, m.Units+l.Quantity
			p := t.product(b.ID, l.Product)
			p.GMV, p.Units = p.GMV+gmv, p.Units+l.Quantity
			if first := slices.IndexFunc(o.Lines, func(x Line) bool { return x.Product == l.Product }); first == i {
				p.Orders++
			}
		}
		book(t, o, 1)
	}
}

func applyDeclined(t *Tables, e event.Event, d *ordersData) {
	ended(t, e, d, func(b *Broadcast) { b.Declined++ })
}
func applyExpired(t *Tables, e event.Event, d *ordersData) {
	ended(t, e, d, func(b *Broadcast) { b.Expired++ })
}
func applyCanceled(t *Tables, e event.Event, d *ordersData) {
	ended(t, e, d, func(b *Broadcast) { b.Canceled++ })
}

func ended(t *Tables, e event.Event, d *ordersData, count func(*Broadcast)) {
	for _, each := range d.Orders {
		if each.Broadcast == "" {
			continue
		}
		was := ""
		if known := t.orders.get(each.Order); known != nil {
			was = known.State
		}
		if o, b := order(t, e, each); o.State != was {
			count(b)
		}
	}
}

func applyRefunded(t *Tables, e event.Event, d *refundsData) {
	for _, each := range d.Orders {
		if t.orders.get(each.Order) == nil {
			continue // outside of any broadcast
		}
		o := t.orders.edit(each.Order, nil)
		b := t.broadcast(o.Broadcast)
		counted := o.PaidAt != 0 && o.Currency == b.Currency
		if counted {
			book(t, o, -1)
		}
		when := at(each.At, e)
		for _, r := range each.Lines {
			i := slices.IndexFunc(o.Lines, func(l Line) bool { return l.Line == r.Line })
			if i < 0 {
				continue
			}
			o.Lines[i].Returned += r.Quantity
			o.Lines[i].Refunded += r.Amount
			if counted {
				b.Refunds += r.Amount
				t.minute(b.ID, when).Refunds += r.Amount
				t.product(b.ID, o.Lines[i].Product).Refunds += r.Amount
			}
		}
		if counted {
			book(t, o, 1)
		}
		if each.State != "" {
			o.State = each.State
		}
		o.At = when
	}
}

func applyCounted(t *Tables, e event.Event, d *countedData) {
	b := t.broadcast(d.Broadcast)
	if d.Viewers != nil {
		m := t.minute(b.ID, e.At)
		m.Viewers, b.Peak = max(m.Viewers, *d.Viewers), max(b.Peak, *d.Viewers)
	}
	for _, v := range d.Views {
		b.Views++
		if t.count(b.ID, Viewer, v.Viewer) {
			b.Viewers++
		}
	}
	for _, i := range d.Impressions {
		if i.Count <= 0 || !offered(t, b.ID, i.Product, e.At) {
			continue
		}
		b.Impressions += i.Count
		t.product(b.ID, i.Product).Impressions += i.Count
		if p := shownPin(t, b.ID, i.Product, i.Pin, e.At); p != nil {
			p.Impressions += max(i.Count-i.Further, 0)
		}
	}
	for _, c := range d.Clicks {
		if offered(t, b.ID, c.Product, c.At) {
			applyClick(t, b, c)
		}
	}
}

// offered tells whether the product could be seen at that time. What a client makes up does not become a row.
func offered(t *Tables, broadcast, product string, at int64) bool {
	p := t.products.get(ProductKey{broadcast, product})
	return p != nil && p.OfferedAt <= at
}

func shownPin(t *Tables, broadcast, product, pin string, at int64) *Pin {
	p := t.pins.get(pin)
	if p == nil || p.Broadcast != broadcast || !p.shows(product) || p.PlacedAt > at {
		return nil
	}
	return t.pins.edit(pin, nil)
}

func applyClick(t *Tables, b *Broadcast, c clickData) {
	b.Clicks++
	t.product(b.ID, c.Product).Clicks++
	if p := shownPin(t, b.ID, c.Product, c.Pin, c.At); p != nil {
		p.Clicks++
	}
	if c.Session == "" { // no consent: counted, not tied to anything
		return
	}
	t.addClick(&Click{ID: c.ID, Broadcast: b.ID, Session: c.Session, Product: c.Product, Pin: c.Pin, MediaTime: c.MediaTime, At: c.At})
	t.clicks.edit(c.ID, nil)
	// Its order may have been folded before it: the two come from different sources.
	for _, o := range t.ordersOf[c.Session] {
		if o.Broadcast == b.ID && o.PlacedAt >= c.At {
			credit(t, t.orders.edit(o.ID, nil))
		}
	}
}
