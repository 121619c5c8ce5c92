package feedtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/feed"
)

// Same runs a random program of calls on every store and wants the same answers of all.
func Same(t *testing.T, seed uint64, steps int, stores map[string]feed.Store) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	now := time.UnixMilli(1_790_000_000_000).UTC()
	one := func(prefix string, n int) string { return fmt.Sprintf("%s%02d", prefix, r.IntN(n)) }
	for step := range steps {
		now = now.Add(time.Duration(r.IntN(90)) * time.Second)
		at, call := now, func(feed.Store) (any, error) { return nil, nil }
		ctx, shop := t.Context(), one("shop", 2)
		switch r.IntN(8) {
		case 0, 1:
			counts := map[string]feed.Counts{}
			for range r.IntN(5) {
				counts[one("item", 20)] = feed.Counts{Impressions: r.Int64N(9), Plays: r.Int64N(4), Watched: r.Int64N(4000), Boosted: r.Int64N(2)}
			}
			call = func(s feed.Store) (any, error) { return nil, s.Add(ctx, counts, at) }
		case 2:
			ids := []string{one("item", 20), one("item", 20), one("item", 30)}
			call = func(s feed.Store) (any, error) { return s.Counts(ctx, ids) }
		case 3:
			before, n := at.Add(-time.Duration(r.IntN(600))*time.Second), 1+r.IntN(4)
			call = func(s feed.Store) (any, error) { return s.Purge(ctx, before, n) }
		case 4:
			from := at.Add(time.Duration(r.IntN(600)) * time.Second)
			b := feed.Boost{
				ID: fmt.Sprintf("boost%04d", step), Shop: shop, Item: one("item", 20), Kind: feed.Paid, From: from,
				Until: from.Add(time.Duration(1+r.IntN(1200)) * time.Second), By: "somebody", MadeAt: at,
			}
			call = func(s feed.Store) (any, error) { return nil, s.AddBoost(ctx, b, 3, at) }
		case 5:
			id := fmt.Sprintf("boost%04d", r.IntN(step+1))
			call = func(s feed.Store) (any, error) { return nil, s.EndBoost(ctx, shop, id, "another", at) }
		case 6:
			n := 1 + r.IntN(5)
			call = func(s feed.Store) (any, error) { return s.Boosts(ctx, shop, n) }
		case 7:
			n := 1 + r.IntN(5)
			call = func(s feed.Store) (any, error) { return s.Running(ctx, at, n) }
		}
		want, wantErr := call(stores["model"])
		for name, s := range stores {
			if name == "model" {
				continue
			}
			got, err := call(s)
			if !errors.Is(err, wantErr) && (wantErr == nil) != (err == nil) || wantErr != nil && !errors.Is(err, wantErr) {
				t.Fatalf("seed %d, step %d: %s says %v, the model %v", seed, step, name, err, wantErr)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, step %d: %s answers %+v, the model %+v", seed, step, name, got, want)
			}
		}
	}
}
