package checkout

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// Rates are how often one may try to buy. What the gate already turns away is not counted.
type Rates struct {
	Buyer      Rate // an account, or one whom an integrator names
	Instrument Rate // a saved way to pay, whoever saved it
	Address    Rate
	Token      Rate // an integrator's token, for all its buyers
}

// TooFastError is shop.ErrTooFast with the time to wait.
type TooFastError struct{ Wait time.Duration }

// Error is shop.ErrTooFast's.
func (e *TooFastError) Error() string { return shop.ErrTooFast.Error() }

// Unwrap is shop.ErrTooFast.
func (e *TooFastError) Unwrap() error { return shop.ErrTooFast }

// RetryAfter is when to try again.
func (e *TooFastError) RetryAfter() time.Duration { return e.Wait }

// notTooFast counts an attempt. Test instruments that everybody may use are nobody's.
func (a *Allocator) notTooFast(ctx context.Context, r *Request, i shop.Instrument) error {
	if r.Unlimited {
		return nil
	}
	attempts := make([]Attempt, 0, 4)
	add := func(kind, name string, rate Rate) {
		if name != "" && rate.Burst > 0 {
			attempts = append(attempts, Attempt{kind + name, rate})
		}
	}
	add("buyer/", r.Buyer, a.Rates.Buyer)
	if i.ID != i.Token {
		add("instrument/"+i.Provider+"/", i.Token, a.Rates.Instrument)
	}
	add("address/", r.Address, a.Rates.Address)
	add("token/", r.Token, a.Rates.Token)
	if len(attempts) == 0 {
		return nil
	}
	if wait := a.Limits.Take(ctx, a.now(), attempts...); wait > 0 {
		return &TooFastError{wait}
	}
	return nil
}

// Rate is how often something may happen: once in Each on average, Burst times at once. The zero Rate is no limit.
type Rate struct {
	Each  time.Duration
	Burst int
}

// Per is n times in a stretch of time.
func Per(n int, within time.Duration) Rate {
	if n <= 0 {
		return Rate{}
	}
	return Rate{Each: within / time.Duration(n), Burst: n}
}

// Attempt is something that is counted under a name.
type Attempt struct {
	Name string // "buyer/…", "instrument/…", "address/…", "token/…"
	Rate Rate
}

// Limits count attempts: LimitsMemory on one node, one that nodes share where there are several. It may only err in
// the buyer's favour: where it fails or is full, everybody passes.
type Limits interface {
	// Take counts each attempt. It returns how long to wait where one of them came too soon; then none is counted.
	Take(ctx context.Context, now time.Time, attempts ...Attempt) (wait time.Duration)
}
