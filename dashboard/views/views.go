// Package views knows who watches: view sessions, heartbeats, impressions and clicks.
//
// What enters are players: Watch when one starts, Hear for every message that it sends up. What leaves are the
// number of viewers on the feed, and once a second the sessions and one fact per broadcast, written together;
// no message costs a write of its own. It refuses messages that are none and sessions that it did not issue.
// It is a room of its own under dashboard, because it is what the seller's numbers are made from, while the
// overlay only carries its messages: neither imports the other. cmd runs it and gives it to feed and scene as
// an interface; api calls Watch; viewssql keeps the rows.
package views

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/event"
)

// What counts as what (FEATURES.md 5.1).
const (
	viewAfter    = 3 * time.Second  // a player that was shown this long is a view
	sameViewFor  = 30 * time.Minute // a reload within it is not a new view; idle longer is
	watchingFor  = 10 * time.Second // viewers now: sessions with a heartbeat in this time
	heartbeatMax = 10 * time.Second // a longer silence was not watched
	sampleEvery  = 5 * time.Second  // concurrent viewers are sampled
)

// Bounds of what is held.
const (
	sessionsMax   = 500_000             // in memory; a new one beyond it is refused
	clicksMax     = 20_000              // that wait for the next write; more are dropped and counted
	sessionClicks = 1_000               // of one session
	messagesMax   = 30                  // of one session in a second; more are not heard
	lookupsMax    = 500                 // sessions of an earlier process looked up per second
	batchMax      = 500                 // rows of one transaction
	factRows      = 500                 // views and clicks in one fact
	keepDefault   = 90 * 24 * time.Hour // sessions are deleted after this
	factsMax      = 2_000               // that wait for a database in trouble; the oldest go first
	textMax       = 200                 // characters of a source
)

// What is refused.
var (
	ErrFull    = errors.New("views: too many view sessions")
	ErrMessage = errors.New("views: this is not a viewer's message")
	ErrStart   = errors.New("views: a view session has a transport whep or hls, a language tag and a short source")
)

// Session is one player's stay in one broadcast. Without consent its visitor is random, so that nothing ties it
// to another.
type Session struct {
	ID        string
	Broadcast string
	Visitor   string
	Consent   bool
	Transport string // whep, hls or ""
	Language  string
	Source    string
	StartedAt time.Time
	LastAt    time.Time // of the newest heartbeat; zero: none
	ViewedAt  time.Time // when it became a view; zero: it did not
	Watched   time.Duration
}

// Start is what a player says when it begins.
type Start struct {
	Broadcast string
	Visitor   string // first-party id of an earlier session; "" for a new visitor
	Consent   bool
	Transport string
	Language  string
	Source    string
}

// Store keeps sessions. Each method is one transaction.
type Store interface {
	// Save writes sessions, of one id the one with the newest heartbeat, and appends the facts.
	Save(ctx context.Context, sessions []Session, facts []event.Event) error
	// Sessions returns those of the ids that exist, in no order.
	Sessions(ctx context.Context, ids []string) ([]Session, error)
	// Latest returns the visitor's newest session in a broadcast, or false.
	Latest(ctx context.Context, broadcast, visitor string) (Session, bool, error)
	// Purge deletes at most limit sessions that began before a time, and says how many.
	Purge(ctx context.Context, before time.Time, limit int) (int, error)
}

// Counted is the data of audience.counted: what happened in a broadcast since the last one.
type Counted struct {
	Broadcast   string       `json:"broadcast"`
	Viewers     *int         `json:"viewers,omitempty"` // a sample of those who watch now
	Views       []View       `json:"views,omitempty"`
	Impressions []Impression `json:"impressions,omitempty"`
	Clicks      []Click      `json:"clicks,omitempty"`
}

// View is a session that became a view. Viewer tells visitors of this broadcast apart, and says nothing of any
// other.
type View struct {
	Session string `json:"session"`
	Viewer  string `json:"viewer"`
}

// Impression counts in how many views a pin showed a product. Of these, Further were shown by a pin that another of its
// products had counted for: a set's.
type Impression struct {
	Product string `json:"product"`
	Pin     string `json:"pin"`
	Count   int64  `json:"count"`
	Further int64  `json:"further,omitempty"`
}

// Click is one click on a product. Its session is empty without consent.
type Click struct {
	ID        string `json:"id"`
	Session   string `json:"session"`
	Product   string `json:"product"`
	Variant   string `json:"variant"`
	Pin       string `json:"pin"`
	MediaTime int64  `json:"media_time"` // µs: the frame that the viewer saw; 0: unknown
	At        int64  `json:"at"`         // Unix ms
}
