package shoptest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// Store is all that a store of the shop does.
type Store interface {
	shop.Catalogue
	shop.Pictures
	shop.Batches
	shop.Deals
	shop.Waits
	shop.Orders
	shop.Instruments
	shop.Ledger
	payment.SandboxBooks
}

// Model is the shop in memory. Each method is one step under one lock. The zero value is an empty shop.
type Model struct {
	mu          sync.Mutex
	products    map[string]shop.Product // without variants
	variants    map[string]shop.Variant // without stock
	stock       map[string]shop.Stock
	ledger      map[string][]shop.Entry
	orders      map[string]*placed
	limits      map[[2]string]int64 // variant, buyer
	payments    []shop.Payment
	refunds     []refund
	contacts    map[string][2]string // purchase -> buyer, contact
	pictures    map[string]shop.Picture
	instruments map[string]shop.Instrument
	sandbox     map[string]payment.SandboxPayment
	deals       map[string]shop.Deal
	draws       map[string]shop.DealClaim
	waits       map[[2]string]*shop.Wait // variant, buyer
	waited      map[string]int64
	silent      map[string]unheard // by order
	facts       []event.Event
}

type placed struct {
	shop.Order
	key, print string
}

type refund struct {
	shop.Refund
	key, print string
}

var _ Store = (*Model)(nil)

func (m *Model) lock() func() {
	m.mu.Lock()
	if m.products == nil {
		m.products, m.variants, m.stock = map[string]shop.Product{}, map[string]shop.Variant{}, map[string]shop.Stock{}
		m.ledger, m.orders, m.limits = map[string][]shop.Entry{}, map[string]*placed{}, map[[2]string]int64{}
		m.contacts, m.pictures = map[string][2]string{}, map[string]shop.Picture{}
		m.deals, m.draws = map[string]shop.Deal{}, map[string]shop.DealClaim{}
		m.silent = map[string]unheard{}
		m.waits, m.waited = map[[2]string]*shop.Wait{}, map[string]int64{}
		m.instruments, m.sandbox = map[string]shop.Instrument{}, map[string]payment.SandboxPayment{}
	}
	return m.mu.Unlock
}

// Facts returns everything that was made true so far, in order.
func (m *Model) Facts() []event.Event {
	defer m.lock()()
	return slices.Clone(m.facts)
}

func (m *Model) write(e shop.Entry) {
	m.ledger[e.VariantID] = append(m.ledger[e.VariantID], e)
	m.stock[e.VariantID] = e.After()
}

func (m *Model) now(variant string) shop.StockNow {
	v, s := m.variants[variant], m.stock[variant]
	return shop.StockNow{Variant: variant, Product: v.ProductID, Shop: v.ShopID, Available: s.Available(), Number: s.Number}
}

// product puts a product together with its variants and their stock.
func (m *Model) product(id string) shop.Product {
	p := m.products[id]
	for _, v := range m.variants {
		if v.ProductID == id {
			v.Stock, v.Waiting = m.stock[v.ID], int64(len(m.line(v.ID, shop.WaitWaiting)))
			p.Variants = append(p.Variants, v)
		}
	}
	slices.SortFunc(p.Variants, func(a, b shop.Variant) int { return cmp.Compare(a.Position, b.Position) })
	return p
}

func (m *Model) addVariant(v shop.Variant, by string, at time.Time) {
	opening := v.Stock.OnHand
	v.Stock = shop.Stock{}
	if len(v.Options) == 0 {
		v.Options = nil
	}
	m.variants[v.ID] = v
	m.write(shop.Stock{}.Opening(v.ID, opening, by, at))
}

// CreateProduct stores a product.
func (m *Model) CreateProduct(_ context.Context, p shop.Product, by string) error {
	defer m.lock()()
	for _, v := range p.Variants {
		m.addVariant(v, by, p.CreatedAt)
	}
	p.Variants = nil
	m.products[p.ID] = p
	return nil
}

