// Package likes counts hearts: taps of those who watch, many at a time.
//
// What enters are taps (up a feed, or by the API), what leaves is the number on the broadcast's topic, a few times a
// second, and once a second one row per broadcast that was tapped. It refuses more taps than fingers make, and counts
// nothing for a broadcast that nobody on this node has asked for lately beyond its bounds. A process that dies loses
// the taps of its last second. likessql keeps the counts; api and cmd use it.
package likes

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
)

const (
	tapsMax    = 5                      // in one message
	flushEvery = time.Second            // into the store
	tellEvery  = 250 * time.Millisecond // to viewers
	roomsMax   = 10_000
	roomKept   = 10 * time.Minute // without a tap
	storeFor   = 5 * time.Second
	batchMax   = 500
)

// UpRate is how fast one feed may like: with five taps in a message, ten a second.
var UpRate = overlay.Rate{PerSecond: 2, Burst: 4}

// ErrTaps is returned for a message that holds no taps, or too many.
var ErrTaps = errors.New("likes: one to five taps at a time")

// Store keeps counts. Each method is one transaction.
type Store interface {
	// Add adds to counts, which may not exist yet, and returns the sums.
	Add(ctx context.Context, taps map[string]int64) (map[string]int64, error)
	// Count returns one; 0 where there is none.
	Count(ctx context.Context, broadcast string) (int64, error)
}

// Changed is the data of likes.changed.
type Changed struct {
	Likes int64 `json:"likes"`
}

// Service counts. Fill the fields, then Run.
type Service struct {
	// Required.
	Store Store
	Bus   event.Bus
	Log   *slog.Logger

	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	mu    sync.Mutex
	rooms map[string]*room
}

// room is a broadcast.
type room struct {
	stored int64 // as the store last said
	known  bool
	taps   int64 // since then, here
	taking int64 // of these, on their way into the store
	told   int64
	at     time.Time
}

func (r *room) sum() int64 { return r.stored + r.taps }

// Hear takes taps that came up a feed: {"kind":"like","taps":3}.
func (s *Service) Hear(m overlay.Said) error {
	var up struct {
		Taps int64 `json:"taps"`
	}
	broadcast, ok := strings.CutPrefix(m.Topic, "broadcast/")
	if err := json.Unmarshal(m.Message, &up); err != nil || !ok {
		return ErrTaps
	}
	return s.Tap(broadcast, max(up.Taps, 1))
}

// Tap counts taps of somebody who may watch the broadcast.
func (s *Service) Tap(broadcast string, taps int64) error {
	if taps < 1 || taps > tapsMax {
		return ErrTaps
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.room(broadcast)
	if r != nil {
		r.taps += taps
		r.at = s.now()
	}
	return nil
}

// room runs under s.mu. It is nil where there are too many.
func (s *Service) room(broadcast string) *room {
	r := s.rooms[broadcast]
	if r == nil && len(s.rooms) < roomsMax {
		if s.rooms == nil {
			s.rooms = map[string]*room{}
		}
		r = &room{at: s.now()}
		s.rooms[broadcast] = r
	}
	return r
}

// Likes is the newest count that this node knows of.
func (s *Service) Likes(broadcast string) int64 {
	s.mu.Lock()
	r := s.rooms[broadcast]
	if r != nil && r.known && s.now().Sub(r.at) < flushEvery {
		defer s.mu.Unlock()
		return r.sum()
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), storeFor)
	defer cancel()
	n, err := s.Store.Count(ctx, broadcast)
	if err != nil {
		s.Log.Warn("count likes", "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rooms[broadcast]; r != nil {
		return max(n, r.stored) + r.taps
	}
	return n
}

// Run stores and tells until ctx ends, and stores what is left.
func (s *Service) Run(ctx context.Context) error {
	tell, flush := time.NewTicker(tellEvery), time.NewTicker(flushEvery)
	defer tell.Stop()
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeFor)
			defer cancel()
			for s.flush(last) {
			}
			return nil
		case <-flush.C:
			for s.flush(ctx) {
			}
		case <-tell.C:
			s.tell(ctx)
		}
	}
}

// flush stores what was tapped, of at most so many broadcasts, and says whether there is more. What the store does not
// take is kept for the next time.
func (s *Service) flush(ctx context.Context) (more bool) {
	s.mu.Lock()
	now, taps := s.now(), map[string]int64{}
	for id, r := range s.rooms {
		switch {
		case len(taps) == batchMax:
			more = true
		case r.taps > 0:
			r.taking = r.taps
			taps[id] = r.taps
		case now.Sub(r.at) >= roomKept:
			delete(s.rooms, id)
		}
	}
	s.mu.Unlock()
	if len(taps) == 0 {
		return false
	}
	sums, err := s.Store.Add(ctx, taps)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.Log.Warn("store likes", "broadcasts", len(taps), "error", err)
		return false
	}
	for id, sum := range sums {
		if r := s.rooms[id]; r != nil {
			r.stored, r.known = sum, true
			r.taps -= r.taking
			r.taking = 0
		}
	}
	return more
}

// tell sends the counts that have changed. Several nodes tell theirs: viewers take the greatest.
func (s *Service) tell(ctx context.Context) {
	s.mu.Lock()
	var events []event.Event
	for id, r := range s.rooms {
		if r.known && r.sum() > r.told {
			r.told = r.sum()
			events = append(events, event.New(event.BroadcastTopic(id), event.LikesChanged, 0, s.now(), Changed{r.told}))
		}
	}
	s.mu.Unlock()
	if len(events) == 0 {
		return
	}
	if err := s.Bus.Publish(ctx, events...); err != nil && ctx.Err() == nil {
		s.Log.Warn("tell likes", "error", err)
	}
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}
