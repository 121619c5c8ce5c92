package shoptest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

// step is one batch being carried out.
type step struct {
	*Model
	batch  shop.Batch
	facts  *shop.Facts
	moves  map[string]*shop.Moves // by variant; stock itself is changed at the end
	before map[string]shop.Stock
	left   map[string]int64 // of deals, before
}

// Apply carries out a batch: settlements, then claims, one after the other.
func (m *Model) Apply(_ context.Context, b shop.Batch) (shop.BatchResult, error) {
	defer m.lock()()
	s := &step{Model: m, batch: b, facts: shop.NewFacts(b.Now), moves: map[string]*shop.Moves{}, before: maps.Clone(m.stock), left: m.dealsLeft()}
	var out shop.BatchResult
	for _, st := range b.Settlements {
		if o := m.orders[st.OrderID]; o != nil {
			s.touch(o.Lines)
		}
	}
	for _, c := range b.Claims {
		if orders, _ := s.known(c.Key, b.KeysFrom); len(orders) == 0 {
			for _, l := range c.Lines {
				if _, ok := m.variants[l.Variant]; ok {
					s.touch([]shop.Line{{Variant: l.Variant}})
				}
			}
		}
	}
	for _, c := range b.Waits {
		if _, ok := m.variants[c.Variant]; ok {
			s.touch([]shop.Line{{Variant: c.Variant}})
		}
	}
	for _, st := range b.Settlements {
		out.Settled = append(out.Settled, s.hear(st))
	}
	out.Waits = make([]shop.WaitOutcome, len(b.Waits))
	s.leave(out.Waits)
	out.Offers = s.serve()
	for _, c := range b.Claims {
		out.Outcomes = append(out.Outcomes, s.claim(c))
	}
	s.join(out.Waits)
	for _, id := range slices.Sorted(maps.Keys(s.moves)) {
		if moves := *s.moves[id]; moves != (shop.Moves{}) {
			m.write(s.before[id].Next(id, moves, "", "", b.Now))
		}
		out.Stocks = append(out.Stocks, m.now(id))
		s.facts.Stock(s.before[id].Available(), m.now(id))
	}
	s.called(out.Offers)
	out.Deals = s.countDeals()
	m.facts = append(m.facts, s.facts.Events()...)
	return out, nil
}

func (s *step) touch(lines []shop.Line) {
	for _, l := range lines {
		if s.moves[l.Variant] == nil {
			s.moves[l.Variant] = &shop.Moves{}
		}
	}
}

func (s *step) available(variant string) int64 {
	before, m := s.before[variant], s.moves[variant]
	return before.Available() + m.OnHand() - m.Reserved()
}

// known finds the orders of a key; keys that are too old are forgotten.
func (s *step) known(key string, from time.Time) (orders []shop.Order, print string) {
	for _, o := range s.orders {
		if o.key != key || key == "" {
			continue
		}
		if o.PlacedAt.Before(from) {
			o.key = ""
			continue
		}
		orders, print = append(orders, o.Order), o.print
	}
	slices.SortFunc(orders, func(a, b shop.Order) int { return cmp.Compare(a.Part, b.Part) })
	return orders, print
}

func (s *step) settle(st shop.Settlement) shop.Settled {
	o := s.orders[st.OrderID]
	if o == nil || !st.Scope.Holds(o.BuyerID, o.ShopID) {
		return shop.Settled{Err: shop.ErrNotFound}
	}
	out := shop.Settled{}
	switch {
	case st.Kind == shop.SettlePaid:
		out.Changed, out.Refund = s.money(o, st)
	case st.Kind == shop.SettleCancelled && o.State == shop.Cancelled:
	case st.Kind == shop.SettleCancelled && !o.State.Open():
		out.Err = shop.ErrOrderState
	case !o.State.Open():
	case st.Kind == shop.SettleRequiresAction && o.State == shop.Held:
		s.become(o, shop.RequiresAction)
		o.ActionURL, out.Changed = st.ActionURL, true
	case st.Kind == shop.SettleRequiresAction:
	case st.Kind == shop.SettleExpired && s.batch.Now.Before(o.HoldUntil):
	default: // it ends without money
		s.release(o)
		if st.Kind == shop.SettleDeclined {
			s.pay(o, st, shop.PaymentDeclined)
			o.Reason = st.Reason
		}
		s.become(o, map[shop.SettlementKind]shop.OrderState{shop.SettleDeclined: shop.Declined, shop.SettleExpired: shop.Expired, shop.SettleCancelled: shop.Cancelled}[st.Kind])
		out.Changed = true
	}
	out.Order = o.Order
	return out
}

