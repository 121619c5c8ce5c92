package shop

import "time"

// Batch is what one transaction of the allocator carries out: settlements first, since they free stock, then who leaves
// a waitlist, then offers to those who wait, then claims, then who joins a waitlist, each in the order in which they
// arrived.
type Batch struct {
	Now         time.Time
	KeysFrom    time.Time // keys of orders placed before this are forgotten
	Settlements []Settlement
	Claims      []Claim
	Waits       []WaitCall
	OfferFor    time.Duration // how long a unit is held for who waited for it
}

// SettlementKind is what ends or moves a hold.
type SettlementKind string

// The kinds of settlements.
const (
	SettlePaid           SettlementKind = "paid"
	SettleDeclined       SettlementKind = "declined"
	SettleRequiresAction SettlementKind = "requires_action"
	SettleExpired        SettlementKind = "expired"   // takes effect only once the hold has run out
	SettleCancelled      SettlementKind = "cancelled" // by buyer or seller, before money came
)

// Settlement is one order's news: a payment result, the end of its hold, or a cancellation.
type Settlement struct {
	OrderID   string         `json:"order"`
	Kind      SettlementKind `json:"kind"`
	Scope     Scope          `json:"scope"` // for cancellations; payment results and expiry are Any
	Provider  string         `json:"provider,omitempty"`
	Ref       string         `json:"ref,omitempty"`
	Amount    Money          `json:"amount"`
	Reason    string         `json:"reason,omitempty"`
	ActionURL string         `json:"action_url,omitempty"`

	// Placed, if set, is the order as it was placed: what was bought never changes and need not be read again.
	Placed *Order `json:"-"`
}

// Outcome answers one claim: its orders, or why there are none.
type Outcome struct {
	Orders []Order
	Known  bool       // the key was known: these are orders placed before, as they stand now
	Claim  *DealClaim // instead of orders: it waits for a draw, or was not drawn
	Err    error
}

// Settled answers one settlement: the order as it stands now.
type Settled struct {
	Order   Order
	Changed bool  // this settlement moved the order
	Refund  bool  // the money found no stock and goes back
	Err     error // ErrNotFound, ErrOrderState
}

// BatchResult answers a batch, one entry per claim and settlement, in their order.
type BatchResult struct {
	Settled  []Settled
	Outcomes []Outcome
	Stocks   []StockNow    // of every variant that the batch changed or refused
	Deals    []DealNow     // of every deal that the batch changed
	Waits    []WaitOutcome // one per call
	Offers   []Wait        // made by this batch
}

// Late tells whether paid money finds the order no longer waiting for it.
func (o *Order) Late() bool { return o.State == Expired || o.State == Declined }
