package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

func TestMain(m *testing.M) {
	code := storetest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		println(err.Error())
		code = 1
	}
	os.Exit(code)
}

func log() *slog.Logger { return slog.New(slog.DiscardHandler) }

func appendEvents(t *testing.T, db *store.DB, events ...event.Event) {
	t.Helper()
	if err := db.Update(context.Background(), func(tx *store.Tx) error {
		return outbox.Append(context.Background(), tx, events...)
	}); err != nil {
		t.Fatal(err)
	}
}

// run starts a relay and returns what stops it.
func run(t *testing.T, r *outbox.Relay) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// brokenBus loses its connection: it publishes nothing until it is mended, and what it was given may or may not
// have arrived.
type brokenBus struct {
	event.Bus
	mu     sync.Mutex
	broken bool
	tried  chan struct{}
	passes bool // the events arrive although the call fails
}

func (b *brokenBus) Publish(ctx context.Context, events ...event.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		if b.passes {
			_ = b.Bus.Publish(ctx, events...)
		}
		select {
		case b.tried <- struct{}{}:
		default:
		}
		return errors.New("connection lost")
	}
	return b.Bus.Publish(ctx, events...)
}

func (b *brokenBus) mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = false
}

func TestAFactArrivesAfterItsCommitAndInOrder(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		bus := event.NewMemory(event.MemoryConfig{})
		s, err := bus.Subscribe(context.Background(), "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r := &outbox.Relay{DB: db, Bus: bus, Log: log(), Wake: make(chan struct{}, 1)}
		run(t, r)
		for n := range 3 {
			appendEvents(t, db, eventtest.Numbered("a", 2*n), eventtest.Numbered("a", 2*n+1))
			outbox.Notify(r.Wake)
		}
		for n, e := range eventtest.Read(t, s, 6) {
			if eventtest.Number(t, e) != n {
				t.Fatalf("event %d says %d", n, eventtest.Number(t, e))
			}
		}
		stored, err := outbox.Read(context.Background(), db, "", 0, 100)
		if err != nil || len(stored) != 6 || stored[0].Position != 1 || stored[5].Position != 6 {
			t.Fatalf("read %v, %v", stored, err)
		}
		if other, err := outbox.Read(context.Background(), db, "b", 0, 100); err != nil || len(other) != 0 {
			t.Fatalf("another topic holds %v, %v", other, err)
		}
	})
}

func TestACrashBetweenPositionAndBusLosesNothing(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		for _, passes := range []bool{false, true} {
			bus := event.NewMemory(event.MemoryConfig{})
			broken := &brokenBus{Bus: bus, broken: true, tried: make(chan struct{}, 1), passes: passes}
			s, err := bus.Subscribe(context.Background(), "a", nil)
			if err != nil {
				t.Fatal(err)
			}
			appendEvents(t, db, eventtest.Numbered("a", 0), eventtest.Numbered("a", 1))
			stop := run(t, &outbox.Relay{DB: db, Bus: broken, Log: log()})
			<-broken.tried // positioned and committed; the bus is gone
			stop()
			broken.mend()
			appendEvents(t, db, eventtest.Numbered("a", 2))
			stop = run(t, &outbox.Relay{DB: db, Bus: broken, Log: log()})
			want := []int{0, 1, 2}
			if passes {
				want = []int{0, 1, 0, 1, 2} // at least once
			}
			for i, e := range eventtest.Read(t, s, len(want)) {
				if eventtest.Number(t, e) != want[i] {
					t.Fatalf("event %d says %d, want %v", i, eventtest.Number(t, e), want)
				}
			}
			stop()
			s.Close()
		}
	})
}

func TestWhatARelayNotedIsNotPublishedAgain(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		bus := event.NewMemory(event.MemoryConfig{})
		s, err := bus.Subscribe(context.Background(), "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for n := range 3 {
			stop := run(t, &outbox.Relay{DB: db, Bus: bus, Log: log()})
			appendEvents(t, db, eventtest.Numbered("a", n))
			if got := eventtest.Read(t, s, 1); eventtest.Number(t, got[0]) != n {
				t.Fatalf("life %d begins with %d", n, eventtest.Number(t, got[0]))
			}
			stop()
		}
	})
}

