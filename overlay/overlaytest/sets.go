package overlaytest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/overlay"
)

var _ overlay.Sets = (*Model)(nil)

// Sets is overlay.Sets.
func (m *Model) Sets(_ context.Context, channel string) (out []overlay.Set, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sets {
		if s.Channel == channel {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b overlay.Set) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func (m *Model) set(which func(overlay.Set) bool) int { return slices.IndexFunc(m.sets, which) }

// Set is overlay.Sets.
func (m *Model) Set(_ context.Context, id string) (overlay.Set, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.set(func(s overlay.Set) bool { return s.ID == id })
	if i < 0 {
		return overlay.Set{}, overlay.ErrSet
	}
	return m.sets[i], nil
}

// AddSet is overlay.Sets.
func (m *Model) AddSet(ctx context.Context, s overlay.Set, max int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	have := 0
	for _, other := range m.sets {
		if other.Channel == s.Channel {
			have++
		}
	}
	if have >= max {
		return overlay.ErrTooManySets
	}
	m.sets = append(m.sets, s)
	return nil
}

// ChangeSet is overlay.Sets.
func (m *Model) ChangeSet(_ context.Context, s overlay.Set) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.set(func(other overlay.Set) bool { return other.ID == s.ID && other.Channel == s.Channel })
	if i < 0 {
		return overlay.ErrSet
	}
	m.sets[i] = s
	return nil
}

// RemoveSet is overlay.Sets.
func (m *Model) RemoveSet(_ context.Context, channel, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.set(func(s overlay.Set) bool { return s.ID == id && s.Channel == channel })
	if i < 0 {
		return overlay.ErrSet
	}
	m.sets = slices.Delete(m.sets, i, i+1)
	return nil
}

// sets are kept, changed and forgotten; a channel's neither show nor change another's.
func sets(t *testing.T, b Backend) {
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(channel string, sets ...overlay.Set) {
		t.Helper()
		got, err := b.Store.Sets(ctx, channel)
		if diff := gocmp.Diff(sets, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	}
	set := func(id, channel, name string, products ...string) overlay.Set {
		return overlay.Set{ID: id, Channel: channel, Name: name, Products: products, ChangedBy: "creator", ChangedAt: at0}
	}
	lights, tea := set("s1", "one", "Lights", "p2", "p1"), set("s2", "one", "Glasses", "p3")
	want("one")
	must(b.Store.AddSet(ctx, lights, 2))
	must(b.Store.AddSet(ctx, tea, 2))
	if err := b.Store.AddSet(ctx, set("s3", "one", "More", "p1"), 2); !errors.Is(err, overlay.ErrTooManySets) {
		t.Fatalf("a third of two: %v", err)
	}
	must(b.Store.AddSet(ctx, set("s4", "two", "Other", "p9"), 2))
	want("one", tea, lights)
	lights.Name, lights.Products = "A first", []string{"p1"}
	must(b.Store.ChangeSet(ctx, lights))
	want("one", lights, tea)
	for _, err := range []error{b.Store.ChangeSet(ctx, set("s4", "one", "Mine", "p1")), b.Store.RemoveSet(ctx, "one", "s4"), b.Store.RemoveSet(ctx, "one", "s9")} {
		if !errors.Is(err, overlay.ErrSet) {
			t.Fatalf("another channel's, or none: %v", err)
		}
	}
	if found, err := b.Store.Set(ctx, "s4"); err != nil || found.Name != "Other" {
		t.Fatalf("%+v, %v", found, err)
	}
	must(b.Store.RemoveSet(ctx, "one", "s1"))
	if _, err := b.Store.Set(ctx, "s1"); !errors.Is(err, overlay.ErrSet) {
		t.Fatal(err)
	}
	want("one", tea)
	var added atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := b.Store.AddSet(ctx, set(fmt.Sprint("c", i), "three", "Set", "p1"), 3)
			if err == nil {
				added.Add(1)
			} else if !errors.Is(err, overlay.ErrTooManySets) {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); added.Load() != 3 {
		t.Fatalf("%d sets at once where three may be", added.Load())
	}
}
