package feed

import (
	"errors"
	"time"
)

// What is refused.
var (
	ErrCursor   = errors.New("feed: the cursor is not one of ours")
	ErrSignal   = errors.New("feed: a signal names an item and says impression, or watch with how long")
	ErrNotFound = errors.New("feed: no such boost")
	ErrBoost    = errors.New("feed: a boost lasts between a minute and 31 days and begins within 90 days")
	ErrBoosts   = errors.New("feed: a shop has at most 20 boosts that are not over")
	ErrBoostOf  = errors.New("feed: only what everybody may see, of the shop itself, is boosted")
)

// Kind is what an item is.
type Kind string

// The kinds.
const (
	Live    Kind = "live"
	Short   Kind = "short"
	Clip    Kind = "clip"
	Story   Kind = "story"
	Picture Kind = "picture"
)

const (
	liveLength  = time.Minute     // who watched so long of what is on air has watched it
	stillLength = 5 * time.Second // and so long at a picture
)

// Item is something that everybody may see.
type Item struct {
	ID            string
	Kind          Kind
	Channel, Shop string
	Language      string        // "" where nobody said
	At            time.Time     // since when it can be seen
	Length        time.Duration // 0 where it has none
	Viewers       int64         // now, of what is on air
	Of            any           // what it is, for whoever shows it
}

// whole is how long somebody watches who watches all of it.
func (i Item) whole() time.Duration {
	switch {
	case i.Kind == Live:
		return liveLength
	case i.Kind == Picture || i.Length <= 0:
		return stillLength
	}
	return i.Length
}

// Counts is what viewers did with an item.
type Counts struct {
	Impressions int64 // it lay on a screen for a second
	Plays       int64 // somebody watched, however long
	Watched     int64 // thousandths of the whole, summed over plays
	Boosted     int64 // impressions in the boosted place
}

func (c Counts) add(d Counts) Counts {
	return Counts{c.Impressions + d.Impressions, c.Plays + d.Plays, c.Watched + d.Watched, c.Boosted + d.Boosted}
}

// Viewer is what is known of who looks. The zero value is a stranger.
type Viewer struct {
	Follows   map[string]bool // channels
	Bought    map[string]bool // shops
	Languages []string        // as the reader's device says them, best first
}

// Placed is an item with why it stands where it stands.
type Placed struct {
	Item
	Score int64
	Terms []Term // their sum is Score
	Boost *Boost // it stands in the boosted place, whatever its score
}
