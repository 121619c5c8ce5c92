package shoptest

import (
	"context"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

func (p *program) read() Call {
	s1, order, variant, product := p.scope(), one(p, p.orders), one(p, p.variants), one(p, p.products)
	some := []string{one(p, p.variants), variant, "nothing"}
	now, limit, after := p.now, 1+p.rng.IntN(20), int64(p.rng.IntN(5))
	q := shop.OrderQuery{Scope: s1, Limit: limit}
	if p.rng.IntN(2) == 0 {
		q.Broadcast = fmt.Sprint("b", p.rng.IntN(3))
	}
	if p.rng.IntN(2) == 0 {
		q.State = one(p, []shop.OrderState{shop.Held, shop.Paid, shop.Expired, shop.Declined, shop.Refunded})
	}
	if p.rng.IntN(2) == 0 {
		q.After = order
	}
	pq := shop.ProductQuery{ShopID: p.shop(), Archived: p.rng.IntN(2) == 0, Limit: limit, Search: one(p, []string{"", "linen", "SHIRT 1", "100%", "_", `\`, "blue sku"})}
	key := ""
	if len(p.claims) > 0 {
		key = one(p, p.claims).Key
	}
	deal, state := one(p, p.deals), one(p, []shop.DealClaimState{"", shop.ClaimWaits, shop.ClaimLost})
	reads := []func(context.Context, Store) string{
		func(ctx context.Context, s Store) string { d, err := s.Deal(ctx, deal); return answer(err, d) },
		func(ctx context.Context, s Store) string { d, err := s.Deals(ctx, "b1"); return answer(err, d) },
		func(ctx context.Context, s Store) string {
			d, next, err := s.DealsDue(ctx, now, limit)
			return answer(err, d, next)
		},
		func(ctx context.Context, s Store) string {
			c, err := s.DealClaims(ctx, deal, state, "4", limit)
			return answer(err, c)
		},
		func(ctx context.Context, s Store) string {
			c, err := s.DealClaim(ctx, s1, order)
			return answer(err, c)
		},
		func(ctx context.Context, s Store) string { o, err := s.Order(ctx, s1, order); return answer(err, o) },
		func(ctx context.Context, s Store) string { o, err := s.Orders(ctx, q); return answer(err, o) },
		func(ctx context.Context, s Store) string { o, err := s.Purchase(ctx, s1, order); return answer(err, o) },
		func(ctx context.Context, s Store) string { v, err := s.Product(ctx, product); return answer(err, v) },
		func(ctx context.Context, s Store) string { v, err := s.Products(ctx, pq); return answer(err, v) },
		func(ctx context.Context, s Store) string { v, err := s.Variants(ctx, some); return answer(err, v) },
		func(ctx context.Context, s Store) string {
			o, print, err := s.Known(ctx, key, now.Add(-30*24*time.Hour))
			return answer(err, o.Orders, o.Known, print)
		},
		func(ctx context.Context, s Store) string {
			keys, last, err := s.Keys(ctx, order, limit)
			return answer(err, keys, last)
		},
		func(ctx context.Context, s Store) string {
			ids, err := s.ExpiredHolds(ctx, now, limit)
			return answer(err, ids)
		},
		func(ctx context.Context, s Store) string {
			o, err := s.Uncharged(ctx, now.Add(-30*time.Second), now, limit)
			return answer(err, o)
		},
		func(ctx context.Context, s Store) string {
			e, err := s.Entries(ctx, variant, after, limit)
			return answer(err, e)
		},
		func(ctx context.Context, s Store) string { r, err := s.Refunds(ctx, order); return answer(err, r) },
		func(ctx context.Context, s Store) string {
			r, err := s.RefundsDue(ctx, now, limit)
			return answer(err, r)
		},
		func(ctx context.Context, s Store) string {
			c, err := s.Contacts(ctx, []string{order})
			return answer(err, c)
		},
	}
	n := p.rng.IntN(len(reads))
	return Call{Name: fmt.Sprint("read ", n), Do: reads[n]}
}

func (p *program) personal() Call {
	buyer, now := p.buyer(), p.now
	card, sandbox, refund := one(p, p.cards), one(p, p.sandbox), one(p, p.refunds)
	switch p.rng.IntN(10) {
	case 0, 1:
		i := shop.Instrument{ID: p.id(), BuyerID: buyer, Provider: "sandbox", Token: "sandbox_approved", Brand: "Sandbox", Last4: "4242", CreatedAt: now}
		p.cards = append(p.cards, i.ID)
		return Call{Name: "SaveInstrument", Do: func(ctx context.Context, s Store) string { return answer(s.SaveInstrument(ctx, i)) }}
	case 2:
		return Call{Name: "DeleteInstrument", Do: func(ctx context.Context, s Store) string { return answer(s.DeleteInstrument(ctx, buyer, card)) }}
	case 3:
		return Call{Name: "Instrument", Do: func(ctx context.Context, s Store) string {
			one, err := s.Instrument(ctx, buyer, card)
			all, _ := s.Instruments(ctx, buyer)
			return answer(err, one) + answer(nil, all)
		}}
	case 4:
		if p.rng.IntN(4) > 0 {
			buyer = "nobody"
		}
		return Call{Name: "ForgetBuyer", Do: func(ctx context.Context, s Store) string { return answer(s.ForgetBuyer(ctx, buyer, now)) }}
	case 5:
		pic := shop.Picture{ID: p.id(), ShopID: p.shop(), ContentType: "image/png", Width: 2, Height: 3, Bytes: 4, CreatedAt: now}
		product := one(p, p.products)
		p.pictures = append(p.pictures, pic.ID)
		return Call{Name: "SavePicture", Do: func(ctx context.Context, s Store) string { return answer(s.SavePicture(ctx, pic, product, now)) }}
	case 6:
		id := one(p, p.pictures)
		return Call{Name: "Picture", Do: func(ctx context.Context, s Store) string { pic, err := s.Picture(ctx, id); return answer(err, pic) }}
	case 7:
		return Call{Name: "RefundAsked", Do: func(ctx context.Context, s Store) string {
			return answer(s.RefundAsked(ctx, refund, shop.RefundDue, now.Add(time.Minute)))
		}}
	}
	return p.sandboxCall(sandbox)
}

func (p *program) sandboxCall(id string) Call {
	now := p.now
	switch p.rng.IntN(4) {
	case 0:
		sp := payment.SandboxPayment{ID: p.id(), OrderID: one(p, p.orders), Amount: p.price(), State: payment.SandboxOpen, ReturnURL: "/orders", CreatedAt: now}
		if p.rng.IntN(2) == 0 {
			sp.PayAt = now.Add(time.Minute)
			sp.TellAt = sp.PayAt
		}
		p.sandbox = append(p.sandbox, sp.ID)
		return Call{Name: "OpenSandboxPayment", Do: func(ctx context.Context, s Store) string {
			got, err := s.OpenSandboxPayment(ctx, sp)
			return answer(err, got)
		}}
	case 1:
		return Call{Name: "DecideSandboxPayment", Do: func(ctx context.Context, s Store) string {
			got, err := s.DecideSandboxPayment(ctx, id, payment.SandboxPaid, now)
			return answer(err, got)
		}}
	case 2:
		return Call{Name: "SandboxPaymentTold", Do: func(ctx context.Context, s Store) string {
			err := s.SandboxPaymentTold(ctx, id, time.Time{})
			got, _ := s.SandboxPayment(ctx, id)
			return answer(err, got)
		}}
	}
	return Call{Name: "SandboxPaymentsToTell", Do: func(ctx context.Context, s Store) string {
		got, err := s.SandboxPaymentsToTell(ctx, now, 5)
		return answer(err, got)
	}}
}

// unheard asks about orders that ended, and notes one of them.
func (p *program) unheard() Call {
	now, limit, order := p.now, 1+p.rng.IntN(6), one(p, p.orders)
	note := shop.Asked{OrderID: order, Attempts: int64(p.rng.IntN(9)), Next: now.Add(time.Duration(p.rng.IntN(90)-30) * time.Hour)}
	if p.rng.IntN(5) == 0 {
		note.Next = time.Time{}
	}
	if p.rng.IntN(3) == 0 {
		return Call{Name: "NoteUnheard", Do: func(ctx context.Context, s Store) string {
			return answer(s.NoteUnheard(ctx, []shop.Asked{note, {OrderID: "nothing", Next: now}}))
		}}
	}
	return Call{Name: "TakeUnheard", Do: func(ctx context.Context, s Store) string {
		got, err := s.TakeUnheard(ctx, now, now.Add(time.Minute), limit)
		return answer(err, got)
	}}
}
