package event_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/store/redistest"
)

// node starts a bus under a prefix and stops it with the test.
func node(t testing.TB, c redis.UniversalClient, prefix string) *event.Redis {
	t.Helper()
	bus := &event.Redis{Client: c, Log: slog.New(slog.DiscardHandler), Prefix: prefix, Partitions: 3, AwayAfter: 500 * time.Millisecond, Rings: event.MemoryConfig{History: 300}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return bus
}

func TestRedisIsABus(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		eventtest.RunBus(t, eventtest.Backend{
			New:      func(t *testing.T) event.Bus { return node(t, b.Client, redistest.Prefix()) },
			Overflow: 301,
		})
	})
}

func TestPositionsAreTheSameOnEveryNode(t *testing.T) {
	t.Parallel()
	redistest.Each(t, func(t *testing.T, b redistest.Backend) {
		ctx, prefix := context.Background(), redistest.Prefix()
		one := node(t, b.Client, prefix)
		if err := one.Publish(ctx, eventtest.Numbered("a", 1), eventtest.Numbered("a", 2), eventtest.Numbered("a", 3)); err != nil {
			t.Fatal(err)
		}
		p, err := one.Position(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		p.Offset--
		two := node(t, b.Client, prefix) // it comes later, and knows what was before
		s, err := two.Subscribe(ctx, "a", &p)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := eventtest.Read(t, s, 1); eventtest.Number(t, got[0]) != 3 {
			t.Fatalf("read %v", got)
		}
		if err := one.Publish(ctx, eventtest.Numbered("a", 4)); err != nil {
			t.Fatal(err)
		}
		if got := eventtest.Read(t, s, 1); eventtest.Number(t, got[0]) != 4 {
			t.Fatalf("read %v", got)
		}
		q, err := one.Position(ctx, "a")
		if err != nil || q != s.Position() {
			t.Fatalf("one node is at %v, %v, the other at %v", q, err, s.Position())
		}
		// A position that one node gave is good on the other at once, although its events may not have arrived there.
		if err := one.Publish(ctx, eventtest.Numbered("a", 5)); err != nil {
			t.Fatal(err)
		}
		q.Offset++
		after, err := two.Subscribe(ctx, "a", &q)
		if err != nil {
			t.Fatal(err)
		}
		defer after.Close()
		if err := two.Publish(ctx, eventtest.Numbered("a", 6)); err != nil {
			t.Fatal(err)
		}
		if got := eventtest.Read(t, after, 1); eventtest.Number(t, got[0]) != 6 {
			t.Fatalf("read %v", got)
		}
	})
}

// wantGapWithin waits for the reader to be told that history is lost, and reads past what comes before.
func wantGapWithin(t *testing.T, s event.Subscription, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	for {
		if _, err := s.Next(ctx); errors.Is(err, event.ErrGap) {
			return
		} else if err != nil {
			t.Fatalf("%v instead of a gap within %v", err, d)
		}
	}
}

// again subscribes as soon as that works.
func again(t *testing.T, bus event.Bus, topic string) event.Subscription {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		s, err := bus.Subscribe(ctx, topic, nil)
		if err == nil {
			t.Cleanup(s.Close)
			return s
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

// insist publishes as the relay does: until it worked.
func insist(t *testing.T, bus event.Bus, e event.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		err := bus.Publish(ctx, e)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

// both reads until the event with the number comes, which may come twice.
func until(t *testing.T, s event.Subscription, number int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		f, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("number %d did not come: %v", number, err)
		}
		for _, e := range f.Events {
			if eventtest.Number(t, e) == number {
				return
			}
		}
	}
}

func alone(t *testing.T) (*redistest.Server, redis.UniversalClient) {
	t.Helper()
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	c := redis.NewClient(&redis.Options{Addr: server.Addr, ContextTimeoutEnabled: true, MaxRetries: -1, DialTimeout: time.Second, DisableIdentity: true, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return server, c
}

func TestWhatRedisForgetsIsAGap(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*redistest.Server) error{
		"flushed":   func(s *redistest.Server) error { return s.Do("FLUSHALL") },
		"restarted": func(s *redistest.Server) error { s.Kill(); return s.Again() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, c := alone(t)
			bus := node(t, c, redistest.Prefix())
			insist(t, bus, eventtest.Numbered("a", 1))
			old, err := bus.Position(context.Background(), "a")
			if err != nil {
				t.Fatal(err)
			}
			s := again(t, bus, "a")
			if err := forget(server); err != nil {
				t.Fatal(err)
			}
			wantGapWithin(t, s, time.Minute) // nobody had to publish anything for it
			next := again(t, bus, "a")
			if next.Position().Epoch == old.Epoch {
				t.Fatalf("%v after %v", next.Position(), old)
			}
			insist(t, bus, eventtest.Numbered("a", 2))
			until(t, next, 2)
			if _, err := bus.Subscribe(context.Background(), "a", &old); !errors.Is(err, event.ErrGap) {
				t.Fatalf("a place in what is forgotten: %v", err)
			}
		})
	}
}

func TestANodeGoesOnAloneWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ begin, end func(*redistest.Server) error }{
		"stopped": {func(s *redistest.Server) error { s.Kill(); return nil }, (*redistest.Server).Again},
		"hung":    {(*redistest.Server).Hang, (*redistest.Server).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, c := alone(t)
			bus := node(t, c, redistest.Prefix())
			s := again(t, bus, "a")
			insist(t, bus.Lasting(), eventtest.Numbered("a", 1))
			until(t, s, 1)
			if err := fault.begin(server); err != nil {
				t.Fatal(err)
			}
			wantGapWithin(t, s, time.Minute)
			here := again(t, bus, "a")
			insist(t, bus, eventtest.Numbered("a", 2)) // reaches this node's own
			until(t, here, 2)
			if err := bus.Lasting().Publish(context.Background(), eventtest.Numbered("a", 3)); err == nil {
				t.Fatal("Redis is away and took an event")
			}
			if err := fault.end(server); err != nil {
				t.Fatal(err)
			}
			wantGapWithin(t, here, time.Minute)
			back := again(t, bus, "a")
			insist(t, bus.Lasting(), eventtest.Numbered("a", 3))
			until(t, back, 3)
		})
	}
}

