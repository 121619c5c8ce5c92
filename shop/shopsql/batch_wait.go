package shopsql

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const waitColumns = `variant_id, buyer_id, shop_id, number, state, until_at, joined_at, changed_at`

func scanWait(rows *sql.Rows) (w shop.Wait, err error) {
	var until, joined, changed int64
	err = rows.Scan(&w.Variant, &w.Buyer, &w.Shop, &w.Number, &w.State, &until, &joined, &changed)
	w.Until, w.JoinedAt, w.ChangedAt = store.Time(until), store.Time(joined), store.Time(changed)
	return w, err
}

// counts are a stock row's counters of its waitlist.
type counts struct{ waiting, offered, waited int64 }

// waitlist is a variant's list as the batch changes it.
type waitlist struct {
	before counts
	counts
	over, next []*shop.Wait // offers that have run out; who has waited longest
	changed    []*shop.Wait
	added      []*shop.Wait // who had no row
	called     int64        // the newest number that was offered a unit
}

func (l *waitlist) change(w *shop.Wait, to shop.WaitState, r *run) {
	switch {
	case w.State.Active() && !to.Active():
		r.queued[w.Buyer]--
	case to.Active() && !w.State.Active():
		r.queued[w.Buyer]++
	}
	w.State, w.ChangedAt = to, r.batch.Now
	if !slices.Contains(l.changed, w) && !slices.Contains(l.added, w) {
		l.changed = append(l.changed, w)
	}
}

// calls tells whether the batch is asked to do something on the variant's list.
func (r *run) calls(variant string) bool {
	return slices.ContainsFunc(r.batch.Waits, func(c shop.WaitCall) bool { return c.Variant == variant })
}

// readWaits reads, of the lists of locked variants, what the batch may change: the stock rows' locks cover them.
func (r *run) readWaits(ctx context.Context) error {
	freed := map[string]bool{} // variants of which something may come free
	for _, o := range r.orders {
		for _, l := range o.Lines {
			freed[l.Variant] = true
		}
	}
	for _, id := range sortedKeys(r.lists) {
		l := r.lists[id]
		if err := r.readOwnWaits(ctx, id); err != nil {
			return err
		}
		var err error
		if l.offered > 0 {
			if l.over, err = r.readLine(ctx, `variant_id = $1 AND state = 'offered' AND until_at <= $2 ORDER BY number LIMIT $3`, id, millis(r.batch.Now), shop.WaitsAtOnce); err != nil {
				return err
			}
		}
		if l.waiting > 0 && (freed[id] || r.stock[id].now.Available() > 0 || l.offered > 0) {
			if l.next, err = r.readLine(ctx, `variant_id = $1 AND state = 'waiting' ORDER BY number LIMIT $2`, id, shop.WaitsAtOnce); err != nil {
				return err
			}
		}
	}
	return r.countQueued(ctx)
}

// readOwnWaits reads the waits of those who claim the variant, join its list or leave it.
func (r *run) readOwnWaits(ctx context.Context, variant string) error {
	var buyers []string
	for _, c := range r.batch.Waits {
		if c.Variant == variant && c.Buyer != "" {
			buyers = append(buyers, c.Buyer)
		}
	}
	if r.lists[variant].offered > 0 {
		for i := range r.batch.Claims {
			buyers = append(buyers, r.batch.Claims[i].Buyer)
		}
	}
	for piece := range slices.Chunk(distinct(buyers), listMax) {
		args := append(padded(piece), variant)
		if _, err := r.readLine(ctx, `buyer_id IN (`+list(len(args)-1)+`) AND variant_id = `+placeholder(len(args)), args...); err != nil {
			return err
		}
	}
	return nil
}

// readLine reads waits. One that was read already is the same one.
func (r *run) readLine(ctx context.Context, where string, args ...any) (out []*shop.Wait, err error) {
	found, err := rows(ctx, r.tx, scanWait, `SELECT `+waitColumns+` FROM waitlist WHERE `+where, args...)
	for i := range found {
		k := limit{found[i].Variant, found[i].Buyer}
		if r.waits[k] == nil {
			r.waits[k] = &found[i]
		}
		out = append(out, r.waits[k])
	}
	return out, err
}

