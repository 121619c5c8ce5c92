// Package pulltest is what every pull.Store must do, and one in memory that does it.
//
// What enters is a store, what leaves are test failures; Model is the small store that the others are compared with
// and that other tests use. It refuses to know SQL. Only tests import it.
package pulltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/ingest/pull"
)

// Model is a pull.Store in memory.
type Model struct {
	mu   sync.Mutex
	rows []row // by id
}

type row struct {
	pull.Source
	node  string
	lease time.Time
}

var _ pull.Store = (*Model)(nil)

func (m *Model) find(id string) *row {
	for i := range m.rows {
		if m.rows[i].ID == id {
			return &m.rows[i]
		}
	}
	return nil
}

// CreateSource implements pull.Store.
func (m *Model) CreateSource(_ context.Context, s pull.Source, max int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, r := range m.rows {
		if r.Channel == s.Channel {
			n++
		}
	}
	if n >= max {
		return pull.ErrTooMany
	}
	m.rows = append(m.rows, row{Source: s})
	slices.SortFunc(m.rows, func(a, b row) int { return strings.Compare(a.ID, b.ID) })
	return nil
}

// Source implements pull.Store.
func (m *Model) Source(_ context.Context, id string) (pull.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.find(id); r != nil {
		return r.Source, nil
	}
	return pull.Source{}, pull.ErrNotFound
}

// Sources implements pull.Store.
func (m *Model) Sources(_ context.Context, channel string) (out []pull.Source, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.Channel == channel {
			out = append(out, r.Source)
		}
	}
	return out, nil
}

// WantSource implements pull.Store.
func (m *Model) WantSource(_ context.Context, id string, wanted bool, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.find(id)
	if r == nil {
		return pull.ErrNotFound
	}
	switch {
	case !wanted:
		r.State, r.node, r.lease = pull.Stopped, "", time.Time{}
	case !r.Wanted:
		r.State = pull.Connecting
	}
	r.Wanted, r.Reason, r.Broadcast, r.Changed = wanted, "", "", now
	return nil
}

// DeleteSource implements pull.Store.
func (m *Model) DeleteSource(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.find(id) == nil {
		return pull.ErrNotFound
	}
	m.rows = slices.DeleteFunc(m.rows, func(r row) bool { return r.ID == id })
	return nil
}

// ClaimSources implements pull.Store.
func (m *Model) ClaimSources(_ context.Context, node string, now, until time.Time, max int) (out []pull.Source, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		r := &m.rows[i]
		mine := r.node == node && !r.lease.IsZero()
		if r.Wanted && (mine || !r.lease.After(now)) && len(out) < max {
			r.node, r.lease = node, until
			out = append(out, r.Source)
		}
	}
	return out, nil
}

// ReleaseSources implements pull.Store.
func (m *Model) ReleaseSources(_ context.Context, node string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.rows {
		if r := &m.rows[i]; r.node == node {
			r.node, r.lease = "", time.Time{}
		}
	}
	return nil
}

// SetSourceState implements pull.Store.
func (m *Model) SetSourceState(_ context.Context, node string, s pull.Source) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.find(s.ID)
	if r == nil || !r.Wanted || r.node != node || r.lease.IsZero() {
		return nil
	}
	r.State, r.Reason, r.Broadcast, r.Changed = s.State, s.Reason, s.Broadcast, s.Changed
	if s.State == pull.Stopped || s.State == pull.Failed {
		r.Wanted, r.lease = false, time.Time{}
	}
	return nil
}

// Same runs one random program on a store and on the model, and compares every answer.
func Same(t *testing.T, s pull.Store, seed uint64) {
	t.Helper()
	ctx, model := t.Context(), &Model{}
	random := rand.New(rand.NewPCG(seed, 1))
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var ids []string
	pick := func() string {
		if len(ids) == 0 || random.IntN(10) == 0 {
			return uuid.NewString()
		}
		return ids[random.IntN(len(ids))]
	}
	check := func(what string, got, want any, gotErr, wantErr error) {
		t.Helper()
		if !errors.Is(gotErr, wantErr) || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%s: %v, the model says %v", what, gotErr, wantErr)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s: %s", what, d)
		}
	}
	nodes, channels := []string{"", "a", "b"}, []string{"north", "south"}
	for range 400 {
		now = now.Add(time.Duration(random.IntN(4000)) * time.Millisecond)
		node, channel := nodes[random.IntN(3)], channels[random.IntN(2)]
		switch random.IntN(8) {
		case 0, 1:
			one := pull.Source{ID: uuid.Must(uuid.NewV7()).String(), Channel: channel, Shop: "s", Name: "Camera", Address: "rtsp://camera", Sealed: "x", State: pull.Stopped, Created: now, Changed: now}
			err := model.CreateSource(ctx, one, 6)
			check("create", nil, nil, s.CreateSource(ctx, one, 6), err)
			if err == nil {
				ids = append(ids, one.ID)
			}
		case 2, 3:
			id, wanted := pick(), random.IntN(3) > 0
			check("want", nil, nil, s.WantSource(ctx, id, wanted, now), model.WantSource(ctx, id, wanted, now))
		case 4:
			if random.IntN(4) == 0 {
				id := pick()
				check("delete", nil, nil, s.DeleteSource(ctx, id), model.DeleteSource(ctx, id))
			} else if random.IntN(4) == 0 {
				check("release", nil, nil, s.ReleaseSources(ctx, node), model.ReleaseSources(ctx, node))
			}
		case 5, 6:
			// The store may leave a lease as it is while it is fresh; the model's is made the same by asking at the end of one.
			got, err := s.ClaimSources(ctx, node, now, now.Add(time.Millisecond), 4)
			want, _ := model.ClaimSources(ctx, node, now, now.Add(time.Millisecond), 4)
			check("claim", got, want, err, nil)
		case 7:
			one := pull.Source{ID: pick(), State: []pull.State{pull.Live, pull.Waiting, pull.Failed, pull.Stopped}[random.IntN(4)], Reason: pull.Silent, Broadcast: "b", Changed: now}
			check("state", nil, nil, s.SetSourceState(ctx, node, one), model.SetSourceState(ctx, node, one))
		}
		got, err := s.Sources(ctx, channel)
		want, _ := model.Sources(ctx, channel)
		check("list", got, want, err, nil)
		id := pick()
		one, err := s.Source(ctx, id)
		wanted, wantErr := model.Source(ctx, id)
		check("get", one, wanted, err, wantErr)
	}
}
