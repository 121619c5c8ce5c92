package shop

import "time"

// Charge asks a provider for money. The same key always means the same charge.
type Charge struct {
	Key       string // "order:<id>:pay:<attempt>"
	OrderID   string
	Amount    Money
	Token     string // the provider's name for the instrument
	ReturnURL string // where the buyer goes after confirming at the bank
	ExpiresAt time.Time
}

// ChargeKey names the n-th charge of an order, 1 and up.
func ChargeKey(orderID string) string { return "order:" + orderID + ":pay:1" }

// PaymentState is what became of a charge.
type PaymentState string

// The states of a payment. Pending means that the provider will tell later.
const (
	PaymentPaid           PaymentState = "paid"
	PaymentDeclined       PaymentState = "declined"
	PaymentRequiresAction PaymentState = "requires_action"
	PaymentPending        PaymentState = "pending"
	PaymentUnknown        PaymentState = "unknown" // the provider knows of no such charge
)

// PaymentResult is what a provider says of a charge, in its reply or in a webhook.
type PaymentResult struct {
	OrderID   string
	Provider  string
	Ref       string // the provider's name for the payment
	State     PaymentState
	Amount    Money  // received, where State is paid
	Reason    string // why it was declined
	ActionURL string // where the buyer confirms
}

// Payment is money that a provider reported.
type Payment struct {
	OrderID  string       `json:"order"`
	Provider string       `json:"provider"`
	Ref      string       `json:"ref"`
	State    PaymentState `json:"state"`
	Amount   int64        `json:"amount"`
	Currency string       `json:"currency"`
	At       time.Time    `json:"at"`
}

// RefundState is where a refund stands.
type RefundState string

// The states of a refund. Due is decided and durable; the provider is asked until it answers.
const (
	RefundDue    RefundState = "due"
	RefundDone   RefundState = "done"
	RefundFailed RefundState = "failed" // the provider refuses for good: a person must look at it
)

// Why money goes back by itself.
const (
	ReasonNoStock = "money_without_stock" // or it is not what was asked for, or came a second time
	ReasonLimit   = "money_beyond_limit"  // it came late, and its buyer has as many as one may have
)

// Refund is money on its way back.
type Refund struct {
	ID         string       `json:"id"`
	OrderID    string       `json:"order"`
	ShopID     string       `json:"shop"`
	Provider   string       `json:"provider"`
	PaymentRef string       `json:"payment_ref"`
	Amount     int64        `json:"amount"`
	Currency   string       `json:"currency"`
	Reason     string       `json:"reason"`
	By         string       `json:"by"` // account; empty: decided by the shop itself, for money that found no stock
	State      RefundState  `json:"state"`
	Lines      []RefundLine `json:"lines"`
	CreatedAt  time.Time    `json:"created_at"`
	Attempts   int64        `json:"attempts"`
	NextAt     time.Time    `json:"next_at"` // when the provider is asked again
}

// RefundLine is one line's share of a refund.
type RefundLine struct {
	Line     int64 `json:"line"`
	Quantity int64 `json:"quantity"` // units that count as returned; 0: a reduction of the price
	Amount   int64 `json:"amount"`
	Restock  bool  `json:"restock"` // the units go back on sale
}

// RefundRequest asks for a refund. Lines whose Amount is nil get their exact share.
type RefundRequest struct {
	ID      string
	Scope   Scope
	OrderID string
	Lines   []RefundWish
	Reason  string
	By      string
	Key     string // KeyHash of the request; empty: none
	Print   string // fingerprint of the request
	At      time.Time
}

// RefundWish is one line of a RefundRequest.
type RefundWish struct {
	Line     int64
	Quantity int64
	Amount   *int64
	Restock  bool
}

// Resolve turns wishes into exact amounts: a line's last units get what is left of it, so that the parts of a
// line always sum to the whole. done holds what was refunded before, per line.
func (r *RefundRequest) Resolve(o Order, done map[int64]RefundLine) ([]RefundLine, int64, error) {
	if len(r.Lines) == 0 || len(r.Lines) > LinesMax {
		return nil, 0, invalid("lines", ErrNoLines)
	}
	byNumber := make(map[int64]Line, len(o.Lines))
	for _, l := range o.Lines {
		byNumber[l.Line] = l
	}
	var out []RefundLine
	var total int64
	seen := map[int64]bool{}
	for _, w := range r.Lines {
		l, ok := byNumber[w.Line]
		if !ok || seen[w.Line] {
			return nil, 0, invalid("lines", ErrNotFound)
		}
		seen[w.Line] = true
		before := done[w.Line]
		left := l.Total() - before.Amount
		units := l.Quantity - before.Quantity
		if w.Quantity < 0 || w.Quantity > QuantityMax || (w.Quantity == 0 && w.Amount == nil) {
			return nil, 0, invalid("lines", ErrQuantity)
		}
		if w.Quantity > units {
			return nil, 0, invalid("lines", ErrRefundTooMuch)
		}
		amount := min(w.Quantity*l.UnitPrice, left)
		if w.Quantity == units && w.Quantity > 0 {
			amount = left
		}
		if w.Amount != nil {
			amount = *w.Amount
		}
		if amount < 0 || amount > AmountMax {
			return nil, 0, invalid("lines", ErrAmount)
		}
		if amount > left {
			return nil, 0, invalid("lines", ErrRefundTooMuch)
		}
		out = append(out, RefundLine{w.Line, w.Quantity, amount, w.Restock && w.Quantity > 0})
		total += amount
	}
	if total > o.Paid-o.Refunded {
		return nil, 0, ErrRefundTooMuch
	}
	return out, total, nil
}

// Instrument is a buyer's saved way to pay: the provider's opaque token and what a person recognises it by.
// Card numbers never come here.
type Instrument struct {
	ID        string    `json:"id"`
	BuyerID   string    `json:"buyer"`
	Provider  string    `json:"provider"`
	Token     string    `json:"token"`
	Brand     string    `json:"brand"`
	Last4     string    `json:"last4"`
	CreatedAt time.Time `json:"created_at"`
}
