package shoptest

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// waitCalls are buyers who join a list or leave one, and a list that is worked off.
func (p *program) waitCalls() (out []shop.WaitCall) {
	for range p.rng.IntN(5) {
		c := shop.WaitCall{Variant: one(p, p.variants), Buyer: p.buyer()}
		for range 6 { // most shelves have something
			if v, ok := p.model.stock[c.Variant]; ok && v.Available() == 0 {
				break
			}
			c.Variant = one(p, p.variants)
		}
		switch n := p.rng.IntN(20); {
		case n < 4:
			c.Leave = true
		case n == 4:
			c.Buyer = ""
		case n == 5:
			c.Variant = "nothing"
		}
		out = append(out, c)
	}
	return out
}

// readWait is one of the questions about waitlists.
func (p *program) readWait() Call {
	variant, buyer, now := one(p, p.variants), p.buyer(), p.now
	for range 10 {
		if len(p.model.line(variant, shop.WaitWaiting)) > 0 {
			break
		}
		variant = one(p, p.variants)
	}
	switch p.rng.IntN(6) {
	case 0:
		return Call{Name: "WaitsOf", Do: func(ctx context.Context, s Store) string {
			got, err := s.WaitsOf(ctx, buyer, 5)
			return answer(err, got)
		}}
	case 1:
		return Call{Name: "WaitsDue", Do: func(ctx context.Context, s Store) string {
			got, err := s.WaitsDue(ctx, now, 7)
			return answer(err, got)
		}}
	case 2:
		return Call{Name: "OfferedTo", Do: func(ctx context.Context, s Store) string {
			got, err := s.OfferedTo(ctx, variant, now, 9)
			return answer(err, got)
		}}
	case 3:
		before := now.Add(-time.Duration(p.rng.IntN(30)) * time.Minute)
		return Call{Name: "ForgetWaits", Do: func(ctx context.Context, s Store) string { return answer(s.ForgetWaits(ctx, before, 3)) }}
	}
	return Call{Name: "WaitOf", Do: func(ctx context.Context, s Store) string {
		got, err := s.WaitOf(ctx, variant, buyer)
		return answer(err, got)
	}}
}
