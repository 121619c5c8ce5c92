package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop/checkout"
)

const (
	turnstileMax   = 20_000           // connections that are kept
	turnstileBack  = 1024             // connections on their way back; beyond it they are closed
	turnstileIdle  = 2 * time.Minute  // without a request
	turnstileHalf  = 10 * time.Second // for the rest of a request that has begun
	turnstileSweep = 5 * time.Second
	turnstileWrite = 5 * time.Second // for an answer to be taken
	turnstileDrain = 2 * time.Second // running requests may finish for this long at the end
)

// Turnstile keeps the connections over which integrators order. A connection that brought a checkout with an API token
// stays here: it costs no goroutine and no buffers between two requests, and while checkout is busy the next request
// on it is turned away by the one goroutine that watches all of them, for a fifth of what net/http takes. That is what
// lets a machine that is asked five times too much go on with what it can do.
//
// It reads nothing but whole POST /v1/checkout requests of plain HTTP/1.1. Whatever else comes goes back to net/http,
// with the connection and all that was read, and so it stays there. It is a listener for that: serve what it accepts.
type Turnstile struct {
	// Required.
	Log *slog.Logger

	server *Server
	poll   *turnstilePoll // nil where this machine has none
	back   chan net.Conn
	ended  chan struct{}
	closed atomic.Bool
	base   context.Context // of the requests
	cancel context.CancelFunc
	orders sync.WaitGroup // requests that run
	kept   atomic.Int64
}

// Listen makes it ready to keep connections.
func (t *Turnstile) Listen() (err error) {
	t.back, t.ended = make(chan net.Conn, turnstileBack), make(chan struct{})
	t.base, t.cancel = context.WithCancel(context.Background())
	t.poll, err = newTurnstilePoll()
	return err
}

// Accept returns the next connection that goes back to net/http.
func (t *Turnstile) Accept() (net.Conn, error) {
	select {
	case c := <-t.back:
		return c, nil
	case <-t.ended:
		return nil, net.ErrClosed
	}
}

// Close ends Accept. Run ends the rest.
func (t *Turnstile) Close() error {
	if !t.closed.Swap(true) {
		close(t.ended)
	}
	return nil
}

// Addr is no address.
func (t *Turnstile) Addr() net.Addr { return &net.UnixAddr{Name: "turnstile", Net: "turnstile"} }

// Kept is how many connections stay here.
func (t *Turnstile) Kept() int64 { return t.kept.Load() }

// returned is a connection that goes back, with what was read of it.
type returned struct {
	*net.TCPConn
	read []byte
}

// Read returns what was read before, then what comes.
func (r *returned) Read(p []byte) (int, error) {
	if len(r.read) > 0 {
		n := copy(p, r.read)
		r.read = r.read[n:]
		return n, nil
	}
	return r.TCPConn.Read(p)
}

type returnedKey struct{}

// ConnContext marks requests over connections that came back: http.Server.ConnContext.
func (t *Turnstile) ConnContext(ctx context.Context, c net.Conn) context.Context {
	if _, ok := c.(*returned); ok {
		return context.WithValue(ctx, returnedKey{}, true)
	}
	return ctx
}

// takes tells whether the connection of a request shall stay here after it.
func (t *Turnstile) takes(r *http.Request) bool {
	return t != nil && t.poll != nil && r.TLS == nil && r.ProtoMajor == 1 && r.ProtoMinor == 1 && !r.Close && byToken(r) && r.Context().Value(returnedKey{}) == nil &&
		t.kept.Load() < turnstileMax && !t.closed.Load()
}

// byToken tells whether an API token was sent, whatever it is worth.
func byToken(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "+account.TokenPrefix)
}

