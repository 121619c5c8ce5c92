// Package eventtest holds what every bus must do, and the samples of every kind of event.
//
// RunBus is the conformance suite of event.Bus: the memory backend runs it, and every later one. Sample and
// CheckWriter hold the JSON of event/testdata against the code that writes and reads it. Only tests import it.
package eventtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/event"
)

const patience = 20 * time.Second // a test that waits longer than this has failed

// Backend is a bus under test.
type Backend struct {
	// New makes a bus that nobody has used. The suite runs in parallel.
	New func(t *testing.T) event.Bus
	// Overflow is a number of events in one topic that certainly pushes the oldest out of its history.
	Overflow int
}

// RunBus runs the suite.
func RunBus(t *testing.T, b Backend) {
	for name, test := range map[string]func(*testing.T, Backend){
		"a topic that nobody used has offset 0 and loses nothing": emptyTopic,
		"positions rise by one per event, in the order of a call": risesByOne,
		"a reader without a position begins with the next event":  beginsNow,
		"a reader resumes just after its position":                resumes,
		"topics do not mix":                          topicsApart,
		"a position of another epoch is a gap":       foreignEpoch,
		"a position in the future is a gap":          future,
		"history that is no longer held is a gap":    overflow,
		"a reader that was too slow is told":         slowReader,
		"every reader sees all writers in one order": oneOrder,
		"a waiting reader ends with its context":     cancelled,
		"what was read is not changed by later use":  stable,
		"a frame is bounded":                         bounded,
		"what is told once is told once":             once,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b)
		})
	}
}

// Numbered makes an event that says its number.
func Numbered(topic string, n int) event.Event {
	return event.New(topic, event.ViewersChanged, 0, time.UnixMilli(int64(n)), map[string]int{"n": n})
}

// Number is what Numbered was given.
func Number(t testing.TB, e event.Event) int {
	t.Helper()
	var data struct{ N int }
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data.N
}

// Read waits for n events and checks that the frames lie end to end.
func Read(t testing.TB, s event.Subscription, n int) []event.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out []event.Event
	for at := s.Position(); len(out) < n; {
		f, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(out), n, err)
		}
		if f.From != at {
			t.Fatalf("a frame begins at %v after one that ended at %v", f.From, at)
		}
		if f.To.Epoch != f.From.Epoch || f.To.Offset-f.From.Offset != uint64(len(f.Events)) {
			t.Fatalf("a frame from %v to %v holds %d events", f.From, f.To, len(f.Events))
		}
		if f.To != s.Position() {
			t.Fatalf("the cursor is at %v after a frame to %v", s.Position(), f.To)
		}
		at, out = f.To, append(out, f.Events...)
	}
	if len(out) > n {
		t.Fatalf("%d events, want %d", len(out), n)
	}
	return out
}

func publish(t testing.TB, b event.Bus, events ...event.Event) {
	t.Helper()
	if err := b.Publish(context.Background(), events...); err != nil {
		t.Fatal(err)
	}
}

