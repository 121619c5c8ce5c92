package overlay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	leadDefault     = 250 * time.Millisecond // a pin that names no frame starts this far ahead of the edge
	windowDefault   = 30 * time.Second       // how far behind the live edge a creator's preview may be
	quoteForDefault = 10 * time.Minute       // a quoted price is honoured this long
	driftAllowed    = time.Second            // a publisher's clock may run ahead of the wall by this (streaming's drift limit)
	passDataMax     = 4 << 10                // bytes of an integrator's event
	bagBytesMax     = 32 << 10               // bytes of a bag's cards in an event: every viewer gets it
)

// Service carries out what creators do to the overlay, and tells viewers what lies there. Whether somebody may
// is decided before. Any number of goroutines may use it.
type Service struct {
	// Required.
	Store      Store
	Catalogue  Catalogue
	Quotes     Quoter
	Broadcasts Broadcasts
	Clock      mediatime.Clock
	Bus        event.Bus

	// Sets keeps the channels' sets of products; nil: there are none, and nothing of them may be called.
	Sets Sets
	// Deals keeps deals; nil: there are none.
	Deals Deals
	// Prices, if set, knows what products cost before: no deal is announced that is no reduction.
	Prices Prices
	// DealsWake, if set, is called after a change of a deal. It must not block.
	DealsWake func()
	// Audience, if set, counts the viewers for the scene.
	Audience Audience
	// Wake, if set, is called after a commit that left facts in the outbox. It must not block.
	Wake func()
	// Window is how far before now a media time may lie that a creator sends; default 30 s.
	Window time.Duration
	// Lead is how far ahead of the server's edge a pin starts that names no frame, so that it is with a viewer who
	// is only a tenth of a second behind before its frame is. Default 250 ms; negative: none.
	Lead time.Duration
	// QuoteFor is how long a quoted price is honoured; default 10 min.
	QuoteFor time.Duration
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	mu     sync.Mutex
	scenes map[string]*sceneSlot
}

// PinFact is the data of pin.placed.
type PinFact struct {
	Pin     PinCard `json:"pin"`
	Version int64   `json:"version"`
}

// UnpinFact is the data of pin.removed.
type UnpinFact struct {
	Pin     string         `json:"pin"`
	Product string         `json:"product"`
	Until   mediatime.Time `json:"until"`
	Version int64          `json:"version"`
}

// BagFact is the data of bag.changed. A bag whose cards are large goes without them: they are in the scene.
type BagFact struct {
	Products []string      `json:"products"`
	Bag      []ProductCard `json:"bag,omitempty"`
	Version  int64         `json:"version"`
}

// Pin pins a product from the frame of media time at on, or from the one that enters the server now. A product
// that is pinned already stays as it is.
func (s *Service) Pin(ctx context.Context, broadcast, product string, at *mediatime.Time, by string) (PinCard, error) {
	b, from, err := s.frame(ctx, broadcast, at)
	if err != nil {
		return PinCard{}, err
	}
	p, err := s.product(ctx, b, product)
	if err != nil {
		return PinCard{}, err
	}
	pin := Pin{ID: newID(), Broadcast: b.ID, Product: p.ID, From: from, PlacedBy: by, PlacedAt: s.now()}
	card, err := s.pinCard(b, pin, p)
	if err != nil {
		return PinCard{}, err
	}
	stored, placed, err := s.Store.PlacePin(ctx, pin, PinsMax, func(version int64) event.Event {
		return event.New(event.BroadcastTopic(b.ID), event.PinPlaced, int64(from), pin.PlacedAt, PinFact{card, version})
	})
	if err != nil {
		return PinCard{}, err
	}
	if !placed {
		return s.pinCard(b, stored, p)
	}
	s.changed(b.ID)
	return card, nil
}

// Unpin ends the pin of a product, or of a set by its id, at the frame of media time at, or at the one that enters the
// server now. Ending it twice answers the same.
func (s *Service) Unpin(ctx context.Context, broadcast, product string, at *mediatime.Time, by string) (PinCard, error) {
	b, until, err := s.frame(ctx, broadcast, at)
	if err != nil {
		return PinCard{}, err
	}
	r := Removal{Broadcast: b.ID, Product: product, Until: until, By: by, At: s.now()}
	pin, removed, err := s.Store.RemovePin(ctx, r, func(p Pin, version int64) event.Event {
		return event.New(event.BroadcastTopic(b.ID), event.PinRemoved, int64(*p.Until), r.At, UnpinFact{p.ID, p.Product, *p.Until, version})
	})
	if err != nil {
		return PinCard{}, err
	}
	if removed {
		s.changed(b.ID)
	}
	card, err := s.cardOf(b, pin, s.finder(ctx)) // it may be archived by now
	if errors.Is(err, shop.ErrNotFound) && pin.Set != nil {
		return PinCard{ID: pin.ID, From: pin.From, Until: pin.Until, Set: &SetCard{ID: pin.Set.ID, Name: pin.Set.Name}, Variants: []VariantCard{}}, nil
	}
	return card, err
}

