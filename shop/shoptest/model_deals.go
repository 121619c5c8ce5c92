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

// CreateDeal stores a deal.
func (m *Model) CreateDeal(_ context.Context, d shop.Deal) error {
	defer m.lock()()
	n := 0
	for _, other := range m.deals {
		if other.Broadcast == d.Broadcast {
			n++
		}
	}
	if n >= shop.DealsMax {
		return shop.ErrDeals
	}
	m.deals[d.ID] = d
	return nil
}

// Deal returns one.
func (m *Model) Deal(_ context.Context, id string) (shop.Deal, error) {
	defer m.lock()()
	d, ok := m.deals[id]
	if !ok {
		return d, shop.ErrNotFound
	}
	return d, nil
}

// Deals lists a broadcast's.
func (m *Model) Deals(_ context.Context, broadcast string) (out []shop.Deal, err error) {
	defer m.lock()()
	for _, id := range slices.Sorted(maps.Keys(m.deals)) {
		if m.deals[id].Broadcast == broadcast {
			out = append(out, m.deals[id])
		}
	}
	return out, nil
}

// ChangeDeal changes one.
func (m *Model) ChangeDeal(_ context.Context, id string, change func(d *shop.Deal) ([]event.Event, bool, error)) (shop.Deal, error) {
	defer m.lock()()
	before, ok := m.deals[id]
	if !ok {
		return shop.Deal{}, shop.ErrNotFound
	}
	d := before
	d.Version++
	facts, changed, err := change(&d)
	if err != nil || !changed {
		return before, err
	}
	for _, other := range m.deals {
		if d.Announces() && other.ID != d.ID && other.Announces() && other.Broadcast == d.Broadcast && other.Product == d.Product {
			return shop.Deal{}, shop.ErrDealRuns
		}
	}
	m.deals[id] = d
	m.facts = append(m.facts, facts...)
	return d, nil
}

