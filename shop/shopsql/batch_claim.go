package shopsql

import (
	"context"
	"strconv"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

// claim grants all of a claim, or says why not. Orders of a known key are answered as they stand.
func (r *run) claim(c *shop.Claim) shop.Outcome {
	if k := r.keys[c.Key]; k != nil {
		if k.print != c.Fingerprint {
			return shop.Outcome{Err: shop.ErrKeyReused}
		}
		return shop.Outcome{Orders: copies(k.orders), Known: true}
	}
	if out, answered := r.draw(c); answered {
		return out
	}
	c = r.atToday(c)
	if err := r.refuse(c); err != nil {
		if c.Drawn {
			return shop.Outcome{Claim: r.decide(c, shop.ClaimLost)}
		}
		return shop.Outcome{Err: err}
	}
	if c.Drawn {
		r.decide(c, shop.ClaimWon)
	}
	orders := r.ordersOf(c)
	for _, o := range orders {
		if o.Total > shop.AmountMax {
			return shop.Outcome{Err: &shop.InputError{Field: "lines", Err: shop.ErrAmount}}
		}
	}
	k := &known{print: c.Fingerprint, orders: orders}
	r.keys[c.Key] = k
	for _, o := range orders {
		for variant, n := range quantities(o) {
			r.takeOffer(variant, o.BuyerID)
			r.stock[variant].hold(n)
		}
		r.count(o, 1)
		r.placed = append(r.placed, &placed{o, c})
		r.facts.Order(event.OrderPlaced, shop.FactOf(*o, r.batch.Now))
		if o.Total == 0 { // nothing to pay
			for variant, n := range quantities(o) {
				r.stock[variant].sell(n)
			}
			o.State = shop.Paid
			r.facts.Order(event.OrderPaid, shop.FactOf(*o, r.batch.Now))
		}
	}
	return shop.Outcome{Orders: copies(orders)}
}

func copies(orders []*shop.Order) []shop.Order {
	out := make([]shop.Order, len(orders))
	for i, o := range orders {
		out[i] = *o
	}
	return out
}

// refuse checks every line, then the stock, then the limits.
func (r *run) refuse(c *shop.Claim) error {
	at := func(i int, field string, err error) error {
		return &shop.InputError{Field: "lines[" + strconv.Itoa(i) + "]." + field, Err: err}
	}
	for i, l := range c.Lines {
		v, ok := r.offers[l.Variant]
		switch {
		case !ok:
			return at(i, "variant", shop.ErrVariantUnknown)
		case c.Shop != "" && v.ShopID != c.Shop:
			return at(i, "variant", shop.ErrVariantForeign)
		case v.State == shop.Archived:
			return at(i, "variant", shop.ErrVariantArchived)
		case l.Price != nil && l.Price.Currency != v.Price.Currency:
			return at(i, "quote", shop.ErrCurrencyDiffers)
		}
	}
	for _, l := range c.Lines {
		if opens := r.offers[l.Variant].OpensAt; r.batch.Now.Before(opens) {
			return &shop.NotOpenError{OpensAt: opens}
		}
	}
	wants := c.Wants()
	for i, l := range c.Lines {
		if !r.stock[l.Variant].has(wants[l.Variant] - r.offeredTo(l.Variant, c.Buyer)) {
			return at(i, "variant", shop.ErrSoldOut)
		}
	}
	for i, l := range c.Lines {
		most := r.offers[l.Variant].PerBuyer
		if most > 0 && r.limits[variantLimit(l.Variant, c.Buyer)]+wants[l.Variant] > most && !without(guardLimit) {
			return at(i, "quantity", shop.ErrLimited)
		}
	}
	return r.refuseDeals(c)
}

// ordersOf makes one order per shop, in the order in which the lines name them.
func (r *run) ordersOf(c *shop.Claim) []*shop.Order {
	var orders []*shop.Order
	byShop := map[string]*shop.Order{}
	for _, l := range c.Lines {
		v := r.offers[l.Variant]
		o := byShop[v.ShopID]
		if o == nil {
			o = &shop.Order{
				ID: shop.OrderID(c.PurchaseID, int64(len(orders))), PurchaseID: c.PurchaseID, Part: int64(len(orders)), ShopID: v.ShopID, BuyerID: c.Buyer,
				State: shop.Held, Currency: v.Price.Currency, Source: c.Source, Provider: c.Provider, Instrument: c.Instrument,
				PlacedAt: r.batch.Now, HoldUntil: c.HoldUntil, ChangedAt: r.batch.Now,
			}
			byShop[v.ShopID] = o
			orders = append(orders, o)
		}
		price := v.Price.Amount
		if l.Price != nil {
			price = l.Price.Amount
		}
		o.Lines = append(o.Lines, shop.Line{
			Line: int64(len(o.Lines) + 1), Product: v.ProductID, Variant: v.ID, Title: r.shown[v.ID].title, Picture: r.shown[v.ID].picture, VariantTitle: v.Title, SKU: v.SKU,
			Quantity: l.Quantity, UnitPrice: price, CompareAt: v.CompareAt, Deal: l.Deal, Limited: v.PerBuyer > 0,
		})
		o.Total += l.Quantity * price
	}
	for _, o := range orders {
		o.Parts = int64(len(orders))
	}
	return orders
}

// insertOrders stores the batch's orders and contacts. A key that another node took meanwhile starts the batch
// again: stock is taken only for orders that are ours.
func (r *run) insertOrders(ctx context.Context) error {
	const columns = 14
	var contacts []any
	args := make([]any, 0, len(r.placed)*columns)
	for _, p := range r.placed {
		o, c := p.order, p.claim
		variant, quantity := "", int64(0)
		if len(o.Lines) == 1 {
			variant, quantity = o.Lines[0].Variant, o.Lines[0].Quantity
		}
		key := partKey(c.Key, o.Part)
		if without(guardKey) {
			key = o.ID
		}
		args = append(args, o.ID, key, o.ShopID, o.BuyerID, o.Source.Broadcast, string(o.State), o.Currency, o.Total, variant, quantity,
			shop.EncodeBody(*o, c.Fingerprint), millis(o.PlacedAt), millis(o.HoldUntil), millis(o.ChangedAt))
		if o.Part == 0 && c.Contact != "" {
			contacts = append(contacts, o.PurchaseID, c.Buyer, c.Contact, millis(r.batch.Now))
		}
	}
	stored, err := r.tx.ExecRows(ctx, `INSERT INTO orders (id, key_hash, shop_id, buyer_id, broadcast_id, state, currency, total, variant_id, quantity, body, placed_at, hold_until, changed_at) VALUES`,
		columns, args, ` ON CONFLICT DO NOTHING`)
	if err != nil {
		return err
	}
	if stored != int64(len(r.placed)) {
		return errKeyRace
	}
	_, err = r.tx.ExecRows(ctx, `INSERT INTO purchase_contact (purchase_id, buyer_id, contact, created_at) VALUES`, 4, contacts, ``)
	return err
}

func (r *run) upsertLimits(ctx context.Context) error {
	args := make([]any, 0, len(r.counted)*3)
	for k, counts := range r.counted {
		if !counts {
			continue
		}
		args = append(args, k.id, k.buyer, r.limits[k])
	}
	_, err := r.tx.ExecRows(ctx, `INSERT INTO buyer_limit (limit_id, buyer_id, quantity) VALUES`, 3, args, ` ON CONFLICT (limit_id, buyer_id) DO UPDATE SET quantity = excluded.quantity`)
	return err
}