func TestAwayDeliversWhatItHears(t *testing.T) {
	t.Parallel()
	server, c := alone(t)
	server.Kill() // it is away from the beginning
	heard := make(chan struct{})
	bus := &event.Redis{Client: c, Log: slog.New(slog.DiscardHandler), Prefix: redistest.Prefix(), Partitions: 3, AwayAfter: 100 * time.Millisecond}
	bus.Away = func(ctx context.Context, deliver func(...event.Event)) {
		select {
		case <-heard:
			deliver(eventtest.Numbered("a", 7))
		case <-ctx.Done():
		}
		<-ctx.Done()
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- bus.Run(ctx) }()
	s := again(t, bus, "a")
	close(heard)
	until(t, s, 7)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestAReplicaThatTakesOverBeginsANewLife(t *testing.T) {
	t.Parallel()
	cluster, err := redistest.StartCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Stop)
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs(), ContextTimeoutEnabled: true, DialTimeout: time.Second, DisableIdentity: true, Protocol: 2})
	t.Cleanup(func() { c.Close() })
	prefix := redistest.Prefix()
	one, two := node(t, c, prefix), node(t, c, prefix)
	topics := []string{"a", "b", "c", "d", "e", "f", "g", "h"} // in all partitions, on more than one master
	subs := map[string]event.Subscription{}
	for i, topic := range topics {
		subs[topic] = again(t, two, topic)
		insist(t, one.Lasting(), eventtest.Numbered(topic, i))
		until(t, subs[topic], i)
	}
	if err := cluster.FailOver(0); err != nil {
		t.Fatal(err)
	}
	for i, topic := range topics {
		insist(t, one.Lasting(), eventtest.Numbered(topic, 100+i))
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		for gap, found := false, false; !found; {
			f, err := subs[topic].Next(ctx)
			switch {
			case errors.Is(err, event.ErrGap): // its partition was on that master: history may be lost, and it may not
				if gap = true; ctx.Err() == nil {
					subs[topic] = again(t, two, topic)
					insist(t, one.Lasting(), eventtest.Numbered(topic, 100+i))
				}
			case err != nil:
				t.Fatalf("topic %s, gap %v: %v", topic, gap, err)
			}
			for _, e := range f.Events {
				found = found || eventtest.Number(t, e) == 100+i
			}
		}
		cancel()
	}
}
