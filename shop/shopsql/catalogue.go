package shopsql

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/store"
)

const productColumns = `id, shop_id, title, description, kind, picture, state, currency, price, compare_at, created_at, updated_at`

func scanProduct(rows *sql.Rows) (p shop.Product, err error) {
	var created, updated int64
	err = rows.Scan(&p.ID, &p.ShopID, &p.Title, &p.Description, &p.Kind, &p.Picture, &p.State, &p.Price.Currency, &p.Price.Amount, &p.CompareAt, &created, &updated)
	p.CreatedAt, p.UpdatedAt = store.Time(created), store.Time(updated)
	return p, err
}

// CreateProduct stores a product with its variants and their opening stock.
func (s *Store) CreateProduct(ctx context.Context, p shop.Product, by string) error {
	return wrap("create a product", s.DB.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO product (`+productColumns+`, search) VALUES `+tuples(1, 13), p.ID, p.ShopID, p.Title, p.Description, string(p.Kind), p.Picture,
			string(p.State), p.Price.Currency, p.Price.Amount, p.CompareAt, millis(p.CreatedAt), millis(p.UpdatedAt), p.SearchText()); err != nil {
			return err
		}
		return insertVariants(ctx, tx, p.Variants, by, p.CreatedAt)
	}))
}

func insertVariants(ctx context.Context, tx *store.Tx, variants []shop.Variant, by string, at time.Time) error {
	var args, levels []any
	var entries []shop.Entry
	for _, v := range variants {
		args = append(args, v.ID, v.ProductID, v.ShopID, v.Title, v.SKU, encodeOptions(v.Options), v.Price.Amount, v.CompareAt, v.PerBuyer, string(v.State), v.Position, millis(v.OpensAt))
		levels = append(levels, v.ID, 0, 0, 0, "")
		entries = append(entries, shop.Stock{}.Opening(v.ID, v.Stock.OnHand, by, at))
	}
	if _, err := tx.Exec(ctx, `INSERT INTO variant (`+strings.ReplaceAll(variantColumns, "v.", "")+`) VALUES `+tuples(len(variants), 12), args...); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO stock (variant_id, on_hand, reserved, number, hash) VALUES `+tuples(len(variants), 5), levels...); err != nil {
		return err
	}
	if err := notePrices(ctx, tx, variants, at); err != nil {
		return err
	}
	return writeEntries(ctx, tx, entries)
}

// UpdateProduct changes a product. Variants that had the product's price follow it.
func (s *Store) UpdateProduct(ctx context.Context, shopID, id string, c shop.ProductChange, at time.Time) (p shop.Product, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if p, err = ownProduct(ctx, tx, shopID, id); err != nil {
			return err
		}
		before := p
		if err := apply(&p, c, at); err != nil {
			return err
		}
		facts := shop.NewFacts(at)
		for i := range p.Variants {
			v := &p.Variants[i]
			if v.Price != before.Price || v.CompareAt != before.CompareAt || (p.Price == before.Price && p.CompareAt == before.CompareAt) {
				continue
			}
			v.Price, v.CompareAt = p.Price, p.CompareAt
			if _, err := tx.Exec(ctx, `UPDATE variant SET price = $1, compare_at = $2 WHERE id = $3`, v.Price.Amount, v.CompareAt, v.ID); err != nil {
				return err
			}
			facts.Price(shopID, priceFact(*v))
			if err := notePrices(ctx, tx, []shop.Variant{*v}, at); err != nil {
				return err
			}
		}
		if err := saveProduct(ctx, tx, p); err != nil {
			return err
		}
		return outbox.Append(ctx, tx, facts.Events()...)
	})
	return p, wrap("update a product", err)
}

func apply(p *shop.Product, c shop.ProductChange, now time.Time) error {
	if c.Title != nil {
		p.Title = *c.Title
	}
	if c.Description != nil {
		p.Description = *c.Description
	}
	if c.Picture != nil {
		p.Picture = *c.Picture
	}
	if c.State != nil {
		p.State = *c.State
	}
	if c.Price != nil {
		if c.Price.Currency != p.Price.Currency {
			return &shop.InputError{Field: "price", Err: shop.ErrCurrencyDiffers}
		}
		p.Price = *c.Price
	}
	if c.CompareAt != nil {
		p.CompareAt = *c.CompareAt
	}
	p.UpdatedAt = at(now)
	return nil
}

func priceFact(v shop.Variant) shop.PriceFact {
	f := shop.PriceFact{Variant: v.ID, Product: v.ProductID, Price: v.Price}
	if v.CompareAt > 0 {
		f.CompareAt = &shop.Money{Amount: v.CompareAt, Currency: v.Price.Currency}
	}
	return f
}