// money that comes for an order: in time, late with stock still free, or to be given back.
func (s *step) money(o *placed, st shop.Settlement) (changed, refund bool) {
	for _, p := range s.payments {
		if p.OrderID == o.ID && p.Provider == st.Provider && p.Ref == st.Ref && p.State == shop.PaymentPaid {
			return false, false
		}
	}
	s.pay(o, st, shop.PaymentPaid)
	exact := st.Amount.Amount == o.Total && st.Amount.Currency == o.Currency
	late := (o.State == shop.Expired || o.State == shop.Declined) && o.Paid == 0
	wants := map[string]int64{}
	for _, l := range o.Lines {
		wants[l.Variant] += l.Quantity
	}
	for variant, n := range wants {
		late = late && s.available(variant) >= n
	}
	late = late && s.dealsHave(o)
	reason := shop.ReasonNoStock
	if exact && late && !s.within(o) {
		late, reason = false, shop.ReasonLimit
	}
	if !exact || !(o.State.Open() || late) {
		if o.State.Open() {
			s.release(o)
			o.Reason = "amount_differs"
			s.become(o, shop.Declined)
		}
		if st.Amount.Currency == o.Currency {
			o.Paid += st.Amount.Amount
			o.Refunded += st.Amount.Amount
		}
		s.Model.refunds = append(s.refunds, refundOf(o, st, reason, s.batch.Now))
		return true, true
	}
	if late {
		s.hold(o)
		o.Reason = ""
	}
	for _, l := range o.Lines {
		s.moves[l.Variant].Sold += l.Quantity
	}
	o.Paid = o.Total
	s.become(o, shop.Paid)
	return true, false
}

// within tells whether a late order's units still are what its buyer may have.
func (s *step) within(o *placed) bool {
	for _, l := range o.Lines {
		var n int64
		for _, other := range o.Lines {
			if other.Limited && other.Variant == l.Variant {
				n += other.Quantity
			}
		}
		if most := s.variants[l.Variant].PerBuyer; l.Limited && most > 0 && s.limits[[2]string{l.Variant, o.BuyerID}]+n > most {
			return false
		}
	}
	return s.dealsAllow(o)
}

func refundOf(o *placed, st shop.Settlement, reason string, now time.Time) refund {
	return refund{Refund: shop.Refund{
		ID: shop.PartID(o.ID, "refund:"+st.Provider+":"+st.Ref), OrderID: o.ID, ShopID: o.ShopID, Provider: st.Provider, PaymentRef: st.Ref,
		Amount: st.Amount.Amount, Currency: st.Amount.Currency, Reason: reason, State: shop.RefundDue, CreatedAt: now, NextAt: now,
	}}
}

func (s *step) pay(o *placed, st shop.Settlement, state shop.PaymentState) {
	currency := cmp.Or(st.Amount.Currency, o.Currency)
	s.Model.payments = append(s.payments, shop.Payment{OrderID: o.ID, Provider: st.Provider, Ref: st.Ref, State: state, Amount: st.Amount.Amount, Currency: currency, At: s.batch.Now})
}

func (s *step) hold(o *placed) {
	for _, l := range o.Lines {
		s.moves[l.Variant].Held += l.Quantity
		if l.Limited {
			s.limits[[2]string{l.Variant, o.BuyerID}] += l.Quantity
		}
	}
	s.takeDeals(o, 1)
}

func (s *step) release(o *placed) {
	for _, l := range o.Lines {
		s.moves[l.Variant].Released += l.Quantity
		if l.Limited {
			s.limits[[2]string{l.Variant, o.BuyerID}] -= l.Quantity
		}
	}
	s.takeDeals(o, -1)
}

func (s *step) become(o *placed, state shop.OrderState) {
	o.State, o.ActionURL, o.ChangedAt = state, "", s.batch.Now
	if kind, ok := shop.OrderKind(state); ok {
		s.facts.Order(kind, shop.FactOf(o.Order, s.batch.Now))
	}
}