// pass carries out the first request of a connection, and keeps it. done is false where the general way must answer.
func (t *Turnstile) pass(w http.ResponseWriter, r *http.Request) (done bool) {
	a := replies.Get().(*reply)
	defer a.free()
	// The deadline for reading the body must not end the connection while the handler works.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	if !t.server.buyFast(a, r) {
		return false
	}
	conn, early, err := http.NewResponseController(w).Hijack()
	if err != nil { // the general way of writing it
		for name, value := range a.header {
			w.Header()[name] = value
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body)
		return true
	}
	tcp, ok := conn.(*net.TCPConn)
	_ = conn.SetDeadline(time.Now().Add(turnstileWrite))
	if _, err = conn.Write(a.text()); err != nil || !ok {
		_ = conn.Close()
		return true
	}
	_ = conn.SetDeadline(time.Time{})
	if n := early.Reader.Buffered(); n > 0 { // a client that does not wait for its answers
		next, _ := early.Reader.Peek(n) // they are there
		t.giveBack(tcp, next)
		return true
	}
	t.keep(tcp)
	return true
}

// parked is a connection that stays here. Whoever brings its state from resting to busy has it to itself: the watching
// goroutine, or the one that carries out its request.
type parked struct {
	of     *Turnstile
	conn   *net.TCPConn
	fd     int
	slot   int32
	remote string
	state  atomic.Int32
	half   []byte       // of a request; the busy one's
	since  atomic.Int64 // last news of it, Unix ms
}

const (
	resting int32 = iota
	busyNow
	busyAndMore // more has come meanwhile
)

// woken is called for each piece of news of a connection. It reads, and answers or carries out what was read.
func (c *parked) woken(buffer []byte) {
	for {
		if c.state.CompareAndSwap(resting, busyNow) {
			break
		}
		if c.state.CompareAndSwap(busyNow, busyAndMore) || c.state.Load() == busyAndMore {
			return // whoever has it looks again
		}
	}
	c.look(buffer)
}

// look reads until there is nothing more. The connection is the caller's.
func (c *parked) look(buffer []byte) {
	for {
		n, open := c.read(buffer)
		if !open {
			c.close()
			return
		}
		if n > 0 && !c.took(buffer[:n]) {
			return // somebody else's now
		}
		if n < len(buffer) && c.rest() {
			return
		}
	}
}

// rest lets go of the connection; false: more has come.
func (c *parked) rest() bool {
	if c.state.CompareAndSwap(busyNow, resting) {
		return true
	}
	c.state.Store(busyNow)
	return false
}

// took takes what came. It returns false if the connection is no longer the caller's.
func (c *parked) took(news []byte) (mine bool) {
	text := news
	if len(c.half) > 0 {
		c.half = append(c.half, news...)
		text = c.half
	}
	f := frameOf(text)
	switch {
	case f.more:
		if len(c.half) == 0 { // from here on the rest has its time, however it trickles in
			c.half = append(c.half, news...)
			c.since.Store(time.Now().UnixMilli())
		}
		return true
	case f.size == 0:
		c.giveBack(text)
		return false
	}
	s := c.of.server
	if f.token && !bytes.Contains(text, []byte(`"queue"`)) && !bytes.Contains(text, []byte(`"place"`)) && s.Checkout.TurnsAway() {
		c.half = nil
		return c.turnAway(s)
	}
	whole := texts.Get().(*[]byte)
	*whole = append((*whole)[:0], text...)
	c.half = nil
	ticket := s.Checkout.Enter()
	c.of.orders.Go(func() {
		defer texts.Put(whole)
		if c.carryOut(*whole, ticket) && !c.rest() {
			c.look(make([]byte, turnstileRead))
		}
	})
	return false
}

// turnAway answers that there are too many. A client that does not take as little as that is closed.
func (c *parked) turnAway(s *Server) (mine bool) {
	start := time.Now()
	a := replies.Get().(*reply)
	defer a.free()
	id := newRequestID()
	answerFast(a, id, nil, busy(id))
	s.Metrics.answered(checkoutPath, http.MethodPost, a.status, time.Since(start))
	if !c.write(a.text()) {
		c.close()
		return false
	}
	c.since.Store(start.UnixMilli())
	return true
}

