package overlay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// PinCard is a pin as viewers see it.
type PinCard struct {
	ID       string          `json:"id"`
	Product  ProductLine     `json:"product"`
	Variants []VariantCard   `json:"variants"`
	From     mediatime.Time  `json:"from" doc:"Media time of the first frame that it lies on, in microseconds."`
	Until    *mediatime.Time `json:"until,omitempty" doc:"Media time of the first frame that it no longer lies on."`
	Set      *SetCard        `json:"set,omitempty" doc:"The set that is pinned; product and variants are then those of its first."`
}

// ProductLine is what a card says of the product itself.
type ProductLine struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Picture string `json:"picture"`
	Kind    string `json:"kind"`
}

// ProductCard is a product in the bag.
type ProductCard struct {
	ProductLine
	Price     shop.Money    `json:"price"`
	CompareAt *shop.Money   `json:"compare_at,omitempty"`
	Variants  []VariantCard `json:"variants"`
}

// VariantCard is what can be bought, at a price that checkout honours until the quote expires.
type VariantCard struct {
	ID        string      `json:"id"`
	Title     string      `json:"title"`
	Price     shop.Money  `json:"price"`
	CompareAt *shop.Money `json:"compare_at,omitempty"`
	OpensAt   *time.Time  `json:"opens_at,omitempty" doc:"Nobody can buy it before."`
	Available int64       `json:"available"`
	Quote     string      `json:"quote" doc:"Send it with the checkout: the price holds as it was seen."`
}

// product returns a product that the broadcast may show.
func (s *Service) product(ctx context.Context, b Broadcast, id string) (shop.Product, error) {
	p, err := s.Catalogue.Product(ctx, id)
	switch {
	case errors.Is(err, shop.ErrNotFound), err == nil && (p.ShopID != b.Shop || p.State != shop.Active):
		return shop.Product{}, ErrProduct
	case err != nil:
		return shop.Product{}, fmt.Errorf("read a product: %w", err)
	}
	return p, nil
}

func line(p shop.Product) ProductLine {
	return ProductLine{ID: p.ID, Title: p.Title, Picture: p.Picture, Kind: string(p.Kind)}
}

func compareAt(amount int64, currency string) *shop.Money {
	if amount == 0 {
		return nil
	}
	return &shop.Money{Amount: amount, Currency: currency}
}

func opensAt(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// variants are the product's variants that can be bought, each with a quote for this broadcast.
func (s *Service) variants(b Broadcast, p shop.Product, from mediatime.Time) ([]VariantCard, error) {
	out := make([]VariantCard, 0, len(p.Variants))
	for _, v := range p.Variants {
		if v.State != shop.Active {
			continue
		}
		quote, err := s.Quotes.Issue(shop.Quote{
			Variant: v.ID, Price: v.Price, Broadcast: b.ID, MediaTime: int64(from), Expires: s.now().Add(s.quoteFor()),
		})
		if err != nil {
			return nil, fmt.Errorf("quote a price: %w", err)
		}
		out = append(out, VariantCard{
			ID: v.ID, Title: v.Title, Price: v.Price, CompareAt: compareAt(v.CompareAt, v.Price.Currency),
			OpensAt: opensAt(v.OpensAt), Available: v.Stock.Available(), Quote: quote,
		})
	}
	return out, nil
}

func (s *Service) pinCard(b Broadcast, pin Pin, p shop.Product) (PinCard, error) {
	variants, err := s.variants(b, p, pin.From)
	return PinCard{ID: pin.ID, Product: line(p), Variants: variants, From: pin.From, Until: pin.Until}, err
}

func (s *Service) productCard(b Broadcast, p shop.Product, from mediatime.Time) (ProductCard, error) {
	variants, err := s.variants(b, p, from)
	return ProductCard{line(p), p.Price, compareAt(p.CompareAt, p.Price.Currency), variants}, err
}
