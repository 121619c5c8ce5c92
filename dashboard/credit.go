package dashboard

import (
	"cmp"
	"slices"
)

// lateFor is how long after a pin's end a click still belongs to it (FEATURES.md 5.2: "click within 60 s after
// unpin → that pin, flag late"), in media time.
const lateFor = int64(60_000_000)

// credit gives each line of an order to the pin of its last click, and moves the money with it. The result
// depends on the order, the clicks and the pins alone, not on which of them was folded first.
func credit(t *Tables, o *Order) {
	counted := o.PaidAt != 0 && o.Currency == t.broadcast(o.Broadcast).Currency
	if counted {
		book(t, o, -1)
	}
	o.Evidence = -1
	for i := range o.Lines {
		l := &o.Lines[i]
		pin, click, seen, found := evidence(t, o, l.Product)
		l.Credit = Credit{}
		if !found {
			continue
		}
		o.Evidence = max(o.Evidence, seen)
		if p, late := pinAt(t, o.Broadcast, l.Product, pin, seen); p != "" {
			l.Credit = Credit{Pin: p, Late: late, Click: click}
		}
	}
	if counted {
		book(t, o, 1)
	}
}

// evidence is the last touch before the order: the pin that the buyer's card named, else the session's last
// click on the product.
func evidence(t *Tables, o *Order, product string) (pin, click string, seen int64, found bool) {
	// A pin stands before the orders that name it, in the same source; one that is not there is made up.
	if p := t.pins.get(o.Pin); p != nil && p.Broadcast == o.Broadcast && p.shows(product) {
		return o.Pin, "", o.MediaTime, true
	}
	if o.Session == "" {
		return "", "", 0, false
	}
	var last *Click
	for _, c := range t.clicksOf[o.Session] {
		if c.Broadcast != o.Broadcast || c.Product != product || c.At > o.PlacedAt {
			continue
		}
		if last == nil || cmp.Or(cmp.Compare(c.At, last.At), cmp.Compare(c.ID, last.ID)) > 0 {
			last = c
		}
	}
	if last == nil {
		return "", "", 0, false
	}
	return last.Pin, last.ID, last.MediaTime, true
}

// pinAt finds the pin that lay on the frame that the click saw: the one that the click names, else any of the
// product. A click without a media time belongs to the pin that it names.
func pinAt(t *Tables, broadcast, product, named string, seen int64) (pin string, late bool) {
	if named != "" {
		p := t.pins.get(named)
		if p == nil || p.Broadcast != broadcast || !p.shows(product) {
			return "", false
		}
		if seen == 0 {
			return p.ID, false
		}
		in, after := p.holds(seen)
		if in || after {
			return p.ID, after
		}
		return "", false
	}
	if seen == 0 {
		return "", false
	}
	var best *Pin
	for _, p := range t.pins.rows {
		if p.Broadcast != broadcast || !p.shows(product) {
			continue
		}
		in, after := p.holds(seen)
		if !in && !after {
			continue
		}
		// A pin that holds the frame comes before one that ended; of two the one that began later.
		if best == nil || in && late || in == !late && cmp.Or(cmp.Compare(p.From, best.From), cmp.Compare(p.ID, best.ID)) > 0 {
			best, late = p, after
		}
	}
	if best == nil {
		return "", false
	}
	return best.ID, late
}

// shows tells whether the pin is the product's, alone or in a set.
func (p *Pin) shows(product string) bool {
	return p.Product == product || slices.Contains(p.Others, product)
}

// holds tells whether the frame lies in the pin, or at most a minute behind it.
func (p *Pin) holds(seen int64) (in, after bool) {
	in = p.From <= seen && seen < p.Until
	after = p.Until != Open && seen >= p.Until && seen < p.Until+lateFor
	return in, after
}

// book adds a paid order's lines to the pins that they are credited to, or with -1 takes them away.
func book(t *Tables, o *Order, sign int64) {
	for _, l := range o.Lines {
		if l.Credit.Pin == "" {
			continue
		}
		p := t.pins.edit(l.Credit.Pin, nil)
		gmv := sign * l.UnitPrice * l.Quantity
		p.GMV, p.Units, p.Refunds = p.GMV+gmv, p.Units+sign*l.Quantity, p.Refunds+sign*l.Refunded
		if l.Credit.Late {
			p.LateGMV += gmv
		}
	}
}

// recredit judges again the orders that rest on frames from a media time on: a pin began or ended there.
func recredit(t *Tables, p *Pin, from int64) {
	for _, o := range t.orders.rows { // in any order: each is judged by itself
		if o.Broadcast == p.Broadcast && o.Evidence >= from && slices.ContainsFunc(o.Lines, func(l Line) bool { return p.shows(l.Product) }) {
			credit(t, t.orders.edit(o.ID, nil))
		}
	}
}
