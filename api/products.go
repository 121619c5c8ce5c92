package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
)

// The kinds of things of a shop's catalogue.
const (
	KindProduct Kind = "product"
	KindVariant Kind = "variant"
)

// IDIn is embedded in the input of a route that names one thing. (An embedded struct must be exported, or its
// fields are not filled.)
type IDIn struct {
	ID string `path:"id"`
}

// Money is an amount in minor units.
type Money struct {
	Amount   int64  `json:"amount" doc:"In minor units: 2900 is 29.00 EUR."`
	Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217."`
}

func moneyOf(m shop.Money) Money  { return Money(m) }
func (m Money) shop() shop.Money  { return shop.Money(m) }
func (m *Money) ptr() *shop.Money { return (*shop.Money)(m) }

func compareAt(amount int64, currency string) *Money {
	if amount == 0 {
		return nil
	}
	return &Money{amount, currency}
}

type productBody struct {
	ID          string        `json:"id"`
	Shop        string        `json:"shop"`
	Title       string        `json:"title"`
	Description string        `json:"description"`
	Picture     string        `json:"picture,omitempty" doc:"Read it at /v1/pictures/{id}."`
	Price       Money         `json:"price"`
	CompareAt   *Money        `json:"compare_at,omitempty" doc:"The price before."`
	State       string        `json:"state" enum:"active,archived"`
	Kind        string        `json:"kind" enum:"goods,service"`
	Variants    []variantBody `json:"variants"`
	CreatedAt   time.Time     `json:"created_at"`
	UpdatedAt   time.Time     `json:"updated_at"`
}

