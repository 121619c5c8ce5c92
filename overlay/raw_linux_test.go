package overlay

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/hawkerlive/hawker/event"
)

const within = 15 * time.Second

// hall is a feed that runs, with a clock of the test's, on raw descriptors.
type hall struct {
	t     *testing.T
	feed  *Feed
	bus   *event.Memory
	url   string
	clock atomic.Int64
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, bus: event.NewMemory(event.MemoryConfig{})}
	h.clock.Store(time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC).UnixNano())
	h.feed = &Feed{Bus: h.bus, Access: anybody{}, Log: slog.New(slog.NewTextHandler(complaint{t}, &slog.HandlerOptions{Level: slog.LevelWarn})), Now: func() time.Time { return time.Unix(0, h.clock.Load()) }}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = h.feed.Run(ctx) })
	server := httptest.NewServer(h.feed)
	h.url = strings.Replace(server.URL, "http", "ws", 1) + "/v1/broadcasts/b/feed"
	t.Cleanup(func() { cancel(); running.Wait(); server.Close() })
	return h
}

// complaint fails the test at what a feed should not have to say, at its end neither.
type complaint struct{ t *testing.T }

func (c complaint) Write(line []byte) (int, error) {
	c.t.Errorf("the feed says %s", line)
	return len(line), nil
}

// open follows and returns the client's end and the server's.
func (h *hall) open() (net.Conn, *raw) {
	h.t.Helper()
	before := map[sink]bool{}
	for _, k := range h.sinks() {
		before[k] = true
	}
	var conn net.Conn
	var greeting *bufio.Reader // what came with the upgrade
	var err error
	for deadline := time.Now().Add(within); ; { // Run has begun
		if conn, greeting, _, err = ws.Dial(context.Background(), h.url); err == nil {
			break
		}
		if time.Now().After(deadline) {
			h.t.Fatal(err)
		}
	}
	h.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(within))
	if greeting == nil {
		greeting = bufio.NewReaderSize(conn, 16)
	}
	if f, err := ws.ReadFrame(greeting); err != nil || f.Header.OpCode != ws.OpText || greeting.Buffered() > 0 {
		h.t.Fatalf("greeted by %v, %v", f.Header.OpCode, err)
	}
	for ; ; runtime.Gosched() {
		for _, k := range h.sinks() {
			if r, ok := k.(*raw); ok && !before[k] {
				r.mu.Lock()
				polled := r.polled
				r.mu.Unlock()
				if polled {
					return conn, r
				}
			}
		}
	}
}

func (h *hall) sinks() (out []sink) {
	for _, r := range h.feed.allRooms() {
		out = append(out, r.all()...)
	}
	return out
}

// gone waits until nobody follows any more, and that nothing is kept of them.
func (h *hall) gone(conn net.Conn) {
	h.t.Helper()
	if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
		h.t.Fatal("the connection lives on")
	}
	for len(h.sinks()) > 0 || h.count() > 0 {
		runtime.Gosched()
	}
	for _, s := range h.feed.shards {
		s.tableMu.Lock()
		if len(s.table) > 0 {
			h.t.Errorf("a table of %d slots is kept of nobody", len(s.table))
		}
		s.tableMu.Unlock()
	}
}

func (h *hall) count() int {
	h.feed.mu.Lock()
	defer h.feed.mu.Unlock()
	return h.feed.total
}

type anybody struct{}

func (anybody) MayFollow(*http.Request, string) (bool, error) { return false, nil }

// TestHalfOpenRawConnectionsAreFoundByRounds: a round asks who has been silent, and ends who does not answer.
func TestHalfOpenRawConnectionsAreFoundByRounds(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn, k := h.open()
	start := h.feed.now()
	if k.check(start.Add(pingAfter)) {
		t.Fatal("somebody who was heard is asked")
	}
	if !k.check(start.Add(pingAfter + time.Second)) {
		t.Fatal("somebody silent is not asked")
	}
	if f, err := ws.ReadFrame(conn); err != nil || f.Header.OpCode != ws.OpPing {
		t.Fatalf("%v, %v; want a ping", f.Header.OpCode, err)
	}
	if k.check(start.Add(pingAfter + 6*time.Second)) {
		t.Fatal("asked twice")
	}
	h.clock.Add(int64(40 * time.Second))
	if err := ws.WriteFrame(conn, ws.MaskFrame(ws.NewPongFrame(nil))); err != nil {
		t.Fatal(err)
	}
	for k.heard.Load() == start.UnixMilli() {
		runtime.Gosched()
	}
	k.check(start.Add(goneAfter + time.Second)) // it answered at 40 s
	if !k.check(start.Add(40*time.Second + pingAfter + time.Second)) {
		t.Fatal("one who answered is not asked again")
	}
	k.check(start.Add(40*time.Second + goneAfter + time.Second))
	h.gone(conn)
}

