package shopsql

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"

	"github.com/hawkerlive/hawker/shop"
)

// errDealMoved cannot happen while the row is locked. It keeps a mistake of ours from being stored.
var errDealMoved = errors.New("shopsql: the deal's row is not as it was read")

// place is where a price holds.
type place struct{ broadcast, variant string }

// readDeals locks the deals that the batch's orders and claims name, and those that run where somebody buys at today's
// price, in the order of their ids.
func (r *run) readDeals(ctx context.Context) error {
	var ids, shows []string
	for _, o := range r.orders {
		for _, l := range o.Lines {
			if l.Deal != "" {
				ids = append(ids, l.Deal)
			}
		}
	}
	for i := range r.batch.Claims {
		c := &r.batch.Claims[i]
		for _, l := range c.Lines {
			switch {
			case l.Deal != "":
				ids = append(ids, l.Deal)
			case l.Price == nil && c.Source.Broadcast != "":
				shows = append(shows, c.Source.Broadcast)
			}
		}
	}
	running, err := in(ctx, r.tx, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) },
		`SELECT id FROM deal WHERE state IN ('announced', 'open') AND broadcast_id IN (`, distinct(shows), ``)
	if err != nil {
		return err
	}
	found, err := in(ctx, r.tx, scanDeal, `SELECT `+dealColumns+` FROM deal WHERE id IN (`, distinct(append(ids, running...)), ` ORDER BY id`+r.tx.ForUpdate())
	if err != nil {
		return err
	}
	for _, d := range found {
		u := &units{Deal: d, before: d.Taken}
		r.deals[d.ID] = u
		if d.Sells(r.batch.Now) {
			for _, variant := range d.Variants {
				r.today[place{d.Broadcast, variant}] = u
			}
		}
	}
	return r.readDealClaims(ctx)
}

