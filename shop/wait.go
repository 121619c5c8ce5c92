package shop

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/event"
)

// Limits of waitlists.
const (
	WaitsMax      = 10_000 // who wait for one variant; beyond it nobody is added, and nobody pushed out
	WaitsPerBuyer = 50     // variants that one buyer waits for
	WaitsAtOnce   = 500    // offers of one variant in one batch; the next batch goes on
)

// WaitState is where a buyer's wait for a variant stands.
type WaitState string

// The states of a wait.
const (
	WaitWaiting WaitState = "waiting"
	WaitOffered WaitState = "offered" // a unit is held for the buyer, until a time
	WaitTaken   WaitState = "taken"   // the buyer has ordered it
	WaitPassed  WaitState = "passed"  // the offer ran out, or the buyer has as many as one may
	WaitLeft    WaitState = "left"
)

// Active tells whether the buyer still has a place or an offer.
func (s WaitState) Active() bool { return s == WaitWaiting || s == WaitOffered }

// Wait is a buyer's place on a variant's list: one unit, first in, first out.
type Wait struct {
	Variant   string    `json:"variant"`
	Buyer     string    `json:"buyer"`
	Shop      string    `json:"shop"`
	Number    int64     `json:"number"` // rises with everybody who joins the variant's list; never reused
	State     WaitState `json:"state"`
	Until     time.Time `json:"until"` // of the offer
	JoinedAt  time.Time `json:"joined_at"`
	ChangedAt time.Time `json:"changed_at"`
	Ahead     int64     `json:"ahead"` // who come first; only where one wait is read
}

// Open tells whether the buyer may take the offered unit.
func (w *Wait) Open(now time.Time) bool { return w.State == WaitOffered && now.Before(w.Until) }

// WaitCall is what a batch is to do on a variant's list. With no buyer: work it off. Offers that have run out go to who
// is next, and so do units that came free; every batch that changes the variant's stock does so in any case.
type WaitCall struct {
	Variant string `json:"variant"`
	Buyer   string `json:"buyer,omitempty"`
	Leave   bool   `json:"leave,omitempty"` // else the buyer joins
}

// WaitOutcome answers a call.
type WaitOutcome struct {
	Wait Wait
	Err  error
}

// Waits reads waitlists.
type Waits interface {
	// WaitOf returns a buyer's wait with how many come first, or ErrNotFound.
	WaitOf(ctx context.Context, variant, buyer string) (Wait, error)
	// WaitsOf lists a buyer's, the newest first.
	WaitsOf(ctx context.Context, buyer string, limit int) ([]Wait, error)
}

// WaitFact is the data of wait.called: everybody up to this number has an offer, or had one.
type WaitFact struct {
	Variant string `json:"variant"`
	Product string `json:"product"`
	Number  int64  `json:"number"`
}

// Called adds wait.called: the newest number of a variant's list that was offered a unit.
func (f *Facts) Called(shopID string, w WaitFact) {
	f.values = append(f.values, value{shopID, event.WaitCalled, w})
}
