// Package streamingtest holds what tests of streaming's stores share: Model, the small in-memory store that is fake,
// oracle and documentation at once, and RunStore, which compares any other store with it call by call.
package streamingtest

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// Model is a streaming.Store in memory.
type Model struct {
	mu      sync.Mutex
	all     map[string]streaming.Broadcast
	ladders map[string]bool
}

var _ streaming.Store = (*Model)(nil)

// Create stores a broadcast.
func (m *Model) Create(_ context.Context, b streaming.Broadcast) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(b)
	return nil
}

func (m *Model) put(b streaming.Broadcast) {
	if m.all == nil {
		m.all = map[string]streaming.Broadcast{}
	}
	b.Access = cmp.Or(b.Access, streaming.Public)
	m.all[b.ID] = b
}

// Broadcast returns one.
func (m *Model) Broadcast(_ context.Context, id string) (streaming.Broadcast, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.all[id]
	if !ok {
		return b, streaming.ErrNotFound
	}
	return b, nil
}

// List returns broadcasts, newest first.
func (m *Model) List(_ context.Context, f streaming.Filter) (out []streaming.Broadcast, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.all {
		in := len(f.States) == 0
		for _, s := range f.States {
			in = in || b.State == s
		}
		if in && (f.Channel == "" || f.Channel == b.ChannelID) && (f.Shop == "" || f.Shop == b.ShopID) && (f.Before == "" || b.ID < f.Before) &&
			(!f.Listed || b.Access != streaming.ByToken) {
			out = append(out, b)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID > out[j].ID })
	limit := f.Limit
	if limit <= 0 || limit > 100 {
		limit = 50
	}
	return out[:min(limit, len(out))], nil
}

// EndedSince returns those that ended after a time, the last one first.
func (m *Model) EndedSince(_ context.Context, after time.Time, most int) (out []streaming.Broadcast, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.all {
		if b.State == streaming.Ended && b.EndedAt.After(after) {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b streaming.Broadcast) int {
		return cmp.Or(b.EndedAt.Compare(a.EndedAt), cmp.Compare(b.ID, a.ID))
	})
	return out[:min(most, len(out))], nil
}

// OnAir returns all that are live or interrupted.
func (m *Model) OnAir(context.Context) (out []streaming.Airing, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.all {
		if b.State.OnAir() {
			out = append(out, streaming.Airing{ID: b.ID, ShopID: b.ShopID})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out, nil
}

// Take returns the broadcast that the channel's publisher goes on.
func (m *Model) Take(_ context.Context, fallback streaming.Broadcast, now time.Time) (streaming.Broadcast, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []streaming.Broadcast
	for _, b := range m.all {
		if b.ChannelID == fallback.ChannelID && b.State != streaming.Ended {
			open = append(open, b)
		}
	}
	if b, ok := streaming.Pick(open, now); ok {
		return b, nil
	}
	if fallback.ID == "" {
		return streaming.Broadcast{}, streaming.ErrNotFound
	}
	m.put(fallback)
	return m.all[fallback.ID], nil
}

// Move changes the state.
func (m *Model) Move(_ context.Context, move streaming.Move) (streaming.Broadcast, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, ok := m.all[move.ID]
	if !ok {
		return before, streaming.ErrNotFound
	}
	after, _, err := move.Apply(before)
	if err != nil {
		return streaming.Broadcast{}, err
	}
	if after.State.OnAir() {
		for _, other := range m.all {
			if other.ID != after.ID && other.ChannelID == after.ChannelID && other.State.OnAir() {
				return streaming.Broadcast{}, streaming.ErrOnAirElse
			}
		}
	}
	m.put(after)
	return after, nil
}

// Rename changes the title.
func (m *Model) Rename(_ context.Context, id, title string) (streaming.Broadcast, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.all[id]
	if !ok {
		return b, streaming.ErrNotFound
	}
	b.Title = title
	m.put(b)
	return b, nil
}

// SetLadder says whether smaller pictures of the broadcast are made.
func (m *Model) SetLadder(_ context.Context, id string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.all[id]
	switch {
	case !ok:
		return streaming.ErrNotFound
	case b.State == streaming.Ended:
		return streaming.ErrMove
	}
	if m.ladders == nil {
		m.ladders = map[string]bool{}
	}
	m.ladders[id] = on
	return nil
}

// Ladders lists the broadcasts with a ladder that have not ended.
func (m *Model) Ladders(context.Context) (ids []string, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, on := range m.ladders {
		if on && m.all[id].State != streaming.Ended {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return ids[:min(1000, len(ids))], nil
}

// SetAccess changes whom it is for.
func (m *Model) SetAccess(_ context.Context, id string, a streaming.Access) (streaming.Broadcast, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.all[id]
	if !ok {
		return b, streaming.ErrNotFound
	}
	b.Access = a
	m.put(b)
	return b, nil
}
