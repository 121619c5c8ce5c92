package overlay

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

const (
	writeWithin = 10 * time.Second // a write that takes longer is a reader that is gone
	pingAfter   = 25 * time.Second // of hearing nothing
	goneAfter   = 60 * time.Second // of hearing nothing
	closeWithin = 2 * time.Second  // for the client's half of the closing handshake
	controlsMax = 4 << 10          // bytes that wait for one reader alone
	readBuffer  = 1 << 10          // of a reading goroutine
)

// socket is a WebSocket reader on a stream (TLS, or where there is no poller): one goroutine that reads what comes
// up, and while there is something to write one that writes. What it writes are the shared frames of its room.
type socket struct {
	follower
	speaker
	feed    *Feed
	conn    net.Conn
	session string
	caller  Caller

	state    atomic.Int32 // see wake
	drained  chan struct{}
	broken   bool         // the writer's
	heard    atomic.Int64 // when the client last said something, Unix ms
	writing  atomic.Int64 // since when a write goes on, Unix ms; 0: none
	pinged   atomic.Bool
	controls sync.Mutex
	control  []byte // frames that go before the next batch: a first batch, pongs, a close
	closing  bool   // control ends with a close
}

// The states of a socket's writing side.
const (
	idle  int32 = iota // nobody writes
	busy               // a goroutine writes
	again              // and has to look once more
	dying              // no more
)

// serveSocket takes the connection over from net/http. admit has counted it in; accept is our half of the handshake.
func (f *Feed) serveSocket(w http.ResponseWriter, r *http.Request, q request, accept string) error {
	room, err := f.join(r.Context(), q.topic)
	if err != nil {
		f.release(q.addr)
		return err
	}
	place := follower{room: room, shard: int32(f.place())}
	lacks, gap := place.begin(r.Context(), q.since)
	conn, rest, err := hijack(w)
	if err != nil {
		room.part()
		f.release(q.addr)
		f.Log.Debug("feed: upgrade", "error", err)
		return nil // the connection is gone: nobody to tell
	}
	first := append(upgraded(accept), place.greeting(asFrames, lacks, gap)...)
	if f.raw(conn, place, q, first, rest) {
		return nil
	}
	s := &socket{feed: f, follower: place, session: q.session, caller: q.from(), conn: conn, drained: make(chan struct{}), control: first}
	s.speaker = speaker{feed: f, topic: room.topic, out: s}
	s.heard.Store(f.now().UnixMilli())
	bounded(conn)
	f.Metrics.connected(q.topic, asFrames, 1)
	f.enter(s)
	// The goroutine of net/http ends here, with its buffers.
	go func() {
		defer f.release(q.addr)
		defer f.Metrics.connected(q.topic, asFrames, -1)
		s.read(rest)
		f.exit(s)
		s.end()
	}()
	return nil
}

// bounded limits what the kernel holds for a reader who does not read, under TLS too.
func bounded(conn net.Conn) {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = over.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
}

// greeting tells the reader where it is: an empty batch at its position, and what it lacks.
func (f *follower) greeting(as wire, lacks *batch, gap bool) []byte {
	switch {
	case gap:
		f.room.feed.Metrics.gap("position")
		return as.gap(f.epoch, f.at)
	case lacks != nil:
		return as.of(lacks)
	}
	return as.of(newBatch(f.epoch, f.at, f.at, nil, time.Time{}))
}

// read reads what the client sends until the connection ends. first is what came with the handshake.
func (s *socket) read(first []byte) {
	s.said(first)
	buffer := make([]byte, readBuffer)
	for {
		n, err := s.conn.Read(buffer)
		if n > 0 {
			s.heard.Store(s.feed.now().UnixMilli())
			s.pinged.Store(false)
			s.said(buffer[:n])
		}
		if err != nil {
			return
		}
	}
}

