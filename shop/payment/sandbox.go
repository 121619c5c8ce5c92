package payment

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// SandboxName is the sandbox provider's name.
const SandboxName = "sandbox"

// The test instruments. Each chooses what the sandbox does with a charge.
const (
	TokenApproved       = "sandbox_approved"        // paid at once
	TokenDeclined       = "sandbox_declined"        // declined at once: insufficient_funds
	TokenRequiresAction = "sandbox_requires_action" // the buyer approves or refuses on the bank page
	TokenSlow           = "sandbox_slow"            // paid, told by webhook after SlowFor
	TokenLate           = "sandbox_late"            // paid, told by webhook once the hold has run out
)

var tokens = map[string][2]string{
	TokenApproved: {"Sandbox", "4242"}, TokenDeclined: {"Sandbox", "0002"}, TokenRequiresAction: {"Sandbox", "3155"},
	TokenSlow: {"Sandbox", "0077"}, TokenLate: {"Sandbox", "0341"},
}

// Documented tells whether the token is one of the test instruments.
func Documented(token string) bool { _, ok := tokens[token]; return ok }

const (
	slowFor    = 5 * time.Second
	lateBy     = time.Second            // after the hold's end
	tellEvery  = 200 * time.Millisecond // how often due webhooks are looked for
	tellMax    = 100                    // webhooks per look
	tellAgain  = 5 * time.Second        // after a webhook that was not taken
	sandboxRef = "sbx_"
)

// SandboxState is what the sandbox's books say of a payment.
type SandboxState string

// The states of a sandbox payment.
const (
	SandboxOpen     SandboxState = "open"
	SandboxPaid     SandboxState = "paid"
	SandboxDeclined SandboxState = "declined"
)

// SandboxPayment is a charge that was not decided at once.
type SandboxPayment struct {
	ID        string
	OrderID   string
	Amount    shop.Money
	State     SandboxState
	ReturnURL string
	PayAt     time.Time // when it pays itself; zero: the buyer decides
	TellAt    time.Time // when the webhook goes out; zero: nothing to tell
	CreatedAt time.Time
}

// SandboxBooks keeps the sandbox's payments.
type SandboxBooks interface {
	// OpenSandboxPayment stores the payment, or returns the one of that id as it stands.
	OpenSandboxPayment(ctx context.Context, p SandboxPayment) (SandboxPayment, error)
	SandboxPayment(ctx context.Context, id string) (SandboxPayment, error)
	// DecideSandboxPayment decides an open payment; one that is decided stays as it is.
	DecideSandboxPayment(ctx context.Context, id string, s SandboxState, tellAt time.Time) (SandboxPayment, error)
	SandboxPaymentsToTell(ctx context.Context, now time.Time, limit int) ([]SandboxPayment, error)
	SandboxPaymentTold(ctx context.Context, id string, again time.Time) error
}

// Sandbox is a provider that moves no money. What is decided at once needs no books: a payment's id follows from
// the charge's key, so the same charge always gets the same answer, also after a crash.
type Sandbox struct {
	// Required.
	Books  SandboxBooks
	Secret []byte // 32 bytes; names payments and signs webhooks
	Log    *slog.Logger
	// Deliver takes a webhook to whoever asked for it: the receiver of POST /v1/payments/webhooks/sandbox.
	Deliver func(ctx context.Context, header map[string][]string, body []byte) error

	// PublicURL stands before the path of the bank page; empty: the same host.
	PublicURL string
	// Book, if set, is where every movement of money is noted before anybody hears of it.
	Book *Book
	// SlowFor is how long sandbox_slow takes. It defaults to 5 s.
	SlowFor time.Duration
	// Now tells the time. It defaults to time.Now.
	Now func() time.Time
}

var _ Provider = (*Sandbox)(nil)

func (s *Sandbox) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

// Name is "sandbox".
func (s *Sandbox) Name() string { return SandboxName }

// Describe knows the documented test instruments.
func (s *Sandbox) Describe(_ context.Context, token string) (brand, last4 string, err error) {
	t, ok := tokens[token]
	if !ok {
		return "", "", &shop.InputError{Field: "token", Err: shop.ErrInstrument}
	}
	return t[0], t[1], nil
}

// ref names the payment of a key. It cannot be guessed without the secret: the bank page trusts who knows it.
func (s *Sandbox) ref(key string) string {
	mac := hmac.New(sha256.New, s.Secret)
	mac.Write([]byte("payment\n" + key))
	return sandboxRef + strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:16]))
}

