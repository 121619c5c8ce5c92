package overlay

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/event"
)

// TestChatIsThinnedNotTheRest holds that a tick carries the newest few of a rush of chat, and every fact.
func TestChatIsThinnedNotTheRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	const chat = event.Kind("x.chat")
	f := &Feed{Now: func() time.Time { return now }, ticking: make(chan struct{}, 1), class: func(k event.Kind) event.Class {
		if k == chat {
			return event.Talk
		}
		return k.Class()
	}}
	r := &room{feed: f, topic: "broadcast/b", ready: make(chan struct{}), flushed: now}
	r.begin(event.Position{Epoch: "e", Offset: 5})
	const talks, others = 200, 20
	var events []event.Event
	for i := range talks {
		events = append(events, event.New(r.topic, chat, 0, now, i))
		if i%(talks/others) == 0 {
			events = append(events, event.New(r.topic, event.PinPlaced, 0, now, i))
		}
	}
	to := 5 + uint64(len(events))
	r.take(event.Frame{To: event.Position{Epoch: "e", Offset: to}, Events: events})
	r.tick()
	w := r.window.Load()
	if len(w.batches) != 1 || w.batches[0].from != 5 || w.batches[0].to != to {
		t.Fatalf("%d batches up to %d, want one up to %d", len(w.batches), w.ends, to)
	}
	var m struct{ Events []event.Event }
	if err := json.Unmarshal(w.batches[0].payload, &m); err != nil {
		t.Fatal(err)
	}
	said, pins, last := 0, 0, -1
	for _, e := range m.Events {
		if e.Kind != chat {
			pins++
			continue
		}
		var n int
		if err := json.Unmarshal(e.Data, &n); err != nil || n <= last {
			t.Fatalf("%s after %d: %v", e.Data, last, err)
		}
		said, last = said+1, n
	}
	if said != talkMax || last != talks-1 || pins != others {
		t.Fatalf("%d messages up to %d and %d pins; want the newest %d and all %d", said, last, pins, talkMax, others)
	}
	// The next tick has room again.
	r.take(event.Frame{To: event.Position{Epoch: "e", Offset: to + 1}, Events: []event.Event{event.New(r.topic, chat, 0, now, 0)}})
	r.tick()
	if b := r.window.Load().batches[1]; len(b.events) != 1 || b.from != to {
		t.Fatalf("%+v", b)
	}
}

// TestOneAddressHasTwentyThousandFeeds holds the limit of DESIGN: generous for a crowd behind one address, a limit
// all the same, and nobody else's.
func TestOneAddressHasTwentyThousandFeeds(t *testing.T) {
	t.Parallel()
	f := &Feed{running: true, addrs: map[netip.Addr]int{}}
	crowd, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range 20_000 {
		if err := f.admit(crowd); err != nil {
			t.Fatalf("number %d: %v", i, err)
		}
	}
	if err := f.admit(crowd); !errors.Is(err, ErrFeedAddress) {
		t.Fatalf("one more: %v", err)
	}
	if err := f.admit(other); err != nil {
		t.Fatalf("another address: %v", err)
	}
	f.release(crowd)
	if err := f.admit(crowd); err != nil {
		t.Fatalf("when one has left: %v", err)
	}
	f.NoLimits = netip.Addr.IsLoopback
	if err := f.admit(crowd); !errors.Is(err, ErrFeedAddress) {
		t.Fatalf("only loopback is free: %v", err)
	}
}

// TestAGroupOfAddressesIsOne: a client with a whole IPv6 network counts once.
func TestAGroupOfAddressesIsOne(t *testing.T) {
	t.Parallel()
	f := &Feed{}
	for a, want := range map[string]string{
		"[2001:db8::1]:5": "2001:db8::", "[2001:db8::ffff:2]:5": "2001:db8::", "[2001:db8:0:1::1]:5": "2001:db8:0:1::",
		"192.0.2.1:5": "192.0.2.1", "[::ffff:192.0.2.1]:5": "192.0.2.1",
	} {
		if got := f.address(&http.Request{RemoteAddr: a}).String(); got != want {
			t.Errorf("%s counts as %s, want %s", a, got, want)
		}
	}
}

