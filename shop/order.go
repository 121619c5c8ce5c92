package shop

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// OrderState is where an order stands.
type OrderState string

// The states of an order.
const (
	Held              OrderState = "held"            // stock is promised, the charge is under way
	RequiresAction    OrderState = "requires_action" // the buyer must confirm at the bank
	Paid              OrderState = "paid"
	Declined          OrderState = "declined"
	Expired           OrderState = "expired" // the hold ran out before the money came
	Cancelled         OrderState = "cancelled"
	PartiallyRefunded OrderState = "partially_refunded"
	Refunded          OrderState = "refunded"
)

// orderMoves is every legal move of an order. Declined and expired orders can still become paid: money that
// arrives late is honoured where stock is free.
var orderMoves = map[OrderState][]OrderState{
	Held:              {RequiresAction, Paid, Declined, Expired, Cancelled},
	RequiresAction:    {Paid, Declined, Expired, Cancelled},
	Declined:          {Paid},
	Expired:           {Paid},
	Cancelled:         {},
	Paid:              {PartiallyRefunded, Refunded},
	PartiallyRefunded: {PartiallyRefunded, Refunded},
	Refunded:          {},
}

// MayBecome tells whether the move is legal.
func (s OrderState) MayBecome(next OrderState) bool {
	for _, to := range orderMoves[s] {
		if to == next {
			return true
		}
	}
	return false
}

// Known tells whether the state is one of ours.
func (s OrderState) Known() bool { _, ok := orderMoves[s]; return ok }

// Open tells whether the order holds stock that is neither sold nor released.
func (s OrderState) Open() bool { return s == Held || s == RequiresAction }

// Sold tells whether the order's units have left the stock.
func (s OrderState) Sold() bool { return s == Paid || s == PartiallyRefunded || s == Refunded }

// Order is what a buyer bought from one shop. What was bought never changes.
type Order struct {
	ID         string     `json:"id"`
	PurchaseID string     `json:"purchase"` // shared by the orders of one checkout
	Part       int64      `json:"part"`     // its place within the purchase, 0 and up; the first has the purchase's id
	Parts      int64      `json:"parts"`    // orders of the purchase
	ShopID     string     `json:"shop"`
	BuyerID    string     `json:"buyer"`
	State      OrderState `json:"state"`
	Currency   string     `json:"currency"`
	Total      int64      `json:"total"`
	Paid       int64      `json:"paid"`
	Refunded   int64      `json:"refunded"`
	Lines      []Line     `json:"lines"`
	Source     Source     `json:"source"`
	Provider   string     `json:"provider"`
	Instrument string     `json:"instrument"`
	ActionURL  string     `json:"action_url"` // where the buyer confirms, while the state is requires_action
	Reason     string     `json:"reason"`     // why it was declined
	PlacedAt   time.Time  `json:"placed_at"`
	HoldUntil  time.Time  `json:"hold_until"`
	ChangedAt  time.Time  `json:"changed_at"` // when it came to its state
}

// Line is one position of an order, as it was bought.
type Line struct {
	Line         int64  `json:"line"` // 1 and up; never reused
	Product      string `json:"product"`
	Variant      string `json:"variant"`
	Title        string `json:"title"`
	VariantTitle string `json:"variant_title"`
	SKU          string `json:"sku"`
	Picture      string `json:"picture,omitempty"`
	Quantity     int64  `json:"quantity"`
	UnitPrice    int64  `json:"unit_price"`
	CompareAt    int64  `json:"compare_at,omitempty"`
	Deal         string `json:"deal,omitempty"`
	Limited      bool   `json:"limited,omitempty"` // counted against the variant's limit per buyer
}

// Total is the line's price.
func (l Line) Total() int64 { return l.Quantity * l.UnitPrice }

// Source says what led to the order. The shop keeps it and never parses it.
type Source struct {
	Broadcast   string `json:"broadcast,omitempty"`
	Video       string `json:"video,omitempty"` // of a broadcast's clip, both are named
	ViewSession string `json:"view_session,omitempty"`
	Pin         string `json:"pin,omitempty"`
	MediaTime   int64  `json:"media_time,omitempty"`
	Transport   string `json:"transport,omitempty"` // by which the view is served, where it was asked for; orders do not keep it
}

// OrderID names an order of a purchase.
func OrderID(purchaseID string, part int64) string {
	if part == 0 {
		return purchaseID
	}
	return PartID(purchaseID, "part:"+strconv.FormatInt(part, 10))
}

const bodyVersion = 1

// orderBody is what was bought, as it stands in the order's row.
type orderBody struct {
	V           int    `json:"v"`
	Print       string `json:"print"` // fingerprint of the request
	Purchase    string `json:"purchase,omitempty"`
	Part        int64  `json:"part,omitempty"`
	Parts       int64  `json:"parts"`
	Provider    string `json:"provider,omitempty"`
	Instrument  string `json:"instrument,omitempty"`
	Video       string `json:"video,omitempty"`
	ViewSession string `json:"view_session,omitempty"`
	Pin         string `json:"pin,omitempty"`
	MediaTime   int64  `json:"media_time,omitempty"`
	Lines       []Line `json:"lines"`
}

// EncodeBody is how what was bought stands in the order's row, with the fingerprint of the request for it.
func EncodeBody(o Order, print string) string {
	body := orderBody{
		V: bodyVersion, Print: print, Part: o.Part, Parts: o.Parts, Provider: o.Provider, Instrument: o.Instrument,
		Video: o.Source.Video, ViewSession: o.Source.ViewSession, Pin: o.Source.Pin, MediaTime: o.Source.MediaTime, Lines: o.Lines,
	}
	if o.PurchaseID != o.ID {
		body.Purchase = o.PurchaseID
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("shop: encode an order: %v", err)) // texts and numbers always encode
	}
	return string(b)
}

// DecodeBody reads every version that EncodeBody ever wrote into an order whose id is set.
func (o *Order) DecodeBody(text string) (print string, err error) {
	var b orderBody
	if err := json.Unmarshal([]byte(text), &b); err != nil {
		return "", fmt.Errorf("shop: decode order %s: %w", o.ID, err)
	}
	if b.V != bodyVersion {
		return "", fmt.Errorf("shop: decode order %s: unknown version %d", o.ID, b.V)
	}
	o.PurchaseID, o.Part, o.Parts, o.Provider, o.Instrument, o.Lines = b.Purchase, b.Part, b.Parts, b.Provider, b.Instrument, b.Lines
	if o.PurchaseID == "" {
		o.PurchaseID = o.ID
	}
	o.Source.Video = b.Video
	o.Source.ViewSession, o.Source.Pin, o.Source.MediaTime = b.ViewSession, b.Pin, b.MediaTime
	return b.Print, nil
}

// OrderQuery selects orders, newest first, inside a scope.
type OrderQuery struct {
	Scope     Scope
	Broadcast string
	State     OrderState
	After     string // cursor: id of the last order seen
	Limit     int
}

// Scope is whose rows a caller may see: those that the buyer bought, and those of the shops. The zero Scope
// sees nothing.
type Scope struct {
	Buyer string
	Shops []string
	Any   bool // the installation's own work: folds, sweeps, audits
}

// Holds tells whether a row of this buyer and shop is inside the scope.
func (s Scope) Holds(buyer, shop string) bool {
	if s.Any || (s.Buyer != "" && s.Buyer == buyer) {
		return true
	}
	for _, id := range s.Shops {
		if id == shop && id != "" {
			return true
		}
	}
	return false
}
