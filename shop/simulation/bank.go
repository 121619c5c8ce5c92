package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// bank is a payment provider with books of its own. It outlives every crash. Like real ones it tells its news by
// webhook also where it told them in a reply, and goes on until a webhook was taken; of some charges no webhook ever comes.
type bank struct {
	mu      sync.Mutex
	charges map[string]*charge // by key
	order   []*charge          // in the order in which they were made
	refunds map[string]int64   // by key
	back    map[string]int64   // by order
	made    int                // charges
}

type charge struct {
	shop.PaymentResult
	asked shop.Money
	told  bool // a webhook with its final state was taken, or none will ever be sent
}

func newBank() *bank {
	return &bank{charges: map[string]*charge{}, refunds: map[string]int64{}, back: map[string]int64{}}
}

var errLine = errors.New("simulation: the line to the bank is broken")

// charge makes the charge of a key, or finds it.
func (b *bank) charge(c shop.Charge) shop.PaymentResult {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.charges[c.Key]; old != nil {
		return old.PaymentResult
	}
	out := &charge{asked: c.Amount, PaymentResult: shop.PaymentResult{OrderID: c.OrderID, Provider: payment.SandboxName, Ref: fmt.Sprint("ref-", c.Key)}}
	switch c.Token {
	case payment.TokenApproved:
		out.State, out.Amount = shop.PaymentPaid, c.Amount
	case payment.TokenDeclined:
		out.State, out.Reason, out.told = shop.PaymentDeclined, "insufficient_funds", true
	case payment.TokenRequiresAction:
		out.State, out.ActionURL = shop.PaymentRequiresAction, "/bank/"+c.OrderID
	default:
		out.State = shop.PaymentPending
	}
	// Of some charges nobody ever tells by himself: whoever lost the reply must ask.
	out.told = out.told || b.made%3 == 0
	b.made++
	b.charges[c.Key] = out
	b.order = append(b.order, out)
	return out.PaymentResult
}

// decide ends a charge that waits for somebody.
func (b *bank) decide(c *charge, paid bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.ActionURL = ""
	if c.State, c.Amount = shop.PaymentPaid, c.asked; !paid {
		c.State, c.Amount, c.Reason = shop.PaymentDeclined, shop.Money{}, "refused_by_buyer"
	}
}

func (b *bank) refund(key, ref string, amount shop.Money) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, done := b.refunds[key]; done {
		return nil
	}
	for _, c := range b.order {
		if c.Ref == ref && c.State == shop.PaymentPaid {
			b.refunds[key] = amount.Amount
			b.back[c.OrderID] += amount.Amount
			return nil
		}
	}
	return payment.ErrRefused
}

// those lists charges, oldest first.
func (b *bank) those(want func(*charge) bool) (out []*charge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.order {
		if want(c) {
			out = append(out, c)
		}
	}
	return out
}

func undecided(c *charge) bool {
	return c.State == shop.PaymentPending || c.State == shop.PaymentRequiresAction
}

func untold(c *charge) bool { return !c.told && !undecided(c) }

// wire is one process's line to the bank: every call waits at the door first.
type wire struct{ *node }

var _ payment.Provider = wire{}

func (w wire) Name() string { return payment.SandboxName }

func (w wire) Charge(ctx context.Context, c shop.Charge) (out shop.PaymentResult, err error) {
	return out, w.outside(ctx, "charge", w.world.number(c.OrderID), errLine, func() error {
		out = w.world.bank.charge(c)
		return nil
	})
}

// find tells what became of a charge.
func (b *bank) find(q payment.Query) shop.PaymentResult {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.charges[q.Key]; c != nil {
		return c.PaymentResult
	}
	return shop.PaymentResult{OrderID: q.OrderID, Provider: payment.SandboxName, State: shop.PaymentUnknown}
}

func (w wire) Find(ctx context.Context, q payment.Query) (out shop.PaymentResult, err error) {
	return out, w.outside(ctx, "find", w.world.number(q.OrderID), errLine, func() error {
		w.world.mu.Lock()
		w.world.tally.Finds++
		w.world.mu.Unlock()
		out = w.world.bank.find(q)
		return nil
	})
}

func (w wire) Refund(ctx context.Context, key, ref string, amount shop.Money) error {
	return w.outside(ctx, "refund", 0, errLine, func() error { return w.world.bank.refund(key, ref, amount) })
}

func (w wire) Webhook(_ context.Context, _ http.Header, body []byte) (out shop.PaymentResult, err error) {
	return out, json.Unmarshal(body, &out)
}

func (w wire) Describe(context.Context, string) (string, string, error) { return "Bank", "4242", nil }
