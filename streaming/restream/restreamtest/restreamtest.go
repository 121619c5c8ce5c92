// Package restreamtest is what every restream.Store must do, and one in memory that does it.
//
// What enters is a store, what leaves are test failures; Model is the small store that the others are compared with
// and that other tests use. It refuses to know SQL. Only tests import it.
package restreamtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/streaming/restream"
)

// Model is a restream.Store in memory.
type Model struct {
	mu   sync.Mutex
	rows []restream.Target // oldest first
}

var _ restream.Store = (*Model)(nil)

func (m *Model) find(id string) int {
	return slices.IndexFunc(m.rows, func(t restream.Target) bool { return t.ID == id })
}

// CreateTarget implements restream.Store.
func (m *Model) CreateTarget(ctx context.Context, t restream.Target, max int) error {
	if all, _ := m.Targets(ctx, t.Channel); len(all) >= max {
		return restream.ErrTooMany
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = append(m.rows, t)
	return nil
}

// Target implements restream.Store.
func (m *Model) Target(_ context.Context, id string) (restream.Target, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.find(id); i >= 0 {
		return m.rows[i], nil
	}
	return restream.Target{}, restream.ErrNotFound
}

// Targets implements restream.Store.
func (m *Model) Targets(_ context.Context, channel string) (out []restream.Target, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range m.rows {
		if t.Channel == channel {
			out = append(out, t)
		}
	}
	return out, nil
}

// EnableTarget implements restream.Store.
func (m *Model) EnableTarget(_ context.Context, id string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(id)
	if i < 0 {
		return restream.ErrNotFound
	}
	m.rows[i].Enabled = on
	return nil
}

// DeleteTarget implements restream.Store.
func (m *Model) DeleteTarget(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.find(id)
	if i < 0 {
		return restream.ErrNotFound
	}
	m.rows = slices.Delete(m.rows, i, i+1)
	return nil
}

// Same runs one random program on a store and on the model, and compares every answer.
func Same(t *testing.T, s restream.Store, seed uint64) {
	t.Helper()
	ctx, model := t.Context(), &Model{}
	random := rand.New(rand.NewPCG(seed, 2))
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	ids := []string{uuid.NewString()}
	check := func(what string, got, want any, gotErr, wantErr error) {
		t.Helper()
		if !errors.Is(gotErr, wantErr) || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("%s: %v, the model says %v", what, gotErr, wantErr)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s: %s", what, d)
		}
	}
	channels := []string{"north", "south"}
	for range 300 {
		id, channel := ids[random.IntN(len(ids))], channels[random.IntN(2)]
		switch random.IntN(6) {
		case 0, 1:
			one := restream.Target{
				ID: uuid.Must(uuid.NewV7()).String(), Channel: channel, Shop: "s", Name: "Elsewhere", Address: "rtmp://there", Sealed: "x",
				Enabled: random.IntN(2) > 0, Created: now,
			}
			err := model.CreateTarget(ctx, one, 5)
			check("create", nil, nil, s.CreateTarget(ctx, one, 5), err)
			if err == nil {
				ids = append(ids, one.ID)
			}
		case 2, 3:
			on := random.IntN(2) > 0
			check("enable", nil, nil, s.EnableTarget(ctx, id, on), model.EnableTarget(ctx, id, on))
		case 4:
			check("delete", nil, nil, s.DeleteTarget(ctx, id), model.DeleteTarget(ctx, id))
		}
		got, err := s.Targets(ctx, channel)
		want, _ := model.Targets(ctx, channel)
		check("list", got, want, err, nil)
		one, err := s.Target(ctx, id)
		wanted, wantErr := model.Target(ctx, id)
		check("get", one, wanted, err, wantErr)
	}
}