// countQueued counts what those who join already wait for. Two nodes may each add one at the same moment; the bound is
// there against thousands.
func (r *run) countQueued(ctx context.Context) error {
	var buyers []string
	for _, c := range r.batch.Waits {
		if c.Buyer != "" && !c.Leave {
			buyers = append(buyers, c.Buyer)
		}
	}
	type count struct {
		buyer string
		n     int64
	}
	found, err := in(ctx, r.tx, func(rows *sql.Rows) (c count, err error) { return c, rows.Scan(&c.buyer, &c.n) },
		`SELECT buyer_id, COUNT(*) FROM waitlist WHERE state IN ('waiting', 'offered') AND buyer_id IN (`, distinct(buyers), ` GROUP BY buyer_id`)
	for _, c := range found {
		r.queued[c.buyer] = c.n
	}
	return err
}

// leave carries out who leaves a list. The unit of an open offer is free for the next.
func (r *run) leave() {
	r.result.Waits = make([]shop.WaitOutcome, len(r.batch.Waits))
	for i, c := range r.batch.Waits {
		if c.Buyer == "" || !c.Leave {
			continue
		}
		w, l := r.waits[limit{c.Variant, c.Buyer}], r.lists[c.Variant]
		if w == nil {
			r.result.Waits[i].Err = shop.ErrNotFound
			continue
		}
		if w.State == shop.WaitWaiting {
			l.waiting--
		}
		if w.State == shop.WaitOffered {
			l.offered--
			r.stock[c.Variant].release(1)
		}
		if w.State.Active() {
			l.change(w, shop.WaitLeft, r)
		}
		r.result.Waits[i].Wait = *w
	}
}

// serve works the lists off: offers that have run out, then units that are free, to those who have waited longest. A
// buyer who has as many as one may is passed over.
func (r *run) serve() {
	if without(guardOffer) && len(r.batch.Claims) > 0 {
		return
	}
	for _, id := range sortedKeys(r.lists) {
		l, s, v := r.lists[id], r.stock[id], r.offers[id]
		for _, w := range l.over {
			if w.State == shop.WaitOffered {
				l.offered--
				s.release(1)
				l.change(w, shop.WaitPassed, r)
			}
		}
		if v.State == shop.Archived || r.batch.Now.Before(v.OpensAt) {
			continue
		}
		for _, w := range l.next {
			if w.State != shop.WaitWaiting {
				continue
			}
			if !s.has(1) {
				break
			}
			l.waiting--
			if v.PerBuyer > 0 && r.limits[variantLimit(id, w.Buyer)] >= v.PerBuyer {
				l.change(w, shop.WaitPassed, r)
				continue
			}
			l.offered++
			s.hold(1)
			w.Until, l.called = at(r.batch.Now.Add(r.batch.OfferFor)), w.Number
			l.change(w, shop.WaitOffered, r)
			r.result.Offers = append(r.result.Offers, *w)
		}
	}
}

// offeredTo is how many of the units that the shelf counts as reserved are the buyer's to take.
func (r *run) offeredTo(variant, buyer string) int64 {
	if w := r.waits[limit{variant, buyer}]; w != nil && w.Open(r.batch.Now) {
		return 1
	}
	return 0
}

// takeOffer frees the unit of the buyer's offer, which the order takes.
func (r *run) takeOffer(variant, buyer string) {
	if r.offeredTo(variant, buyer) == 0 {
		return
	}
	l := r.lists[variant]
	l.offered--
	r.stock[variant].release(1)
	l.change(r.waits[limit{variant, buyer}], shop.WaitTaken, r)
}

