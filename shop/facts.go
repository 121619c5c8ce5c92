package shop

import (
	"time"

	"github.com/hawkerlive/hawker/event"
)

// OrdersFact is the data of every order.* kind: one batch's orders of one shop.
type OrdersFact struct {
	Orders []OrderFact `json:"orders"`
}

// OrderFact tells of one order. Buyer and session are opaque.
type OrderFact struct {
	Order       string     `json:"order"`
	Purchase    string     `json:"purchase"`
	Shop        string     `json:"shop"`
	Broadcast   string     `json:"broadcast,omitempty"`
	Video       string     `json:"video,omitempty"`
	Buyer       string     `json:"buyer"`
	State       OrderState `json:"state"`
	Total       int64      `json:"total"`
	Currency    string     `json:"currency"`
	Lines       []LineFact `json:"lines"`
	ViewSession string     `json:"view_session,omitempty"`
	Pin         string     `json:"pin,omitempty"`
	MediaTime   int64      `json:"media_time,omitempty"`
	At          int64      `json:"at"`               // Unix ms of the fact
	PlacedAt    int64      `json:"placed_at"`        // Unix ms
	Refund      string     `json:"refund,omitempty"` // order.refunded only, with Amount
	Amount      int64      `json:"amount,omitempty"`
}

// LineFact tells of one line. In order.refunded, Quantity and Amount are what was refunded of it.
type LineFact struct {
	Line      int64  `json:"line"`
	Product   string `json:"product"`
	Variant   string `json:"variant"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Amount    int64  `json:"amount,omitempty"`
	Restock   bool   `json:"restock,omitempty"`
}

// StockFact is the data of stock.changed, stock.out and stock.back. A higher number is newer.
type StockFact struct {
	Variant   string `json:"variant"`
	Product   string `json:"product"`
	Available int64  `json:"available"`
	Number    int64  `json:"number"`
}

// PriceFact is the data of price.changed.
type PriceFact struct {
	Variant   string `json:"variant"`
	Product   string `json:"product"`
	Price     Money  `json:"price"`
	CompareAt *Money `json:"compare_at,omitempty"`
}

// FactOf tells an order as it stands.
func FactOf(o Order, at time.Time) OrderFact {
	f := OrderFact{
		Order: o.ID, Purchase: o.PurchaseID, Shop: o.ShopID, Broadcast: o.Source.Broadcast, Video: o.Source.Video, Buyer: o.BuyerID, State: o.State,
		Total: o.Total, Currency: o.Currency, ViewSession: o.Source.ViewSession, Pin: o.Source.Pin, MediaTime: o.Source.MediaTime,
		At: at.UnixMilli(), PlacedAt: o.PlacedAt.UnixMilli(), Lines: make([]LineFact, len(o.Lines)),
	}
	for i, l := range o.Lines {
		f.Lines[i] = LineFact{Line: l.Line, Product: l.Product, Variant: l.Variant, Quantity: l.Quantity, UnitPrice: l.UnitPrice}
	}
	return f
}

// RefundFact tells a refund of an order.
func RefundFact(o Order, r Refund) OrderFact {
	f := FactOf(o, r.CreatedAt)
	f.Refund, f.Amount, f.Lines = r.ID, r.Amount, nil
	for _, rl := range r.Lines {
		for _, l := range o.Lines {
			if l.Line == rl.Line {
				f.Lines = append(f.Lines, LineFact{l.Line, l.Product, l.Variant, rl.Quantity, l.UnitPrice, rl.Amount, rl.Restock})
			}
		}
	}
	return f
}

// OrderKind is the kind that tells of an order's coming to a state; false where that is not a fact of its own.
func OrderKind(s OrderState) (event.Kind, bool) {
	switch s {
	case Held:
		return event.OrderPlaced, true
	case Paid:
		return event.OrderPaid, true
	case Declined:
		return event.OrderDeclined, true
	case Expired:
		return event.OrderExpired, true
	case Cancelled:
		return event.OrderCanceled, true
	}
	return "", false
}

// factOrder is the order in which one batch tells its facts: what came before first.
var factOrder = []event.Kind{
	event.OrderPlaced, event.OrderPaid, event.OrderDeclined, event.OrderExpired, event.OrderCanceled, event.OrderRefunded,
}

// Facts gathers what one transaction made true, for the outbox: one event per kind and shop.
type Facts struct {
	at     time.Time
	orders map[string]map[event.Kind][]OrderFact
	shops  []string
	values []value
	told   []DealNow // deals whose last unit was taken
}

// value is a fact that is not an order's. It becomes an event last: the outbox tells in the order of ids.
type value struct {
	shop string
	kind event.Kind
	data any
}

// NewFacts starts a transaction's facts.
func NewFacts(at time.Time) *Facts {
	return &Facts{at: at, orders: map[string]map[event.Kind][]OrderFact{}}
}

// Order adds an order's fact.
func (f *Facts) Order(kind event.Kind, o OrderFact) {
	kinds, ok := f.orders[o.Shop]
	if !ok {
		kinds = map[event.Kind][]OrderFact{}
		f.orders[o.Shop] = kinds
		f.shops = append(f.shops, o.Shop)
	}
	kinds[kind] = append(kinds[kind], o)
}

// Stock adds stock.out or stock.back where the change crossed zero.
func (f *Facts) Stock(before int64, now StockNow) {
	kind := event.StockOut
	switch {
	case before > 0 && now.Available == 0:
	case before == 0 && now.Available > 0:
		kind = event.StockBack
	default:
		return
	}
	f.values = append(f.values, value{now.Shop, kind, StockFact{now.Variant, now.Product, now.Available, now.Number}})
}

// Price adds price.changed.
func (f *Facts) Price(shopID string, p PriceFact) {
	f.values = append(f.values, value{shopID, event.PriceChanged, p})
}

// Events returns all of them, ready for the outbox.
func (f *Facts) Events() []event.Event {
	var out []event.Event
	for _, id := range f.shops {
		for _, kind := range factOrder {
			if orders := f.orders[id][kind]; len(orders) > 0 {
				out = append(out, event.New(event.ShopTopic(id), kind, 0, f.at, OrdersFact{orders}))
			}
		}
	}
	for _, v := range f.values {
		out = append(out, event.New(event.ShopTopic(v.shop), v.kind, 0, f.at, v.data))
	}
	for _, d := range f.told {
		out = append(out, event.New(event.BroadcastTopic(d.Broadcast), event.DealSoldOut, 0, f.at, DealLeft{d.Deal, d.Product, d.Left, d.Number}))
	}
	return out
}