// Charge does what the instrument says.
func (s *Sandbox) Charge(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
	out := shop.PaymentResult{OrderID: c.OrderID, Provider: SandboxName, Ref: s.ref(c.Key), State: shop.PaymentPaid, Amount: c.Amount}
	p := SandboxPayment{ID: out.Ref, OrderID: c.OrderID, Amount: c.Amount, State: SandboxOpen, ReturnURL: c.ReturnURL, CreatedAt: s.now()}
	switch c.Token {
	case TokenApproved:
		return out, s.took(out)
	case TokenDeclined:
		out.State, out.Reason, out.Amount = shop.PaymentDeclined, "insufficient_funds", shop.Money{}
		return out, nil
	case TokenSlow:
		wait := s.SlowFor
		if wait == 0 {
			wait = slowFor
		}
		p.PayAt = p.CreatedAt.Add(wait)
	case TokenLate:
		p.PayAt = c.ExpiresAt.Add(lateBy)
	case TokenRequiresAction:
	default:
		out.State, out.Reason, out.Amount = shop.PaymentDeclined, "unknown_instrument", shop.Money{}
		return out, nil
	}
	p.TellAt = p.PayAt
	p, err := s.Books.OpenSandboxPayment(ctx, p)
	if err != nil {
		return shop.PaymentResult{}, err
	}
	out = s.result(p)
	return out, s.took(out)
}

// ChargeNow decides what needs neither books nor a file.
func (s *Sandbox) ChargeNow(c shop.Charge) (out shop.PaymentResult, decided bool) {
	if s.Book != nil {
		return out, false
	}
	switch c.Token {
	case TokenApproved:
		return shop.PaymentResult{OrderID: c.OrderID, Provider: SandboxName, Ref: s.ref(c.Key), State: shop.PaymentPaid, Amount: c.Amount}, true
	case TokenDeclined:
		return shop.PaymentResult{OrderID: c.OrderID, Provider: SandboxName, Ref: s.ref(c.Key), State: shop.PaymentDeclined, Reason: "insufficient_funds"}, true
	}
	return out, false
}

// took notes money that was taken.
func (s *Sandbox) took(r shop.PaymentResult) error {
	if r.State != shop.PaymentPaid {
		return nil
	}
	return s.Book.Note(Movement{At: s.now(), Kind: MovedCharge, Ref: r.Ref, Order: r.OrderID, Amount: r.Amount})
}

// result tells a payment as it stands.
func (s *Sandbox) result(p SandboxPayment) shop.PaymentResult {
	out := shop.PaymentResult{OrderID: p.OrderID, Provider: SandboxName, Ref: p.ID}
	switch {
	case p.State == SandboxPaid:
		out.State, out.Amount = shop.PaymentPaid, p.Amount
	case p.State == SandboxDeclined:
		out.State, out.Reason = shop.PaymentDeclined, "refused_by_buyer"
	case p.PayAt.IsZero():
		out.State, out.ActionURL = shop.PaymentRequiresAction, s.PublicURL+"/sandbox/authorize/"+p.ID
	default:
		out.State = shop.PaymentPending
	}
	return out
}

// Find reads the books, and then the book: what was decided at once stands nowhere else. Without a book no play money is
// kept that anybody could look for.
func (s *Sandbox) Find(ctx context.Context, q Query) (shop.PaymentResult, error) {
	out := shop.PaymentResult{OrderID: q.OrderID, Provider: SandboxName, Ref: s.ref(q.Key), State: shop.PaymentUnknown}
	p, err := s.Books.SandboxPayment(ctx, out.Ref)
	if err == nil {
		out = s.result(p)
		return out, s.took(out)
	}
	if !errors.Is(err, shop.ErrNotFound) {
		return shop.PaymentResult{}, err
	}
	m, found, err := s.Book.Charge(ctx, out.Ref)
	if found {
		out.State, out.Amount = shop.PaymentPaid, m.Amount
	}
	return out, err
}

// Refund always works for the sandbox's own payments.
func (s *Sandbox) Refund(_ context.Context, key, paymentRef string, amount shop.Money) error {
	if !strings.HasPrefix(paymentRef, sandboxRef) {
		return ErrRefused
	}
	return s.Book.Note(Movement{At: s.now(), Kind: MovedRefund, Key: key, Ref: paymentRef, Amount: amount})
}

// Run sends the webhooks that are due, until ctx ends. A webhook that is not taken is sent again.
func (s *Sandbox) Run(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		due, err := s.Books.SandboxPaymentsToTell(ctx, s.now(), tellMax)
		for _, p := range due {
			if err = s.tell(ctx, p); err != nil {
				break
			}
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("sandbox webhooks", "error", err)
		}
	}
}

// tell decides a payment that pays itself, and sends its webhook.
func (s *Sandbox) tell(ctx context.Context, p SandboxPayment) (err error) {
	if p.State == SandboxOpen {
		if p, err = s.Books.DecideSandboxPayment(ctx, p.ID, SandboxPaid, s.now()); err != nil {
			return err
		}
	}
	if err := s.took(s.result(p)); err != nil {
		return err
	}
	again := time.Time{}
	header, body, err := s.webhook(p)
	if err != nil {
		return err
	}
	if err := s.Deliver(ctx, header, body); err != nil {
		s.Log.Warn("sandbox webhook not taken", "payment", p.ID, "error", err)
		again = s.now().Add(tellAgain)
	}
	return s.Books.SandboxPaymentTold(ctx, p.ID, again)
}