func TestADeadRelayIsSucceeded(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		// A relay that was killed: it holds the work, had positioned the first event, and says no more.
		appendEvents(t, db, eventtest.Numbered("a", 0), eventtest.Numbered("a", 1))
		if err := db.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE outbox_relay SET holder = 'dead', beat = 7`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE outbox SET position = 1 WHERE id = (SELECT MIN(id) FROM outbox)`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		bus := event.NewMemory(event.MemoryConfig{})
		s, err := bus.Subscribe(ctx, "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		run(t, &outbox.Relay{DB: db, Bus: bus, Log: log()})
		for n, e := range eventtest.Read(t, s, 2) {
			if eventtest.Number(t, e) != n {
				t.Fatalf("event %d says %d", n, eventtest.Number(t, e))
			}
		}
	})
}

func TestConcurrentRelaysPublishInTheOrderOfPositions(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		const writers, each, relays = 4, 300, 3
		bus := event.NewMemory(event.MemoryConfig{})
		s, err := bus.Subscribe(context.Background(), "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stops := make([]func(), relays)
		for i := range stops {
			stops[i] = run(t, &outbox.Relay{DB: db, Bus: bus, Log: log()})
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := 0; n < each; n += 10 {
					batch := make([]event.Event, 10)
					for i := range batch {
						batch[i] = eventtest.Numbered("a", w*each+n+i)
					}
					appendEvents(t, db, batch...)
				}
			})
		}
		wg.Wait()
		stops[0]() // one holder gives way to another in the middle
		// A relay that the machine held up for two seconds is taken over from, and its last batch comes twice: at least
		// once is the promise. What counts is where each event came first.
		got, seen := []event.Event(nil), map[string]bool{}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for len(got) < writers*each {
			frame, err := s.Next(ctx)
			if err != nil {
				t.Fatalf("%d of %d events: %v", len(got), writers*each, err)
			}
			for _, e := range frame.Events {
				if !seen[e.ID] {
					seen[e.ID] = true
					got = append(got, e)
				}
			}
		}
		stored, err := outbox.Read(context.Background(), db, "", 0, 2*writers*each)
		if err != nil || len(stored) != writers*each {
			t.Fatalf("%d stored, %v", len(stored), err)
		}
		for i, s := range stored {
			if s.Position != int64(i)+1 || s.ID != got[i].ID {
				t.Fatalf("position %d holds %s, the bus had %s at %d", s.Position, s.ID, got[i].ID, i+1)
			}
		}
	})
}

func TestALargeAppendIsOneTransaction(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		bus := event.NewMemory(event.MemoryConfig{})
		s, err := bus.Subscribe(context.Background(), "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		events := make([]event.Event, 1201)
		for i := range events {
			events[i] = eventtest.Numbered("a", i)
		}
		appendEvents(t, db, events...)
		run(t, &outbox.Relay{DB: db, Bus: bus, Log: log()})
		got := eventtest.Read(t, s, len(events))
		if !slices.IsSortedFunc(got, func(a, b event.Event) int { return eventtest.Number(t, a) - eventtest.Number(t, b) }) {
			t.Fatal("out of order")
		}
	})
}

func TestABacklogIsToldUntilItIsPublished(t *testing.T) {
	storetest.Each(t, store.Hawker, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		must := func(b outbox.Backlog, err error) outbox.Backlog {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		if b := must(outbox.Waiting(ctx, db)); b.Events != 0 || !b.Oldest.IsZero() {
			t.Fatalf("an empty outbox is told as %+v", b)
		}
		first := eventtest.Numbered("a", 0)
		first.At = 1_700_000_000_000
		appendEvents(t, db, first, eventtest.Numbered("a", 1))
		if b := must(outbox.Waiting(ctx, db)); b.Events != 2 || b.Oldest.UnixMilli() != first.At {
			t.Fatalf("two that wait since %d are told as %+v", first.At, b)
		}
		bus := event.NewMemory(event.MemoryConfig{})
		broken := &brokenBus{Bus: bus, broken: true, tried: make(chan struct{}, 1)}
		stop := run(t, &outbox.Relay{DB: db, Bus: broken, Log: log()})
		<-broken.tried
		stop()
		if b := must(outbox.Waiting(ctx, db)); b.Events != 2 || b.Oldest.UnixMilli() != first.At {
			t.Fatalf("two with a position that the bus did not take are told as %+v", b)
		}
		broken.mend()
		s, err := bus.Subscribe(ctx, "a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		stop = run(t, &outbox.Relay{DB: db, Bus: broken, Log: log()})
		eventtest.Read(t, s, 2)
		stop()
		if b := must(outbox.Waiting(ctx, db)); b.Events != 0 {
			t.Fatalf("what is published is told as %+v", b)
		}
		if b := must(outbox.Behind(ctx, db, 1)); b.Events != 1 {
			t.Fatalf("a reader of one of two is told as %+v behind", b)
		}
	})
}
