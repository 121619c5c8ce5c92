package dashboard

import (
	"cmp"
	"slices"
)

// table is the part of one kind of rows that a batch of facts touches.
type table[K comparable, R any] struct {
	rows    map[K]*R
	changed map[K]bool
}

func (t *table[K, R]) get(k K) *R { return t.rows[k] }

// edit returns the row for changing it, made if it is missing.
func (t *table[K, R]) edit(k K, make func() R) *R {
	if t.changed == nil {
		t.changed = map[K]bool{}
	}
	t.changed[k] = true
	if r := t.rows[k]; r != nil {
		return r
	}
	r := make()
	t.put(k, &r)
	return t.rows[k]
}

func (t *table[K, R]) put(k K, r *R) {
	if t.rows == nil {
		t.rows = map[K]*R{}
	}
	t.rows[k] = r
}

// news lists the changed rows in the order of less.
func (t *table[K, R]) news(compare func(a, b R) int) []R {
	out := make([]R, 0, len(t.changed))
	for k := range t.changed {
		out = append(out, *t.rows[k])
	}
	slices.SortFunc(out, compare)
	return out
}

// Tables are the rows that a batch of facts needs. A store loads them by Keys, the fold changes them, the store
// writes what Changes lists.
type Tables struct {
	broadcasts table[string, Broadcast]
	minutes    table[MinuteKey, Minute]
	products   table[ProductKey, Product]
	pins       table[string, Pin]
	orders     table[string, Order]
	clicks     table[string, Click]
	members    table[Member, Member]

	ordersOf map[string][]*Order // by session
	clicksOf map[string][]*Click
}

// Rows are rows of all kinds: what a store loads, and what changed.
type Rows struct {
	Broadcasts []Broadcast
	Minutes    []Minute
	Products   []Product
	Pins       []Pin
	Orders     []Order
	Clicks     []Click
	Members    []Member
}

// Keys say which rows a batch of facts needs. No list is longer than the batch's facts and what they hold.
type Keys struct {
	Broadcasts []string    // their row, and all their products and pins
	Minutes    []MinuteKey // these
	Orders     []string    // by id
	Sessions   []string    // all their orders and clicks
	Moved      []Moved     // orders whose credit may change
	Members    []Member    // these
}

// Moved names a broadcast whose pins changed from a media time on: orders whose evidence is not older than that.
type Moved struct {
	Broadcast string
	From      int64
}

// NewTables makes tables of loaded rows.
func NewTables(r Rows) *Tables {
	t := &Tables{}
	for _, x := range r.Broadcasts {
		t.broadcasts.put(x.ID, &x)
	}
	for _, x := range r.Minutes {
		t.minutes.put(x.MinuteKey, &x)
	}
	for _, x := range r.Products {
		t.products.put(x.ProductKey, &x)
	}
	for _, x := range r.Pins {
		t.pins.put(x.ID, &x)
	}
	for _, x := range r.Orders {
		x.Lines = slices.Clone(x.Lines)
		t.addOrder(&x)
	}
	for _, x := range r.Clicks {
		t.addClick(&x)
	}
	for _, x := range r.Members {
		t.members.put(x, &x)
	}
	return t
}

func (t *Tables) addOrder(o *Order) {
	t.orders.put(o.ID, o)
	if o.Session == "" {
		return
	}
	if t.ordersOf == nil {
		t.ordersOf = map[string][]*Order{}
	}
	t.ordersOf[o.Session] = append(t.ordersOf[o.Session], o)
}

func (t *Tables) addClick(c *Click) {
	t.clicks.put(c.ID, c)
	if t.clicksOf == nil {
		t.clicksOf = map[string][]*Click{}
	}
	t.clicksOf[c.Session] = append(t.clicksOf[c.Session], c)
}

// Changes lists the rows that are new or changed, each list in the order of its keys.
func (t *Tables) Changes() Rows {
	return Rows{
		Broadcasts: t.broadcasts.news(func(a, b Broadcast) int { return cmp.Compare(a.ID, b.ID) }),
		Minutes: t.minutes.news(func(a, b Minute) int {
			return cmp.Or(cmp.Compare(a.Broadcast, b.Broadcast), cmp.Compare(a.Minute, b.Minute))
		}),
		Products: t.products.news(func(a, b Product) int {
			return cmp.Or(cmp.Compare(a.Broadcast, b.Broadcast), cmp.Compare(a.Product, b.Product))
		}),
		Pins:   t.pins.news(func(a, b Pin) int { return cmp.Compare(a.ID, b.ID) }),
		Orders: t.orders.news(func(a, b Order) int { return cmp.Compare(a.ID, b.ID) }),
		Clicks: t.clicks.news(func(a, b Click) int { return cmp.Compare(a.ID, b.ID) }),
		Members: t.members.news(func(a, b Member) int {
			return cmp.Or(cmp.Compare(a.Broadcast, b.Broadcast), cmp.Compare(a.Sort, b.Sort), cmp.Compare(a.ID, b.ID))
		}),
	}
}

func (t *Tables) broadcast(id string) *Broadcast {
	return t.broadcasts.edit(id, func() Broadcast { return Broadcast{ID: id} })
}

func (t *Tables) minute(broadcast string, ms int64) *Minute {
	k := MinuteKey{broadcast, minuteOf(ms)}
	return t.minutes.edit(k, func() Minute { return Minute{MinuteKey: k} })
}

func (t *Tables) product(broadcast, product string) *Product {
	k := ProductKey{broadcast, product}
	return t.products.edit(k, func() Product { return Product{ProductKey: k} })
}

// count adds a member, and reports whether it is new.
func (t *Tables) count(broadcast, sort, id string) bool {
	m := Member{broadcast, sort, id}
	if t.members.get(m) != nil {
		return false
	}
	t.members.edit(m, func() Member { return m })
	return true
}
