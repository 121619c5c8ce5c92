package shopsql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const applyTries = 4 // a race for a key with another node starts the batch again, with the key known

// The guards that a build for the judges leaves out, one at a time.
const (
	guardShelf  = "shelf"  // no unit is promised twice
	guardKey    = "key"    // one idempotency key is one order
	guardLimit  = "limit"  // no buyer has more than one may
	guardExpiry = "expiry" // a hold ends no sooner than it should
	guardMoney  = "money"  // a payment that is told twice is one
	guardOffer  = "offer"  // who waits comes first
	guardCount  = "count"  // what a buyer has is counted
)

// errKeyRace means that another node placed an order under one of the batch's keys meanwhile.
var errKeyRace = errors.New("shopsql: another node placed an order under the same key")

// Apply carries out a batch in one transaction.
func (s *Store) Apply(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
	for try := 1; ; try++ {
		r := newRun(b)
		r.again = try > 1
		err := s.DB.UpdateFirst(ctx, func(tx *store.Tx) error { return r.apply(ctx, tx) })
		if err == nil {
			return r.result, nil
		}
		if !errors.Is(err, errKeyRace) || try == applyTries {
			return shop.BatchResult{}, fmt.Errorf("apply a batch of %d claims and %d settlements: %w", len(b.Claims), len(b.Settlements), err)
		}
	}
}

// run is one batch on its way through its transaction: read, decide in memory, write.
type run struct {
	tx     *store.Tx
	again  bool // a key that was thought to be new was not
	batch  shop.Batch
	result shop.BatchResult
	facts  *shop.Facts

	orders   map[string]*shop.Order  // that are settled, locked
	keys     map[string]*known       // of the claims, those that were placed before or in this batch
	offers   map[string]shop.Variant // with the product's title and state folded in
	shown    map[string]shown        // of the product, per variant
	stock    map[string]*shelf
	payments map[payRef]bool // paid ones, of orders that may see money twice
	limits   map[limit]int64 // what buyers have
	deals    map[string]*units
	today    map[place]*units          // deals whose price is today's
	drawn    map[limit]*shop.DealClaim // by deal and buyer
	waiting  map[string]*int64         // claims per draw
	lists    map[string]*waitlist      // of variants that somebody waits for, or joins
	waits    map[limit]*shop.Wait      // by variant and buyer: those that the batch may change
	queued   map[string]int64          // per buyer: the variants that they wait for

	unheard map[string]bool // orders: whether the provider must be asked what became of the charge

	placed   []*placed
	moved    []*shop.Order
	paid     []shop.Payment
	refunds  []shop.Refund
	counted  map[limit]bool // counters that changed
	claimed  []*shop.DealClaim
	decided  []*shop.DealClaim
	contacts []any // of claims that wait
}

type known struct {
	print  string
	orders []*shop.Order
}

type placed struct {
	order *shop.Order
	claim *shop.Claim
}

type payRef struct{ order, provider, ref string }

type limit struct{ id, buyer string }

func variantLimit(variant, buyer string) limit { return limit{"variant/" + variant, buyer} }

func newRun(b shop.Batch) *run {
	return &run{
		batch: b, facts: shop.NewFacts(b.Now), orders: map[string]*shop.Order{}, keys: map[string]*known{}, offers: map[string]shop.Variant{},
		shown: map[string]shown{}, stock: map[string]*shelf{}, payments: map[payRef]bool{}, limits: map[limit]int64{}, counted: map[limit]bool{},
		deals: map[string]*units{}, today: map[place]*units{}, drawn: map[limit]*shop.DealClaim{}, waiting: map[string]*int64{},
		lists: map[string]*waitlist{}, waits: map[limit]*shop.Wait{}, queued: map[string]int64{}, unheard: map[string]bool{},
		result: shop.BatchResult{Settled: make([]shop.Settled, len(b.Settlements)), Outcomes: make([]shop.Outcome, len(b.Claims))},
	}
}

func (r *run) apply(ctx context.Context, tx *store.Tx) error {
	r.tx = tx
	if err := r.read(ctx); err != nil {
		return err
	}
	for i := range r.batch.Settlements {
		r.result.Settled[i] = r.settle(&r.batch.Settlements[i])
	}
	r.leave()
	r.serve()
	for i := range r.batch.Claims {
		r.result.Outcomes[i] = r.claim(&r.batch.Claims[i])
	}
	r.join()
	if err := r.raced(ctx); err != nil {
		return wrap("read refused keys again", err)
	}
	return r.write(ctx)
}

func (r *run) read(ctx context.Context) error {
	if err := r.readOrders(ctx); err != nil {
		return wrap("read orders to settle", err)
	}
	if err := r.readKeys(ctx); err != nil {
		return wrap("read keys", err)
	}
	if err := r.readStock(ctx); err != nil {
		return wrap("lock stock", err)
	}
	if err := r.readWaits(ctx); err != nil {
		return wrap("read waitlists", err)
	}
	if err := r.readDeals(ctx); err != nil {
		return wrap("lock deals", err)
	}
	return wrap("read limits", r.readLimits(ctx))
}