type variantBody struct {
	ID        string            `json:"id"`
	Product   string            `json:"product"`
	Title     string            `json:"title"`
	SKU       string            `json:"sku,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
	Price     Money             `json:"price"`
	CompareAt *Money            `json:"compare_at,omitempty"`
	PerBuyer  int64             `json:"per_buyer,omitempty" doc:"The most that one buyer may have."`
	OpensAt   *time.Time        `json:"opens_at,omitempty" doc:"Nobody can buy it before."`
	Waiting   int64             `json:"waiting,omitempty" doc:"How many wait for it to come back."`
	State     string            `json:"state" enum:"active,archived"`
	Available int64             `json:"available"`
}

type variantWish struct {
	Title     string            `json:"title" maxLength:"200"`
	SKU       string            `json:"sku,omitempty" maxLength:"100"`
	Options   map[string]string `json:"options,omitempty"`
	Price     *Money            `json:"price,omitempty" doc:"Defaults to the product's."`
	CompareAt *Money            `json:"compare_at,omitempty"`
	PerBuyer  int64             `json:"per_buyer,omitempty"`
	OpensAt   time.Time         `json:"opens_at,omitzero" doc:"Nobody can buy it before."`
	Stock     int64             `json:"stock"`
}

func (w variantWish) variant() shop.Variant {
	v := shop.Variant{Title: w.Title, SKU: w.SKU, Options: w.Options, PerBuyer: w.PerBuyer, OpensAt: w.OpensAt.UTC().Truncate(time.Millisecond), Stock: shop.Stock{OnHand: w.Stock}}
	if w.Price != nil {
		v.Price = w.Price.shop()
	}
	if w.CompareAt != nil {
		v.CompareAt = w.CompareAt.Amount
	}
	return v
}

type productOut struct{ Body productBody }
type variantOut struct{ Body variantBody }

func productOf(p shop.Product) productBody {
	out := productBody{
		ID: p.ID, Shop: p.ShopID, Title: p.Title, Description: p.Description, Picture: p.Picture, Price: moneyOf(p.Price), CompareAt: compareAt(p.CompareAt, p.Price.Currency),
		State: string(p.State), Kind: string(p.Kind), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Variants: make([]variantBody, len(p.Variants)),
	}
	for i, v := range p.Variants {
		out.Variants[i] = variantOf(v)
	}
	return out
}

func variantOf(v shop.Variant) variantBody {
	return variantBody{
		ID: v.ID, Product: v.ProductID, Title: v.Title, SKU: v.SKU, Options: v.Options, Price: moneyOf(v.Price), CompareAt: compareAt(v.CompareAt, v.Price.Currency),
		PerBuyer: v.PerBuyer, OpensAt: moment(v.OpensAt), State: string(v.State), Available: v.Stock.Available(), Waiting: v.Waiting,
	}
}

func (s *Server) routesProducts(r *router) {
	r.owns(KindProduct, func(ctx context.Context, id string) (account.Owner, error) {
		p, err := s.Shop.Product(ctx, id)
		return account.Owner{Shop: p.ShopID}, err
	})
	r.owns(KindVariant, func(ctx context.Context, id string) (account.Owner, error) {
		found, err := s.Shop.Variants(ctx, id)
		if err != nil || len(found) == 0 {
			return account.Owner{}, orNotFound(err)
		}
		return account.Owner{Shop: found[0].ShopID}, nil
	})
	op := func(method, path, summary string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"products"}, DefaultStatus: status}
	}
	ofProduct, ofVariant := Of{KindProduct, "id"}, Of{KindVariant, "id"}
	write := Needs{Action: account.ProductWrite, Owner: ofProduct}
	register(r, op(http.MethodGet, "/v1/shops/{id}/products", "A shop's products", 0), Needs{Public: true}, s.listProducts)
	register(r, op(http.MethodPost, "/v1/shops/{id}/products", "Add a product", http.StatusCreated), Needs{Action: account.ProductWrite, Owner: Of{KindShop, "id"}}, s.createProduct)
	register(r, op(http.MethodGet, "/v1/products/{id}", "A product", 0), Needs{Public: true}, func(ctx context.Context, in *idIn) (*productOut, error) {
		p, err := s.Shop.Product(ctx, in.ID)
		return &productOut{productOf(p)}, err
	})
	register(r, op(http.MethodPatch, "/v1/products/{id}", "Change a product", 0), write, s.updateProduct)
	register(r, op(http.MethodDelete, "/v1/products/{id}", "Archive a product", 0), write, func(ctx context.Context, in *idIn) (*struct{}, error) {
		_, err := s.Shop.ArchiveProduct(ctx, ownerOf(ctx).Shop, in.ID)
		return nil, err
	})
	register(r, op(http.MethodPost, "/v1/products/{id}/variants", "Add a variant", http.StatusCreated), write, func(ctx context.Context, in *struct {
		IDIn
		Body variantWish
	}) (*variantOut, error) {
		v, err := s.Shop.AddVariant(ctx, ownerOf(ctx).Shop, in.ID, in.Body.variant(), caller(ctx).AccountID)
		return &variantOut{variantOf(v)}, err
	})
	register(r, op(http.MethodPatch, "/v1/variants/{id}", "Change a variant", 0), Needs{Action: account.ProductWrite, Owner: ofVariant}, s.updateVariant)
	register(r, op(http.MethodPost, "/v1/variants/{id}/stock", "Put units in or take them out", http.StatusCreated), Needs{Action: account.StockWrite, Owner: ofVariant}, s.adjustStock)
	register(r, op(http.MethodGet, "/v1/variants/{id}/ledger", "A variant's stock ledger", 0), Needs{Action: account.StockWrite, Owner: ofVariant}, s.readLedger)
	picture := op(http.MethodPut, "/v1/products/{id}/picture", "Set a product's picture", 0)
	picture.MaxBodyBytes = shop.PictureBytesMax
	picture.RequestBody = &huma.RequestBody{Required: true, Description: "PNG, JPEG or WebP, at most 2 MiB and 4096 pixels a side.", Content: map[string]*huma.MediaType{
		"image/png": {}, "image/jpeg": {}, "image/webp": {},
	}}
	register(r, picture, write, s.putPicture)
	register(r, op(http.MethodGet, "/v1/pictures/{id}", "A picture", 0), Needs{Public: true}, s.getPicture)
}

func orNotFound(err error) error {
	if err == nil {
		return shop.ErrNotFound
	}
	return err
}

func (s *Server) listProducts(ctx context.Context, in *struct {
	IDIn
	PageIn
	Search   string `query:"q" maxLength:"200" doc:"Words in title, description or SKU."`
	Archived bool   `query:"archived" doc:"Archived ones too; for the shop's people."`
}) (*pageOut[productBody], error) {
	if _, err := s.Accounts.Shop(ctx, in.ID); err != nil {
		return nil, err
	}
	if in.Archived {
		if err := caller(ctx).May(account.ProductRead, account.Owner{Shop: in.ID}); err != nil {
			return nil, err
		}
	}
	after, err := parseCursor(in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	q := shop.ProductQuery{ShopID: in.ID, Search: in.Search, Archived: in.Archived, Limit: in.Limit + 1}
	if after != nil {
		q.After = after[0]
	}
	found, err := s.Shop.Products(ctx, q)
	return page(whole(found, productOf).Body.Items, in.Limit, func(p productBody) string { return makeCursor(p.ID) }), err
}

func (s *Server) createProduct(ctx context.Context, in *struct {
	IDIn
	Body struct {
		Title       string        `json:"title" maxLength:"200"`
		Description string        `json:"description,omitempty" maxLength:"10000"`
		Kind        string        `json:"kind,omitempty" enum:"goods,service" default:"goods"`
		Price       Money         `json:"price"`
		CompareAt   *Money        `json:"compare_at,omitempty"`
		Variants    []variantWish `json:"variants" minItems:"1" maxItems:"100"`
	}
}) (*productOut, error) {
	home, err := s.Accounts.Shop(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if b.Price.Currency != home.Currency {
		return nil, &shop.InputError{Field: "price.currency", Err: shop.ErrCurrencyDiffers}
	}
	p := shop.Product{ShopID: home.ID, Title: b.Title, Description: b.Description, Kind: shop.ProductKind(b.Kind), Price: b.Price.shop()}
	if b.CompareAt != nil {
		p.CompareAt = b.CompareAt.Amount
	}
	for _, v := range b.Variants {
		p.Variants = append(p.Variants, v.variant())
	}
	p, err = s.Shop.CreateProduct(ctx, p, caller(ctx).AccountID)
	return &productOut{productOf(p)}, err
}

func (s *Server) updateProduct(ctx context.Context, in *struct {
	IDIn
	Body struct {
		Title       *string `json:"title,omitempty" maxLength:"200"`
		Description *string `json:"description,omitempty" maxLength:"10000"`
		Price       *Money  `json:"price,omitempty" doc:"Variants that have the product's price follow it."`
		CompareAt   *Money  `json:"compare_at,omitempty" doc:"An amount of 0 removes it."`
		State       *string `json:"state,omitempty" enum:"active,archived"`
	}
}) (*productOut, error) {
	b := in.Body
	c := shop.ProductChange{Title: b.Title, Description: b.Description, Price: b.Price.ptr(), State: (*shop.ProductState)(b.State)}
	if b.CompareAt != nil {
		c.CompareAt = &b.CompareAt.Amount
	}
	p, err := s.Shop.UpdateProduct(ctx, ownerOf(ctx).Shop, in.ID, c)
	return &productOut{productOf(p)}, err
}

func (s *Server) updateVariant(ctx context.Context, in *struct {
	IDIn
	Body struct {
		Title     *string    `json:"title,omitempty" maxLength:"200"`
		SKU       *string    `json:"sku,omitempty" maxLength:"100"`
		Price     *Money     `json:"price,omitempty"`
		CompareAt *Money     `json:"compare_at,omitempty" doc:"An amount of 0 removes it."`
		PerBuyer  *int64     `json:"per_buyer,omitempty" doc:"0 means no limit."`
		OpensAt   *time.Time `json:"opens_at,omitempty" doc:"Nobody can buy it before. A time that has passed opens it."`
		State     *string    `json:"state,omitempty" enum:"active,archived"`
	}
}) (*variantOut, error) {
	b := in.Body
	c := shop.VariantChange{Title: b.Title, SKU: b.SKU, Price: b.Price.ptr(), PerBuyer: b.PerBuyer, OpensAt: b.OpensAt, State: (*shop.ProductState)(b.State)}
	if b.CompareAt != nil {
		c.CompareAt = &b.CompareAt.Amount
	}
	v, err := s.Shop.UpdateVariant(ctx, ownerOf(ctx).Shop, in.ID, c)
	return &variantOut{variantOf(v)}, err
}

type stockOut struct {
	Body struct {
		Variant   string `json:"variant"`
		Available int64  `json:"available"`
		Number    int64  `json:"number" doc:"The ledger entry that says so."`
	}
}

func (s *Server) adjustStock(ctx context.Context, in *struct {
	IDIn
	Body struct {
		Delta  int64  `json:"delta" doc:"Units put in, or taken out where it is negative."`
		Reason string `json:"reason" maxLength:"500"`
	}
}) (*stockOut, error) {
	now, err := s.Shop.AdjustStock(ctx, ownerOf(ctx).Shop, in.ID, in.Body.Delta, in.Body.Reason, caller(ctx).AccountID)
	out := &stockOut{}
	out.Body.Variant, out.Body.Available, out.Body.Number = in.ID, now.Available, now.Number
	return out, err
}

type ledgerBody struct {
	Number   int64     `json:"number"`
	Held     int64     `json:"held,omitempty"`
	Sold     int64     `json:"sold,omitempty"`
	Released int64     `json:"released,omitempty"`
	Adjusted int64     `json:"adjusted,omitempty"`
	OnHand   int64     `json:"on_hand"`
	Reserved int64     `json:"reserved"`
	Reason   string    `json:"reason,omitempty"`
	By       string    `json:"by,omitempty"`
	At       time.Time `json:"at"`
	Hash     string    `json:"hash"`
}

func (s *Server) readLedger(ctx context.Context, in *struct {
	IDIn
	Limit int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
	After int64 `query:"after" minimum:"0" doc:"Entries after this number."`
}) (*pageOut[ledgerBody], error) {
	entries, err := s.Shop.Ledger.Entries(ctx, in.ID, in.After, in.Limit)
	return whole(entries, func(e shop.Entry) ledgerBody {
		return ledgerBody{e.Number, e.Held, e.Sold, e.Released, e.Adjusted, e.OnHand, e.Reserved, e.Reason, e.By, e.At, e.Hash}
	}), err
}

type pictureOut struct {
	Body struct {
		ID     string `json:"id"`
		Width  int64  `json:"width"`
		Height int64  `json:"height"`
	}
}

func (s *Server) putPicture(ctx context.Context, in *struct {
	IDIn
	RawBody []byte
}) (*pictureOut, error) {
	p, err := s.Shop.SavePicture(ctx, ownerOf(ctx).Shop, in.ID, in.RawBody)
	out := &pictureOut{}
	out.Body.ID, out.Body.Width, out.Body.Height = p.ID, p.Width, p.Height
	return out, err
}

type pictureFile struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	ETag         string `header:"ETag"`
	ResourcePol  string `header:"Cross-Origin-Resource-Policy"`
	Body         []byte
}

func (s *Server) getPicture(ctx context.Context, in *idIn) (*pictureFile, error) {
	p, body, err := s.Shop.OpenPicture(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(body, shop.PictureBytesMax)); err != nil {
		return nil, err
	}
	// A picture never changes: a new one has a new id.
	return &pictureFile{p.ContentType, "public, max-age=31536000, immutable", `"` + p.ID + `"`, "cross-origin", b.Bytes()}, nil
}
