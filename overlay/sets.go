package overlay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Limits of product sets.
const (
	SetsMax        = 50  // of a channel
	SetProductsMax = 100 // of a set
	setNameMax     = 80  // characters

	setBytesMax = 32 << 10 // of a pinned set's cards in an event: every viewer gets it
)

// What is refused of sets.
var (
	ErrSet         = errors.New("overlay: there is no such set of products")
	ErrSetText     = errors.New("overlay: a set has a name of 1 to 80 characters without control and direction characters")
	ErrSetProducts = errors.New("overlay: a set holds 1 to 100 different products of the channel's shop")
	ErrTooManySets = errors.New("overlay: a channel keeps at most 50 sets")
)

// Set is a saved list of a channel's products that are shown together.
type Set struct {
	ID        string    `json:"id"`
	Channel   string    `json:"channel"`
	Name      string    `json:"name"`
	Products  []string  `json:"products" doc:"Ids, in the order in which they are shown."`
	ChangedBy string    `json:"-"`
	ChangedAt time.Time `json:"changed_at"`
}

// Sets keeps them. Each method is one transaction.
type Sets interface {
	// Sets lists a channel's, by name.
	Sets(ctx context.Context, channel string) ([]Set, error)
	// Set finds one, or ErrSet.
	Set(ctx context.Context, id string) (Set, error)
	// AddSet keeps a new one, or ErrTooManySets where the channel has max.
	AddSet(ctx context.Context, s Set, max int) error
	// ChangeSet replaces the name and the products of the channel's set with this id, or ErrSet.
	ChangeSet(ctx context.Context, s Set) error
	// RemoveSet forgets the channel's set, or ErrSet. Where it is pinned it stays.
	RemoveSet(ctx context.Context, channel, id string) error
}

// PinnedSet is a set as it was when it was pinned.
type PinnedSet struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Products []string `json:"products"`
}

// SetCard is what a pinned set's card shows beside its first product.
type SetCard struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Count    int           `json:"count" doc:"How many products it holds."`
	Products []ProductCard `json:"products,omitempty" doc:"In their order. In an event they are left out where they are large: they are in the scene."`
	IDs      []string      `json:"ids,omitempty" doc:"Of the products, where they are left out."`
}

// SetPlace says whose a set is.
type SetPlace struct{ Shop, Channel string }

// MakeSet keeps a new set of the channel's.
func (s *Service) MakeSet(ctx context.Context, at SetPlace, name string, products []string, by string) (Set, error) {
	set := Set{ID: newID(), Channel: at.Channel, Name: strings.TrimSpace(name), Products: products, ChangedBy: by, ChangedAt: s.now()}
	if err := s.checkSet(ctx, at, set); err != nil {
		return Set{}, err
	}
	return set, s.Sets.AddSet(ctx, set, SetsMax)
}

// ChangeSet gives a set another name and other products. Where it is pinned it stays as it was.
func (s *Service) ChangeSet(ctx context.Context, at SetPlace, id, name string, products []string, by string) (Set, error) {
	set := Set{ID: id, Channel: at.Channel, Name: strings.TrimSpace(name), Products: products, ChangedBy: by, ChangedAt: s.now()}
	if err := s.checkSet(ctx, at, set); err != nil {
		return Set{}, err
	}
	return set, s.Sets.ChangeSet(ctx, set)
}

func (s *Service) checkSet(ctx context.Context, at SetPlace, set Set) error {
	if n := utf8.RuneCountInString(set.Name); n == 0 || n > setNameMax || !utf8.ValidString(set.Name) || strings.ContainsFunc(set.Name, unseen) {
		return ErrSetText
	}
	if len(set.Products) == 0 || len(set.Products) > SetProductsMax {
		return ErrSetProducts
	}
	for i, id := range set.Products {
		if slices.Contains(set.Products[:i], id) {
			return ErrSetProducts
		}
		// One that was archived since may stay in the list: it is not shown.
		p, err := s.Catalogue.Product(ctx, id)
		switch {
		case errors.Is(err, shop.ErrNotFound), err == nil && p.ShopID != at.Shop:
			return ErrSetProducts
		case err != nil:
			return fmt.Errorf("read a product: %w", err)
		}
	}
	return nil
}

// unseen tells control characters, and those that turn or hide what stands around them; joiners are part of words.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d'
}

// setFor finds a set that may be shown in the broadcast, and those of its products that are on sale.
func (s *Service) setFor(ctx context.Context, b Broadcast, id string) (Set, []shop.Product, error) {
	set, err := s.Sets.Set(ctx, id)
	if err != nil {
		return Set{}, nil, err
	}
	if set.Channel != b.Channel {
		return Set{}, nil, ErrSet
	}
	var found []shop.Product
	for _, id := range set.Products {
		p, err := s.product(ctx, b, id)
		if errors.Is(err, ErrProduct) {
			continue
		}
		if err != nil {
			return Set{}, nil, err
		}
		found = append(found, p)
	}
	if len(found) == 0 {
		return Set{}, nil, ErrProduct
	}
	return set, found, nil
}

