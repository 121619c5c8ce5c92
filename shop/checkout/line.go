package checkout

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// Line is the order of those who wait to buy: LineMemory on one node, one that nodes share where there are several.
// A Line never decides about stock, and where it fails the room is open: nobody is shut out by it.
//
// The first to join an empty line begin it: whoever joins within Opening of that is shuffled once among the others,
// so that a faster network is no better place. From then on it is first in, first out.
type Line interface {
	// Join gives a buyer a place, or the one that the buyer has: reloads and more tabs gain nothing. It returns
	// shop.ErrBusy when the line is full and shop.ErrTooFast when the address holds too many places.
	Join(ctx context.Context, j Joining) (Place, error)
	// Look finds a place, and notes that its buyer is still there; shop.ErrPlaceOver when it was used, its turn has
	// passed or nobody asked for it any more.
	Look(ctx context.Context, id string, now time.Time) (Place, error)
	// Call gives the next n that are still there their turn, until a time, and returns whose it is. It ends the turns
	// that have passed.
	Call(ctx context.Context, n int, now, until time.Time) (ids []string, err error)
	// Take keeps a turn for one purchase, by its key, and for every retry of that one; shop.ErrPlaceOver while another
	// has it. It ends by itself when nobody can be waiting for the purchase any more.
	Take(ctx context.Context, id, key string, now time.Time) error
	// Free gives a turn back whose purchase was refused.
	Free(ctx context.Context, id, key string) error
	// Use ends a turn: its buyer has bought.
	Use(ctx context.Context, id string) error
	// Size counts those who wait and those whose turn it is.
	Size(ctx context.Context, now time.Time) (waiting, called int, err error)
}

// Joining is a buyer who wants a place.
type Joining struct {
	Buyer    string
	Address  string   // whose places are counted together; empty: nobody counts
	Variants []string // what for
	Now      time.Time
}

// Place is a buyer's place in the line.
type Place struct {
	ID       string
	Buyer    string
	Variants []string
	Position int64     // how many come first, and one; 0: it is the buyer's turn
	Until    time.Time // of the turn
}

// Turn tells whether the place's buyer may buy now.
func (p Place) Turn() bool { return p.Position == 0 }

// Standing is what a buyer is told of a place.
type Standing struct {
	Place
	Token    string        // signed; what the buyer shows
	SoldOut  bool          // what the place is for is sold out, as far as is known
	Estimate time.Duration // until the turn comes
	Again    time.Duration // when to ask again
}

// QueuedError is the answer to a buyer who must wait: a place in the line. It unwraps to shop.ErrQueued.
type QueuedError struct{ Standing Standing }

// Error says where the place is.
func (e *QueuedError) Error() string { return shop.ErrQueued.Error() }

// Unwrap is shop.ErrQueued.
func (e *QueuedError) Unwrap() error { return shop.ErrQueued }

// RetryAfter is when to ask again.
func (e *QueuedError) RetryAfter() time.Duration { return e.Standing.Again }