// DealsDue lists deals of which something is due.
func (m *Model) DealsDue(_ context.Context, now time.Time, limit int) (due []shop.Deal, next time.Time, err error) {
	defer m.lock()()
	for _, d := range m.deals {
		at := d.NextAt()
		switch {
		case at.IsZero():
		case !at.After(now):
			due = append(due, d)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	slices.SortFunc(due, func(a, b shop.Deal) int {
		return cmp.Or(a.NextAt().Compare(b.NextAt()), cmp.Compare(a.ID, b.ID))
	})
	return due[:min(limit, len(due))], next, nil
}

// DealClaims pages through a draw.
func (m *Model) DealClaims(_ context.Context, deal string, state shop.DealClaimState, after string, limit int) (out []shop.DealClaim, err error) {
	defer m.lock()()
	for _, c := range m.draws {
		if c.Deal == deal && c.DrawKey > after && (state == "" || c.State == state) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b shop.DealClaim) int { return cmp.Compare(a.DrawKey, b.DrawKey) })
	return out[:min(limit, len(out))], nil
}

// DealClaim returns one.
func (m *Model) DealClaim(_ context.Context, s shop.Scope, id string) (shop.DealClaim, error) {
	defer m.lock()()
	c, ok := m.draws[id]
	if !ok || !s.Holds(c.Claim.Buyer, c.ShopID) {
		return shop.DealClaim{}, shop.ErrNotFound
	}
	return c, nil
}

func (m *Model) dealsLeft() map[string]int64 {
	out := map[string]int64{}
	for id, d := range m.deals {
		out[id] = d.Left()
	}
	return out
}

// countDeals numbers what the batch took, and tells it.
func (s *step) countDeals() (out []shop.DealNow) {
	for _, id := range slices.Sorted(maps.Keys(s.deals)) {
		d := s.deals[id]
		if d.Left() == s.left[id] {
			continue
		}
		d.Number++
		s.deals[id] = d
		now := shop.DealNow{Deal: id, Broadcast: d.Broadcast, Product: d.Product, Left: d.Left(), Number: d.Number}
		out = append(out, now)
		s.facts.Deal(s.left[id], now)
	}
	return out
}

func (s *step) dealsHave(o *placed) bool {
	wants := map[string]int64{}
	for _, l := range o.Lines {
		wants[l.Deal] += l.Quantity
	}
	for id, n := range wants {
		if d, ok := s.deals[id]; ok && d.Left() < n {
			return false
		}
	}
	return true
}

func (s *step) dealsAllow(o *placed) bool {
	wants := map[string]int64{}
	for _, l := range o.Lines {
		wants[l.Deal] += l.Quantity
	}
	for id, n := range wants {
		if d, ok := s.deals[id]; ok && d.PerBuyer > 0 && s.limits[[2]string{shop.DealLimit(id), o.BuyerID}]+n > d.PerBuyer {
			return false
		}
	}
	return true
}

func (s *step) takeDeals(o *placed, sign int64) {
	for _, l := range o.Lines {
		if d, ok := s.deals[l.Deal]; ok {
			d.Taken += sign * l.Quantity
			s.deals[l.Deal] = d
			s.limits[[2]string{shop.DealLimit(d.ID), o.BuyerID}] += sign * l.Quantity
		}
	}
}

// draw answers a claim on a fair deal until the draw, and its second asking after it.
func (s *step) draw(c shop.Claim) (out shop.Outcome, answered bool) {
	var d shop.Deal
	for _, l := range c.Lines {
		if found, ok := s.deals[l.Deal]; ok && found.Fair {
			d = found
			break
		}
	}
	if d.ID == "" {
		return out, false
	}
	var before *shop.DealClaim
	waiting := 0
	for _, other := range s.draws {
		if other.Deal == d.ID {
			waiting++
			if other.Claim.Buyer == c.Buyer {
				before = &other
			}
		}
	}
	fail := func(err error) (shop.Outcome, bool) { return shop.Outcome{Err: err}, true }
	switch {
	case c.Drawn && (before == nil || before.ID != c.PurchaseID || before.State != shop.ClaimWaits):
		return shop.Outcome{Claim: before, Known: true}, true
	case c.Drawn:
		return out, false
	case before != nil && before.Claim.Key == c.Key && before.Claim.Fingerprint != c.Fingerprint:
		return fail(shop.ErrKeyReused)
	case before != nil && before.Claim.Key == c.Key:
		return shop.Outcome{Claim: before, Known: true}, true
	case len(c.Lines) != 1:
		return fail(&shop.InputError{Field: "lines", Err: shop.ErrDealAlone})
	case d.Drawn:
		return out, false
	case !s.batch.Now.Before(d.OpensAt.Add(d.Window)):
		return fail(shop.ErrDealDraws)
	case before != nil:
		return fail(shop.ErrDealClaimed)
	}
	if err := s.refuse(c); err != nil {
		return fail(err)
	}
	if waiting >= shop.DealClaimsMax {
		return fail(shop.ErrBusy)
	}
	made := shop.DealClaim{
		ID: c.PurchaseID, Deal: d.ID, ShopID: d.ShopID, State: shop.ClaimWaits, DrawKey: shop.DrawKey(d.Seed, c.PurchaseID), Claim: c, PlacedAt: s.batch.Now,
		Total: shop.Money{Amount: c.Lines[0].Quantity * d.Price.Amount, Currency: d.Price.Currency}, DrawsAt: d.OpensAt.Add(d.Window),
	}
	made.Claim.Contact = ""
	s.draws[made.ID] = made
	if c.Contact != "" {
		s.contacts[made.ID] = [2]string{c.Buyer, c.Contact}
	}
	return shop.Outcome{Claim: &made}, true
}

func (s *step) decide(c shop.Claim, state shop.DealClaimState) *shop.DealClaim {
	made := s.draws[c.PurchaseID]
	made.State = state
	s.draws[c.PurchaseID] = made
	if state == shop.ClaimLost {
		delete(s.contacts, c.PurchaseID)
	}
	return &made
}

// atToday gives the lines that name no price that of a running deal.
func (s *step) atToday(c shop.Claim) shop.Claim {
	c.Lines = slices.Clone(c.Lines)
	wants := map[string]int64{}
	for i := range c.Lines {
		l := &c.Lines[i]
		for _, id := range slices.Sorted(maps.Keys(s.deals)) {
			d, today := s.deals[id], s.variants[l.Variant].Price
			if l.Price != nil || c.Source.Broadcast == "" || d.Broadcast != c.Source.Broadcast || !d.Covers(l.Variant) || !d.Sells(s.batch.Now) {
				continue
			}
			n := wants[id] + l.Quantity
			within := d.PerBuyer == 0 || s.limits[[2]string{shop.DealLimit(id), c.Buyer}]+n <= d.PerBuyer
			if d.Price.Currency == today.Currency && d.Price.Amount < today.Amount && within && d.Left() >= n {
				wants[id], l.Deal, l.Price = n, id, &shop.Money{Amount: d.Price.Amount, Currency: d.Price.Currency}
			}
		}
	}
	return c
}

func (s *step) refuseDeals(c shop.Claim) error {
	wants := map[string]int64{}
	for i, l := range c.Lines {
		if l.Deal == "" {
			continue
		}
		field := func(name string, err error) error {
			return &shop.InputError{Field: "lines[" + strconv.Itoa(i) + "]." + name, Err: err}
		}
		d, ok := s.deals[l.Deal]
		if !ok || !d.Covers(l.Variant) || d.Broadcast != c.Source.Broadcast || l.Price == nil || *l.Price != d.Price {
			return field("quote", shop.ErrQuoteForeign)
		}
		if err := d.Takes(s.batch.Now); err != nil && !c.Drawn {
			return field("quote", err)
		}
		wants[d.ID] += l.Quantity
		if wants[d.ID] > d.Left() {
			return field("quote", shop.ErrDealSoldOut)
		}
		if d.PerBuyer > 0 && s.limits[[2]string{shop.DealLimit(d.ID), c.Buyer}]+wants[d.ID] > d.PerBuyer {
			return field("quantity", shop.ErrLimited)
		}
	}
	return nil
}