// wake starts the writing goroutine, or tells the one there is to look once more.
func (s *socket) wake(*joint) {
	for {
		switch state := s.state.Load(); {
		case state == again || state == dying:
			return
		case state == busy && s.state.CompareAndSwap(busy, again):
			return
		case state == idle && s.state.CompareAndSwap(idle, busy):
			go s.write()
			return
		}
	}
}

// write writes until there is nothing left.
func (s *socket) write() {
	var out net.Buffers
	for {
		var last bool
		out, last = s.collect(out[:0])
		if len(out) == 0 {
			if s.rest() {
				return
			}
			continue
		}
		s.writing.Store(s.feed.now().UnixMilli())
		sending := out
		n, err := sending.WriteTo(s.conn)
		s.writing.Store(0)
		s.feed.Metrics.written(n)
		clear(out)
		if err != nil {
			s.broken = true
			s.conn.Close()
		} else if last {
			s.broken = true
			s.halfClose()
		}
	}
}

// collect gathers what is to be written next.
func (s *socket) collect(out net.Buffers) (_ net.Buffers, last bool) {
	if s.broken {
		return out, false
	}
	s.controls.Lock()
	if len(s.control) > 0 {
		out = append(out, s.control)
	}
	s.control, last = nil, s.closing
	s.controls.Unlock()
	if last {
		return out, true
	}
	batches, gap := s.take()
	if gap {
		s.feed.Metrics.gap("behind")
		return append(out, asFrames.gap(s.epoch, s.at)), false
	}
	for _, b := range batches {
		out = append(out, b.frame)
	}
	return out, false
}

// rest tells whether the writing goroutine may end.
func (s *socket) rest() bool {
	for {
		switch state := s.state.Load(); {
		case state == dying:
			close(s.drained)
			return true
		case state == again && s.state.CompareAndSwap(again, busy):
			return false
		case state == busy && s.state.CompareAndSwap(busy, idle):
			return true
		}
	}
}

// end closes the connection and waits for the writing goroutine.
func (s *socket) end() {
	s.conn.Close()
	for {
		state := s.state.Load()
		if !s.state.CompareAndSwap(state, dying) {
			continue
		}
		if state == busy || state == again {
			<-s.drained
		}
		return
	}
}

// send puts a control frame before the next batch. One that waits already is enough: a client that asks faster
// than it reads gets fewer answers.
func (s *socket) send(frame []byte, closing bool) {
	s.controls.Lock()
	if s.closing || (len(s.control) > controlsMax && !closing) {
		s.controls.Unlock()
		return
	}
	s.control, s.closing = append(s.control[:len(s.control):len(s.control)], frame...), closing
	s.controls.Unlock()
	if closing { // the client reads why, then it closes, or the deadline does
		_ = s.conn.SetReadDeadline(time.Now().Add(closeWithin))
	}
	s.wake(nil)
}

// halfClose ends our half, and gives the client a moment to end its own.
func (s *socket) halfClose() {
	_ = s.conn.SetReadDeadline(time.Now().Add(closeWithin))
	if half, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	s.conn.Close()
}

func (s *socket) leave() { s.send(closeFrame(ws.StatusGoingAway, "the server goes away"), true) }

func (s *socket) expel() { s.send(closeFrame(ws.StatusPolicyViolation, "access has ended"), true) }

func (s *socket) cut() { s.conn.Close() }

func (s *socket) who() (string, Caller) { return s.session, s.caller }

func (s *socket) check(now time.Time) (asked bool) {
	silent := now.UnixMilli() - s.heard.Load()
	since := s.writing.Load()
	switch {
	case since != 0 && now.UnixMilli()-since > writeWithin.Milliseconds():
		s.feed.Metrics.dropped("stuck")
		s.conn.Close()
	case silent > goneAfter.Milliseconds():
		s.feed.Metrics.dropped("silent")
		s.conn.Close()
	case silent > pingAfter.Milliseconds() && s.pinged.CompareAndSwap(false, true):
		s.send(pingFrame, false)
		return true
	}
	return false
}

var _ = sink((*socket)(nil))
