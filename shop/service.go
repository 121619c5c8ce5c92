package shop

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Service is the catalogue and the orders as people work with them. Whether somebody may is decided before;
// shopID and Scope say whose rows they may touch, and the store holds that. Buying is checkout's.
type Service struct {
	// Required.
	Catalogue Catalogue
	Pictures  Pictures
	Orders    Orders
	Ledger    Ledger
	Waits     Waits
	Blobs     Blobs

	// Changed, if set, is told of stock that changed by hand or by a restock, after the commit and before the
	// caller hears of it. It must not block.
	Changed func(stocks ...StockNow)
	// RefundDue, if set, is told that a refund waits for the provider. It must not block.
	RefundDue func()
	// Now tells the time. It defaults to time.Now.
	Now func() time.Time

	owners owners
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// CreateProduct stores a product. Ids are given here; variants without a price take the product's.
func (s *Service) CreateProduct(ctx context.Context, p Product, by string) (Product, error) {
	p.ID, p.State, p.CreatedAt = newID(), Active, s.now()
	p.UpdatedAt = p.CreatedAt
	if p.Kind == "" {
		p.Kind = KindGoods
	}
	for i := range p.Variants {
		v := &p.Variants[i]
		v.complete(p)
		v.Position = int64(i + 1)
	}
	if err := p.Validate(); err != nil {
		return Product{}, err
	}
	if err := s.Catalogue.CreateProduct(ctx, p, by); err != nil {
		return Product{}, err
	}
	for i, v := range p.Variants {
		p.Variants[i].Stock = Stock{}.Opening(v.ID, v.Stock.OnHand, by, p.CreatedAt).After()
	}
	return p, nil
}

func (v *Variant) complete(p Product) {
	v.ID, v.ProductID, v.ShopID, v.State = newID(), p.ID, p.ShopID, Active
	if v.Price == (Money{}) {
		v.Price = p.Price
	}
	if v.CompareAt == 0 && v.Price == p.Price {
		v.CompareAt = p.CompareAt
	}
}

// Opening is a variant's first ledger entry.
func (Stock) Opening(variant string, onHand int64, by string, at time.Time) Entry {
	return Stock{}.Next(variant, Moves{Adjusted: onHand}, "opening stock", by, at)
}

// UpdateProduct changes what c names.
func (s *Service) UpdateProduct(ctx context.Context, shopID, id string, c ProductChange) (Product, error) {
	if err := c.validate(); err != nil {
		return Product{}, err
	}
	return s.Catalogue.UpdateProduct(ctx, shopID, id, c, s.now())
}

func (c *ProductChange) validate() error {
	if c.Title != nil {
		if err := textWithin("title", *c.Title, 1, TitleMax); err != nil {
			return err
		}
	}
	if c.Description != nil {
		if err := textWithin("description", *c.Description, 0, DescriptionMax); err != nil {
			return err
		}
	}
	if c.State != nil && *c.State != Active && *c.State != Archived {
		return invalid("state", ErrKind)
	}
	return validatePrices(c.Price, c.CompareAt)
}

func validatePrices(price *Money, compareAt *int64) error {
	if price != nil {
		if err := price.Validate(); err != nil {
			return invalid("price", err)
		}
	}
	if compareAt != nil && (*compareAt < 0 || *compareAt > AmountMax) {
		return invalid("compare_at", ErrAmount)
	}
	return nil
}

// ArchiveProduct takes a product out of sale. It stays readable.
func (s *Service) ArchiveProduct(ctx context.Context, shopID, id string) (Product, error) {
	state := Archived
	return s.Catalogue.UpdateProduct(ctx, shopID, id, ProductChange{State: &state}, s.now())
}

// AddVariant adds a variant with its opening stock.
func (s *Service) AddVariant(ctx context.Context, shopID, productID string, v Variant, by string) (Variant, error) {
	p, err := s.Catalogue.Product(ctx, productID)
	if err != nil || p.ShopID != shopID {
		return Variant{}, orElse(err, ErrNotFound)
	}
	v.complete(p)
	if err := v.validate("", p.Price.Currency); err != nil {
		return Variant{}, err
	}
	return s.Catalogue.AddVariant(ctx, shopID, v, by, s.now())
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// UpdateVariant changes what c names. A price in another currency than the product's is refused.
func (s *Service) UpdateVariant(ctx context.Context, shopID, id string, c VariantChange) (Variant, error) {
	if c.Title != nil {
		if err := textWithin("title", *c.Title, 1, TitleMax); err != nil {
			return Variant{}, err
		}
	}
	if c.SKU != nil {
		if err := textWithin("sku", *c.SKU, 0, SKUMax); err != nil {
			return Variant{}, err
		}
	}
	if c.PerBuyer != nil && (*c.PerBuyer < 0 || *c.PerBuyer > QuantityMax) {
		return Variant{}, invalid("per_buyer", ErrQuantity)
	}
	if c.State != nil && *c.State != Active && *c.State != Archived {
		return Variant{}, invalid("state", ErrKind)
	}
	if err := validatePrices(c.Price, c.CompareAt); err != nil {
		return Variant{}, err
	}
	if c.OpensAt != nil {
		opens := c.OpensAt.UTC().Truncate(time.Millisecond)
		c.OpensAt = &opens
	}
	return s.Catalogue.UpdateVariant(ctx, shopID, id, c, s.now())
}

// AdjustStock puts units in or takes them out, as a ledger entry with a reason.
func (s *Service) AdjustStock(ctx context.Context, shopID, variantID string, delta int64, reason, by string) (StockNow, error) {
	if delta == 0 || delta > StockMax || delta < -StockMax {
		return StockNow{}, invalid("delta", ErrQuantity)
	}
	if err := textWithin("reason", reason, 1, ReasonMax); err != nil {
		return StockNow{}, err
	}
	now, err := s.Catalogue.AdjustStock(ctx, shopID, Adjustment{VariantID: variantID, Delta: delta, Reason: reason, By: by, At: s.now()})
	if err == nil && s.Changed != nil {
		s.Changed(now)
	}
	return now, err
}

// Product returns one product; anybody may read it.
func (s *Service) Product(ctx context.Context, id string) (Product, error) {
	return s.Catalogue.Product(ctx, id)
}

// Products lists a shop's products, newest first.
func (s *Service) Products(ctx context.Context, q ProductQuery) ([]Product, error) {
	q.Limit = pageOf(q.Limit)
	if err := textWithin("q", q.Search, 0, TitleMax); err != nil {
		return nil, err
	}
	return s.Catalogue.Products(ctx, q)
}

// Variants returns those of the ids that exist.
func (s *Service) Variants(ctx context.Context, ids ...string) ([]Variant, error) {
	return s.Catalogue.Variants(ctx, ids)
}

// Wait returns a buyer's wait for a variant, with how many come first.
func (s *Service) Wait(ctx context.Context, variant, buyer string) (Wait, error) {
	return s.Waits.WaitOf(ctx, variant, buyer)
}

// WaitsOf lists what a buyer waits for, or did lately, the newest first.
func (s *Service) WaitsOf(ctx context.Context, buyer string) ([]Wait, error) {
	return s.Waits.WaitsOf(ctx, buyer, PageMax)
}

// Order returns one order inside the scope.
func (s *Service) Order(ctx context.Context, scope Scope, id string) (Order, error) {
	return s.Orders.Order(ctx, scope, id)
}

// ListOrders lists orders inside the query's scope, newest first.
func (s *Service) ListOrders(ctx context.Context, q OrderQuery) ([]Order, error) {
	q.Limit = pageOf(q.Limit)
	if q.State != "" && !q.State.Known() {
		return nil, invalid("state", ErrKind)
	}
	return s.Orders.Orders(ctx, q)
}

func pageOf(limit int) int {
	if limit < 1 || limit > PageMax+1 {
		return 50
	}
	return limit
}

// Refund decides a refund, exact to the minor unit. It is durable when Refund returns; the provider is asked
// right after, and again until it answers.
func (s *Service) Refund(ctx context.Context, r RefundRequest) (Refund, Order, error) {
	if err := textWithin("reason", r.Reason, 1, ReasonMax); err != nil {
		return Refund{}, Order{}, err
	}
	r.At = s.now()
	if r.ID == "" {
		r.ID = newID()
	}
	refund, order, stocks, err := s.Orders.Refund(ctx, r)
	if err != nil {
		return Refund{}, Order{}, err
	}
	if s.Changed != nil && len(stocks) > 0 {
		s.Changed(stocks...)
	}
	if s.RefundDue != nil {
		s.RefundDue()
	}
	return refund, order, nil
}