// PinSet pins a set's products together, in one card, from the frame of media time at on. One that is pinned already
// stays as it is.
func (s *Service) PinSet(ctx context.Context, broadcast, set string, at *mediatime.Time, by string) (PinCard, error) {
	b, from, err := s.frame(ctx, broadcast, at)
	if err != nil {
		return PinCard{}, err
	}
	kept, products, err := s.setFor(ctx, b, set)
	if err != nil {
		return PinCard{}, err
	}
	pin := Pin{
		ID: newID(), Broadcast: b.ID, Product: products[0].ID, From: from, PlacedBy: by, PlacedAt: s.now(),
		Set: &PinnedSet{ID: kept.ID, Name: kept.Name},
	}
	for _, p := range products {
		pin.Set.Products = append(pin.Set.Products, p.ID)
	}
	find := s.finder(ctx, products...)
	card, err := s.cardOf(b, pin, find)
	if err != nil {
		return PinCard{}, err
	}
	stored, placed, err := s.Store.PlacePin(ctx, pin, PinsMax, func(version int64) event.Event {
		return event.New(event.BroadcastTopic(b.ID), event.PinPlaced, int64(from), pin.PlacedAt, PinFact{slim(card), version})
	})
	if err != nil {
		return PinCard{}, err
	}
	if !placed {
		return s.cardOf(b, stored, find)
	}
	s.changed(b.ID)
	return card, nil
}

// slim leaves out what would make an event to everybody large.
func slim(card PinCard) PinCard {
	if card.Set == nil {
		return card
	}
	if raw, err := json.Marshal(card.Set.Products); err != nil || len(raw) > setBytesMax {
		short := *card.Set
		short.Products = nil
		for _, p := range card.Set.Products {
			short.IDs = append(short.IDs, p.ID)
		}
		card.Set = &short
	}
	return card
}

// AddSetToBag puts those of a set's products that the bag lacks at its end, in their order.
func (s *Service) AddSetToBag(ctx context.Context, broadcast, set, by string) ([]ProductCard, error) {
	b, err := s.Broadcasts.Broadcast(ctx, broadcast)
	if err != nil {
		return nil, err
	}
	_, products, err := s.setFor(ctx, b, set)
	if err != nil {
		return nil, err
	}
	room, err := s.Store.Room(ctx, b.ID, nil)
	if err != nil {
		return nil, err
	}
	var bag []string
	for _, id := range room.Bag {
		// What is no longer on sale is shown to nobody; it does not keep a set out.
		if _, err := s.product(ctx, b, id); err == nil {
			bag = append(bag, id)
		} else if !errors.Is(err, ErrProduct) {
			return nil, err
		}
	}
	for _, p := range products {
		if !slices.Contains(bag, p.ID) {
			bag = append(bag, p.ID)
		}
	}
	return s.SetBag(ctx, b.ID, bag, by)
}

// productFinder finds products of one scene or card, each once.
type productFinder func(id string) (shop.Product, error)

func (s *Service) finder(ctx context.Context, known ...shop.Product) productFinder {
	products := map[string]shop.Product{}
	for _, p := range known {
		products[p.ID] = p
	}
	return func(id string) (shop.Product, error) {
		if p, ok := products[id]; ok {
			return p, nil
		}
		p, err := s.Catalogue.Product(ctx, id)
		if err != nil {
			return p, fmt.Errorf("read a product of the scene: %w", err)
		}
		products[id] = p
		return p, nil
	}
}

// cardOf makes a pin's card, of a set with those of its products that are still on sale. Where no product is left
// it answers shop.ErrNotFound.
func (s *Service) cardOf(b Broadcast, pin Pin, find productFinder) (PinCard, error) {
	if pin.Set == nil {
		p, err := find(pin.Product)
		if err != nil {
			return PinCard{}, err
		}
		return s.pinCard(b, pin, p)
	}
	out := PinCard{ID: pin.ID, From: pin.From, Until: pin.Until, Set: &SetCard{ID: pin.Set.ID, Name: pin.Set.Name, Products: []ProductCard{}}}
	for _, id := range pin.Set.Products {
		p, err := find(id)
		if errors.Is(err, shop.ErrNotFound) || err == nil && p.State != shop.Active {
			continue
		}
		if err != nil {
			return PinCard{}, err
		}
		card, err := s.productCard(b, p, pin.From)
		if err != nil {
			return PinCard{}, err
		}
		out.Set.Products = append(out.Set.Products, card)
	}
	if out.Set.Count = len(out.Set.Products); out.Set.Count == 0 {
		return PinCard{}, shop.ErrNotFound
	}
	// Who knows no sets shows the first product.
	out.Product, out.Variants = out.Set.Products[0].ProductLine, out.Set.Products[0].Variants
	return out, nil
}