func saveProduct(ctx context.Context, tx *store.Tx, p shop.Product) error {
	_, err := tx.Exec(ctx, `UPDATE product SET title = $1, description = $2, picture = $3, state = $4, price = $5, compare_at = $6, search = $7, updated_at = $8 WHERE id = $9`,
		p.Title, p.Description, p.Picture, string(p.State), p.Price.Amount, p.CompareAt, p.SearchText(), millis(p.UpdatedAt), p.ID)
	return err
}

// AddVariant adds a variant at the end of its product.
func (s *Store) AddVariant(ctx context.Context, shopID string, v shop.Variant, by string, at time.Time) (shop.Variant, error) {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := ownProduct(ctx, tx, shopID, v.ProductID)
		if err != nil {
			return err
		}
		if len(p.Variants) >= shop.VariantsMax {
			return shop.ErrTooManyVariants
		}
		v.Position = p.Variants[len(p.Variants)-1].Position + 1
		if err := insertVariants(ctx, tx, []shop.Variant{v}, by, at); err != nil {
			return err
		}
		v.Stock = shop.Stock{}.Opening(v.ID, v.Stock.OnHand, by, at).After()
		p.Variants, p.UpdatedAt = append(p.Variants, v), at
		return saveProduct(ctx, tx, p)
	})
	return v, wrap("add a variant", err)
}

// UpdateVariant changes a variant.
func (s *Store) UpdateVariant(ctx context.Context, shopID, id string, c shop.VariantChange, at time.Time) (v shop.Variant, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		var productID string
		err := tx.QueryRow(ctx, `SELECT product_id FROM variant WHERE id = $1 AND shop_id = $2`, id, shopID).Scan(&productID)
		if store.NoRows(err) {
			return shop.ErrNotFound
		}
		if err != nil {
			return err
		}
		p, err := ownProduct(ctx, tx, shopID, productID)
		if err != nil {
			return err
		}
		found := &p.Variants[slices.IndexFunc(p.Variants, func(v shop.Variant) bool { return v.ID == id })]
		before := *found
		if err := applyVariant(found, c); err != nil {
			return err
		}
		v, p.UpdatedAt = *found, at
		if _, err := tx.Exec(ctx, `UPDATE variant SET title = $1, sku = $2, price = $3, compare_at = $4, per_buyer = $5, state = $6, opens_at = $7 WHERE id = $8`,
			v.Title, v.SKU, v.Price.Amount, v.CompareAt, v.PerBuyer, string(v.State), millis(v.OpensAt), id); err != nil {
			return err
		}
		if err := saveProduct(ctx, tx, p); err != nil {
			return err
		}
		facts := shop.NewFacts(at)
		if v.Price != before.Price || v.CompareAt != before.CompareAt {
			facts.Price(shopID, priceFact(v))
			if err := notePrices(ctx, tx, []shop.Variant{v}, at); err != nil {
				return err
			}
		}
		return outbox.Append(ctx, tx, facts.Events()...)
	})
	return v, wrap("update a variant", err)
}

func applyVariant(v *shop.Variant, c shop.VariantChange) error {
	if c.Title != nil {
		v.Title = *c.Title
	}
	if c.SKU != nil {
		v.SKU = *c.SKU
	}
	if c.Price != nil {
		if c.Price.Currency != v.Price.Currency {
			return &shop.InputError{Field: "price", Err: shop.ErrCurrencyDiffers}
		}
		v.Price = *c.Price
	}
	if c.CompareAt != nil {
		v.CompareAt = *c.CompareAt
	}
	if c.PerBuyer != nil {
		v.PerBuyer = *c.PerBuyer
	}
	if c.OpensAt != nil {
		v.OpensAt = *c.OpensAt
	}
	if c.State != nil {
		v.State = *c.State
	}
	return nil
}

// AdjustStock changes what is on hand, under the stock row's lock.
func (s *Store) AdjustStock(ctx context.Context, shopID string, a shop.Adjustment) (now shop.StockNow, err error) {
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		var owner, product string
		err := tx.QueryRow(ctx, `SELECT shop_id, product_id FROM variant WHERE id = $1`, a.VariantID).Scan(&owner, &product)
		if store.NoRows(err) || (err == nil && owner != shopID) {
			return shop.ErrNotFound
		}
		if err != nil {
			return err
		}
		before, err := lockStock(ctx, tx, a.VariantID)
		if err != nil {
			return err
		}
		e := before.Next(a.VariantID, shop.Moves{Adjusted: a.Delta}, a.Reason, a.By, a.At)
		switch {
		case e.OnHand < e.Reserved:
			return shop.ErrStockTooLow
		case e.OnHand > shop.StockMax:
			return &shop.InputError{Field: "delta", Err: shop.ErrQuantity}
		}
		now = shop.StockNow{Variant: a.VariantID, Product: product, Shop: owner, Available: e.After().Available(), Number: e.Number}
		if err := writeEntries(ctx, tx, []shop.Entry{e}); err != nil {
			return err
		}
		facts := shop.NewFacts(a.At)
		facts.Stock(before.Available(), now)
		return outbox.Append(ctx, tx, facts.Events()...)
	})
	if err != nil {
		return shop.StockNow{}, wrap("adjust stock", err)
	}
	return now, nil
}

