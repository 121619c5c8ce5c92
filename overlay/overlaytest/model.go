// Package overlaytest holds what overlay's store must do: a model that is fake, oracle and documentation at once,
// and a suite that compares any store with it. Only tests import it.
package overlaytest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Model is overlay.Store in memory. Any number of goroutines may use it.
type Model struct {
	mu    sync.Mutex
	rooms map[string]*room
	facts []event.Event
	sets  []overlay.Set
}

type room struct {
	version int64
	pins    []overlay.Pin
	bags    []overlay.Bag
}

var _ overlay.Store = (*Model)(nil)

// Facts lists what was appended to the outbox.
func (m *Model) Facts() []event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.facts)
}

func (m *Model) room(id string) *room {
	if m.rooms == nil {
		m.rooms = map[string]*room{}
	}
	if m.rooms[id] == nil {
		m.rooms[id] = &room{}
	}
	return m.rooms[id]
}

func (m *Model) commit(r *room, fact event.Event) {
	r.version++
	m.facts = append(m.facts, fact)
}

// PlacePin is overlay.Store.
func (m *Model) PlacePin(_ context.Context, p overlay.Pin, max int, fact func(int64) event.Event) (overlay.Pin, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.room(p.Broadcast)
	open := 0
	for _, other := range r.pins {
		if other.Until != nil {
			continue
		}
		if other.Key() == p.Key() {
			return other, false, nil
		}
		open++
	}
	if open >= max {
		return overlay.Pin{}, false, overlay.ErrTooManyPins
	}
	r.pins = append(r.pins, p)
	m.commit(r, fact(r.version+1))
	return p, true, nil
}

// RemovePin is overlay.Store.
func (m *Model) RemovePin(_ context.Context, rm overlay.Removal, fact func(overlay.Pin, int64) event.Event) (overlay.Pin, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.room(rm.Broadcast)
	for i := len(r.pins) - 1; i >= 0; i-- {
		p := &r.pins[i]
		if p.Key() != rm.Product {
			continue
		}
		if p.Until != nil {
			return *p, false, nil
		}
		until := max(rm.Until, p.From)
		p.Until, p.RemovedBy, p.RemovedAt = &until, rm.By, rm.At
		m.commit(r, fact(*p, r.version+1))
		return *p, true, nil
	}
	return overlay.Pin{}, false, overlay.ErrNotPinned
}

// SetBag is overlay.Store.
func (m *Model) SetBag(_ context.Context, b overlay.Bag, fact func(int64) event.Event) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.room(b.Broadcast)
	var was []string
	if n := len(r.bags); n > 0 {
		was = r.bags[n-1].Products
	}
	if slices.Equal(was, b.Products) {
		return false, nil
	}
	b.Products = slices.Clone(b.Products)
	r.bags = append(r.bags, b)
	m.commit(r, fact(r.version+1))
	return true, nil
}

// Room is overlay.Store.
func (m *Model) Room(_ context.Context, broadcast string, at *mediatime.Time) (overlay.Room, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.room(broadcast)
	out := overlay.Room{Version: r.version}
	for _, p := range r.pins {
		if (at == nil && p.Until == nil) || (at != nil && p.Shown(*at)) {
			out.Pins = append(out.Pins, p)
		}
	}
	for _, b := range r.bags {
		if at == nil || b.From <= *at {
			out.Bag = slices.Clone(b.Products)
		}
	}
	return out, nil
}

// PinsRemoved is overlay.Store.
func (m *Model) PinsRemoved(_ context.Context, after time.Time, most int) (out []overlay.Pin, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rooms {
		for _, p := range r.pins {
			if p.Until != nil && p.RemovedAt.After(after) {
				out = append(out, p)
			}
		}
	}
	slices.SortFunc(out, func(a, b overlay.Pin) int {
		return cmp.Or(b.RemovedAt.Compare(a.RemovedAt), cmp.Compare(b.ID, a.ID))
	})
	return out[:min(len(out), most)], nil
}

// Pins is overlay.Store.
func (m *Model) Pins(_ context.Context, broadcast string) ([]overlay.Pin, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.room(broadcast).pins), nil
}
