package shopsql

import (
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

// settle moves one order, or finds that there is nothing to move.
func (r *run) settle(s *shop.Settlement) shop.Settled {
	o := r.orders[s.OrderID]
	if o == nil || !s.Scope.Holds(o.BuyerID, o.ShopID) {
		return shop.Settled{Err: shop.ErrNotFound}
	}
	var out shop.Settled
	open := o.State.Open()
	switch s.Kind {
	case shop.SettlePaid:
		out.Changed, out.Refund = r.money(o, s)
	case shop.SettleDeclined:
		if out.Changed = o.State.Open(); out.Changed {
			r.paid = append(r.paid, r.payment(s, shop.PaymentDeclined, o))
			o.Reason = s.Reason
			r.release(o)
			r.move(o, shop.Declined)
		}
	case shop.SettleRequiresAction:
		if out.Changed = o.State == shop.Held; out.Changed {
			r.move(o, shop.RequiresAction)
			o.ActionURL = s.ActionURL
		}
	case shop.SettleExpired:
		if out.Changed = o.State.Open() && (!r.batch.Now.Before(o.HoldUntil) || without(guardExpiry)); out.Changed {
			r.release(o)
			r.move(o, shop.Expired)
		}
	case shop.SettleCancelled:
		if out.Changed = o.State.Open(); out.Changed {
			r.release(o)
			r.move(o, shop.Cancelled)
		} else if o.State != shop.Cancelled {
			out.Err = shop.ErrOrderState
		}
	}
	r.hear(o, open, s.Kind)
	out.Order = *o
	return out
}

// money decides what received money does: it pays an open order, pays a late one whose stock is still free, and
// else goes back. The same payment told twice does nothing.
func (r *run) money(o *shop.Order, s *shop.Settlement) (changed, refund bool) {
	ref := payRef{o.ID, s.Provider, s.Ref}
	if r.payments[ref] && !without(guardMoney) {
		return false, false
	}
	r.payments[ref] = true
	r.paid = append(r.paid, r.payment(s, shop.PaymentPaid, o))
	exact := s.Amount == shop.Money{Amount: o.Total, Currency: o.Currency}
	switch {
	case exact && o.State.Open():
		for variant, n := range quantities(o) {
			r.stock[variant].sell(n)
		}
	case exact && o.Late() && o.Paid == 0 && r.free(o) && !r.within(o):
		r.giveBack(o, s, shop.ReasonLimit)
		return true, true
	case exact && o.Late() && o.Paid == 0 && r.free(o):
		for variant, n := range quantities(o) {
			r.stock[variant].hold(n)
			r.stock[variant].sell(n)
		}
		r.count(o, 1)
		o.Reason = ""
	default:
		r.giveBack(o, s, shop.ReasonNoStock)
		return true, true
	}
	o.Paid = s.Amount.Amount
	r.move(o, shop.Paid)
	return true, false
}

// giveBack refunds money that found no stock or exceeds what one buyer may have, that is not what was asked for, or that came a second time.
func (r *run) giveBack(o *shop.Order, s *shop.Settlement, reason string) {
	if o.State.Open() {
		r.release(o)
		o.Reason = "amount_differs"
		r.move(o, shop.Declined)
	} else {
		r.touch(o)
	}
	if s.Amount.Currency == o.Currency {
		o.Paid += s.Amount.Amount
		o.Refunded += s.Amount.Amount
	}
	r.refunds = append(r.refunds, shop.Refund{
		ID: shop.PartID(o.ID, "refund:"+s.Provider+":"+s.Ref), OrderID: o.ID, ShopID: o.ShopID, Provider: s.Provider, PaymentRef: s.Ref,
		Amount: s.Amount.Amount, Currency: s.Amount.Currency, Reason: reason, State: shop.RefundDue, CreatedAt: r.batch.Now, NextAt: r.batch.Now,
	})
}

func (r *run) payment(s *shop.Settlement, state shop.PaymentState, o *shop.Order) shop.Payment {
	p := shop.Payment{OrderID: o.ID, Provider: s.Provider, Ref: s.Ref, State: state, Amount: s.Amount.Amount, Currency: s.Amount.Currency, At: r.batch.Now}
	if p.Currency == "" {
		p.Currency = o.Currency
	}
	return p
}

// free tells whether the stock still has all that the order wants.
func (r *run) free(o *shop.Order) bool {
	for variant, n := range quantities(o) {
		if s := r.stock[variant]; s == nil || !s.has(n) {
			return false
		}
	}
	for deal, n := range dealUnits(o) {
		if u := r.deals[deal]; u != nil && !u.has(n) {
			return false
		}
	}
	return true
}

// within tells whether a late order's units still are what its buyer may have: who bought again in the meantime would
// have more than anybody else may.
func (r *run) within(o *shop.Order) bool {
	limited := map[string]int64{}
	for _, l := range o.Lines {
		if l.Limited {
			limited[l.Variant] += l.Quantity
		}
	}
	for variant, n := range limited {
		if most := r.offers[variant].PerBuyer; most > 0 && r.limits[variantLimit(variant, o.BuyerID)]+n > most {
			return false
		}
	}
	for deal, n := range dealUnits(o) {
		if u := r.deals[deal]; u != nil && u.PerBuyer > 0 && r.limits[limit{shop.DealLimit(deal), o.BuyerID}]+n > u.PerBuyer {
			return false
		}
	}
	return true
}

// release gives an open order's units back.
func (r *run) release(o *shop.Order) {
	for variant, n := range quantities(o) {
		r.stock[variant].release(n)
	}
	r.count(o, -1)
}

// count adds the order to its buyer's counters, or takes it out.
func (r *run) count(o *shop.Order, sign int64) {
	for _, l := range o.Lines {
		if l.Limited {
			k := variantLimit(l.Variant, o.BuyerID)
			r.limits[k] += sign * l.Quantity
			r.counted[k] = !without(guardCount)
		}
	}
	for deal, n := range dealUnits(o) {
		u := r.deals[deal]
		if u == nil {
			continue
		}
		u.take(sign * n)
		if u.PerBuyer > 0 {
			k := limit{shop.DealLimit(deal), o.BuyerID}
			r.limits[k] += sign * n
			r.counted[k] = true
		}
	}
}

func (r *run) move(o *shop.Order, to shop.OrderState) {
	if !o.State.MayBecome(to) {
		panic("shopsql: order " + o.ID + " cannot go from " + string(o.State) + " to " + string(to))
	}
	o.State, o.ActionURL, o.ChangedAt = to, "", r.batch.Now
	r.touch(o)
	if kind, ok := shop.OrderKind(to); ok && kind != event.OrderPlaced {
		r.facts.Order(kind, shop.FactOf(*o, r.batch.Now))
	}
}

// touch notes that the order's row must be written.
func (r *run) touch(o *shop.Order) {
	for _, m := range r.moved {
		if m == o {
			return
		}
	}
	r.moved = append(r.moved, o)
}

func quantities(o *shop.Order) map[string]int64 {
	out := make(map[string]int64, len(o.Lines))
	for _, l := range o.Lines {
		out[l.Variant] += l.Quantity
	}
	return out
}
