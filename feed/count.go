package feed

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	flushEvery = time.Second
	purgeEvery = time.Hour
	countsKept = 90 * 24 * time.Hour // without a change
	flushMax   = 500                 // rows in a transaction
	// SignalsMax is how many signals come at a time.
	SignalsMax = 50
)

// Signal is what a viewer's page says of an item.
type Signal struct {
	Item    string
	Watch   bool          // it was watched; else it lay on the screen
	For     time.Duration // how long it was watched
	Boosted bool          // it stood in the boosted place
}

// Hear counts signals. What is not in the feed is not counted: whoever makes ids up fills nothing. Counts are stored once
// a second, however many there are; a process that dies loses that second's.
func (s *Service) Hear(ctx context.Context, signals []Signal) error {
	if len(signals) > SignalsMax {
		return ErrSignal
	}
	p, err := s.current(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range signals {
		n, known := p.byID[one.Item]
		if !known {
			continue
		}
		if one.For < 0 {
			return ErrSignal
		}
		var d Counts
		if one.Watch {
			whole := p.items[n].whole()
			d = Counts{Plays: 1, Watched: int64(min(one.For, whole)) * 1000 / int64(whole)}
		} else {
			d.Impressions = 1
			if one.Boosted && slices.ContainsFunc(p.boosts, func(b Boost) bool { return b.Item == one.Item }) {
				d.Boosted = 1
			}
		}
		s.count(one.Item, d)
	}
	return nil
}

// count runs under s.mu.
func (s *Service) count(item string, d Counts) {
	if s.waiting == nil {
		s.waiting = map[string]Counts{}
	}
	if _, ok := s.waiting[item]; !ok && len(s.waiting) >= 2*(poolMax+boostsKnown) {
		return // the store has been away for long, and what can be seen has changed meanwhile
	}
	s.waiting[item] = s.waiting[item].add(d)
}

// Run stores counts until ctx ends, and then what is left.
func (s *Service) Run(ctx context.Context) error {
	flush, purge := time.NewTicker(flushEvery), time.NewTicker(purgeEvery)
	defer flush.Stop()
	defer purge.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), readWait)
			defer cancel()
			s.flush(last)
			return nil
		case <-flush.C:
			s.flush(ctx)
		case <-purge.C:
			s.purge(ctx)
		}
	}
}

// flush stores what was counted. What the store does not take is kept for the next time.
func (s *Service) flush(ctx context.Context) {
	s.mu.Lock()
	all := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	for piece := range slices.Chunk(slices.Sorted(maps.Keys(all)), flushMax) {
		some := map[string]Counts{}
		for _, id := range piece {
			some[id] = all[id]
		}
		if err := s.Store.Add(ctx, some, s.now()); err != nil {
			s.Log.Warn("feed: store counts", "items", len(some), "error", err)
			s.mu.Lock()
			for id, c := range some {
				s.count(id, c)
			}
			s.mu.Unlock()
		}
	}
}

func (s *Service) purge(ctx context.Context) {
	for {
		n, err := s.Store.Purge(ctx, s.now().Add(-countsKept), flushMax)
		if err != nil {
			s.Log.Warn("feed: delete old counts", "error", err)
		}
		if err != nil || n < flushMax {
			return
		}
	}
}
