package dashboard

import (
	"time"

	"github.com/hawkerlive/hawker/event"
)

// Broadcast sums up one broadcast.
type Broadcast struct {
	ID       string
	Currency string // of the first order; orders in another are counted in Foreign and nowhere else
	GMV      int64  // Σ over paid orders of unit price × quantity, before refunds, without tax and shipping; dated at payment
	Refunds  int64  // value of goods refunded, dated at the refund
	Orders   int64  // orders whose money came; a later refund or cancellation does not take one away
	Units    int64  // Σ quantity of those orders
	Buyers   int64  // distinct buyers of those orders
	Placed   int64  // holds: orders that waited for money
	Declined int64
	Expired  int64
	Canceled int64
	Foreign  int64 // orders in another currency

	Views       int64 // sessions shown for 3 s or more; a reload within 30 min is the same
	Viewers     int64 // unique viewers of this broadcast
	Peak        int64 // most concurrent viewers, sampled each 5 s
	Impressions int64
	Clicks      int64

	StartedAt int64 // Unix ms; 0: not yet
	EndedAt   int64
	Anchors   []Anchor
}

// Anchor ties a generation's media time to the wall.
type Anchor struct {
	Generation int   `json:"generation"`
	MediaTime  int64 `json:"media_time"` // µs
	Wall       int64 `json:"wall"`       // Unix µs
}

// MinuteKey is one minute of a broadcast, by the wall clock.
type MinuteKey struct {
	Broadcast string
	Minute    int64 // Unix ms of its beginning
}

// Minute holds what happened in it.
type Minute struct {
	MinuteKey
	GMV, Refunds, Orders, Units int64
	Viewers                     int64 // most concurrent viewers in it
}

// ProductKey is one product in one broadcast.
type ProductKey struct{ Broadcast, Product string }

// Product holds what it did there.
type Product struct {
	ProductKey
	OfferedAt           int64 // Unix ms of its first pin, bag or order; impressions and clicks before it do not count
	Impressions, Clicks int64
	Orders, Units       int64 // paid orders that hold it; units in them
	GMV, Refunds        int64
}

// Pin is a pin with what is credited to it.
type Pin struct {
	ID, Broadcast, Product string
	Others                 []string // of a set: the products behind its first
	Set                    string   // its name, "" for a product by itself
	From                   int64    // media time, µs
	Until                  int64    // media time, µs; Open while it is pinned
	PlacedAt, RemovedAt    int64    // Unix ms
	Impressions, Clicks    int64    // views in which its card was shown; clicks on any of its products
	Units, GMV, Refunds    int64    // of paid order lines whose last click lies in it, or at most 60 s behind it
	LateGMV                int64    // of those: behind it
}

// Open is the Until of a pin that has not ended.
const Open = int64(1<<63 - 1)

// Order is what the fold must remember of one.
type Order struct {
	ID        string
	Broadcast string
	Video     string // that led to it, "" for none
	Session   string
	Buyer     string
	State     string
	Currency  string
	Total     int64
	PlacedAt  int64 // Unix ms
	PaidAt    int64 // Unix ms; 0: the money never came
	At        int64 // Unix ms of the newest fact
	Pin       string
	MediaTime int64
	Evidence  int64 // newest media time that a line's credit rests on; -1: none does
	Lines     []Line
}

// Line is one line of an order.
type Line struct {
	Line      int64  `json:"line"`
	Product   string `json:"product"`
	Variant   string `json:"variant"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Returned  int64  `json:"returned"` // units refunded
	Refunded  int64  `json:"refunded"` // amount refunded
	Credit    Credit `json:"credit"`
}

// Credit says which pin a line is credited to, and why. A line has one last-touch credit, or none.
type Credit struct {
	Pin   string `json:"pin,omitempty"`
	Late  bool   `json:"late,omitempty"`  // the click came within 60 s after the pin's end
	Click string `json:"click,omitempty"` // the evidence; empty where the order itself named the pin
}

// Click is a click on a product.
type Click struct {
	ID, Broadcast, Session, Product, Pin string
	MediaTime                            int64 // µs; 0: unknown
	At                                   int64 // Unix ms
}

// Member is a buyer or a viewer that was counted in a broadcast.
type Member struct{ Broadcast, Sort, ID string }

// The sorts of members.
const (
	Buyer  = "buyer"
	Viewer = "viewer"
)

// Fact is an event with its position in its source.
type Fact struct {
	Position int64
	event.Event
}

const minuteMS = int64(time.Minute / time.Millisecond)

func minuteOf(ms int64) int64 { return ms - ms%minuteMS }
