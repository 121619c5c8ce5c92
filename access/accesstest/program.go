package accesstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/access"
)

// Same runs one random program of calls against all stores and compares every answer with the one called "model".
func Same(t *testing.T, seed uint64, steps int, stores map[string]access.Store) {
	t.Helper()
	p := &program{rand: rand.New(rand.NewPCG(seed, 17)), now: time.UnixMilli(1_800_000_000_000).UTC()}
	for i := range steps {
		what, call := p.next(i)
		want, wantErr := call(stores["model"])
		for _, name := range slices.Sorted(maps.Keys(stores)) {
			if name == "model" {
				continue
			}
			got, err := call(stores[name])
			if (err == nil) != (wantErr == nil) || wantErr != nil && !errors.Is(err, wantErr) {
				t.Fatalf("seed %d, step %d, %s: %s says %v, the model %v", seed, i, what, name, err, wantErr)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && diff != "" {
				t.Fatalf("seed %d, step %d, %s: %s differs (-model +%s):\n%s", seed, i, what, name, name, diff)
			}
		}
	}
}

type program struct {
	rand *rand.Rand
	now  time.Time
}

func (p *program) one(kind string, n int) string { return fmt.Sprintf("%s%d", kind, p.rand.IntN(n)) }

func (p *program) revocation() access.Revocation {
	return access.Revocation{Subject: p.one("s", 6), At: p.now, Until: p.now.Add(time.Duration(p.rand.IntN(90)) * time.Minute)}
}

// next chooses a call.
func (p *program) next(i int) (string, func(access.Store) (any, error)) {
	ctx := context.Background()
	p.now = p.now.Add(time.Duration(p.rand.IntN(3)) * time.Minute)
	account, channel, broadcast := p.one("a", 4), p.one("c", 5), p.one("b", 3)
	now, r, id := p.now, p.revocation(), fmt.Sprintf("t%d", max(0, i-p.rand.IntN(40)))
	nothing := func(err error) (any, error) { return nil, err }
	switch p.rand.IntN(12) {
	case 0, 1:
		return "follow", func(s access.Store) (any, error) {
			return nothing(s.Follow(ctx, account, access.Follow{Channel: channel, Since: now}, 4))
		}
	case 2:
		return "unfollow", func(s access.Store) (any, error) { return s.Unfollow(ctx, account, channel, r) }
	case 3:
		return "follows", func(s access.Store) (any, error) { return s.Follows(ctx, account, channel) }
	case 4:
		return "follows of", func(s access.Store) (any, error) { return s.FollowsOf(ctx, account) }
	case 5:
		return "followers", func(s access.Store) (any, error) { return s.Followers(ctx, channel) }
	case 6:
		if p.rand.IntN(5) > 0 {
			return "revoke", func(s access.Store) (any, error) { return nothing(s.Revoke(ctx, r)) }
		}
		return "forget", func(s access.Store) (any, error) { return nothing(s.Forget(ctx, account, r)) }
	case 7, 8:
		t := access.ViewingToken{
			ID: fmt.Sprintf("t%d", i), Broadcast: broadcast, Name: p.one("n", 3), Digest: fmt.Sprintf("d%d", i),
			Created: now, Expires: now.Add(time.Duration(1+p.rand.IntN(120)) * time.Minute), SessionsMax: p.rand.IntN(4),
		}
		return "add token", func(s access.Store) (any, error) { return nothing(s.AddToken(ctx, t, 9)) }
	case 9:
		return "token", func(s access.Store) (any, error) { return s.Token(ctx, "d"+id[1:]) }
	case 10:
		return "delete token", func(s access.Store) (any, error) { return nothing(s.DeleteToken(ctx, broadcast, id, r)) }
	}
	if p.rand.IntN(2) == 0 {
		limit := 1 + p.rand.IntN(3)
		return "sweep", func(s access.Store) (any, error) { return s.Sweep(ctx, now, limit) }
	}
	return "lists", func(s access.Store) (any, error) {
		tokens, err := s.Tokens(ctx, broadcast)
		if err != nil {
			return nil, err
		}
		revoked, err := s.Revocations(ctx, now)
		return []any{tokens, revoked}, err
	}
}