// TestARoomThatNeverOpensTellsWhoWaits: a bus that is gone is a refusal, not a wait without end.
func TestARoomThatNeverOpensTellsWhoWaits(t *testing.T) {
	t.Parallel()
	r := &room{ready: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.wait(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if !r.fail(ErrFeedClosed) || r.fail(ErrFeedClosed) {
		t.Fatal("a room fails once")
	}
	if err := r.wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestALongPassHasALongTick holds that what rides the tick waits until the readers' shards have had a rest, that it does
// not wait for ever, and that a fact does not wait for it at all.
func TestALongPassHasALongTick(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	f := &Feed{Now: func() time.Time { return now }, ticking: make(chan struct{}, 1), class: event.Kind.Class}
	r := &room{feed: f, topic: "broadcast/b", ready: make(chan struct{}), flushed: now, parts: make([]part, 2)}
	for i := range r.parts {
		r.parts[i].waiting.Store(true) // there is no shard
	}
	r.begin(event.Position{Epoch: "e"})
	offset := uint64(0)
	add := func(kind event.Kind) {
		offset++
		r.take(event.Frame{To: event.Position{Epoch: "e", Offset: offset}, Events: []event.Event{event.New(r.topic, kind, 0, now, offset)}})
	}
	for _, c := range []struct {
		walk  time.Duration
		after time.Duration
	}{{0, 0}, {20 * time.Millisecond, tick}, {60 * time.Millisecond, 90 * time.Millisecond}, {time.Second, tickMost}} {
		r.parts[1].walk.Store(int64(c.walk))
		add("x.like")
		if now = now.Add(c.after - 1); c.after > tick && r.tick() {
			t.Fatalf("a pass of %v: the next one came after %v", c.walk, c.after-1)
		}
		if now = now.Add(1); !r.tick() || r.window.Load().ends != offset {
			t.Fatalf("a pass of %v: the next one did not come after %v", c.walk, c.after)
		}
	}
	add("x.like")
	add(event.PinPlaced)
	if !r.tick() || r.window.Load().ends != offset {
		t.Fatal("a pin waited for the rest")
	}
	add("x.like")
	if r.tick() {
		t.Fatal("the pin's urgency outlived it")
	}
}

// TestAFactIsTimedToItsLastReader: what everybody rides on the tick is not in the figure.
func TestAFactIsTimedToItsLastReader(t *testing.T) {
	t.Parallel()
	f := &Feed{shards: []*shard{{}, {}}}
	r := &room{feed: f, parts: make([]part, 2)}
	at := func(kind event.Kind, made int64) entry { return entry{event.Event{Kind: kind, At: made}, 1} }
	r.factLeft([]entry{at("x.spin", 5), at(event.ViewersChanged, 6)})
	if got := r.parts[0].fact.Load(); got != 0 {
		t.Fatalf("no fact left, and %d", got)
	}
	r.factLeft([]entry{at("x.spin", 5), at(event.PinPlaced, 7), at(event.PinRemoved, 8)})
	r.factLeft([]entry{at(event.PinPlaced, 9)}) // an older one still waits for its pass
	for i := range r.parts {
		if got := r.parts[i].fact.Swap(0); got != 7 {
			t.Errorf("core %d: %d", i, got)
		}
	}
	registry := prometheus.NewRegistry()
	m := NewMetrics(registry)
	m.reached(0, time.UnixMilli(50))
	m.reached(7, time.UnixMilli(107))
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() == "hawker_feed_reach_seconds" {
			if h := family.GetMetric()[0].GetHistogram(); h.GetSampleCount() != 1 || h.GetSampleSum() != 0.1 {
				t.Errorf("%v", h)
			}
			return
		}
	}
	t.Error("no such figure")
}