// join carries out who joins a list, after everything that may have taken the last unit.
func (r *run) join() {
	for i, c := range r.batch.Waits {
		if c.Buyer == "" || c.Leave {
			continue
		}
		out := &r.result.Waits[i]
		k := limit{c.Variant, c.Buyer}
		l, v, w := r.lists[c.Variant], r.offers[c.Variant], r.waits[k]
		if w != nil && w.State.Active() {
			out.Wait = *w
			continue
		}
		switch {
		case l == nil:
			out.Err = shop.ErrVariantUnknown
		case v.State == shop.Archived:
			out.Err = shop.ErrVariantArchived
		case r.stock[c.Variant].has(1):
			out.Err = shop.ErrInStock
		case v.PerBuyer > 0 && r.limits[variantLimit(c.Variant, c.Buyer)] >= v.PerBuyer:
			out.Err = shop.ErrLimited
		case l.waiting >= shop.WaitsMax:
			out.Err = shop.ErrWaitFull
		case r.queued[c.Buyer] >= shop.WaitsPerBuyer:
			out.Err = shop.ErrWaits
		}
		if out.Err != nil {
			continue
		}
		l.waiting++
		l.waited++
		if w == nil {
			w = &shop.Wait{Variant: c.Variant, Buyer: c.Buyer, Shop: v.ShopID}
			r.waits[k] = w
			l.added = append(l.added, w)
		}
		w.Number, w.Until, w.JoinedAt = l.waited, time.Time{}, r.batch.Now
		l.change(w, shop.WaitWaiting, r)
		out.Wait = *w
	}
}

// writeWaits stores what became of the lists, and tells whose turn it is.
func (r *run) writeWaits(ctx context.Context) error {
	var added []any
	for _, id := range sortedKeys(r.lists) {
		l := r.lists[id]
		if l.counts == l.before && len(l.changed) == 0 {
			continue
		}
		if _, err := r.tx.Exec(ctx, `UPDATE stock SET waiting = $1, offered = $2, waited = $3 WHERE variant_id = $4`, l.waiting, l.offered, l.waited, id); err != nil {
			return err
		}
		if err := r.updateWaits(ctx, id, l.changed); err != nil {
			return err
		}
		for _, w := range l.added {
			added = append(added, w.Variant, w.Buyer, w.Shop, w.Number, string(w.State), millis(w.Until), millis(w.JoinedAt), millis(w.ChangedAt))
		}
		if l.called > 0 {
			r.facts.Called(r.offers[id].ShopID, shop.WaitFact{Variant: id, Product: r.offers[id].ProductID, Number: l.called})
		}
	}
	_, err := r.tx.ExecRows(ctx, `INSERT INTO waitlist (`+waitColumns+`) VALUES`, 8, added, ``)
	return err
}

// updateWaits stores the waits that changed, one statement per state; those who joined again have a number of their own.
func (r *run) updateWaits(ctx context.Context, variant string, changed []*shop.Wait) error {
	type group struct {
		state shop.WaitState
		made  bool // the offer is of this batch
	}
	until := at(r.batch.Now.Add(r.batch.OfferFor))
	by := map[group][]string{}
	for _, w := range changed {
		if w.State != shop.WaitWaiting {
			k := group{w.State, w.Until.Equal(until)}
			by[k] = append(by[k], w.Buyer)
			continue
		}
		done, err := r.tx.Exec(ctx, `UPDATE waitlist SET number = $1, state = 'waiting', until_at = 0, joined_at = $2, changed_at = $2 WHERE variant_id = $3 AND buyer_id = $4`,
			w.Number, millis(w.JoinedAt), variant, w.Buyer)
		if err := exactlyOne(done, err, errWaitMoved); err != nil {
			return err
		}
	}
	for k, buyers := range by {
		query, args := `UPDATE waitlist SET state = $1, changed_at = $2 WHERE variant_id = $3 AND buyer_id IN (`, []any{string(k.state), millis(r.batch.Now), variant}
		if k.made {
			query, args = `UPDATE waitlist SET state = $1, changed_at = $2, until_at = $4 WHERE variant_id = $3 AND buyer_id IN (`, append(args, millis(until))
		}
		if _, err := r.tx.ExecIDs(ctx, query, args, buyers); err != nil {
			return err
		}
	}
	return nil
}