// readOrders locks the orders to settle, by id, and reads the payments of those that may see money twice.
func (r *run) readOrders(ctx context.Context) error {
	var ids []string
	as := map[string]*shop.Order{} // as they were placed
	for i := range r.batch.Settlements {
		s := &r.batch.Settlements[i]
		ids = append(ids, s.OrderID)
		if s.Placed != nil {
			as[s.OrderID] = s.Placed
		}
	}
	ids = distinct(ids)
	columns, scan := orderColumns, scanOrder
	if len(as) == len(ids) { // one query either way: all nodes lock in the same order
		columns, scan = `id, state, paid, refunded, action_url, reason, changed_at`, scanChanged(as)
	}
	found, err := in(ctx, r.tx, scan, `SELECT `+columns+` FROM orders WHERE id IN (`, ids, ` ORDER BY id`+r.tx.ForUpdate())
	if err != nil {
		return err
	}
	var late []string
	for i := range found {
		r.orders[found[i].ID] = &found[i]
		if !found[i].State.Open() {
			late = append(late, found[i].ID)
		}
	}
	paid, err := in(ctx, r.tx, func(rows *sql.Rows) (p payRef, err error) {
		return p, rows.Scan(&p.order, &p.provider, &p.ref)
	}, `SELECT order_id, provider, ref FROM payment WHERE state = 'paid' AND order_id IN (`, late, ``)
	for _, p := range paid {
		r.payments[p] = true
	}
	return err
}

type keyed struct {
	key, print string
	order      shop.Order
}

func scanKeyed(rows *sql.Rows) (k keyed, err error) {
	k.order, k.print, err = scanPrinted(rows, &k.key)
	return k, err
}

// partKey is the key of an order of a purchase. The first one's is the request's own.
func partKey(key string, part int64) string {
	if part == 0 {
		return key
	}
	return key + "." + strconv.FormatInt(part, 10)
}

const keyedQuery = `SELECT key_hash, ` + orderColumns + ` FROM orders WHERE key_hash IN (`

// readKeys finds the orders of the claims' keys and forgets keys that are too old.
func (r *run) readKeys(ctx context.Context) error {
	var ids []string
	for i := range r.batch.Claims {
		if c := &r.batch.Claims[i]; !c.Fresh || r.again {
			ids = append(ids, c.Key)
		}
	}
	found, err := in(ctx, r.tx, scanKeyed, keyedQuery, distinct(ids), ``)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.order.PlacedAt.Before(r.batch.KeysFrom) {
			if err := r.forget(ctx, f); err != nil {
				return err
			}
			continue
		}
		all := []shop.Order{f.order}
		if f.order.Parts > 1 {
			if all, err = purchase(ctx, r.tx, f.order); err != nil {
				return err
			}
		}
		k := &known{print: f.print}
		for i := range all {
			o := &all[i]
			if locked := r.orders[o.ID]; locked != nil {
				o = locked
			}
			k.orders = append(k.orders, o)
		}
		r.keys[f.key] = k
	}
	return nil
}

// forget frees the key of a purchase.
func (r *run) forget(ctx context.Context, f keyed) error {
	for part := range f.order.Parts {
		if _, err := r.tx.Exec(ctx, `UPDATE orders SET key_hash = NULL WHERE key_hash = $1`, partKey(f.key, part)); err != nil {
			return err
		}
	}
	return nil
}

