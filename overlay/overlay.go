package overlay

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Limits of a broadcast's overlay.
const (
	PinsMax = 3   // products pinned at once
	BagMax  = 100 // products in the bag
)

// What is refused.
var (
	ErrNotFound    = errors.New("overlay: there is no such broadcast")
	ErrNotPinned   = errors.New("overlay: the product was never pinned in this broadcast")
	ErrEnded       = errors.New("overlay: the broadcast has ended")
	ErrMediaTime   = errors.New("overlay: the media time lies outside what can be seen now")
	ErrProduct     = errors.New("overlay: the broadcast's shop does not sell this product")
	ErrTooManyPins = errors.New("overlay: three products are pinned already")
	ErrDeal        = errors.New("overlay: there is no such deal in this broadcast")
	ErrOffAir      = errors.New("overlay: the broadcast is not on air")
	ErrBag         = errors.New("overlay: a bag holds at most 100 different products")
	ErrEvent       = errors.New("overlay: an integrator's event has a kind x.… and a JSON object of at most 4 KiB")
)

// Pin shows a product from one frame until another. What it was and when it ended never changes.
type Pin struct {
	ID        string
	Broadcast string
	Product   string
	From      mediatime.Time
	Until     *mediatime.Time // nil while it is pinned
	PlacedBy  string          // account
	PlacedAt  time.Time
	RemovedBy string
	RemovedAt time.Time
	Set       *PinnedSet // nil: one product; else Product is the first of the set's
}

// Key is what the pin is placed and removed by: the set or the product.
func (p Pin) Key() string {
	if p.Set != nil {
		return p.Set.ID
	}
	return p.Product
}

// Products are all that the pin shows.
func (p Pin) Products() []string {
	if p.Set != nil {
		return p.Set.Products
	}
	return []string{p.Product}
}

// Shown tells whether the pin lies on the frame of media time t.
func (p Pin) Shown(t mediatime.Time) bool { return p.From <= t && (p.Until == nil || t < *p.Until) }

// Bag is a broadcast's list of products as it stands from one frame on.
type Bag struct {
	Broadcast string
	Products  []string
	From      mediatime.Time
	SetBy     string // account
	SetAt     time.Time
}

// Room is what lies over a broadcast at one time.
type Room struct {
	Version int64 // rises with every change; 0: nothing has ever been changed
	Pins    []Pin // in the order in which they were placed
	Bag     []string
}

// Holds tells whether the product is pinned or in the bag.
func (r Room) Holds(product string) bool {
	return slices.Contains(r.Bag, product) || slices.ContainsFunc(r.Pins, func(p Pin) bool { return slices.Contains(p.Products(), product) })
}

// Removal ends a pin.
type Removal struct {
	Broadcast, Product string         // or the id of a set
	Until              mediatime.Time // the pin's end is never before its beginning
	By                 string
	At                 time.Time
}

// Store keeps pins and bags. Each method is one transaction. A method that changes something makes the room's
// next version and appends the fact that it is given for it, in the same transaction; one that finds nothing to
// change does neither.
type Store interface {
	// PlacePin stores p and reports true. Where its key is pinned already it returns that pin and false;
	// where max others are, ErrTooManyPins.
	PlacePin(ctx context.Context, p Pin, max int, fact func(version int64) event.Event) (Pin, bool, error)
	// RemovePin ends the product's open pin and reports true. Without one it returns the product's newest pin
	// and false, or ErrNotPinned.
	RemovePin(ctx context.Context, r Removal, fact func(p Pin, version int64) event.Event) (Pin, bool, error)
	// SetBag makes b the bag and reports true; false where it is the same list already.
	SetBag(ctx context.Context, b Bag, fact func(version int64) event.Event) (bool, error)
	// Room returns what lies over the broadcast: now, or on the frame of media time at.
	Room(ctx context.Context, broadcast string, at *mediatime.Time) (Room, error)
	// Pins returns every pin of the broadcast, in the order in which they were placed.
	Pins(ctx context.Context, broadcast string) ([]Pin, error)
	// PinsRemoved returns the newest pins of all broadcasts that were removed after a time, the newest first.
	PinsRemoved(ctx context.Context, after time.Time, most int) ([]Pin, error)
}

// Broadcast is what the overlay must know of one.
type Broadcast struct {
	ID          string
	Title       string
	Channel     string
	ChannelName string
	Shop        string
	State       string // draft, scheduled, rehearsal, live, interrupted, ended
	Currency    string
	StartsAt    time.Time
	StartedAt   time.Time
	EndedAt     time.Time
	Anchors     mediatime.Anchors
}

// Broadcasts finds broadcasts; streaming's record is behind it.
type Broadcasts interface {
	// Broadcast returns one, or ErrNotFound.
	Broadcast(ctx context.Context, id string) (Broadcast, error)
	// OnAir lists the IDs of those that have begun and not ended, by shop.
	OnAir(ctx context.Context) (map[string][]string, error)
}

// Catalogue finds products. *shop.Service is one.
type Catalogue interface {
	Product(ctx context.Context, id string) (shop.Product, error)
}

// Quoter signs prices. *shop.Quotes is one.
type Quoter interface {
	Issue(q shop.Quote) (string, error)
}

// Audience counts who watches.
type Audience interface {
	Viewers(broadcast string) int
}
