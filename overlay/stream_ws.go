package overlay

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"
)

const (
	writeWithin   = 10 * time.Second // a write that takes longer is a reader that is gone
	pingAfter     = 25 * time.Second // of hearing nothing
	goneAfter     = 60 * time.Second // of hearing nothing
	closeWithin   = 2 * time.Second  // for the client's half of the closing handshake
	sendBuffer    = 64 << 10         // kernel memory that a reader who does not read can hold
	handshakeTime = 5 * time.Second
)

// socket is a WebSocket reader: one goroutine that reads what comes up, and while there is something to write
// one that writes. What it writes are the shared frames of its room.
type socket struct {
	follower
	feed    *Feed
	conn    net.Conn
	topic   string
	session string
	gate    gate

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

// serveSocket takes the connection over from net/http. admit has counted it in.
func (f *Feed) serveSocket(w http.ResponseWriter, r *http.Request, q request) error {
	accept, err := handshake(r)
	if err != nil {
		f.release(q.addr)
		return err
	}
	room, err := f.join(r.Context(), q.topic)
	if err != nil {
		f.release(q.addr)
		return err
	}
	s := &socket{feed: f, topic: q.topic, session: q.session, drained: make(chan struct{})}
	s.follower = follower{room: room, shard: f.place()}
	lacks, gap := s.begin(r.Context(), q.since)
	conn, rest, err := hijack(w, accept)
	if err != nil {
		room.part()
		f.release(q.addr)
		f.Log.Debug("feed: upgrade", "error", err)
		return nil // the connection is gone: nobody to tell
	}
	s.conn = conn
	s.heard.Store(f.now().UnixMilli())
	s.control = s.greeting(lacks, gap)
	f.Metrics.connected(q.topic, "ws", 1)
	f.enter(s)
	// The goroutine of net/http ends here, with its buffers.
	go func() {
		defer f.release(q.addr)
		defer f.Metrics.connected(q.topic, "ws", -1)
		s.read(rest)
		room.exit(s)
		s.end()
	}()
	return nil
}

// greeting tells the reader where it is: an empty batch at its position, and what it lacks.
func (s *socket) greeting(lacks *batch, gap bool) []byte {
	if gap {
		s.feed.Metrics.gap("position")
		frame, _ := textFrame(gapMessage(s.epoch, s.at))
		return frame
	}
	if lacks != nil {
		return lacks.frame
	}
	return newBatch(s.epoch, s.at, s.at, nil, time.Time{}).frame
}

// handshake checks the client's half of the upgrade (RFC 6455, 4.2.1) and returns our proof.
func handshake(r *http.Request) (accept string, err error) {
	key := r.Header.Get("Sec-Websocket-Key")
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 16 || r.ProtoMajor != 1 || r.ProtoMinor < 1 || !hasToken(r.Header["Connection"], "upgrade") {
		return "", ErrFeedHandshake
	}
	if r.Header.Get("Sec-Websocket-Version") != "13" {
		return "", ErrFeedUpgrade
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// hijack switches the protocols and returns the connection with what the client has sent already.
func hijack(w http.ResponseWriter, accept string) (net.Conn, []byte, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	var rest []byte
	if n := rw.Reader.Buffered(); n > 0 {
		rest = make([]byte, n)
		_, _ = io.ReadFull(rw.Reader, rest)
	}
	_ = conn.SetDeadline(time.Now().Add(handshakeTime))
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+accept+"\r\n\r\n"); err != nil {
		conn.Close()
		return nil, nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer)
	}
	return conn, rest, nil
}

// wake starts the writing goroutine, or tells the one there is to look once more.
func (s *socket) wake() {
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
		frame, _ := textFrame(gapMessage(s.epoch, s.at))
		return append(out, frame), false
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
	if s.closing || (len(s.control) > 4096 && !closing) {
		s.controls.Unlock()
		return
	}
	s.control, s.closing = append(s.control[:len(s.control):len(s.control)], frame...), closing
	s.controls.Unlock()
	s.wake()
}

// bye closes the WebSocket with a reason (RFC 6455, 7.4).
func (s *socket) bye(code ws.StatusCode, reason string) {
	s.send(ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason))), true)
}

// halfClose ends our half, and gives the client a moment to end its own.
func (s *socket) halfClose() {
	_ = s.conn.SetReadDeadline(time.Now().Add(closeWithin))
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		return
	}
	s.conn.Close()
}

func (s *socket) leave() {
	s.bye(ws.StatusGoingAway, "the server goes away")
	// One that does not read gets no more time than one that does.
	_ = s.conn.SetReadDeadline(time.Now().Add(closeWithin))
}

func (s *socket) check(now time.Time) {
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
	}
}

var (
	pingFrame = ws.MustCompileFrame(ws.NewPingFrame(nil))
	_         = sink((*socket)(nil))
)
