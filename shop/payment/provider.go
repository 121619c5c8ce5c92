package payment

import (
	"context"
	"errors"
	"net/http"

	"github.com/hawkerlive/hawker/shop"
)

// Errors of providers.
var (
	// ErrRefused means that the provider refuses for good; asking again is useless.
	ErrRefused = errors.New("payment: the provider refuses")
	// ErrWebhook means that a webhook is not the provider's, is too old or cannot be read.
	ErrWebhook = errors.New("payment: the webhook cannot be trusted")
)

// Provider takes and returns money. The same key always means the same charge or refund, so every call may be
// repeated. Calls may take as long as their ctx.
type Provider interface {
	Name() string
	// Charge asks for the money. An error means that the outcome is unknown.
	Charge(ctx context.Context, c shop.Charge) (shop.PaymentResult, error)
	// Find tells what became of a charge, whether or not whoever asked for it heard the answer: paid, declined, under way
	// (pending, requires_action), or shop.PaymentUnknown where there is none of that key. An error means that nobody
	// answered. Paid and declined are final.
	Find(ctx context.Context, q Query) (shop.PaymentResult, error)
	// Refund sends money of a payment back. ErrRefused means never.
	Refund(ctx context.Context, key, paymentRef string, amount shop.Money) error
	// Webhook verifies a webhook and reads what it tells; ErrWebhook where it is not to be trusted.
	Webhook(ctx context.Context, header http.Header, body []byte) (shop.PaymentResult, error)
	// Describe reads what a token stands for; shop.ErrInstrument where it is not one of the provider's.
	Describe(ctx context.Context, token string) (brand, last4 string, err error)
}

// Query names a charge.
type Query struct {
	Key     string // as it was charged with
	OrderID string
}

// Instant is a Provider that decides some charges at once, by computing alone: it calls nobody, waits for nothing and
// stores nothing. What it decides, Charge would decide in the same way.
type Instant interface {
	Provider
	// ChargeNow decides a charge, or leaves it to Charge.
	ChargeNow(c shop.Charge) (r shop.PaymentResult, decided bool)
}
