package checkout_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/store/redistest"
)

// TestNodesShareOneLine: two nodes, hundreds of buyers at both at once. Each buyer has one place whichever node is asked,
// the positions are 1 to n, and nobody gets two turns.
func TestNodesShareOneLine(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		prefix := redistest.Prefix()
		var nodes [2]checkout.Line
		for i := range nodes {
			nodes[i] = &checkout.LineRedis{Client: b.Client, Prefix: prefix, Opening: 100 * time.Millisecond, Patience: 10 * time.Second, CallersTime: true}
		}
		const buyers = 300
		var wg sync.WaitGroup
		ids := [2][buyers]string{}
		for n, l := range nodes {
			for i := range buyers {
				wg.Go(func() {
					p, err := l.Join(t.Context(), checkout.Joining{Buyer: fmt.Sprint("buyer", i), Address: fmt.Sprint(i % 10), Variants: []string{"v"}, Now: noon})
					if err != nil {
						t.Error(err)
					}
					ids[n][i] = p.ID
				})
			}
		}
		wg.Wait()
		now := noon.Add(time.Second)
		seen := map[int64]bool{}
		for i, id := range ids[0] {
			if id != ids[1][i] {
				t.Fatalf("buyer %d has two places", i)
			}
			p, err := nodes[i%2].Look(t.Context(), id, now)
			if err != nil || seen[p.Position] || p.Position < 1 || p.Position > buyers || p.Variants[0] != "v" {
				t.Fatalf("%+v %v", p, err)
			}
			seen[p.Position] = true
		}
		for range 5 { // both give turns at once
			for _, l := range nodes {
				wg.Go(func() {
					if _, err := l.Call(t.Context(), 10, now, now.Add(time.Minute)); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		if waiting, called, err := nodes[1].Size(t.Context(), now); err != nil || waiting != buyers-100 || called != 100 {
			t.Fatal(waiting, called, err)
		}
		turns := 0
		for i, id := range ids[0] {
			p, err := nodes[(i+1)%2].Look(t.Context(), id, now)
			if err != nil {
				t.Fatal(err)
			}
			if !p.Turn() {
				continue
			}
			turns++
			if err := nodes[i%2].Use(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if _, err := nodes[(i+1)%2].Look(t.Context(), id, now); !errors.Is(err, shop.ErrPlaceOver) {
				t.Fatalf("a used turn is good at the other node: %v", err)
			}
		}
		if turns != 100 {
			t.Fatalf("%d turns", turns)
		}
	})
}

// TestALineThatIsEmptiedOrGoneShutsNobodyOut: what was lost is over, and begins anew; what does not answer is an error
// at once, for which the room lets everybody pass.
func TestALineThatIsEmptiedOrGoneShutsNobodyOut(t *testing.T) {
	t.Parallel()
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	client := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = client.Close() })
	l := &checkout.LineRedis{Client: client, Prefix: "p:", Opening: time.Millisecond, Patience: 10 * time.Second}
	p := join(t, l, "a", noon)
	if err := server.Do("FLUSHALL"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Look(t.Context(), p.ID, noon); !errors.Is(err, shop.ErrPlaceOver) {
		t.Fatalf("a lost place: %v", err)
	}
	if again := join(t, l, "a", noon); again.ID == p.ID || again.Position != 1 {
		t.Fatalf("%+v", again)
	}
	if err := server.Hang(); err != nil {
		t.Fatal(err)
	}
	l.Patience = 50 * time.Millisecond
	if _, err := l.Join(t.Context(), checkout.Joining{Buyer: "b", Now: noon}); err == nil || errors.Is(err, shop.ErrBusy) {
		t.Fatalf("a line that hangs: %v", err)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
}

// TestALineThatWasOutOfReachSparesThoseWhoStandInIt: nobody could ask for their place meanwhile, so nobody is gone for
// that; who does not come afterwards is.
func TestALineThatWasOutOfReachSparesThoseWhoStandInIt(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		l := &checkout.LineRedis{Client: b.Client, Prefix: redistest.Prefix(), Opening: time.Nanosecond, Patience: 10 * time.Second, CallersTime: true}
		var ids []string
		for n := range 4 {
			ids = append(ids, join(t, l, fmt.Sprint(n), noon.Add(time.Duration(n)*time.Millisecond)).ID)
		}
		call := func(after time.Duration, n int) []string {
			t.Helper()
			now := noon.Add(after)
			turns, err := l.Call(t.Context(), n, now, now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			return turns
		}
		call(time.Second, 0)
		if turns := call(time.Minute, 1); !slices.Equal(turns, ids[:1]) { // silent from 0:01 to 1:00
			t.Fatal(turns)
		}
		if _, err := l.Look(t.Context(), ids[2], noon.Add(65*time.Second)); err != nil {
			t.Fatal(err)
		}
		for s := 61; s < 80; s++ {
			call(time.Duration(s)*time.Second, 0)
		}
		if turns := call(81*time.Second, 3); !slices.Equal(turns, ids[2:3]) {
			t.Fatal(turns)
		}
	})
}