func lockStock(ctx context.Context, tx *store.Tx, variantID string) (s shop.Stock, err error) {
	err = tx.QueryRow(ctx, `SELECT on_hand, reserved, number, hash FROM stock WHERE variant_id = $1`+tx.ForUpdate(), variantID).Scan(&s.OnHand, &s.Reserved, &s.Number, &s.Hash)
	if store.NoRows(err) {
		err = shop.ErrNotFound
	}
	return s, err
}

// ownProduct locks and reads a product of the shop.
func ownProduct(ctx context.Context, tx *store.Tx, shopID, id string) (shop.Product, error) {
	found, err := rows(ctx, tx, scanProduct, `SELECT `+productColumns+` FROM product WHERE id = $1 AND shop_id = $2`+tx.ForUpdate(), id, shopID)
	if err != nil || len(found) == 0 {
		return shop.Product{}, orNotFound(err)
	}
	err = withVariants(ctx, tx, found)
	return found[0], err
}

func orNotFound(err error) error {
	if err == nil {
		return shop.ErrNotFound
	}
	return err
}

// Product returns one product with its variants.
func (s *Store) Product(ctx context.Context, id string) (p shop.Product, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		found, err := rows(ctx, tx, scanProduct, `SELECT `+productColumns+` FROM product WHERE id = $1`, id)
		if err != nil || len(found) == 0 {
			return orNotFound(err)
		}
		err = withVariants(ctx, tx, found)
		p = found[0]
		return err
	})
	return p, wrap("read a product", err)
}

// Products lists a shop's products, newest first.
func (s *Store) Products(ctx context.Context, q shop.ProductQuery) (out []shop.Product, err error) {
	query, args := `SELECT `+productColumns+` FROM product WHERE shop_id = $1`, []any{q.ShopID}
	where := func(condition string, value any) {
		args = append(args, value)
		query += " AND " + strings.ReplaceAll(condition, "$?", placeholder(len(args)))
	}
	if !q.Archived {
		where(`state = $?`, string(shop.Active))
	}
	if q.After != "" {
		where(`id < $?`, q.After)
	}
	for _, word := range strings.Fields(strings.ToLower(q.Search)) {
		where(`search LIKE $? ESCAPE '\'`, "%"+escapeLike.Replace(word)+"%")
	}
	args = append(args, q.Limit)
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		if out, err = rows(ctx, tx, scanProduct, query+` ORDER BY id DESC LIMIT `+placeholder(len(args)), args...); err != nil {
			return err
		}
		return withVariants(ctx, tx, out)
	})
	return out, wrap("list products", err)
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// withVariants fills in the products' variants and stock.
func withVariants(ctx context.Context, tx *store.Tx, products []shop.Product) error {
	ids := make([]string, len(products))
	at := map[string]int{}
	for i, p := range products {
		ids[i], at[p.ID] = p.ID, i
	}
	variants, err := in(ctx, tx, scanVariantStock, variantQuery+` WHERE v.product_id IN (`, ids, ` ORDER BY v.product_id, v.position`)
	for _, v := range variants {
		p := &products[at[v.ProductID]]
		p.Variants = append(p.Variants, v)
	}
	return err
}

const variantQuery = `SELECT ` + variantColumns + `, p.currency, s.on_hand, s.reserved, s.number, s.hash, s.waiting FROM variant v JOIN product p ON p.id = v.product_id JOIN stock s ON s.variant_id = v.id`

func scanVariantStock(rows *sql.Rows) (shop.Variant, error) {
	var s shop.Stock
	var waiting int64
	v, err := scanVariantWith(rows, &s.OnHand, &s.Reserved, &s.Number, &s.Hash, &waiting)
	v.Stock, v.Waiting = s, waiting
	return v, err
}

// Variants returns those of the ids that exist, in the order of their ids.
func (s *Store) Variants(ctx context.Context, ids []string) (out []shop.Variant, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		out, err = in(ctx, tx, scanVariantStock, variantQuery+` WHERE v.id IN (`, distinct(slices.Clone(ids)), ` ORDER BY v.id`)
		return err
	})
	return out, wrap("read variants", err)
}