// purchase reads all orders of a purchase, given the first one.
func purchase(ctx context.Context, tx *store.Tx, first shop.Order) ([]shop.Order, error) {
	ids := make([]string, first.Parts)
	for i := range ids {
		ids[i] = shop.OrderID(first.ID, int64(i))
	}
	out, err := in(ctx, tx, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE id IN (`, ids, ``)
	slices.SortFunc(out, func(a, b shop.Order) int { return int(a.Part - b.Part) })
	return out, err
}

// readStock locks the stock rows that the batch may change, in the order of their ids, and reads what is sold.
func (r *run) readStock(ctx context.Context) error {
	var ids []string
	for _, o := range r.orders {
		for _, l := range o.Lines {
			ids = append(ids, l.Variant)
		}
	}
	for i := range r.batch.Claims {
		if r.keys[r.batch.Claims[i].Key] != nil {
			continue
		}
		for _, l := range r.batch.Claims[i].Lines {
			ids = append(ids, l.Variant)
		}
	}
	for _, w := range r.batch.Waits {
		ids = append(ids, w.Variant)
	}
	ids = distinct(ids)
	type level struct {
		id string
		shop.Stock
		counts
	}
	levels, err := in(ctx, r.tx, func(rows *sql.Rows) (l level, err error) {
		return l, rows.Scan(&l.id, &l.OnHand, &l.Reserved, &l.Number, &l.Hash, &l.waiting, &l.offered, &l.waited)
	}, `SELECT variant_id, on_hand, reserved, number, hash, waiting, offered, waited FROM stock WHERE variant_id IN (`, ids, ` ORDER BY variant_id`+r.tx.ForUpdate())
	if err != nil {
		return err
	}
	for _, l := range levels {
		r.stock[l.id] = &shelf{before: l.Stock, now: l.Stock}
		if l.waiting > 0 || l.offered > 0 || r.calls(l.id) {
			r.lists[l.id] = &waitlist{before: l.counts, counts: l.counts}
		}
	}
	offers, err := in(ctx, r.tx, scanOffer, `SELECT `+variantColumns+`, p.currency, p.title, p.picture, p.state FROM variant v JOIN product p ON p.id = v.product_id WHERE v.id IN (`, ids, ``)
	for _, o := range offers {
		if o.productState == shop.Archived {
			o.State = shop.Archived
		}
		r.offers[o.ID], r.shown[o.ID] = o.Variant, o.shown
	}
	return err
}

// readLimits reads what the batch's buyers have of limited variants. The stock rows' locks cover the counters.
func (r *run) readLimits(ctx context.Context) error {
	var ids, buyers []string
	for i := range r.batch.Claims {
		c := &r.batch.Claims[i]
		for _, l := range c.Lines {
			if r.offers[l.Variant].PerBuyer > 0 {
				ids, buyers = append(ids, variantLimit(l.Variant, "").id), append(buyers, c.Buyer)
			}
		}
	}
	for _, o := range r.orders {
		for _, l := range o.Lines {
			if l.Limited {
				ids, buyers = append(ids, variantLimit(l.Variant, "").id), append(buyers, o.BuyerID)
			}
		}
	}
	for _, c := range r.batch.Waits {
		if c.Buyer != "" && r.offers[c.Variant].PerBuyer > 0 {
			ids, buyers = append(ids, variantLimit(c.Variant, "").id), append(buyers, c.Buyer)
		}
	}
	for k := range r.waits {
		if r.offers[k.id].PerBuyer > 0 {
			ids, buyers = append(ids, variantLimit(k.id, "").id), append(buyers, k.buyer)
		}
	}
	for id, u := range r.deals { // everybody's: who buys at today's price may come by one
		if u.PerBuyer > 0 {
			ids = append(ids, shop.DealLimit(id))
		}
	}
	if len(r.deals) > 0 {
		for i := range r.batch.Claims {
			buyers = append(buyers, r.batch.Claims[i].Buyer)
		}
		for _, o := range r.orders {
			buyers = append(buyers, o.BuyerID)
		}
	}
	buyers = distinct(buyers)
	for piece := range slices.Chunk(distinct(ids), rowsMax) {
		for some := range slices.Chunk(buyers, rowsMax) {
			if err := r.readLimitsOf(ctx, piece, some); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) readLimitsOf(ctx context.Context, ids, buyers []string) error {
	a, b := padded(ids), padded(buyers)
	query := `SELECT limit_id, buyer_id, quantity FROM buyer_limit WHERE limit_id IN (` + list(len(a)) + `) AND buyer_id IN (`
	for i := range b {
		if i > 0 {
			query += ","
		}
		query += "$" + strconv.Itoa(len(a)+i+1)
	}
	type have struct {
		limit
		n int64
	}
	found, err := rows(ctx, r.tx, func(rows *sql.Rows) (h have, err error) {
		return h, rows.Scan(&h.id, &h.buyer, &h.n)
	}, query+`)`, append(a, b...)...)
	for _, h := range found {
		r.limits[h.limit] = h.n
	}
	return err
}

// write stores what the batch decided, one statement per table and kind.
func (r *run) write(ctx context.Context) error {
	if err := r.insertOrders(ctx); err != nil {
		return wrap("insert orders", err)
	}
	if err := updateOrders(ctx, r.tx, r.moved); err != nil {
		return wrap("update orders", err)
	}
	if err := insertPayments(ctx, r.tx, r.paid); err != nil {
		return wrap("insert payments", err)
	}
	if err := r.writeUnheard(ctx); err != nil {
		return wrap("write unheard orders", err)
	}
	for _, refund := range r.refunds {
		if err := insertRefund(ctx, r.tx, refund, "", ""); err != nil {
			return wrap("insert a refund", err)
		}
	}
	if err := r.upsertLimits(ctx); err != nil {
		return wrap("count limits", err)
	}
	if err := r.writeDeals(ctx); err != nil {
		return wrap("take a deal's units", err)
	}
	if err := r.writeStock(ctx); err != nil {
		return err
	}
	if err := r.writeWaits(ctx); err != nil {
		return wrap("write waitlists", err)
	}
	return outbox.Append(ctx, r.tx, r.facts.Events()...)
}

func (r *run) writeStock(ctx context.Context) error {
	var entries []shop.Entry
	for _, id := range sortedKeys(r.stock) {
		s := r.stock[id]
		if s.moves != (shop.Moves{}) {
			e := s.before.Next(id, s.moves, "", "", r.batch.Now)
			s.now = e.After()
			entries = append(entries, e)
		}
		v := r.offers[id]
		now := shop.StockNow{Variant: id, Product: v.ProductID, Shop: v.ShopID, Available: s.now.Available(), Number: s.now.Number}
		r.result.Stocks = append(r.result.Stocks, now)
		r.facts.Stock(s.before.Available(), now)
	}
	return writeEntries(ctx, r.tx, entries)
}

func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func millis(t time.Time) int64 { return store.Millis(t) }
