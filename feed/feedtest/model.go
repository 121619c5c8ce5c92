// Package feedtest is feed.Store in memory, and the program that holds every store to it.
//
// What enters are calls, what leaves are answers. Only tests import it.
package feedtest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/feed"
)

// Model is feed.Store in memory. The zero value is empty.
type Model struct {
	mu      sync.Mutex
	counts  map[string]feed.Counts
	changed map[string]time.Time
	boosts  []feed.Boost // by id
	Writes  int          // of counts
	Away    error        // answered to every write of counts
}

var _ feed.Store = (*Model)(nil)

// Counts implements feed.Store.
func (m *Model) Counts(_ context.Context, items []string) (map[string]feed.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]feed.Counts{}
	for _, id := range items {
		if c, ok := m.counts[id]; ok {
			out[id] = c
		}
	}
	return out, nil
}

// Add implements feed.Store.
func (m *Model) Add(_ context.Context, counts map[string]feed.Counts, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Away != nil {
		return m.Away
	}
	if m.counts == nil {
		m.counts, m.changed = map[string]feed.Counts{}, map[string]time.Time{}
	}
	m.Writes++
	for id, c := range counts {
		was := m.counts[id]
		m.counts[id] = feed.Counts{
			Impressions: was.Impressions + c.Impressions, Plays: was.Plays + c.Plays, Watched: was.Watched + c.Watched, Boosted: was.Boosted + c.Boosted,
		}
		m.changed[id] = now
	}
	return nil
}

// SetAway has writes of counts fail, or not.
func (m *Model) SetAway(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Away = err
}

// Written is how often counts were written.
func (m *Model) Written() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Writes
}

// Purge implements feed.Store.
func (m *Model) Purge(_ context.Context, before time.Time, n int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var old []string
	for id, at := range m.changed {
		if at.Before(before) {
			old = append(old, id)
		}
	}
	slices.SortFunc(old, func(a, b string) int { return cmp.Or(m.changed[a].Compare(m.changed[b]), cmp.Compare(a, b)) })
	old = old[:min(n, len(old))]
	for _, id := range old {
		delete(m.counts, id)
		delete(m.changed, id)
	}
	return len(old), nil
}

// AddBoost implements feed.Store.
func (m *Model) AddBoost(_ context.Context, b feed.Boost, most int, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	open := 0
	for _, one := range m.boosts {
		if one.Shop == b.Shop && one.EndedAt.IsZero() && one.Until.After(now) {
			open++
		}
	}
	if open >= most {
		return feed.ErrBoosts
	}
	m.boosts = append(m.boosts, b)
	slices.SortFunc(m.boosts, func(a, b feed.Boost) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

// EndBoost implements feed.Store.
func (m *Model) EndBoost(_ context.Context, shop, id, by string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, b := range m.boosts {
		if b.Shop != shop || b.ID != id {
			continue
		}
		if b.EndedAt.IsZero() && b.Until.After(now) {
			m.boosts[i].EndedBy, m.boosts[i].EndedAt = by, now
		}
		return nil
	}
	return feed.ErrNotFound
}

// Boosts implements feed.Store.
func (m *Model) Boosts(_ context.Context, shop string, n int) (out []feed.Boost, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range slices.Backward(m.boosts) {
		if b.Shop == shop && len(out) < n {
			out = append(out, b)
		}
	}
	return out, nil
}

// Running implements feed.Store.
func (m *Model) Running(_ context.Context, now time.Time, n int) (out []feed.Boost, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.boosts {
		if b.Runs(now) && len(out) < n {
			out = append(out, b)
		}
	}
	return out, nil
}
