package api

import (
	"net/netip"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hawkerlive/hawker/store/redistest"
)

// everyLimiter runs a test on a limiter of one node and on those of nodes that share Redis.
func everyLimiter(t *testing.T, test func(t *testing.T, make func(attempts int, window time.Duration) *limiter)) {
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, newLimiter)
	})
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		shared := &SharedLimits{Client: b.Client, Prefix: redistest.Prefix(), Patience: 10 * time.Second}
		test(t, func(attempts int, window time.Duration) *limiter {
			l := newLimiter(attempts, window)
			l.name, l.shared = "test", shared
			return l
		})
	})
}

func TestALimiterLetsInSoManyAndNoMore(t *testing.T) {
	t.Parallel()
	everyLimiter(t, func(t *testing.T, make func(int, time.Duration) *limiter) {
		l, now := make(3, time.Hour), time.Now()
		a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
		for n := range 3 {
			if wait, ok := l.take(a, now); !ok {
				t.Fatalf("attempt %d waits %v", n+1, wait)
			}
		}
		if wait, ok := l.take(a, now); ok || wait <= 0 || wait > 20*time.Minute {
			t.Fatalf("the fourth: %v, wait %v", ok, wait)
		}
		if _, ok := l.take(b, now); !ok {
			t.Fatal("another address waits")
		}
		l.giveBack(a)
		if wait, ok := l.take(a, now); !ok {
			t.Fatalf("one was given back, and it waits %v", wait)
		}
		for range 2 {
			l.take(b, now)
		}
		if _, ok := l.take(netip.MustParseAddr("2001:db8::2"), now); ok {
			t.Fatal("a neighbour in the same network has a count of its own")
		}
	})
}

func TestNodesCountTogether(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		shared := &SharedLimits{Client: b.Client, Prefix: redistest.Prefix(), Patience: 10 * time.Second}
		a, now := netip.MustParseAddr("192.0.2.1"), time.Now()
		allowed := 0
		for range 4 {
			node := newLimiter(3, time.Hour)
			node.name, node.shared = "test", shared
			for range 2 {
				if _, ok := node.take(a, now); ok {
					allowed++
				}
			}
		}
		if allowed != 3 {
			t.Fatalf("four nodes let in %d, want 3", allowed)
		}
	})
}

func TestWithoutRedisEachNodeCountsForItself(t *testing.T) {
	t.Parallel()
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	c := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, DialTimeout: time.Second, DisableIdentity: true, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	node := newLimiter(4, time.Hour)
	node.name, node.shared = "test", &SharedLimits{Client: c, Prefix: redistest.Prefix()}
	a, now := netip.MustParseAddr("192.0.2.1"), time.Now()
	if _, ok := node.take(a, now); !ok {
		t.Fatal("the first waits")
	}
	if err := server.Hang(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for n := range 3 {
		if wait, ok := node.take(a, now); !ok {
			t.Fatalf("attempt %d waits %v", n+2, wait)
		}
	}
	if took := time.Since(began); took > 30*sharedLimitPatience {
		t.Errorf("three attempts took %v with Redis hung", took)
	}
	if _, ok := node.take(a, now); ok {
		t.Error("nobody counts")
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
}