// TestARoundAsksABoundedNumber: many that fall silent together are asked one part after another.
func TestARoundAsksABoundedNumber(t *testing.T) {
	t.Parallel()
	s := &shard{}
	asked := map[sink]int{}
	const n = roundAsks*roundParts*2 + 7
	for range n {
		s.add(&silent{asked: asked})
	}
	now := time.Now()
	rounds := 0
	for len(asked) < n {
		before := len(asked)
		if s.round(now); len(asked)-before > roundAsks {
			t.Fatalf("a round asked %d", len(asked)-before)
		}
		if rounds++; rounds > 3*roundParts {
			t.Fatalf("%d of %d were asked in %d rounds", len(asked), n, rounds)
		}
	}
	if rounds < 2*roundParts {
		t.Fatalf("%d rounds", rounds)
	}
}

// silent is a reader that must always be asked.
type silent struct {
	sink
	follower
	asked map[sink]int
}

func (s *silent) check(time.Time) bool { s.asked[s]++; return true }
func (s *silent) follow() *follower    { return &s.follower }

func TestWhoDoesNotAnswerAGoodbyeIsCutOff(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn, k := h.open()
	k.expel()
	for { // the close comes
		f, err := ws.ReadFrame(conn)
		if err != nil {
			t.Fatal(err)
		}
		if f.Header.OpCode == ws.OpClose {
			break
		}
	}
	if h.count() != 1 {
		t.Fatal("it had no time to answer")
	}
	h.clock.Add(int64(closeWithin + time.Second)) // a round finds it
	h.gone(conn)
}

func TestAReaderThatTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn, k := h.open()
	_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	blocked := func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.blocked
	}
	big := strings.Repeat("x", 4000)
	for !blocked() {
		if err := h.bus.Publish(context.Background(), event.New("broadcast/b", "x.big", 0, h.feed.now(), big)); err != nil {
			t.Fatal(err)
		}
	}
	since := h.feed.now()
	k.check(since.Add(writeWithin))
	if h.count() != 1 {
		t.Fatal("it had ten seconds")
	}
	k.check(since.Add(writeWithin + time.Second))
	h.gone(conn)
}

// TestAClientThatGoesOnAfterTheEndIsNotHeard: a flood does not keep a connection that was ended.
func TestAClientThatGoesOnAfterTheEndIsNotHeard(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	conn, k := h.open()
	var flood sync.WaitGroup
	flood.Go(func() {
		junk := make([]byte, 8<<10)
		for {
			if _, err := conn.Write(junk); err != nil {
				return
			}
		}
	})
	k.cut()
	h.gone(conn)
	flood.Wait()
}

// TestShardsShareReadersOut holds that connections spread over the cores.
func TestShardsShareReadersOut(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	n := 0
	for range 4 {
		h.open()
		n++
	}
	for i, s := range h.feed.shards {
		s.tableMu.Lock()
		if got, want := len(s.table), n/len(h.feed.shards); got < want {
			t.Errorf("shard %d has %d of %d readers", i, got, n)
		}
		s.tableMu.Unlock()
	}
}

// TestAPassLetsTheNetworkIn holds what yield is for: on one core, a goroutine that waits for the network goes on
// while a shard is busy, not 10 ms later.
func TestAPassLetsTheNetworkIn(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var heard atomic.Int64
	var reading sync.WaitGroup
	reading.Go(func() {
		b := make([]byte, 1)
		for {
			if _, err := server.Read(b); err != nil {
				return
			}
			heard.Add(1)
		}
	})
	const requests = 100
	late, patience := 0, time.Now().Add(time.Minute)
	for i := range int64(requests) {
		if _, err := client.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		yields := 0
		for ; heard.Load() <= i; yields++ {
			if time.Now().After(patience) {
				t.Fatalf("request %d was not heard", i)
			}
			p.yield()
		}
		if yields > 20 {
			late++
		}
	}
	// On a machine whose other work takes the core away the kernel itself may bring one late.
	if late > requests/4 {
		t.Errorf("%d of %d requests were not heard in 20 breaths", late, requests)
	}
	client.Close()
	reading.Wait()
}
