package shoptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
)

// Call is one call of a program, with the answer that the model gave.
type Call struct {
	Name string
	Do   func(ctx context.Context, s Store) string
	Want string
}

// Program makes n calls from a seed, and the model that answered them.
func Program(seed uint64, n int) ([]Call, *Model) {
	p := &program{rng: rand.New(rand.NewPCG(seed, 1)), model: &Model{}, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	calls := make([]Call, 0, n)
	for len(calls) < n {
		p.advance()
		c := p.call(len(calls))
		c.Want = c.Do(context.Background(), p.model)
		calls = append(calls, c)
	}
	return calls, p.model
}

// Replay runs a program against a store and fails at the first answer that is not the model's.
func Replay(t *testing.T, s Store, calls []Call) {
	t.Helper()
	for i, c := range calls {
		if got := c.Do(context.Background(), s); got != c.Want {
			t.Fatalf("call %d, %s:\n got %s\nwant %s", i, c.Name, got, c.Want)
		}
	}
}

// CompareFacts fails where two histories of facts differ in anything but their ids.
func CompareFacts(t *testing.T, got, want []event.Event) {
	t.Helper()
	text := func(e event.Event) string { return fmt.Sprint(e.Topic, " ", e.Kind, " ", e.At, " ", string(e.Data)) }
	for i := range min(len(got), len(want)) {
		if text(got[i]) != text(want[i]) {
			t.Fatalf("fact %d:\n got %s\nwant %s", i, text(got[i]), text(want[i]))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d facts, want %d", len(got), len(want))
	}
}

// answer writes what a call returned, the same for every store: an error is its innermost cause.
func answer(err error, values ...any) string {
	if err != nil {
		return "error: " + cause(err)
	}
	b, e := json.Marshal(values)
	if e != nil {
		panic(e)
	}
	return strings.ReplaceAll(string(b), "[]", "null")
}

func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

type program struct {
	rng      *rand.Rand
	model    *Model
	now      time.Time
	made     int64
	products []string
	variants []string
	orders   []string
	refunds  []string
	claims   []shop.Claim // for replays
	pictures []string
	cards    []string
	sandbox  []string
	deals    []string
}

func (p *program) advance() {
	switch p.rng.IntN(400) {
	case 0:
		p.now = p.now.Add(20 * 24 * time.Hour)
	case 1:
		p.now = p.now.Add(-time.Minute) // clocks jump
	default:
		p.now = p.now.Add(time.Duration(p.rng.IntN(20_000)) * time.Millisecond)
	}
}

// id makes ids that sort by age, like ours do.
func (p *program) id() string {
	p.made++
	ms := p.now.UnixMilli()
	return fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16, ms&0xffff, p.made)
}

func one[T any](p *program, of []T) T {
	var none T
	if len(of) == 0 {
		return none
	}
	if len(of) > 30 && p.rng.IntN(3) > 0 { // what is new is what is used
		return of[len(of)-1-p.rng.IntN(30)]
	}
	return of[p.rng.IntN(len(of))]
}

func (p *program) shop() string  { return fmt.Sprint("shop-", p.rng.IntN(3)) }
func (p *program) buyer() string { return fmt.Sprint("buyer-", p.rng.IntN(12)) }
func (p *program) price() shop.Money {
	currency := "EUR"
	if p.rng.IntN(40) == 0 {
		currency = "JPY"
	}
	return shop.Money{Amount: int64(p.rng.IntN(12) * 499), Currency: currency}
}

func (p *program) ownerOf(variant string) string {
	v := p.model.variants[variant]
	if p.rng.IntN(12) == 0 {
		return p.shop()
	}
	return v.ShopID
}

func (p *program) scope() shop.Scope {
	switch p.rng.IntN(4) {
	case 0:
		return shop.Scope{Buyer: p.buyer()}
	case 1:
		return shop.Scope{Shops: []string{p.shop(), p.shop()}}
	case 2:
		return shop.Scope{Buyer: p.buyer(), Shops: []string{p.shop()}}
	}
	return shop.Scope{Any: true}
}

func (p *program) call(i int) Call {
	switch n := p.rng.IntN(100); {
	case i < 10, n < 3 && len(p.products) < 60:
		return p.createProduct()
	case n < 12:
		return p.catalogue()
	case n < 20:
		return p.deal()
	case n < 55:
		return p.apply()
	case n < 58:
		return p.unheard()
	case n < 66:
		return p.refund()
	case n < 84:
		return p.read()
	case n < 90:
		return p.readWait()
	case n < 99:
		return p.personal()
	}
	return Call{Name: "Verify", Do: func(ctx context.Context, s Store) string {
		a, err := s.Verify(ctx)
		return answer(err, a)
	}}
}

func (p *program) apply() Call {
	b := shop.Batch{Now: p.now, KeysFrom: p.now.Add(-30 * 24 * time.Hour), OfferFor: time.Minute, Waits: p.waitCalls()}
	for range p.rng.IntN(6) {
		b.Settlements = append(b.Settlements, p.settlement())
	}
	b.Claims = append(b.Claims, p.drawn()...)
	for range p.rng.IntN(7) {
		c := p.claim()
		b.Claims = append(b.Claims, c)
		p.claims = append(p.claims, c)
	}
	for _, c := range b.Claims {
		p.orders = append(p.orders, c.PurchaseID)
	}
	return Call{Name: "Apply", Do: func(ctx context.Context, s Store) string {
		return AnswerOf(s.Apply(ctx, b))
	}}
}

// AnswerOf writes what a batch was answered, the same for every store.
func AnswerOf(r shop.BatchResult, err error) string {
	var parts []any
	for _, o := range r.Outcomes {
		parts = append(parts, answer(o.Err, o.Orders, o.Known, o.Claim), fieldOf(o.Err))
	}
	for _, o := range r.Settled {
		parts = append(parts, answer(o.Err, o.Order, o.Changed, o.Refund))
	}
	for _, o := range r.Waits {
		parts = append(parts, answer(o.Err, o.Wait))
	}
	return answer(err, parts, r.Stocks, r.Deals, r.Offers)
}

func fieldOf(err error) string {
	if in, ok := errors.AsType[*shop.InputError](err); ok {
		return in.Field
	}
	return ""
}

func (p *program) claim() shop.Claim {
	if len(p.claims) > 0 && p.rng.IntN(6) == 0 { // a double click or a retry
		c := one(p, p.claims)
		c.PurchaseID = p.id()
		if p.rng.IntN(4) == 0 {
			c.Fingerprint = "another"
		}
		return c
	}
	c := shop.Claim{
		PurchaseID: p.id(), Key: fmt.Sprint("key-", p.made), Fingerprint: "print", Buyer: p.buyer(), Provider: "sandbox", Instrument: "card",
		HoldUntil: p.now.Add(time.Duration(p.rng.IntN(300)) * time.Second), Source: shop.Source{Broadcast: fmt.Sprint("b", p.rng.IntN(3)), Pin: "pin", MediaTime: int64(p.rng.IntN(9))},
	}
	if p.rng.IntN(4) == 0 {
		c.Source, c.Contact = shop.Source{}, `{"name":"somebody"}`
	}
	if p.rng.IntN(8) == 0 {
		c.Shop = p.shop()
	}
	for range 1 + p.rng.IntN(3)*p.rng.IntN(2) {
		l := shop.ClaimLine{Variant: one(p, p.variants), Quantity: 1 + int64(p.rng.IntN(3))}
		if p.rng.IntN(30) == 0 {
			l.Variant = "nothing"
		}
		if p.rng.IntN(5) == 0 {
			m := p.price()
			l.Price = &m
		}
		c.Lines = append(c.Lines, l)
	}
	if p.rng.IntN(3) == 0 {
		p.atDeal(&c)
	}
	return c
}

func (p *program) settlement() shop.Settlement {
	id := one(p, p.orders)
	if p.rng.IntN(10) == 0 {
		id = shop.OrderID(id, 1)
	}
	s := shop.Settlement{OrderID: id, Kind: shop.SettlePaid, Provider: "sandbox", Ref: "ref-" + id, Scope: shop.Scope{Any: true}}
	if o := p.model.orders[id]; o != nil {
		s.Amount = shop.Money{Amount: o.Total, Currency: o.Currency}
	}
	switch n := p.rng.IntN(20); {
	case n < 3:
		s.Kind, s.Reason, s.Amount = shop.SettleDeclined, "no_funds", shop.Money{}
	case n < 5:
		s.Kind, s.ActionURL = shop.SettleRequiresAction, "/bank/"+id
	case n < 8:
		s.Kind = shop.SettleExpired
	case n < 10:
		s.Kind, s.Scope = shop.SettleCancelled, p.scope()
	case n == 10:
		s.Amount.Amount++
	case n == 11:
		s.Ref += "-again"
	case n == 12:
		s.Amount.Currency = "JPY"
	}
	return s
}

func (p *program) refund() Call {
	id := one(p, p.orders)
	for range 20 { // most orders cannot be refunded
		if o := p.model.orders[id]; o != nil && o.State.Sold() {
			break
		}
		id = one(p, p.orders)
	}
	r := shop.RefundRequest{ID: p.id(), Scope: p.scope(), OrderID: id, Reason: "too small", By: "seller", At: p.now}
	if p.rng.IntN(3) > 0 {
		r.Scope = shop.Scope{Any: true}
	}
	if p.rng.IntN(2) == 0 {
		r.Key, r.Print = fmt.Sprint("refund-", p.rng.IntN(50)), fmt.Sprint(p.rng.IntN(2))
	}
	for line := range 1 + p.rng.IntN(2) {
		w := shop.RefundWish{Line: int64(line + 1), Quantity: int64(p.rng.IntN(3)), Restock: p.rng.IntN(2) == 0}
		if p.rng.IntN(3) == 0 {
			amount := int64(p.rng.IntN(700))
			w.Amount = &amount
		}
		r.Lines = append(r.Lines, w)
	}
	p.refunds = append(p.refunds, r.ID)
	return Call{Name: "Refund", Do: func(ctx context.Context, s Store) string {
		refund, order, stocks, err := s.Refund(ctx, r)
		return answer(err, refund, order, stocks)
	}}
}

func (p *program) newVariant(product, owner string, price shop.Money) shop.Variant {
	v := shop.Variant{
		ID: p.id(), ProductID: product, ShopID: owner, Title: fmt.Sprint("size ", p.rng.IntN(9)), SKU: fmt.Sprint("SKU-", p.rng.IntN(99)), Price: price,
		PerBuyer: one(p, []int64{0, 0, 1, 4}), State: shop.Active, Stock: shop.Stock{OnHand: int64(p.rng.IntN(25))},
	}
	if p.rng.IntN(2) == 0 {
		v.Options = map[string]string{"colour": "blue"}
	}
	p.variants = append(p.variants, v.ID)
	return v
}

func (p *program) createProduct() Call {
	price := p.price()
	product := shop.Product{
		ID: p.id(), ShopID: p.shop(), Title: one(p, []string{"Linen shirt", "Wool_hat", "100% silk", `Back\slash`, "Größe M"}), Description: "blue",
		Kind: shop.KindGoods, State: shop.Active, Price: price, CreatedAt: p.now, UpdatedAt: p.now,
	}
	for i := range 1 + p.rng.IntN(3) {
		v := p.newVariant(product.ID, product.ShopID, price)
		v.Position = int64(i + 1)
		product.Variants = append(product.Variants, v)
	}
	p.products = append(p.products, product.ID)
	return Call{Name: "CreateProduct", Do: func(ctx context.Context, s Store) string {
		made := product
		made.Variants = slices.Clone(product.Variants)
		return answer(s.CreateProduct(ctx, made, "seller"))
	}}
}

func (p *program) catalogue() Call {
	variant, product, now := one(p, p.variants), one(p, p.products), p.now
	owner := p.ownerOf(variant)
	state, price, limit := one(p, []shop.ProductState{shop.Active, shop.Active, shop.Archived}), p.price(), int64(p.rng.IntN(5))
	title := fmt.Sprint("title ", p.made)
	switch p.rng.IntN(5) {
	case 0:
		c := shop.ProductChange{State: &state}
		if p.rng.IntN(2) == 0 {
			c = shop.ProductChange{Price: &price, Title: &title, CompareAt: &limit}
		}
		owner = p.model.products[product].ShopID
		return Call{Name: "UpdateProduct", Do: func(ctx context.Context, s Store) string {
			got, err := s.UpdateProduct(ctx, owner, product, c, now)
			return answer(err, got)
		}}
	case 1:
		c := shop.VariantChange{Price: &price, PerBuyer: &limit}
		switch p.rng.IntN(4) {
		case 0, 1:
			c = shop.VariantChange{State: &state, Title: &title, SKU: &title}
		case 2:
			opens := now.Add(time.Duration(p.rng.IntN(5)-2) * time.Minute)
			c = shop.VariantChange{OpensAt: &opens}
		}
		return Call{Name: "UpdateVariant", Do: func(ctx context.Context, s Store) string {
			got, err := s.UpdateVariant(ctx, owner, variant, c, now)
			return answer(err, got)
		}}
	case 2:
		if p.rng.IntN(4) == 0 {
			of := p.model.products[product]
			v := p.newVariant(product, of.ShopID, of.Price)
			return Call{Name: "AddVariant", Do: func(ctx context.Context, s Store) string {
				got, err := s.AddVariant(ctx, of.ShopID, v, "seller", now)
				return answer(err, got)
			}}
		}
	}
	a := shop.Adjustment{VariantID: variant, Delta: int64(p.rng.IntN(40) - 12), Reason: "count", By: "seller", At: now}
	return Call{Name: "AdjustStock", Do: func(ctx context.Context, s Store) string {
		got, err := s.AdjustStock(ctx, owner, a)
		return answer(err, got)
	}}
}
