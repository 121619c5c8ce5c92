package overlay

import (
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// TestHalfOpenConnectionsAreFoundWithoutATimerEach drives the look that a shard takes at a connection.
func TestHalfOpenConnectionsAreFoundWithoutATimerEach(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	open := func() (*socket, net.Conn) {
		server, client := net.Pipe()
		f := &Feed{Now: func() time.Time { return now }}
		r := &room{feed: f}
		r.window.Store(&window{epoch: "e"})
		s := &socket{feed: f, conn: server, drained: make(chan struct{}), follower: follower{room: r, epoch: "e"}}
		s.heard.Store(now.UnixMilli())
		t.Cleanup(func() { s.end(); client.Close() })
		_ = client.SetDeadline(time.Now().Add(5 * time.Second))
		return s, client
	}
	closed := func(c net.Conn) bool {
		_, err := c.Read(make([]byte, 1))
		return err != nil
	}

	s, client := open()
	s.check(now.Add(pingAfter))
	if s.state.Load() != idle {
		t.Fatal("somebody who was heard is asked")
	}
	s.check(now.Add(pingAfter + time.Second))
	frame, err := ws.ReadFrame(client)
	if err != nil || frame.Header.OpCode != ws.OpPing {
		t.Fatalf("%v, %v; want a ping", frame.Header.OpCode, err)
	}
	s.check(now.Add(pingAfter + 6*time.Second))
	s.controls.Lock()
	waiting := len(s.control)
	s.controls.Unlock()
	if !s.pinged.Load() || waiting > 0 {
		t.Fatal("asked twice")
	}
	s.check(now.Add(goneAfter + time.Second))
	if !closed(client) {
		t.Fatal("who is silent for a minute is still there")
	}

	s, client = open()
	s.writing.Store(now.UnixMilli())
	s.check(now.Add(writeWithin))
	s.check(now.Add(writeWithin + time.Second))
	if !closed(client) {
		t.Fatal("a write that takes eleven seconds goes on")
	}
}

// TestAReaderBehindTheWindowGoesOnFromTheLastSecond holds the rule that a scene loaded after a gap is never older
// than the place where the feed goes on.
func TestAReaderBehindTheWindowGoesOnFromTheLastSecond(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	r := &room{feed: &Feed{Now: func() time.Time { return now }}}
	w := &window{epoch: "e", first: 100, begins: 1000}
	for i := range uint64(40) { // one batch of ten every 100 ms, the last one now
		at := now.Add(-time.Duration(39-i) * 100 * time.Millisecond)
		w.batches = append(w.batches, newBatch("e", 1000+10*i, 1010+10*i, nil, at))
	}
	w.ends = 1400
	r.window.Store(w)
	f := follower{room: r, epoch: "e", cursor: 7}
	if _, gap := f.take(); !gap || f.at != 1300 {
		t.Fatalf("gap %v, goes on at %d; want the 1,300 of a second ago", gap, f.at)
	}
	batches, gap := f.take()
	if gap || len(batches) != 10 || batches[0].from != 1300 || f.at != 1400 {
		t.Fatalf("%d batches, gap %v, at %d", len(batches), gap, f.at)
	}
	f = follower{room: r, epoch: "another", cursor: 120}
	if _, gap := f.take(); !gap || f.epoch != "e" {
		t.Fatal("another epoch is no gap")
	}
	// One that begins inside a batch gets the rest of it.
	f = follower{room: r, epoch: "e", cursor: 139, at: 1395}
	if batches, gap = f.take(); gap || len(batches) != 1 || batches[0].from != 1395 || batches[0].to != 1400 {
		t.Fatalf("%+v, gap %v", batches, gap)
	}
}
