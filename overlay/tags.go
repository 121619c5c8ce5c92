package overlay

import (
	"context"
	"errors"
	"fmt"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Tag is a product that lies on the frames of a video, which is not on air.
type Tag struct {
	ID, Product string
	From        mediatime.Time
	Until       *mediatime.Time
}

// TagCards makes the cards of tags, with the prices and the stock of now. What is no longer for sale has none. b is the
// broadcast that the video is a slice of; of an upload it has a shop alone.
func (s *Service) TagCards(ctx context.Context, b Broadcast, tags []Tag) ([]PinCard, error) {
	out := make([]PinCard, 0, len(tags))
	for _, g := range tags {
		p, err := s.Catalogue.Product(ctx, g.Product)
		if errors.Is(err, shop.ErrNotFound) || err == nil && (p.State != shop.Active || p.ShopID != b.Shop) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read a tagged product: %w", err)
		}
		card, err := s.pinCard(b, Pin{ID: g.ID, Broadcast: b.ID, Product: g.Product, From: g.From, Until: g.Until}, p)
		if err != nil {
			return nil, err
		}
		out = append(out, card)
	}
	return out, nil
}

// Sells tells whether a shop has a product on sale: ErrProduct where it has not.
func (s *Service) Sells(ctx context.Context, shopID, product string) error {
	_, err := s.product(ctx, Broadcast{Shop: shopID}, product)
	return err
}
