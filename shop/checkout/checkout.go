package checkout

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// Request is a buyer's checkout, decoded.
type Request struct {
	Principal  string        `json:"-"` // whose idempotency keys these are: an account or a token
	Key        string        `json:"-"` // Idempotency-Key; empty: this request is not a retry of any
	Buyer      string        `json:"buyer"`
	Shop       string        `json:"shop"` // if set, other shops' variants are refused
	Lines      []RequestLine `json:"lines"`
	Instrument string        `json:"instrument"`
	ShipTo     string        `json:"ship_to"`
	Contact    string        `json:"-"` // snapshot of ShipTo
	ReturnPath string        `json:"-"` // where the bank sends the buyer back to; empty: the allocator's
	Source     shop.Source   `json:"source"`

	Unlimited bool `json:"-"` // attempts are not counted: at home in demo mode

	Token   string `json:"-"` // the API token that orders for others; empty: the buyer is here
	Address string `json:"-"` // whose attempts and places are counted together; empty: nobody's
	Queue   bool   `json:"-"` // the buyer would rather wait in line than be turned away
	Place   string `json:"-"` // a place in the line
	Ticket  Ticket `json:"-"` // of whoever read the request
}

// RequestLine asks for units of a variant. Quote, if set, fixes the price that the buyer saw.
type RequestLine struct {
	Variant  string `json:"variant"`
	Quantity int64  `json:"quantity"`
	Quote    string `json:"quote"`
}

// Receipt answers a checkout: the orders as they durably are.
type Receipt struct {
	PurchaseID string
	Orders     []shop.Order
	Known      bool            // the key was known
	Claim      *shop.DealClaim // instead of orders: it waits for a draw, or was not drawn
	Next       string          // where the buyer confirms; empty: nothing to do
}

// Checkout grants stock and asks for the money. It returns when the result is durable, or after AnswerWithin
// with orders that are still held. Refusals are shop's errors; a refusal makes no order and is not remembered.
func (a *Allocator) Checkout(ctx context.Context, r Request) (Receipt, error) {
	a.init()
	started := a.Metrics.begin()
	defer r.Ticket.Leave()
	out, err := a.checkout(ctx, &r)
	a.Metrics.end(started, out, err)
	return out, err
}

func (a *Allocator) checkout(ctx context.Context, r *Request) (Receipt, error) {
	claim, err := r.claim()
	if err != nil {
		return Receipt{}, err
	}
	claim.HoldUntil = a.now().Add(a.HoldFor)
	pass, err := a.admit(ctx, r, claim)
	if err != nil {
		// A retry of what was accepted is never refused for what has changed since.
		if known, answered := a.known(ctx, claim); answered != nil || known.Known {
			return known, answered
		}
		return Receipt{}, err
	}
	e := &entry{claim: claim, token: pass.token, back: r.ReturnPath, done: make(chan struct{})}
	r.Ticket.Leave()
	if err := a.offer(e); err != nil {
		if a.Room != nil && r.Queue && pass.turn == "" && errors.Is(err, shop.ErrBusy) {
			err = errors.Join(a.Room.join(ctx, r, claim), err)
		}
		a.Room.ended(ctx, pass.turn, claim.Key, err)
		return Receipt{}, err
	}
	out, err := a.await(ctx, e)
	a.Room.ended(ctx, pass.turn, claim.Key, err)
	return out, err
}

// pass is what a claim was admitted with.
type pass struct {
	token string // of the instrument
	turn  string // the place whose turn it is
}

// await follows a claim until its orders are settled, or until they are durable and it is time to answer.
func (a *Allocator) await(ctx context.Context, e *entry) (Receipt, error) {
	patience := time.NewTimer(a.AnswerWithin)
	defer patience.Stop()
	for hurry := false; ; hurry = true {
		select {
		case <-e.done:
			if e.outcome.Err != nil {
				return Receipt{}, e.outcome.Err
			}
			if c := e.outcome.Claim; c != nil {
				return Receipt{PurchaseID: c.ID, Claim: c, Known: e.outcome.Known}, nil
			}
			return receipt(e.outcome.Orders, e.outcome.Known), nil
		case <-patience.C:
			if orders := a.watches.look(e); orders != nil {
				return receipt(orders, e.outcome.Known), nil
			}
			if hurry {
				return Receipt{}, shop.ErrUnavailable
			}
			patience.Reset(max(0, giveUpAfter-a.AnswerWithin))
		case <-ctx.Done():
			if orders := a.watches.look(e); orders != nil {
				return receipt(orders, e.outcome.Known), nil
			}
			a.watches.leave(e)
			return Receipt{}, ctx.Err()
		}
	}
}

func receipt(orders []shop.Order, known bool) Receipt {
	out := Receipt{PurchaseID: orders[0].PurchaseID, Orders: orders, Known: known}
	for _, o := range orders {
		if o.State == shop.RequiresAction && out.Next == "" {
			out.Next = o.ActionURL
		}
	}
	return out
}