// SetBag makes the products the broadcast's bag, in this order.
func (s *Service) SetBag(ctx context.Context, broadcast string, products []string, by string) ([]ProductCard, error) {
	if len(products) > BagMax {
		return nil, ErrBag
	}
	b, from, err := s.frame(ctx, broadcast, nil)
	if err != nil {
		return nil, err
	}
	cards := make([]ProductCard, 0, len(products))
	for i, id := range products {
		if slices.Contains(products[:i], id) {
			return nil, ErrBag
		}
		p, err := s.product(ctx, b, id)
		if err != nil {
			return nil, err
		}
		card, err := s.productCard(b, p, from)
		if err != nil {
			return nil, err
		}
		cards = append(cards, card)
	}
	shown := cards
	if raw, err := json.Marshal(cards); err != nil || len(raw) > bagBytesMax {
		shown = nil
	}
	bag := Bag{Broadcast: b.ID, Products: append([]string{}, products...), From: from, SetBy: by, SetAt: s.now()}
	changed, err := s.Store.SetBag(ctx, bag, func(version int64) event.Event {
		return event.New(event.BroadcastTopic(b.ID), event.BagChanged, int64(from), bag.SetAt, BagFact{bag.Products, shown, version})
	})
	if err != nil {
		return nil, err
	}
	if changed {
		s.changed(b.ID)
	}
	return cards, nil
}

// Record is a pin of the history.
type Record struct {
	ID       string          `json:"id"`
	Product  string          `json:"product"`
	From     mediatime.Time  `json:"from"`
	Until    *mediatime.Time `json:"until,omitempty"`
	PlacedAt time.Time       `json:"placed_at"`
	Set      *PinnedSet      `json:"set,omitempty"`
}

// History lists every pin of a broadcast, in the order in which they were placed.
func (s *Service) History(ctx context.Context, broadcast string) ([]Record, error) {
	if _, err := s.Broadcasts.Broadcast(ctx, broadcast); err != nil {
		return nil, err
	}
	pins, err := s.Store.Pins(ctx, broadcast)
	if err != nil {
		return nil, err
	}
	out := make([]Record, len(pins))
	for i, p := range pins {
		out[i] = Record{p.ID, p.Product, p.From, p.Until, p.PlacedAt, p.Set}
	}
	return out, nil
}

// Removed is a pin that was removed, of whatever broadcast.
type Removed struct {
	Broadcast string
	Record
}

// Removed returns the newest pins that were removed after a time, the newest first; at most so many.
func (s *Service) Removed(ctx context.Context, after time.Time, most int) ([]Removed, error) {
	pins, err := s.Store.PinsRemoved(ctx, after, most)
	if err != nil {
		return nil, err
	}
	out := make([]Removed, len(pins))
	for i, p := range pins {
		out[i] = Removed{p.Broadcast, Record{p.ID, p.Product, p.From, p.Until, p.PlacedAt, p.Set}}
	}
	return out, nil
}

var passKind = regexp.MustCompile(`^x\.[a-z0-9][a-z0-9._-]{0,60}$`)

// Pass hands an integrator's own event to everybody who follows the broadcast, unchanged. It is not stored.
func (s *Service) Pass(ctx context.Context, broadcast string, kind event.Kind, data json.RawMessage) (event.Event, error) {
	data = bytes.TrimSpace(data)
	if !passKind.MatchString(string(kind)) || len(data) == 0 || len(data) > passDataMax || data[0] != '{' || !utf8.Valid(data) {
		return event.Event{}, ErrEvent
	}
	var compact bytes.Buffer // one line: server-sent events end at a newline
	if err := json.Compact(&compact, data); err != nil {
		return event.Event{}, ErrEvent
	}
	b, err := s.Broadcasts.Broadcast(ctx, broadcast)
	if err != nil {
		return event.Event{}, err
	}
	if b.State == stateEnded {
		return event.Event{}, ErrEnded
	}
	at, _ := s.Clock.Now(b.ID)
	e := event.Event{
		ID: newID(), Topic: event.BroadcastTopic(b.ID), Kind: kind, V: kind.Version(), MediaTime: int64(at),
		At: s.now().UnixMilli(), Data: compact.Bytes(),
	}
	if err := s.Bus.Publish(ctx, e); err != nil {
		return event.Event{}, fmt.Errorf("publish an integrator's event: %w", err)
	}
	return e, nil
}

const stateEnded = "ended"

// frame finds the broadcast and judges the media time that a client sent; without one it takes what enters the
// server a moment from now. Before the first frame everything belongs to media time 0.
func (s *Service) frame(ctx context.Context, broadcast string, at *mediatime.Time) (Broadcast, mediatime.Time, error) {
	b, err := s.Broadcasts.Broadcast(ctx, broadcast)
	if err != nil {
		return Broadcast{}, 0, err
	}
	if b.State == stateEnded {
		return Broadcast{}, 0, ErrEnded
	}
	now, on := s.Clock.Now(b.ID)
	if at == nil {
		if on {
			now += mediatime.Of(s.lead())
			if c, ok := s.Clock.(mediatime.Cadence); ok {
				now = c.Frame(b.ID, now) // between two pictures, players that round differently would differ by one
			}
		}
		return b, max(now, 0), nil
	}
	window := s.Window
	if window == 0 {
		window = windowDefault
	}
	if !on {
		now, window = 0, 0
	}
	if *at < 0 || *at < now-mediatime.Of(window) || (on && *at > now+mediatime.Of(driftAllowed)) || (!on && *at != 0) {
		return Broadcast{}, 0, ErrMediaTime
	}
	return b, *at, nil
}

// changed follows a commit: the relay has work, and the scene is no longer what it was.
func (s *Service) changed(broadcast string) {
	if s.Wake != nil {
		s.Wake()
	}
	s.forget(broadcast)
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

func (s *Service) lead() time.Duration {
	if s.Lead == 0 {
		return leadDefault
	}
	return max(s.Lead, 0)
}

func (s *Service) quoteFor() time.Duration {
	if s.QuoteFor == 0 {
		return quoteForDefault
	}
	return s.QuoteFor
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

var _ Catalogue = (*shop.Service)(nil)
var _ Quoter = (*shop.Quotes)(nil)