// UpdateProduct changes a product; variants at the product's price follow it.
func (m *Model) UpdateProduct(_ context.Context, shopID, id string, c shop.ProductChange, at time.Time) (shop.Product, error) {
	defer m.lock()()
	p, ok := m.products[id]
	if !ok || p.ShopID != shopID {
		return shop.Product{}, shop.ErrNotFound
	}
	before := p
	set(&p.Title, c.Title)
	set(&p.Description, c.Description)
	set(&p.Picture, c.Picture)
	set(&p.State, c.State)
	set(&p.CompareAt, c.CompareAt)
	if c.Price != nil {
		if c.Price.Currency != p.Price.Currency {
			return shop.Product{}, shop.ErrCurrencyDiffers
		}
		p.Price = *c.Price
	}
	p.UpdatedAt = at
	m.products[id] = p
	facts := shop.NewFacts(at)
	if p.Price != before.Price || p.CompareAt != before.CompareAt {
		for _, v := range m.product(id).Variants {
			if v.Price == before.Price && v.CompareAt == before.CompareAt {
				v.Price, v.CompareAt, v.Stock, v.Waiting = p.Price, p.CompareAt, shop.Stock{}, 0
				m.variants[v.ID] = v
				facts.Price(shopID, priceFact(v))
			}
		}
	}
	m.facts = append(m.facts, facts.Events()...)
	return m.product(id), nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func priceFact(v shop.Variant) shop.PriceFact {
	f := shop.PriceFact{Variant: v.ID, Product: v.ProductID, Price: v.Price}
	if v.CompareAt > 0 {
		f.CompareAt = &shop.Money{Amount: v.CompareAt, Currency: v.Price.Currency}
	}
	return f
}

// AddVariant adds a variant at the end.
func (m *Model) AddVariant(_ context.Context, shopID string, v shop.Variant, by string, at time.Time) (shop.Variant, error) {
	defer m.lock()()
	p, ok := m.products[v.ProductID]
	if !ok || p.ShopID != shopID {
		return shop.Variant{}, shop.ErrNotFound
	}
	others := m.product(p.ID).Variants
	if len(others) >= shop.VariantsMax {
		return shop.Variant{}, shop.ErrTooManyVariants
	}
	v.Position = others[len(others)-1].Position + 1
	m.addVariant(v, by, at)
	v.Stock = m.stock[v.ID]
	p.UpdatedAt = at
	m.products[p.ID] = p
	return v, nil
}

// UpdateVariant changes a variant.
func (m *Model) UpdateVariant(_ context.Context, shopID, id string, c shop.VariantChange, at time.Time) (shop.Variant, error) {
	defer m.lock()()
	v, ok := m.variants[id]
	if !ok || v.ShopID != shopID {
		return shop.Variant{}, shop.ErrNotFound
	}
	before := v
	set(&v.Title, c.Title)
	set(&v.SKU, c.SKU)
	set(&v.CompareAt, c.CompareAt)
	set(&v.PerBuyer, c.PerBuyer)
	set(&v.OpensAt, c.OpensAt)
	set(&v.State, c.State)
	if c.Price != nil {
		if c.Price.Currency != v.Price.Currency {
			return shop.Variant{}, shop.ErrCurrencyDiffers
		}
		v.Price = *c.Price
	}
	m.variants[id] = v
	p := m.products[v.ProductID]
	p.UpdatedAt = at
	m.products[p.ID] = p
	if v.Price != before.Price || v.CompareAt != before.CompareAt {
		facts := shop.NewFacts(at)
		facts.Price(shopID, priceFact(v))
		m.facts = append(m.facts, facts.Events()...)
	}
	v.Stock, v.Waiting = m.stock[id], int64(len(m.line(id, shop.WaitWaiting)))
	return v, nil
}

// AdjustStock puts units in or takes them out.
func (m *Model) AdjustStock(_ context.Context, shopID string, a shop.Adjustment) (shop.StockNow, error) {
	defer m.lock()()
	v, ok := m.variants[a.VariantID]
	if !ok || v.ShopID != shopID {
		return shop.StockNow{}, shop.ErrNotFound
	}
	before := m.stock[v.ID]
	switch left := before.OnHand + a.Delta; {
	case left < before.Reserved:
		return shop.StockNow{}, shop.ErrStockTooLow
	case left > shop.StockMax:
		return shop.StockNow{}, shop.ErrQuantity
	}
	m.write(before.Next(v.ID, shop.Moves{Adjusted: a.Delta}, a.Reason, a.By, a.At))
	facts := shop.NewFacts(a.At)
	facts.Stock(before.Available(), m.now(v.ID))
	m.facts = append(m.facts, facts.Events()...)
	return m.now(v.ID), nil
}

// Product returns one product.
func (m *Model) Product(_ context.Context, id string) (shop.Product, error) {
	defer m.lock()()
	if _, ok := m.products[id]; !ok {
		return shop.Product{}, shop.ErrNotFound
	}
	return m.product(id), nil
}

// Products lists a shop's products, newest first.
func (m *Model) Products(_ context.Context, q shop.ProductQuery) (out []shop.Product, err error) {
	defer m.lock()()
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(m.products))) {
		p := m.product(id)
		switch {
		case p.ShopID != q.ShopID, q.After != "" && id >= q.After, p.State == shop.Archived && !q.Archived:
			continue
		}
		found := true
		for _, word := range strings.Fields(strings.ToLower(q.Search)) {
			found = found && strings.Contains(p.SearchText(), word)
		}
		if found && len(out) < q.Limit {
			out = append(out, p)
		}
	}
	return out, nil
}

// Variants returns those of the ids that exist.
func (m *Model) Variants(_ context.Context, ids []string) (out []shop.Variant, err error) {
	defer m.lock()()
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if v, ok := m.variants[id]; ok {
			v.Stock, v.Waiting = m.stock[id], int64(len(m.line(id, shop.WaitWaiting)))
			out = append(out, v)
		}
	}
	return out, nil
}

// SavePicture makes a picture the product's.
func (m *Model) SavePicture(_ context.Context, p shop.Picture, productID string, at time.Time) error {
	defer m.lock()()
	product, ok := m.products[productID]
	if !ok || product.ShopID != p.ShopID {
		return shop.ErrNotFound
	}
	product.Picture, product.UpdatedAt = p.ID, at
	m.products[productID], m.pictures[p.ID] = product, p
	return nil
}

// Picture returns what is known of a picture.
func (m *Model) Picture(_ context.Context, id string) (shop.Picture, error) {
	defer m.lock()()
	p, ok := m.pictures[id]
	if !ok {
		return shop.Picture{}, shop.ErrNotFound
	}
	return p, nil
}