// claim checks the request and gives it its names.
func (r *Request) claim() (*shop.Claim, error) {
	c := &shop.Claim{
		PurchaseID: uuid.Must(uuid.NewV7()).String(), Buyer: r.Buyer, Shop: r.Shop, Instrument: r.Instrument, Contact: r.Contact, Source: r.Source,
		Lines: make([]shop.ClaimLine, len(r.Lines)),
	}
	for i, l := range r.Lines {
		c.Lines[i] = shop.ClaimLine{Variant: l.Variant, Quantity: l.Quantity}
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	key := r.Key
	if key == "" {
		key = randomKey()
	}
	var err error
	if c.Key, err = shop.KeyHash(r.Principal, r.Buyer, key); err != nil {
		return nil, err
	}
	c.Fingerprint = shop.Fingerprint(r)
	return c, nil
}

// admit reads the quotes, finds the instrument, and asks the gate, the limits and the waiting room.
func (a *Allocator) admit(ctx context.Context, r *Request, c *shop.Claim) (p pass, err error) {
	for i, l := range r.Lines {
		if l.Quote == "" {
			continue
		}
		q, err := a.Quotes.Read(l.Quote, l.Variant, r.Source.Broadcast)
		if err == nil {
			err = a.deals.check(q, a.now())
		}
		if err = expiredDeal(q, err); err != nil {
			return p, &shop.InputError{Field: "lines[" + strconv.Itoa(i) + "].quote", Err: err}
		}
		c.Lines[i].Price, c.Lines[i].Deal = &q.Price, q.Deal
		if q.Fair {
			if err := a.seen(ctx, r, c); err != nil {
				return p, err
			}
		}
	}
	instrument, err := a.Instruments.Instrument(ctx, r.Buyer, r.Instrument)
	if err != nil {
		if errors.Is(err, shop.ErrInstrument) {
			err = &shop.InputError{Field: "instrument", Err: shop.ErrInstrument}
		}
		return p, err
	}
	if a.Providers[instrument.Provider] == nil {
		return p, &shop.InputError{Field: "instrument", Err: shop.ErrInstrument}
	}
	c.Provider, p.token = instrument.Provider, instrument.Token
	mine := false // the buyer waited, and something is held for them
	if err := a.Gate.Admit(c); err != nil {
		if mine = a.offered(ctx, c); !mine {
			return p, err
		}
	}
	if err := a.opening.check(c, a.now()); err != nil {
		return p, err
	}
	if err := a.denials.check(c, a.now()); err != nil {
		return p, err
	}
	if err := a.notTooFast(ctx, r, instrument); err != nil {
		return p, err
	}
	if mine {
		return p, nil
	}
	p.turn, err = a.Room.enter(ctx, r, c)
	return p, err
}

// known answers a key that was used before. Memory says no fast; only the store says yes.
func (a *Allocator) known(ctx context.Context, c *shop.Claim) (Receipt, error) {
	from := a.now().Add(-keysFor)
	if !a.keys.mayHave(c.Key, from) {
		return Receipt{}, nil
	}
	out, print, err := a.Store.Known(ctx, c.Key, from)
	switch {
	case err != nil:
		a.Log.Warn("checkout: a key was not looked up", "error", err)
		return Receipt{}, shop.ErrUnavailable
	case !out.Known:
		return Receipt{}, nil
	case print != c.Fingerprint:
		return Receipt{}, shop.ErrKeyReused
	}
	return receipt(out.Orders, true), nil
}

// Cancel ends an order that waits for its money, inside the scope.
func (a *Allocator) Cancel(ctx context.Context, s shop.Scope, orderID string) (shop.Order, error) {
	out, err := a.settle(ctx, shop.Settlement{OrderID: orderID, Kind: shop.SettleCancelled, Scope: s})
	return out.Order, err
}

// Webhook takes a provider's webhook. It returns nil when its news is durable, so that the sender may forget it.
func (a *Allocator) Webhook(ctx context.Context, provider string, header http.Header, body []byte) error {
	p := a.Providers[provider]
	if p == nil {
		return shop.ErrNotFound
	}
	result, err := p.Webhook(ctx, header, body)
	if err != nil {
		return err
	}
	s, ok := settlementOf(result)
	if !ok {
		return nil
	}
	if _, err := a.settle(ctx, s); err != nil && !errors.Is(err, shop.ErrNotFound) {
		return fmt.Errorf("settle order %s: %w", s.OrderID, err)
	}
	return nil // news of an order that is not ours is no use to anybody
}

// settlementOf says what a payment result means for its order; false: nothing yet.
func settlementOf(r shop.PaymentResult) (shop.Settlement, bool) {
	s := shop.Settlement{OrderID: r.OrderID, Scope: shop.Scope{Any: true}, Provider: r.Provider, Ref: r.Ref, Amount: r.Amount, Reason: r.Reason, ActionURL: r.ActionURL}
	switch r.State {
	case shop.PaymentPaid:
		s.Kind = shop.SettlePaid
	case shop.PaymentDeclined:
		s.Kind = shop.SettleDeclined
	case shop.PaymentRequiresAction:
		s.Kind = shop.SettleRequiresAction
	default:
		return s, false
	}
	return s, true
}

var _ Instruments = (*payment.Instruments)(nil)
