package feed

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	poolFresh = 2 * time.Second // what is on air is in the feed so soon
	poolKept  = time.Minute     // and an old pool is shown so long while a new one cannot be read
	poolMax   = 1000            // items; of more the newest
	readWait  = 5 * time.Second
)

// Store keeps counts and boosts. Each method is one transaction.
type Store interface {
	// Counts returns those of the items that have any.
	Counts(ctx context.Context, items []string) (map[string]Counts, error)
	// Add adds to counts, which may not exist yet.
	Add(ctx context.Context, counts map[string]Counts, now time.Time) error
	// Purge deletes at most n counts that have not changed since a time.
	Purge(ctx context.Context, before time.Time, n int) (int, error)

	// AddBoost adds one; ErrBoosts where the shop has as many as it may that are not over.
	AddBoost(ctx context.Context, b Boost, most int, now time.Time) error
	// EndBoost ends one of a shop; ErrNotFound where there is none.
	EndBoost(ctx context.Context, shop, id, by string, now time.Time) error
	// Boosts lists a shop's, newest first.
	Boosts(ctx context.Context, shop string, n int) ([]Boost, error)
	// Running lists at most n boosts that are in force, oldest first.
	Running(ctx context.Context, now time.Time, n int) ([]Boost, error)
}

// Service answers with pages. Fill the fields, then Run. Any number of goroutines may use it.
type Service struct {
	// Required.
	Store Store
	// Items lists what everybody may see: what is on air, and of the rest the newest.
	Items func(ctx context.Context, most int) ([]Item, error)
	// Find returns one, and false where not everybody may see it, or it is not there.
	Find func(ctx context.Context, id string) (Item, bool, error)
	Log  *slog.Logger

	// Sold, if set, tells how many orders were paid that came from each of the items.
	Sold func(ctx context.Context, ids []string) (map[string]int64, error)
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	reading sync.Mutex // held while the pool is read
	mu      sync.Mutex
	pool    *pool
	waiting map[string]Counts // counted here and not stored yet; bounded by what may be counted
}

// Page returns the next items of a viewer's session, and the cursor of those after them, "" where nothing is left for
// now. also are items that were seen since the cursor was given.
func (s *Service) Page(ctx context.Context, v Viewer, cursor string, also []string, n int) ([]Placed, string, error) {
	before, err := parseSeen(cursor)
	if err != nil {
		return nil, "", err
	}
	for _, id := range also {
		before.note(markOf(id))
	}
	p, err := s.current(ctx)
	if err != nil {
		return nil, "", err
	}
	out, more := p.page(v, before, min(max(n, 1), PageMax), s.now())
	if !more {
		return out, "", nil
	}
	return out, before.cursor(), nil
}

// current returns the pool, read anew where it is old. One caller reads; others have the old one meanwhile.
func (s *Service) current(ctx context.Context) (*pool, error) {
	s.mu.Lock()
	p := s.pool
	s.mu.Unlock()
	now := s.now()
	if p != nil && now.Sub(p.read) < poolFresh {
		return p, nil
	}
	if p != nil && now.Sub(p.read) < poolKept {
		if !s.reading.TryLock() {
			return p, nil
		}
	} else {
		s.reading.Lock()
		s.mu.Lock()
		again := s.pool
		s.mu.Unlock()
		if again != nil && s.now().Sub(again.read) < poolFresh {
			s.reading.Unlock()
			return again, nil
		}
	}
	defer s.reading.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWait) // others will use it too
	defer cancel()
	fresh, err := s.read(ctx)
	if err != nil {
		if p != nil && now.Sub(p.read) < poolKept {
			s.Log.Warn("feed: read what can be seen", "error", err)
			return p, nil
		}
		return nil, err
	}
	s.mu.Lock()
	s.pool = fresh
	s.mu.Unlock()
	return fresh, nil
}

// stale has the next caller read the pool anew.
func (s *Service) stale() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pool != nil {
		old := *s.pool
		old.read = s.now().Add(-poolFresh)
		s.pool = &old
	}
}

func (s *Service) read(ctx context.Context) (*pool, error) {
	now := s.now()
	p := &pool{byID: map[string]int{}, read: now}
	items, err := s.Items(ctx, poolMax)
	if err != nil {
		return nil, err
	}
	p.items = items
	if len(p.items) > poolMax {
		p.items = p.items[:poolMax]
	}
	for n, i := range p.items {
		p.byID[i.ID] = n
	}
	running, err := s.Store.Running(ctx, now, boostsKnown)
	if err != nil {
		return nil, err
	}
	for _, b := range running {
		if _, ok := p.byID[b.Item]; !ok { // older than the rest: it is here for its boost
			i, ok, err := s.Find(ctx, b.Item)
			if err != nil {
				return nil, err
			}
			if !ok || i.Shop != b.Shop {
				continue // it is not public any more
			}
			p.byID[i.ID] = len(p.items)
			p.items = append(slices.Clip(p.items), i)
		}
		p.boosts = append(p.boosts, b)
	}
	ids := make([]string, len(p.items))
	for n, i := range p.items {
		ids[n] = i.ID
	}
	if p.counts, err = s.Store.Counts(ctx, ids); err != nil {
		return nil, err
	}
	if s.Sold != nil {
		p.sold, err = s.Sold(ctx, ids)
	}
	return p, err
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}
