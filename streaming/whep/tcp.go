package whep

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// tcpConn is one ICE-TCP connection (RFC 6544), framed by RFC 4571. It is a path of a session from its first valid
// check on.
type tcpConn struct {
	server  *Server
	conn    net.Conn
	addr    netip.AddrPort
	session *session // set once by the reading goroutine, under tcpUnknown's lock

	gone atomic.Int64 // when it ended; Unix nanoseconds

	mu     sync.Mutex
	queue  []byte // framed, to be written
	full   bool   // Room said no
	closed bool
	ready  chan struct{}
}

// acceptTCP accepts connections until the listener is closed.
func (s *Server) acceptTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.Metrics.drop("accept") // such as too many open files: wait for somebody to leave
			t := time.NewTimer(100 * time.Millisecond)
			<-t.C
			continue
		}
		c := &tcpConn{server: s, conn: conn, addr: tcpAddr(conn), ready: make(chan struct{}, 1)}
		if !s.tcpUnknown.add(c) {
			s.Metrics.drop("tcp flood")
			conn.Close()
			continue
		}
		s.running.Go(c.run)
	}
}

// run reads frames until the connection ends.
func (c *tcpConn) run() {
	s := c.server
	var writing sync.WaitGroup
	writing.Go(c.write)
	defer writing.Wait()
	defer s.tcpUnknown.remove(c)
	defer func() { c.gone.Store(s.now().UnixNano()) }()
	defer c.close()
	_ = c.conn.SetReadDeadline(time.Now().Add(tcpCheckTimeout))
	buf := make([]byte, datagramMax)
	from := path{tcp: c}
	for {
		b, err := readFrame(c.conn, buf)
		if err != nil {
			return
		}
		switch {
		case kind(b) == kindSTUN:
			v := s.check(b, from, nil)
			if v == nil || c.session != nil && v != c.session {
				if c.session == nil {
					return // a stranger
				}
				continue
			}
			if c.session == nil {
				s.tcpUnknown.known(c, v)
				_ = c.conn.SetReadDeadline(time.Time{})
			}
		case c.session == nil:
			s.Metrics.drop("unchecked")
			return
		default:
			c.session.receive(b, from)
		}
	}
}

// readFrame reads one frame; a larger one than any datagram is an error.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf))
	if n > len(buf) {
		return nil, errors.New("whep: a frame is too long")
	}
	_, err := io.ReadFull(r, buf[:n])
	return buf[:n], err
}

// lost tells whether the connection ended so long ago that the viewer cannot be on its way by another.
func (c *tcpConn) lost(now time.Time) bool {
	at := c.gone.Load()
	return at != 0 && now.Sub(time.Unix(0, at)) > tcpLostAfter
}

// Room tells whether the viewer's packets may be queued. A viewer that does not read keeps its place in the
// stream's history until it falls out of it; it wakes the egress when it reads again.
func (c *tcpConn) Room() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.full = len(c.queue) >= tcpQueueBytesMax
	return !c.full && !c.closed
}

// Send queues one datagram.
func (c *tcpConn) Send(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.queue) >= 2*tcpQueueBytesMax {
		c.server.Metrics.drop("tcp queue")
		return
	}
	c.queue = binary.BigEndian.AppendUint16(c.queue, uint16(len(b)))
	c.queue = append(c.queue, b...)
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// write writes what is queued until the connection is closed.
func (c *tcpConn) write() {
	var out []byte
	for range c.ready {
		c.mu.Lock()
		out, c.queue = c.queue, out[:0]
		closed := c.closed
		c.mu.Unlock()
		if len(out) > 0 {
			_ = c.conn.SetWriteDeadline(time.Now().Add(tcpWriteTimeout))
			if _, err := c.conn.Write(out); err != nil {
				c.close()
				closed = true
			}
		}
		if closed {
			c.conn.Close()
			return
		}
		c.mu.Lock()
		wake := c.full && len(c.queue) < tcpQueueBytesMax
		c.full = c.full && !wake
		c.mu.Unlock()
		if v := c.known(); wake && v != nil {
			v.home.egress.Wake()
		}
	}
}

func (c *tcpConn) known() *session {
	c.server.tcpUnknown.mu.Lock()
	defer c.server.tcpUnknown.mu.Unlock()
	return c.session
}

// close ends the connection after what is queued has been written.
func (c *tcpConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	// The reader must not wait for the viewer, the writer must not wait for long.
	_ = c.conn.SetReadDeadline(time.Unix(1, 0))
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// tcpUnknown holds all connections and bounds those that have not passed a check yet.
type tcpUnknown struct {
	mu      sync.Mutex
	all     map[*tcpConn]bool // true: has passed a check
	unknown int
	per     map[netip.Addr]int
	closed  bool
}

func (u *tcpUnknown) add(c *tcpConn) bool {
	k := key(c.addr.Addr())
	free := c.server.Unlimited != nil && c.server.Unlimited(c.addr.Addr())
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || u.unknown >= tcpUnknownMax || !free && u.per[k] >= tcpUnknownPerAddress {
		return false
	}
	if u.all == nil {
		u.all = map[*tcpConn]bool{}
	}
	u.all[c] = false
	u.unknown++
	count(&u.per, k, 1)
	return true
}

func (u *tcpUnknown) known(c *tcpConn, v *session) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c.session = v
	u.all[c] = true
	u.unknown--
	count(&u.per, key(c.addr.Addr()), -1)
}

func (u *tcpUnknown) remove(c *tcpConn) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.all[c] {
		u.unknown--
		count(&u.per, key(c.addr.Addr()), -1)
	}
	delete(u.all, c)
}

func (u *tcpUnknown) closeAll() {
	u.mu.Lock()
	u.closed = true
	all := make([]*tcpConn, 0, len(u.all))
	for c := range u.all {
		all = append(all, c)
	}
	u.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}