// readDealClaims reads what the batch's keys and buyers claimed in draws.
func (r *run) readDealClaims(ctx context.Context) error {
	var ids []string
	draws := map[string]bool{}
	for i := range r.batch.Claims {
		c := &r.batch.Claims[i]
		for _, l := range c.Lines {
			if u := r.deals[l.Deal]; u != nil && u.Fair {
				draws[u.ID] = true
				ids = append(ids, c.Buyer)
			}
		}
	}
	for _, deal := range sortedKeys(draws) {
		for piece := range slices.Chunk(distinct(ids), listMax) {
			args := append(padded(piece), deal)
			found, err := rows(ctx, r.tx, scanDealClaim, `SELECT `+claimColumns+` FROM deal_claim WHERE buyer_id IN (`+list(len(args)-1)+`) AND deal_id = `+placeholder(len(args)), args...)
			if err != nil {
				return err
			}
			for _, c := range found {
				r.drawn[limit{c.Deal, c.Claim.Buyer}] = &c
			}
		}
		if err := r.tx.QueryRow(ctx, `SELECT COUNT(*) FROM deal_claim WHERE deal_id = $1`, deal).Scan(r.claimsOf(deal)); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) claimsOf(deal string) *int64 {
	if r.waiting[deal] == nil {
		r.waiting[deal] = new(int64)
	}
	return r.waiting[deal]
}

// draw answers a claim on a fair deal as far as the draw does; false: it goes on like any other.
func (r *run) draw(c *shop.Claim) (out shop.Outcome, answered bool) {
	u := r.fairOf(c)
	if u == nil {
		return out, false
	}
	before := r.drawn[limit{u.ID, c.Buyer}]
	switch {
	case c.Drawn:
		if before == nil || before.ID != c.PurchaseID || before.State != shop.ClaimWaits {
			return shop.Outcome{Claim: before, Known: true}, true
		}
		return out, false
	case before != nil && before.Claim.Key == c.Key:
		if before.Claim.Fingerprint != c.Fingerprint {
			return shop.Outcome{Err: shop.ErrKeyReused}, true
		}
		return shop.Outcome{Claim: copyOf(before), Known: true}, true
	case len(c.Lines) != 1:
		return shop.Outcome{Err: &shop.InputError{Field: "lines", Err: shop.ErrDealAlone}}, true
	case !u.Draws(r.batch.Now) && !u.Drawn:
		return shop.Outcome{Err: shop.ErrDealDraws}, true
	case !u.Draws(r.batch.Now):
		return out, false
	case before != nil:
		return shop.Outcome{Err: shop.ErrDealClaimed}, true
	}
	if err := r.refuse(c); err != nil {
		return shop.Outcome{Err: err}, true
	}
	if *r.claimsOf(u.ID) >= shop.DealClaimsMax {
		return shop.Outcome{Err: shop.ErrBusy}, true
	}
	*r.claimsOf(u.ID)++
	l := c.Lines[0]
	made := &shop.DealClaim{
		ID: c.PurchaseID, Deal: u.ID, ShopID: u.ShopID, State: shop.ClaimWaits, DrawKey: shop.DrawKey(u.Seed, c.PurchaseID), Claim: *c, PlacedAt: r.batch.Now,
		Total: shop.Money{Amount: l.Quantity * u.Price.Amount, Currency: u.Price.Currency}, DrawsAt: u.OpensAt.Add(u.Window),
	}
	if made.Claim.Contact = ""; c.Contact != "" { // it stands where that of every purchase does
		r.contacts = append(r.contacts, c.PurchaseID, c.Buyer, c.Contact, millis(r.batch.Now))
	}
	r.drawn[limit{u.ID, c.Buyer}] = made
	r.claimed = append(r.claimed, made)
	return shop.Outcome{Claim: copyOf(made)}, true
}

func copyOf(c *shop.DealClaim) *shop.DealClaim {
	out := *c
	return &out
}

func (r *run) fairOf(c *shop.Claim) *units {
	for _, l := range c.Lines {
		if u := r.deals[l.Deal]; u != nil && u.Fair {
			return u
		}
	}
	return nil
}

// decide notes what became of a claim whose turn had come.
func (r *run) decide(c *shop.Claim, state shop.DealClaimState) *shop.DealClaim {
	made := r.drawn[limit{c.Lines[0].Deal, c.Buyer}]
	made.State = state
	r.decided = append(r.decided, made)
	return copyOf(made)
}

// atToday gives the lines that name no price a running deal's, where it has enough units for the buyer: the best price
// of those that hold here and now.
func (r *run) atToday(c *shop.Claim) *shop.Claim {
	if len(r.today) == 0 || c.Source.Broadcast == "" {
		return c
	}
	out := *c
	out.Lines = append([]shop.ClaimLine(nil), c.Lines...)
	wants := map[string]int64{}
	for i := range out.Lines {
		l := &out.Lines[i]
		u := r.today[place{c.Source.Broadcast, l.Variant}]
		if l.Price != nil || u == nil || u.Price.Amount >= r.offers[l.Variant].Price.Amount || u.Price.Currency != r.offers[l.Variant].Price.Currency {
			continue
		}
		n := wants[u.ID] + l.Quantity
		if u.PerBuyer > 0 && r.limits[limit{shop.DealLimit(u.ID), c.Buyer}]+n > u.PerBuyer || !u.has(n) {
			continue
		}
		price := u.Price
		wants[u.ID], l.Deal, l.Price = n, u.ID, &price
	}
	return &out
}

// refuseDeals checks what a claim wants of deals.
func (r *run) refuseDeals(c *shop.Claim) error {
	wants := map[string]int64{}
	for i, l := range c.Lines {
		if l.Deal == "" {
			continue
		}
		field := func(name string, err error) error {
			return &shop.InputError{Field: "lines[" + strconv.Itoa(i) + "]." + name, Err: err}
		}
		u := r.deals[l.Deal]
		if u == nil || !u.Covers(l.Variant) || u.Broadcast != c.Source.Broadcast || l.Price == nil || *l.Price != u.Price {
			return field("quote", shop.ErrQuoteForeign)
		}
		if !c.Drawn { // a claim that is drawn came in time
			if err := u.Takes(r.batch.Now); err != nil {
				return field("quote", err)
			}
		}
		wants[u.ID] += l.Quantity
		if !u.has(wants[u.ID]) {
			return field("quote", shop.ErrDealSoldOut)
		}
		if u.PerBuyer > 0 && r.limits[limit{shop.DealLimit(u.ID), c.Buyer}]+wants[u.ID] > u.PerBuyer {
			return field("quantity", shop.ErrLimited)
		}
	}
	return nil
}

// dealUnits are an order's units per deal.
func dealUnits(o *shop.Order) map[string]int64 {
	var out map[string]int64
	for _, l := range o.Lines {
		if l.Deal != "" {
			if out == nil {
				out = map[string]int64{}
			}
			out[l.Deal] += l.Quantity
		}
	}
	return out
}

// writeDeals stores what the batch took of deals, and of draws.
func (r *run) writeDeals(ctx context.Context) error {
	for _, id := range sortedKeys(r.deals) {
		u := r.deals[id]
		if u.Taken == u.before {
			continue
		}
		u.Number++
		changed, err := r.tx.Exec(ctx, `UPDATE deal SET taken = $1, number = $2 WHERE id = $3 AND taken = $4`, u.Taken, u.Number, id, u.before)
		if err := exactlyOne(changed, err, errDealMoved); err != nil {
			return err
		}
		now := shop.DealNow{Deal: id, Broadcast: u.Broadcast, Product: u.Product, Left: u.Left(), Number: u.Number}
		r.result.Deals = append(r.result.Deals, now)
		r.facts.Deal(u.Quantity-u.before, now)
	}
	var args []any
	for _, c := range r.claimed {
		args = append(args, c.ID, c.Deal, c.Claim.Key, c.ShopID, c.Claim.Buyer, string(c.State), c.DrawKey, claimBody(*c), millis(c.PlacedAt))
	}
	stored, err := r.tx.ExecRows(ctx, `INSERT INTO deal_claim (id, deal_id, key_hash, shop_id, buyer_id, state, draw_key, body, placed_at) VALUES`, 9, args, ` ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	if stored != int64(len(r.claimed)) {
		return errKeyRace
	}
	if _, err := r.tx.ExecRows(ctx, `INSERT INTO purchase_contact (purchase_id, buyer_id, contact, created_at) VALUES`, 4, r.contacts, ``); err != nil {
		return err
	}
	ids := map[shop.DealClaimState][]string{}
	for _, c := range r.decided {
		ids[c.State] = append(ids[c.State], c.ID)
	}
	for _, state := range []shop.DealClaimState{shop.ClaimWon, shop.ClaimLost} {
		if _, err := r.tx.ExecIDs(ctx, `UPDATE deal_claim SET state = $1 WHERE id IN (`, []any{string(state)}, ids[state]); err != nil {
			return err
		}
	}
	_, err = r.tx.ExecIDs(ctx, `DELETE FROM purchase_contact WHERE purchase_id IN (`, nil, ids[shop.ClaimLost])
	return err
}
