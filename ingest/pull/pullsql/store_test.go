package pullsql_test

import (
	"os"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/ingest/pull"
	"github.com/hawkerlive/hawker/ingest/pull/pullsql"
	"github.com/hawkerlive/hawker/ingest/pull/pulltest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestStoresAgreeWithTheModel(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) { pulltest.Same(t, &pullsql.Store{DB: db}, 7) })
}

// A node that was killed gives nothing back: what it had is free when its lease is over, and not before.
func TestALeaseEndsByItself(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		s, ctx := &pullsql.Store{DB: db}, t.Context()
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		if err := s.CreateSource(ctx, pull.Source{ID: "1", Channel: "c", Shop: "s", Name: "n", State: pull.Stopped, Created: now, Changed: now}, 8); err != nil {
			t.Fatal(err)
		}
		if err := s.WantSource(ctx, "1", true, now); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			node  string
			after time.Duration
			gets  int
		}{{"a", 0, 1}, {"b", 0, 0}, {"a", 9 * time.Second, 1}, {"b", 14 * time.Second, 0}, {"a", 14 * time.Second, 1}, {"b", 30 * time.Second, 1}, {"a", 31 * time.Second, 0}} {
			at := now.Add(step.after)
			got, err := s.ClaimSources(ctx, step.node, at, at.Add(15*time.Second), 8)
			if err != nil || len(got) != step.gets {
				t.Fatalf("%s after %v: %d, %v", step.node, step.after, len(got), err)
			}
		}
		if err := s.SetSourceState(ctx, "a", pull.Source{ID: "1", State: pull.Failed, Changed: now}); err != nil {
			t.Fatal(err)
		}
		if one, err := s.Source(ctx, "1"); err != nil || !one.Wanted {
			t.Errorf("a node without the lease changed it: %+v %v", one, err)
		}
	})
}
