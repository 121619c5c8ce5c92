package shoptest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// line is those of a variant's list who stand in a state, in their order.
func (m *Model) line(variant string, state shop.WaitState) (out []*shop.Wait) {
	for _, w := range m.waits {
		if w.Variant == variant && w.State == state {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b *shop.Wait) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

func (s *step) leave(out []shop.WaitOutcome) {
	for i, c := range s.batch.Waits {
		if c.Buyer == "" || !c.Leave {
			continue
		}
		w := s.waits[[2]string{c.Variant, c.Buyer}]
		if w == nil {
			out[i].Err = shop.ErrNotFound
			continue
		}
		if w.State == shop.WaitOffered {
			s.moves[c.Variant].Released++
		}
		if w.State.Active() {
			w.State, w.ChangedAt = shop.WaitLeft, s.batch.Now
		}
		out[i].Wait = *w
	}
}

// full tells whether a buyer has as many of a variant as one may.
func (s *step) full(variant, buyer string) bool {
	most := s.variants[variant].PerBuyer
	return most > 0 && s.limits[[2]string{variant, buyer}] >= most
}

func (s *step) archived(variant string) bool {
	v := s.variants[variant]
	return v.State == shop.Archived || s.products[v.ProductID].State == shop.Archived
}

// serve gives free units of every shelf that the batch touches to who waits.
func (s *step) serve() (offers []shop.Wait) {
	for _, id := range slices.Sorted(maps.Keys(s.moves)) {
		over := slices.DeleteFunc(s.line(id, shop.WaitOffered), func(w *shop.Wait) bool { return w.Until.After(s.batch.Now) })
		for _, w := range first(over, shop.WaitsAtOnce) {
			w.State, w.ChangedAt = shop.WaitPassed, s.batch.Now
			s.moves[id].Released++
		}
		if s.archived(id) || s.batch.Now.Before(s.variants[id].OpensAt) {
			continue
		}
		for _, w := range first(s.line(id, shop.WaitWaiting), shop.WaitsAtOnce) {
			if s.available(id) < 1 {
				break
			}
			w.ChangedAt = s.batch.Now
			if s.full(id, w.Buyer) {
				w.State = shop.WaitPassed
				continue
			}
			w.State, w.Until = shop.WaitOffered, s.batch.Now.Add(s.batch.OfferFor)
			s.moves[id].Held++
			offers = append(offers, *w)
		}
	}
	return offers
}

func (s *step) called(offers []shop.Wait) {
	for i, w := range offers {
		if i+1 == len(offers) || offers[i+1].Variant != w.Variant {
			v := s.variants[w.Variant]
			s.facts.Called(v.ShopID, shop.WaitFact{Variant: v.ID, Product: v.ProductID, Number: w.Number})
		}
	}
}

func (s *step) offeredTo(variant, buyer string) int64 {
	if w := s.waits[[2]string{variant, buyer}]; w != nil && w.Open(s.batch.Now) {
		return 1
	}
	return 0
}

// takeOffers ends the offers that an order takes.
func (s *step) takeOffers(o *placed) {
	for _, l := range o.Lines {
		if s.offeredTo(l.Variant, o.BuyerID) == 1 {
			w := s.waits[[2]string{l.Variant, o.BuyerID}]
			w.State, w.ChangedAt = shop.WaitTaken, s.batch.Now
			s.moves[l.Variant].Released++
		}
	}
}

func (s *step) join(out []shop.WaitOutcome) {
	for i, c := range s.batch.Waits {
		if c.Buyer == "" || c.Leave {
			continue
		}
		w := s.waits[[2]string{c.Variant, c.Buyer}]
		if w != nil && w.State.Active() {
			out[i].Wait = *w
			continue
		}
		if out[i].Err = s.refuseWait(c); out[i].Err != nil {
			continue
		}
		s.waited[c.Variant]++
		w = &shop.Wait{
			Variant: c.Variant, Buyer: c.Buyer, Shop: s.variants[c.Variant].ShopID, Number: s.waited[c.Variant], State: shop.WaitWaiting,
			JoinedAt: s.batch.Now, ChangedAt: s.batch.Now,
		}
		s.waits[[2]string{c.Variant, c.Buyer}] = w
		out[i].Wait = *w
	}
}

func (s *step) refuseWait(c shop.WaitCall) error {
	var others int
	for _, w := range s.waits {
		if w.Buyer == c.Buyer && w.State.Active() {
			others++
		}
	}
	switch {
	case s.moves[c.Variant] == nil:
		return shop.ErrVariantUnknown
	case s.archived(c.Variant):
		return shop.ErrVariantArchived
	case s.available(c.Variant) > 0:
		return shop.ErrInStock
	case s.full(c.Variant, c.Buyer):
		return shop.ErrLimited
	case len(s.line(c.Variant, shop.WaitWaiting)) >= shop.WaitsMax:
		return shop.ErrWaitFull
	case others >= shop.WaitsPerBuyer:
		return shop.ErrWaits
	}
	return nil
}

// WaitOf returns a buyer's wait.
func (m *Model) WaitOf(_ context.Context, variant, buyer string) (shop.Wait, error) {
	defer m.lock()()
	found := m.waits[[2]string{variant, buyer}]
	if found == nil {
		return shop.Wait{}, shop.ErrNotFound
	}
	w := *found
	if w.State == shop.WaitWaiting {
		w.Ahead = int64(slices.Index(m.line(variant, shop.WaitWaiting), found))
	}
	return w, nil
}

// WaitsOf lists a buyer's waits, the newest first.
func (m *Model) WaitsOf(_ context.Context, buyer string, limit int) (out []shop.Wait, err error) {
	defer m.lock()()
	for _, w := range m.waits {
		if w.Buyer == buyer {
			out = append(out, *w)
		}
	}
	slices.SortFunc(out, func(a, b shop.Wait) int {
		return cmp.Or(b.JoinedAt.Compare(a.JoinedAt), cmp.Compare(a.Variant, b.Variant))
	})
	return first(out, limit), nil
}

// WaitsDue lists variants whose waitlist has something to do.
func (m *Model) WaitsDue(_ context.Context, now time.Time, limit int) (ids []string, err error) {
	defer m.lock()()
	for _, id := range slices.Sorted(maps.Keys(m.variants)) {
		v := m.variants[id]
		over := slices.ContainsFunc(m.line(id, shop.WaitOffered), func(w *shop.Wait) bool { return !w.Until.After(now) })
		sells := v.State == shop.Active && m.products[v.ProductID].State == shop.Active && !now.Before(v.OpensAt)
		if over || (sells && m.stock[id].Available() > 0 && len(m.line(id, shop.WaitWaiting)) > 0) {
			ids = append(ids, id)
		}
	}
	return first(ids, limit), nil
}

// OfferedTo lists the buyers who have an open offer of a variant.
func (m *Model) OfferedTo(_ context.Context, variant string, now time.Time, limit int) (buyers []string, err error) {
	defer m.lock()()
	for _, w := range m.line(variant, shop.WaitOffered) {
		if w.Open(now) {
			buyers = append(buyers, w.Buyer)
		}
	}
	return first(buyers, limit), nil
}

// ForgetWaits deletes waits that ended before a time.
func (m *Model) ForgetWaits(_ context.Context, before time.Time, limit int) error {
	defer m.lock()()
	var old []*shop.Wait
	for _, w := range m.waits {
		if !w.State.Active() && w.ChangedAt.Before(before) {
			old = append(old, w)
		}
	}
	slices.SortFunc(old, func(a, b *shop.Wait) int {
		return cmp.Or(cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Number, b.Number))
	})
	for _, w := range first(old, limit) {
		delete(m.waits, [2]string{w.Variant, w.Buyer})
	}
	return nil
}

// forgetWaits takes a person off every list.
func (m *Model) forgetWaits(buyer string, now time.Time) {
	facts := shop.NewFacts(now)
	for _, variant := range slices.Sorted(maps.Keys(m.variants)) {
		w := m.waits[[2]string{variant, buyer}]
		if w == nil {
			continue
		}
		if w.State == shop.WaitOffered {
			before := m.stock[variant]
			m.write(before.Next(variant, shop.Moves{Released: 1}, "", "", now))
			facts.Stock(before.Available(), m.now(variant))
		}
		delete(m.waits, [2]string{variant, buyer})
	}
	m.facts = append(m.facts, facts.Events()...)
}
