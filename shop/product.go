package shop

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of the catalogue.
const (
	TitleMax       = 200    // characters
	DescriptionMax = 10_000 // characters
	SKUMax         = 100    // characters
	ReasonMax      = 500    // characters
	VariantsMax    = 100    // of one product
	OptionsMax     = 10     // of one variant
	PageMax        = 200    // rows of one list
	StockMax       = 1_000_000_000
)

// ProductKind says what is sold. A service's variants are its slots.
type ProductKind string

// The kinds of products.
const (
	KindGoods   ProductKind = "goods"
	KindService ProductKind = "service"
)

// ProductState says whether a product or variant can be bought.
type ProductState string

// The states of products and variants. Archived ones stay readable: orders and replays name them.
const (
	Active   ProductState = "active"
	Archived ProductState = "archived"
)

// Product is what a shop shows. What is bought is one of its variants.
type Product struct {
	ID          string       `json:"id"`
	ShopID      string       `json:"shop"`
	Title       string       `json:"title"`
	Description string       `json:"description"`
	Kind        ProductKind  `json:"kind"`
	Picture     string       `json:"picture"` // id of a Picture; empty: none
	State       ProductState `json:"state"`
	Price       Money        `json:"price"`      // of variants that have none of their own when they are made
	CompareAt   int64        `json:"compare_at"` // the price before, in minor units; 0: none
	Variants    []Variant    `json:"variants"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
}

// Variant is what is bought: a size, a colour, a slot. Product and shop are its owners.
type Variant struct {
	ID        string            `json:"id"`
	ProductID string            `json:"product"`
	ShopID    string            `json:"shop"`
	Title     string            `json:"title"`
	SKU       string            `json:"sku"`
	Options   map[string]string `json:"options"`
	Price     Money             `json:"price"`
	CompareAt int64             `json:"compare_at"`
	PerBuyer  int64             `json:"per_buyer"` // most that one buyer may have; 0: no limit
	State     ProductState      `json:"state"`
	Position  int64             `json:"position"` // order within the product
	OpensAt   time.Time         `json:"opens_at"` // nobody can buy it before; zero: it is open
	Stock     Stock             `json:"stock"`
	Waiting   int64             `json:"waiting,omitempty"` // who wait for it to come back
}

// Stock is two numbers and a ledger: what is there, and how much of it is promised. 0 ≤ Reserved ≤ OnHand.
type Stock struct {
	OnHand   int64  `json:"on_hand"`
	Reserved int64  `json:"reserved"`
	Number   int64  `json:"number"` // of the newest ledger entry
	Hash     string `json:"hash"`   // of the newest ledger entry
}

// Available is what can still be promised.
func (s Stock) Available() int64 { return s.OnHand - s.Reserved }

// StockNow is a variant's stock as a commit left it, for the gate and for viewers.
type StockNow struct {
	Variant   string `json:"variant"`
	Product   string `json:"product"`
	Shop      string `json:"shop"`
	Available int64  `json:"available"`
	Number    int64  `json:"number"` // rises with every change: an older one is stale
}

// ProductChange holds what is to be changed; nil fields stay.
type ProductChange struct {
	Title, Description *string
	Price              *Money
	CompareAt          *int64
	Picture            *string
	State              *ProductState
}

// VariantChange holds what is to be changed; nil fields stay.
type VariantChange struct {
	Title, SKU *string
	Price      *Money
	CompareAt  *int64
	PerBuyer   *int64
	OpensAt    *time.Time
	State      *ProductState
}

// Adjustment is a change of stock by hand. It becomes a ledger entry.
type Adjustment struct {
	VariantID string
	Delta     int64
	Reason    string
	By        string // account
	At        time.Time
}

// ProductQuery selects products of a shop, newest first.
type ProductQuery struct {
	ShopID   string
	Search   string // words in title, description or SKU; empty: all
	Archived bool   // archived ones too
	After    string // cursor: id of the last product seen
	Limit    int
}

// Validate checks a product that is about to be stored, with its variants.
func (p *Product) Validate() error {
	if err := textWithin("title", p.Title, 1, TitleMax); err != nil {
		return err
	}
	if err := textWithin("description", p.Description, 0, DescriptionMax); err != nil {
		return err
	}
	if p.Kind != KindGoods && p.Kind != KindService {
		return invalid("kind", ErrKind)
	}
	if err := p.Price.Validate(); err != nil {
		return invalid("price", err)
	}
	if p.CompareAt < 0 || p.CompareAt > AmountMax {
		return invalid("compare_at", ErrAmount)
	}
	if len(p.Variants) == 0 || len(p.Variants) > VariantsMax {
		return invalid("variants", ErrTooManyVariants)
	}
	for i := range p.Variants {
		if err := p.Variants[i].validate("variants["+strconv.Itoa(i)+"].", p.Price.Currency); err != nil {
			return err
		}
	}
	return nil
}

func (v *Variant) validate(field, currency string) error {
	if err := textWithin(field+"title", v.Title, 1, TitleMax); err != nil {
		return err
	}
	if err := textWithin(field+"sku", v.SKU, 0, SKUMax); err != nil {
		return err
	}
	if err := v.Price.Validate(); err != nil {
		return invalid(field+"price", err)
	}
	if v.Price.Currency != currency {
		return invalid(field+"price", ErrCurrencyDiffers)
	}
	if v.CompareAt < 0 || v.CompareAt > AmountMax {
		return invalid(field+"compare_at", ErrAmount)
	}
	if v.PerBuyer < 0 || v.PerBuyer > QuantityMax {
		return invalid(field+"per_buyer", ErrQuantity)
	}
	if v.Stock.OnHand < 0 || v.Stock.OnHand > StockMax {
		return invalid(field+"stock", ErrQuantity)
	}
	if len(v.Options) > OptionsMax {
		return invalid(field+"options", ErrText)
	}
	for name, value := range v.Options {
		if err := textWithin(field+"options", name, 1, SKUMax); err != nil {
			return err
		}
		if err := textWithin(field+"options", value, 0, TitleMax); err != nil {
			return err
		}
	}
	return nil
}

// SearchText is what a search looks into, folded.
func (p *Product) SearchText() string {
	var b strings.Builder
	b.WriteString(p.Title)
	b.WriteByte('\n')
	b.WriteString(p.Description)
	for _, v := range p.Variants {
		b.WriteByte('\n')
		b.WriteString(v.Title)
		b.WriteByte('\n')
		b.WriteString(v.SKU)
	}
	return strings.ToLower(b.String())
}

func textWithin(field, s string, least, most int) error {
	if n := utf8.RuneCountInString(s); n < least || n > most || !utf8.ValidString(s) || strings.ContainsRune(s, 0) || (least > 0 && strings.TrimSpace(s) == "") {
		return invalid(field, ErrText)
	}
	return nil
}
