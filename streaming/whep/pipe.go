package whep

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// pipe is the net.PacketConn that a session's DTLS runs over: what the demultiplexer found comes in, what DTLS
// says goes to the viewer's path. From the moment that a datagram is handed to DTLS until it asks for the next
// one, a token of the server's gate is held, so that the steps of all handshakes together use at most so many
// cores, while a handshake that waits for its viewer holds nothing.
type pipe struct {
	session *session
	in      chan []byte // bounded; more datagrams are dropped, DTLS sends again
	done    chan struct{}
	once    sync.Once
	holding atomic.Bool // a token
	free    atomic.Bool // the handshake has ended: no more tokens

	mu       sync.Mutex
	to       path // where the last datagram came from
	deadline time.Time
	moved    chan struct{} // closed and replaced when the deadline changes
	keeping  bool          // nothing is sent any more
	last     []byte        // what was said since
}

func newPipe(v *session) *pipe {
	return &pipe{
		session: v, in: make(chan []byte, handshakeDatagramsMax), done: make(chan struct{}), moved: make(chan struct{}),
	}
}

// push hands over a copy of a datagram.
func (p *pipe) push(b []byte, from path) {
	p.mu.Lock()
	p.to = from
	p.mu.Unlock()
	select {
	case p.in <- append([]byte(nil), b...):
	default:
		p.session.server.Metrics.drop("dtls flood")
	}
}

// ReadFrom waits for the next datagram.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.giveBack()
	for {
		p.mu.Lock()
		deadline, moved := p.deadline, p.moved
		p.mu.Unlock()
		if !deadline.IsZero() {
			// DTLS sets a deadline only to end a read at once.
			return 0, nil, os.ErrDeadlineExceeded
		}
		select {
		case <-p.done:
			return 0, nil, net.ErrClosed
		case <-moved:
		case datagram := <-p.in:
			if !p.take() {
				return 0, nil, net.ErrClosed
			}
			return copy(b, datagram), p.addr(), nil
		}
	}
}

// take waits for a token.
func (p *pipe) take() bool {
	if p.free.Load() {
		return true
	}
	select {
	case p.session.server.gate <- struct{}{}:
		p.holding.Store(true)
		return true
	case <-p.done:
		return false
	}
}

func (p *pipe) giveBack() {
	if p.holding.CompareAndSwap(true, false) {
		<-p.session.server.gate
	}
}

// WriteTo sends to the viewer: where media goes, or before that where its handshake comes from.
func (p *pipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.mu.Lock()
	if p.keeping {
		p.last = append([]byte(nil), b...)
		p.mu.Unlock()
		return len(b), nil
	}
	p.mu.Unlock()
	p.session.mu.Lock()
	to := p.session.route
	p.session.mu.Unlock()
	if !to.valid() {
		p.mu.Lock()
		to = p.to
		p.mu.Unlock()
	}
	if to.valid() {
		p.session.server.send(to, b)
	}
	return len(b), nil
}

// keep sends nothing any more of what DTLS says, but keeps it.
func (p *pipe) keep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keeping = true
}

// kept is the last thing that was kept.
func (p *pipe) kept() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Close ends reading.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// LocalAddr is a name only.
func (p *pipe) LocalAddr() net.Addr { return p.session.server.conns[0].LocalAddr() }

func (p *pipe) addr() net.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return net.UDPAddrFromAddrPort(p.to.remote())
}

// SetDeadline sets the read deadline; writing never waits.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline wakes a reader.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = t
	close(p.moved)
	p.moved = make(chan struct{})
	return nil
}

// SetWriteDeadline does nothing.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

var _ net.PacketConn = (*pipe)(nil)