func position(t testing.TB, b event.Bus, topic string) event.Position {
	t.Helper()
	p, err := b.Position(context.Background(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func subscribe(t testing.TB, b event.Bus, topic string, since *event.Position) event.Subscription {
	t.Helper()
	s, err := b.Subscribe(context.Background(), topic, since)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func wantGap(t testing.TB, b event.Bus, topic string, since event.Position) {
	t.Helper()
	s, err := b.Subscribe(context.Background(), topic, &since)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, event.ErrGap) {
		t.Fatalf("subscribing from %v: %v, want a gap", since, err)
	}
}

func emptyTopic(t *testing.T, b Backend) {
	bus := b.New(t)
	p := position(t, bus, "empty")
	if p.Offset != 0 || p.Epoch == "" {
		t.Fatalf("position %v", p)
	}
	publish(t, bus, Numbered("empty", 1))
	if got := Read(t, subscribe(t, bus, "empty", &p), 1); Number(t, got[0]) != 1 {
		t.Fatalf("read %v", got)
	}
}

func risesByOne(t *testing.T, b Backend) {
	bus := b.New(t)
	s := subscribe(t, bus, "a", nil)
	from := s.Position()
	publish(t, bus, Numbered("a", 1), Numbered("a", 2), Numbered("a", 3))
	publish(t, bus)
	publish(t, bus, Numbered("a", 4))
	for i, e := range Read(t, s, 4) {
		if Number(t, e) != i+1 {
			t.Fatalf("event %d is number %d", i+1, Number(t, e))
		}
	}
	if p := position(t, bus, "a"); p.Epoch != from.Epoch || p.Offset != from.Offset+4 {
		t.Fatalf("from %v to %v with four events", from, p)
	}
}

func beginsNow(t *testing.T, b Backend) {
	bus := b.New(t)
	publish(t, bus, Numbered("a", 1))
	s := subscribe(t, bus, "a", nil)
	if s.Position() != position(t, bus, "a") {
		t.Fatalf("the cursor is at %v, the topic at %v", s.Position(), position(t, bus, "a"))
	}
	publish(t, bus, Numbered("a", 2))
	if got := Read(t, s, 1); Number(t, got[0]) != 2 {
		t.Fatalf("read %v", got)
	}
}

func resumes(t *testing.T, b Backend) {
	bus := b.New(t)
	for n := 1; n <= 10; n++ {
		publish(t, bus, Numbered("a", n))
	}
	p := position(t, bus, "a")
	for back := uint64(0); back <= 10; back++ {
		since := event.Position{Epoch: p.Epoch, Offset: p.Offset - back}
		s := subscribe(t, bus, "a", &since)
		for i, e := range Read(t, s, int(back)) {
			if want := int(since.Offset) + i + 1; Number(t, e) != want {
				t.Fatalf("after %v came number %d, want %d", since, Number(t, e), want)
			}
		}
	}
}

func topicsApart(t *testing.T, b Backend) {
	bus := b.New(t)
	one, two := subscribe(t, bus, "one", nil), subscribe(t, bus, "two", nil)
	publish(t, bus, Numbered("one", 1), Numbered("two", 2), Numbered("two", 3), Numbered("one", 4))
	for s, want := range map[event.Subscription][2]int{one: {1, 4}, two: {2, 3}} {
		got := Read(t, s, 2)
		if Number(t, got[0]) != want[0] || Number(t, got[1]) != want[1] {
			t.Fatalf("read %v, want %v", got, want)
		}
	}
}

func foreignEpoch(t *testing.T, b Backend) {
	bus, other := b.New(t), b.New(t)
	publish(t, bus, Numbered("a", 1))
	publish(t, other, Numbered("a", 1))
	if p := position(t, other, "a"); p != position(t, bus, "a") {
		wantGap(t, bus, "a", p)
	}
	wantGap(t, bus, "a", event.Position{Epoch: "forged", Offset: 1})
}

func future(t *testing.T, b Backend) {
	bus := b.New(t)
	publish(t, bus, Numbered("a", 1))
	p := position(t, bus, "a")
	p.Offset++
	wantGap(t, bus, "a", p)
	p.Offset = 1<<64 - 1
	wantGap(t, bus, "a", p)
}

func overflow(t *testing.T, b Backend) {
	bus := b.New(t)
	start := position(t, bus, "a")
	fill(t, bus, b.Overflow)
	p := position(t, bus, "a")
	if p.Offset != start.Offset+uint64(b.Overflow) {
		t.Fatalf("%d events moved %v to %v", b.Overflow, start, p)
	}
	settle(t, bus)
	wantGap(t, bus, "a", start)
}

func slowReader(t *testing.T, b Backend) {
	bus := b.New(t)
	s := subscribe(t, bus, "a", nil)
	fill(t, bus, b.Overflow)
	settle(t, bus)
	if f, err := s.Next(context.Background()); !errors.Is(err, event.ErrGap) {
		t.Fatalf("a frame %v to %v and %v, want a gap", f.From, f.To, err)
	}
}

// settle returns when everything that was published before has arrived where this bus reads it.
func settle(t testing.TB, bus event.Bus) {
	t.Helper()
	s := subscribe(t, bus, "a", nil)
	publish(t, bus, Numbered("a", 0))
	Read(t, s, 1)
}

func fill(t testing.TB, bus event.Bus, n int) {
	t.Helper()
	events := make([]event.Event, n)
	for i := range events {
		events[i] = Numbered("a", i+1)
	}
	publish(t, bus, events...)
}

func once(t *testing.T, b Backend) {
	const nodes, facts = 6, 20
	bus := b.New(t)
	subs := map[string]event.Subscription{"a": subscribe(t, bus, "a", nil), "b": subscribe(t, bus, "b", nil)}
	var wg sync.WaitGroup
	for range nodes { // as many nodes pass on the same facts, to two topics, each in its order
		wg.Go(func() {
			for n := range facts {
				for topic := range subs {
					e := Numbered(topic, n+1)
					e.ID = fmt.Sprint("fact", n)
					if err := bus.Once(context.Background(), e); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	again := Numbered("a", 1)
	again.ID = "fact0"
	if err := bus.Once(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	publish(t, bus, Numbered("a", 100), Numbered("b", 100))
	for topic, s := range subs {
		for n, e := range Read(t, s, facts+1) {
			if want := n + 1; Number(t, e) != want && n < facts || n == facts && Number(t, e) != 100 {
				t.Fatalf("%s: event %d is %d", topic, n, Number(t, e))
			}
		}
	}
	publish(t, bus, again) // Publish does not ask
	if e := Read(t, subs["a"], 1)[0]; e.ID != "fact0" {
		t.Fatalf("%+v", e)
	}
	if p := position(t, bus, "b"); p.Offset != facts+1 {
		t.Fatalf("%d positions for %d events", p.Offset, facts+1)
	}
}

func oneOrder(t *testing.T, b Backend) {
	const writers, each, readers = 4, 50, 3
	bus := b.New(t)
	subs := make([]event.Subscription, readers)
	for i := range subs {
		subs[i] = subscribe(t, bus, "a", nil)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if err := bus.Publish(context.Background(), Numbered("a", w*each+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	seen := make([]string, readers)
	for i, s := range subs {
		wg.Go(func() {
			last := map[int]int{}
			for _, e := range Read(t, s, writers*each) {
				n := Number(t, e)
				if was, ok := last[n/each]; ok && n != was+1 {
					t.Errorf("writer %d: %d after %d", n/each, n, was)
				}
				last[n/each] = n
				seen[i] += fmt.Sprint(n, " ")
			}
		})
	}
	wg.Wait()
	for _, order := range seen[1:] {
		if order != seen[0] {
			t.Fatalf("two readers, two orders:\n%s\n%s", seen[0], order)
		}
	}
}

func cancelled(t *testing.T, b Backend) {
	bus := b.New(t)
	s := subscribe(t, bus, "a", nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := s.Next(ctx)
		done <- err
	}()
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the reader goes on waiting")
	}
	publish(t, bus, Numbered("a", 1))
	if got := Read(t, s, 1); Number(t, got[0]) != 1 {
		t.Fatalf("after the wait was given up: %v", got)
	}
}

func stable(t *testing.T, b Backend) {
	bus := b.New(t)
	s := subscribe(t, bus, "a", nil)
	publish(t, bus, Numbered("a", 1))
	got := Read(t, s, 1)
	fill(t, bus, b.Overflow)
	if Number(t, got[0]) != 1 || got[0].Topic != "a" || got[0].Kind != event.ViewersChanged || got[0].V != 1 || got[0].At != 1 {
		t.Fatalf("the event became %+v", got[0])
	}
}

func bounded(t *testing.T, b Backend) {
	bus := b.New(t)
	s := subscribe(t, bus, "a", nil)
	n := min(b.Overflow/4, 2000)
	events := make([]event.Event, n)
	for i := range events {
		events[i] = Numbered("a", i)
	}
	publish(t, bus, events...)
	f, err := s.Next(context.Background())
	if err != nil || len(f.Events) == 0 || len(f.Events) > 1000 {
		t.Fatalf("%d events in one frame, %v", len(f.Events), err)
	}
}