// carryOut reads a whole request and answers it. It returns false if the connection is no longer the caller's.
func (c *parked) carryOut(text []byte, ticket checkout.Ticket) (mine bool) {
	r, err := http.ReadRequest(bufio.NewReaderSize(bytes.NewReader(text), len(text)))
	if err != nil || r.Host == "" || r.Close || !byToken(r) {
		ticket.Leave()
		c.giveBack(text)
		return false
	}
	r.RemoteAddr = c.remote
	a := replies.Get().(*reply)
	defer a.free()
	if !c.of.server.buyCounted(a, r.WithContext(c.of.base), ticket) {
		c.giveBack(text)
		return false
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(turnstileWrite))
	if _, err := c.conn.Write(a.text()); err != nil || c.of.closed.Load() {
		c.close()
		return false
	}
	c.since.Store(time.Now().UnixMilli())
	return true
}

// giveBack hands the connection and what was read of it to net/http.
func (c *parked) giveBack(text []byte) {
	c.leave()
	_ = c.conn.SetWriteDeadline(time.Time{})
	c.of.giveBack(c.conn, text)
}

func (t *Turnstile) giveBack(conn *net.TCPConn, text []byte) {
	select {
	case t.back <- &returned{conn, bytes.Clone(text)}:
	default: // the client begins anew
		_ = conn.Close()
	}
}

func (c *parked) close() {
	c.leave()
	_ = c.conn.Close()
}

// reply is a response on its way to a connection of ours.
type reply struct {
	header http.Header
	status int
	body   []byte
	bytes  []byte
}

var replies = sync.Pool{New: func() any { return &reply{header: http.Header{}} }}

func (a *reply) free() {
	clear(a.header)
	a.status, a.body, a.bytes = 0, a.body[:0], a.bytes[:0]
	replies.Put(a)
}

// Header is what the answer will say.
func (a *reply) Header() http.Header { return a.header }

// WriteHeader takes the status.
func (a *reply) WriteHeader(status int) { a.status = status }

// Write takes a piece of the body.
func (a *reply) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// SetReadDeadline is of no use: the request has been read.
func (a *reply) SetReadDeadline(time.Time) error { return nil }

// text is the answer as HTTP/1.1 has it. The headers' values are our own and hold nothing that would break a line.
func (a *reply) text() []byte {
	b := append(a.bytes[:0], "HTTP/1.1 "...)
	b = append(strconv.AppendInt(b, int64(a.status), 10), ' ')
	b = append(append(b, http.StatusText(a.status)...), "\r\nDate: "...)
	b = append(time.Now().UTC().AppendFormat(b, http.TimeFormat), '\r', '\n')
	for name, values := range a.header {
		for _, v := range values {
			b = append(append(append(append(b, name...), ": "...), v...), '\r', '\n')
		}
	}
	b = append(append(b, '\r', '\n'), a.body...)
	a.bytes = b
	return b
}

// Run watches the connections until ctx ends; then it lets running requests finish for a moment and closes them all.
func (t *Turnstile) Run(ctx context.Context) error {
	defer t.cancel()
	if t.poll == nil {
		<-ctx.Done()
		return t.Close()
	}
	var watching sync.WaitGroup
	var failed error
	watching.Go(func() { failed = t.poll.run(t) })
	sweep := time.NewTicker(turnstileSweep)
	defer sweep.Stop()
	for running := true; running; {
		select {
		case <-ctx.Done():
			running = false
		case <-sweep.C:
			t.sweep(time.Now())
		}
	}
	err := errors.Join(t.Close(), t.poll.close())
	watching.Wait()
	t.sweep(time.Now().Add(time.Hour)) // those that rest; the others are closed when they have been answered
	patience := time.AfterFunc(turnstileDrain, t.cancel)
	defer patience.Stop()
	t.orders.Wait()
	t.sweep(time.Now().Add(time.Hour))
	for {
		select {
		case c := <-t.back:
			_ = c.Close()
		default:
			return errors.Join(err, failed)
		}
	}
}