func (s *step) claim(c shop.Claim) shop.Outcome {
	if orders, print := s.known(c.Key, s.batch.KeysFrom); len(orders) > 0 {
		if print != c.Fingerprint {
			return shop.Outcome{Err: shop.ErrKeyReused}
		}
		return shop.Outcome{Orders: orders, Known: true}
	}
	if out, answered := s.draw(c); answered {
		return out
	}
	c = s.atToday(c)
	if err := s.refuse(c); err != nil {
		if c.Drawn {
			return shop.Outcome{Claim: s.decide(c, shop.ClaimLost)}
		}
		return shop.Outcome{Err: err}
	}
	if c.Drawn {
		s.decide(c, shop.ClaimWon)
	}
	var out shop.Outcome
	for _, o := range s.split(c) {
		if o.Total > shop.AmountMax {
			return shop.Outcome{Err: shop.ErrAmount}
		}
		out.Orders = append(out.Orders, o.Order)
	}
	for i, o := range s.split(c) {
		s.orders[o.ID] = o
		s.takeOffers(o)
		s.hold(o)
		s.facts.Order(event.OrderPlaced, shop.FactOf(o.Order, s.batch.Now))
		if o.Total == 0 {
			for _, l := range o.Lines {
				s.moves[l.Variant].Sold += l.Quantity
			}
			s.become(o, shop.Paid)
		}
		out.Orders[i] = o.Order
	}
	if c.Contact != "" {
		s.contacts[c.PurchaseID] = [2]string{c.Buyer, c.Contact}
	}
	return out
}

func (s *step) refuse(c shop.Claim) error {
	field := func(i int, name string, err error) error {
		return &shop.InputError{Field: "lines[" + strconv.Itoa(i) + "]." + name, Err: err}
	}
	for i, l := range c.Lines {
		v, ok := s.variants[l.Variant]
		switch {
		case !ok:
			return field(i, "variant", shop.ErrVariantUnknown)
		case c.Shop != "" && c.Shop != v.ShopID:
			return field(i, "variant", shop.ErrVariantForeign)
		case v.State == shop.Archived || s.products[v.ProductID].State == shop.Archived:
			return field(i, "variant", shop.ErrVariantArchived)
		case l.Price != nil && l.Price.Currency != v.Price.Currency:
			return field(i, "quote", shop.ErrCurrencyDiffers)
		}
	}
	for _, l := range c.Lines {
		if opens := s.variants[l.Variant].OpensAt; s.batch.Now.Before(opens) {
			return &shop.NotOpenError{OpensAt: opens}
		}
	}
	for i, l := range c.Lines {
		if s.available(l.Variant)+s.offeredTo(l.Variant, c.Buyer) < c.Wants()[l.Variant] {
			return field(i, "variant", shop.ErrSoldOut)
		}
	}
	for i, l := range c.Lines {
		most := s.variants[l.Variant].PerBuyer
		if most > 0 && s.limits[[2]string{l.Variant, c.Buyer}]+c.Wants()[l.Variant] > most {
			return field(i, "quantity", shop.ErrLimited)
		}
	}
	return s.refuseDeals(c)
}

// split makes one order per shop.
func (s *step) split(c shop.Claim) (orders []*placed) {
	for _, l := range c.Lines {
		v := s.variants[l.Variant]
		at := slices.IndexFunc(orders, func(o *placed) bool { return o.ShopID == v.ShopID })
		if at < 0 {
			at = len(orders)
			orders = append(orders, &placed{key: c.Key, print: c.Fingerprint, Order: shop.Order{
				ID: shop.OrderID(c.PurchaseID, int64(at)), PurchaseID: c.PurchaseID, Part: int64(at), ShopID: v.ShopID, BuyerID: c.Buyer, State: shop.Held,
				Currency: v.Price.Currency, Source: c.Source, Provider: c.Provider, Instrument: c.Instrument,
				PlacedAt: s.batch.Now, HoldUntil: c.HoldUntil, ChangedAt: s.batch.Now,
			}})
		}
		o := orders[at]
		price := v.Price.Amount
		if l.Price != nil {
			price = l.Price.Amount
		}
		o.Lines = append(o.Lines, shop.Line{
			Line: int64(len(o.Lines)) + 1, Product: v.ProductID, Variant: v.ID, Title: s.products[v.ProductID].Title, Picture: s.products[v.ProductID].Picture, VariantTitle: v.Title, SKU: v.SKU,
			Quantity: l.Quantity, UnitPrice: price, CompareAt: v.CompareAt, Deal: l.Deal, Limited: v.PerBuyer > 0,
		})
		o.Total += price * l.Quantity
	}
	for _, o := range orders {
		o.Parts = int64(len(orders))
	}
	return orders
}
