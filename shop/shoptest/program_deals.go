package shoptest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

// deal makes a deal, or moves one along.
func (p *program) deal() Call {
	if len(p.deals) == 0 || p.rng.IntN(3) == 0 {
		return p.createDeal()
	}
	id, now := one(p, p.deals), p.now
	to := one(p, []shop.DealState{shop.DealScheduled, shop.DealAnnounced, shop.DealAnnounced, shop.DealAnnounced, shop.DealOpen, shop.DealEnded, shop.DealCancelled})
	soon, drawn, refused := time.Duration(p.rng.IntN(40)-30)*time.Second, p.rng.IntN(3) == 0, p.rng.IntN(9) == 0
	return Call{Name: "ChangeDeal", Do: func(ctx context.Context, s Store) string {
		d, err := s.ChangeDeal(ctx, id, func(d *shop.Deal) ([]event.Event, bool, error) {
			switch {
			case refused:
				return nil, true, shop.ErrDealState
			case d.State == to && !drawn:
				return nil, false, nil
			}
			d.State, d.StartsAt, d.Drawn = to, now, drawn
			d.OpensAt, d.EndsAt = now.Add(soon), now.Add(soon+d.Duration)
			return []event.Event{event.New(event.BroadcastTopic(d.Broadcast), event.DealStarted, 7, now, map[string]any{"deal": d.ID, "version": d.Version})}, true, nil
		})
		return answer(err, d)
	}}
}

func (p *program) createDeal() Call {
	product := one(p, p.products)
	found := p.model.product(product)
	d := shop.Deal{
		ID: p.id(), ShopID: found.ShopID, Broadcast: fmt.Sprint("b", p.rng.IntN(3)), Product: product, Price: shop.Money{Amount: int64(1 + p.rng.IntN(900)), Currency: found.Price.Currency},
		Quantity: int64(1 + p.rng.IntN(6)), PerBuyer: int64(p.rng.IntN(3)), Countdown: 10 * time.Second, Duration: time.Minute, Grace: 15 * time.Second,
		State: shop.DealPrepared, Version: 1, CreatedBy: "seller", CreatedAt: p.now,
	}
	if p.rng.IntN(3) == 0 {
		d.Fair, d.Window, d.Seed = true, 20*time.Second, fmt.Sprintf("%064x", p.made)
		d.Commitment = shop.Commitment(d.Seed)
	}
	for _, v := range found.Variants {
		d.Variants = append(d.Variants, v.ID)
	}
	p.deals = append(p.deals, d.ID)
	return Call{Name: "CreateDeal", Do: func(ctx context.Context, s Store) string { return answer(s.CreateDeal(ctx, d)) }}
}

// atDeal makes a claim one at a deal's price.
func (p *program) atDeal(c *shop.Claim) {
	d, ok := p.model.deals[one(p, p.deals)]
	if !ok || len(d.Variants) == 0 {
		return
	}
	price := d.Price
	if p.rng.IntN(20) == 0 {
		price.Amount++
	}
	c.Source.Broadcast, c.Shop = d.Broadcast, ""
	c.Lines[0] = shop.ClaimLine{Variant: d.Variants[p.rng.IntN(len(d.Variants))], Quantity: 1 + int64(p.rng.IntN(4)/3), Price: &price, Deal: d.ID}
	if d.Fair && p.rng.IntN(5) > 0 {
		c.Lines = c.Lines[:1]
	}
}

// drawn are claims whose turn has come, now and then.
func (p *program) drawn() (out []shop.Claim) {
	if p.rng.IntN(4) > 0 {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(p.model.draws)) {
		if c := p.model.draws[id]; len(out) < 4 && (c.State == shop.ClaimWaits || p.rng.IntN(8) == 0) {
			claim := c.Claim
			claim.Drawn, claim.HoldUntil = true, p.now.Add(time.Minute)
			out = append(out, claim)
		}
	}
	return out
}
