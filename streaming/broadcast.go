package streaming

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Access says whom a broadcast is for.
type Access string

// The levels of access.
const (
	Public    Access = "public"
	Followers Access = "followers" // who follows the channel
	ByToken   Access = "token"     // who has a viewing token; it stands in no public list
)

// State is where a broadcast stands in its life.
type State string

// The states. A rehearsal is seen by the team only, until it ends, and stands in no list afterwards.
const (
	Draft       State = "draft"
	Scheduled   State = "scheduled"
	Rehearsal   State = "rehearsal"
	Live        State = "live"
	Interrupted State = "interrupted" // on air, but the publisher is silent
	Ended       State = "ended"
)

// moves lists, for each state, the states that may follow.
var moves = map[State][]State{
	Draft:       {Scheduled, Live, Ended},
	Scheduled:   {Draft, Live, Ended},
	Rehearsal:   {Ended}, // whatever its encoder does
	Live:        {Interrupted, Ended},
	Interrupted: {Live, Ended},
	Ended:       {},
}

// May tells whether a broadcast may go from s to next.
func (s State) May(next State) bool {
	for _, m := range moves[s] {
		if m == next {
			return true
		}
	}
	return false
}

// OnAir tells whether viewers can be there: live or interrupted.
func (s State) OnAir() bool { return s == Live || s == Interrupted }

// States lists every state.
func States() []State { return []State{Draft, Scheduled, Rehearsal, Live, Interrupted, Ended} }

// What the record of a broadcast refuses.
var (
	ErrNotFound  = errors.New("streaming: no such broadcast")
	ErrMove      = errors.New("streaming: a broadcast in this state cannot do that")
	ErrTitle     = errors.New("streaming: a title has 1 to 120 characters and no control characters")
	ErrAccess    = errors.New("streaming: a broadcast is public, for followers, or for those with a token")
	ErrStartsAt  = errors.New("streaming: a broadcast starts between now and a year from now")
	ErrOnAirElse = errors.New("streaming: the channel is on air with another broadcast")
)

const (
	titleRunesMax = 120
	armedBefore   = 30 * time.Minute // a scheduled broadcast takes the channel's publisher from here on
	armedAfter    = 12 * time.Hour   // and until here; a rehearsal that was forgotten takes it no longer either
)

// Broadcast is one time on air.
type Broadcast struct {
	ID, ChannelID, ShopID, Title                           string
	State                                                  State
	Access                                                 Access    // empty means Public, to a Store
	CreatedAt, StartsAt, StartedAt, InterruptedAt, EndedAt time.Time // UTC; zero: not yet
	Anchors                                                mediatime.Anchors
	Length                                                 mediatime.Time // media time at which it ended; 0 before
}

// Armed tells whether the channel's publisher goes on this broadcast now.
func (b Broadcast) Armed(now time.Time) bool {
	switch b.State {
	case Draft:
		return true
	case Rehearsal:
		return now.Before(b.CreatedAt.Add(armedAfter))
	case Scheduled:
		return now.After(b.StartsAt.Add(-armedBefore)) && now.Before(b.StartsAt.Add(armedAfter))
	}
	return b.State.OnAir()
}

// Filter narrows a list. Empty fields do not.
type Filter struct {
	States  []State
	Channel string
	Shop    string
	Listed  bool   // leaves out those that need a token
	Before  string // the ID of the last one of the page before; newest come first
	Limit   int    // 1 to 100; 0 means 50
}

// Airing is a broadcast that has begun and not ended.
type Airing struct{ ID, ShopID string }

// Store keeps broadcasts. Each method is one transaction; facts are appended to the outbox in the same one.
type Store interface {
	// Create stores a new broadcast in state Draft, Scheduled or Rehearsal.
	Create(ctx context.Context, b Broadcast) error
	// Broadcast returns one, ErrNotFound where there is none.
	Broadcast(ctx context.Context, id string) (Broadcast, error)
	// List returns broadcasts, newest first.
	List(ctx context.Context, f Filter) ([]Broadcast, error)
	// OnAir returns all that are live or interrupted, by ID.
	OnAir(ctx context.Context) ([]Airing, error)
	// EndedSince returns those that ended after a time, the last one first, at most so many.
	EndedSince(ctx context.Context, after time.Time, most int) ([]Broadcast, error)
	// Take returns the broadcast that the channel's publisher goes on at now: the one on air, else a rehearsal,
	// else the armed scheduled one that starts first, else the newest draft, else fallback, which it stores. A
	// fallback without an ID is none: ErrNotFound.
	Take(ctx context.Context, fallback Broadcast, now time.Time) (Broadcast, error)
	// Move changes the state. A move to Live adds those anchors that are not stored yet, also when it is live already.
	// It returns ErrMove where the state does not allow it and ErrOnAirElse where the channel is on air elsewhere.
	Move(ctx context.Context, m Move) (Broadcast, error)
	// Rename changes the title.
	Rename(ctx context.Context, id, title string) (Broadcast, error)
	// SetLadder says whether smaller pictures of the broadcast are made. It returns ErrMove where it has ended.
	SetLadder(ctx context.Context, id string, on bool) error
	// Ladders lists the broadcasts with a ladder that have not ended, the oldest first, at most 1,000.
	Ladders(ctx context.Context) ([]string, error)
	// SetAccess changes whom it is for.
	SetAccess(ctx context.Context, id string, a Access) (Broadcast, error)
}

// Move is a change of state.
type Move struct {
	ID      string
	To      State
	At      time.Time
	Anchors mediatime.Anchors // of the stream so far, for a move to Live
	Length  mediatime.Time    // for a move to Ended
}

// Apply returns b after the move, by the rules that every Store shares: a rehearsal has its anchors like what is on air,
// and stays a rehearsal. The added anchors are those of the move
// that b did not have.
func (m Move) Apply(b Broadcast) (after Broadcast, added mediatime.Anchors, err error) {
	live := b.State == Live
	again := live && m.To == Live
	rehearses := b.State == Rehearsal && (m.To == Live || m.To == Interrupted)
	if !again && !rehearses && !b.State.May(m.To) {
		return b, nil, ErrMove
	}
	if !rehearses {
		b.State = m.To
	}
	switch m.To {
	case Live:
		if b.StartedAt.IsZero() {
			b.StartedAt = m.At
		}
		b.InterruptedAt = time.Time{}
		known := 0
		if a, ok := b.Anchors.Newest(); ok {
			known = a.Generation
		}
		for _, a := range m.Anchors {
			if a.Generation > known {
				added = append(added, a)
			}
		}
		b.Anchors = append(b.Anchors[:len(b.Anchors):len(b.Anchors)], added...).Kept()
	case Interrupted:
		b.InterruptedAt = m.At
	case Ended:
		b.EndedAt, b.Length = m.At, m.Length
		if a, ok := b.Anchors.Newest(); ok && live && b.Length == 0 { // ended by a node that does not have its media
			b.Length = max(0, a.At(m.At))
		}
	}
	return b, added, nil
}

// Valid tells whether a is one of the levels.
func (a Access) Valid() bool { return a == Public || a == Followers || a == ByToken }

// CheckTitle tells whether a title is fit to be shown, and returns it trimmed.
func CheckTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	if n := utf8.RuneCountInString(title); n == 0 || n > titleRunesMax || !utf8.ValidString(title) {
		return "", ErrTitle
	}
	for _, r := range title {
		// Direction overrides would let a title rewrite the line it stands in.
		if r < 0x20 || r == 0x7f || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return "", ErrTitle
		}
	}
	return title, nil
}
