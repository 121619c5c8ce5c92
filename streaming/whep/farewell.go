package whep

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"
)

// A viewer's DTLS has served when its keys are known and the viewer has shown that it has them too, by its first
// authentic RTCP packet. What stays of it then is what a goodbye needs, in either direction: three goroutines and
// some tens of kilobytes less per viewer.
const (
	servedAfter  = 10 * time.Second // without RTCP: a viewer that had not got our last words would have asked for them
	goodbyeGap   = time.Second      // between two datagrams of a session that might be its goodbye
	recordHeader = 13
	recordAlert  = 21
	// Of a datagram that is an encrypted alert.
	goodbyeBytesMin = 2 * recordHeader
	goodbyeBytesMax = 256
)

// farewell is what is left of a session's DTLS.
type farewell struct {
	state  []byte       // of the association, to read the viewer's goodbye
	notify []byte       // our goodbye, encrypted already: it takes the last number that we use
	looked atomic.Int64 // when a datagram was last taken for a goodbye; Unix nanoseconds
}

// served ends the session's DTLS soon, if it has not ended yet. It runs under the session's lock.
func (v *session) served() {
	if v.conn != nil && !v.ripe {
		v.ripe = true
		_ = v.conn.SetReadDeadline(time.Unix(1, 0)) // wakes shake
	}
}

// retire replaces a session's DTLS by its farewell.
func (v *session) retire(conn *dtls.Conn) {
	left := &farewell{}
	if state, ok := conn.ConnectionState(); ok {
		state.PeerCertificates = nil
		left.state, _ = state.MarshalBinary() // without it the viewer leaves by its consent
	}
	v.mu.Lock()
	p := v.pipe
	v.mu.Unlock()
	p.keep()
	_ = conn.Close()
	left.notify = p.kept()
	v.mu.Lock()
	closed, to, alert := v.closed, v.route, v.alert
	v.conn, v.pipe, v.left, v.alert = nil, nil, left, nil
	v.mu.Unlock()
	switch {
	case closed:
		v.server.send(to, left.notify)
	case alert != nil:
		v.goodbye(left, alert) // it may have come when nobody listened any more
	}
}

// goodbye looks whether a datagram that came after the DTLS has ended says goodbye.
func (v *session) goodbye(left *farewell, b []byte) {
	s := v.server
	if len(b) < goodbyeBytesMin || len(b) > goodbyeBytesMax || b[0] != recordAlert || b[3] == 0 && b[4] == 0 {
		s.Metrics.drop("late dtls")
		return
	}
	now, before := s.now().UnixNano(), left.looked.Load()
	if now-before < int64(goodbyeGap) || !left.looked.CompareAndSwap(before, now) {
		s.Metrics.drop("dtls flood")
		return
	}
	b = append([]byte(nil), b...)
	s.running.Go(func() {
		s.gate <- struct{}{}
		said := left.heard(b)
		<-s.gate
		if said {
			v.close("closed by the viewer")
			return
		}
		s.Metrics.drop("late dtls")
	})
}

// heard tells whether the datagram is an authentic close_notify of the association.
func (f *farewell) heard(b []byte) bool {
	var state dtls.State
	if len(f.state) == 0 || state.UnmarshalBinary(f.state) != nil {
		return false
	}
	one := &oneDatagram{b: b}
	conn, err := dtls.ResumeWithOptions(&state, one, one.LocalAddr())
	if err != nil {
		return false
	}
	_, _ = conn.Read(nil)
	answered := one.answered.Load() // which only a close_notify is
	_ = conn.Close()
	return answered
}

// oneDatagram is a net.PacketConn that a single datagram comes out of. What is said in reply goes nowhere: the
// farewell's own is the last record under our keys.
type oneDatagram struct {
	b        []byte
	read     atomic.Bool
	answered atomic.Bool
}

// ReadFrom returns the datagram once.
func (o *oneDatagram) ReadFrom(b []byte) (int, net.Addr, error) {
	if o.read.Swap(true) {
		return 0, nil, io.EOF
	}
	return copy(b, o.b), o.LocalAddr(), nil
}

// WriteTo notes that there was an answer.
func (o *oneDatagram) WriteTo(b []byte, _ net.Addr) (int, error) {
	o.answered.Store(true)
	return len(b), nil
}

// LocalAddr is a name only.
func (o *oneDatagram) LocalAddr() net.Addr { return &net.UDPAddr{} }

// Close does nothing: nobody waits.
func (o *oneDatagram) Close() error { return nil }

// SetDeadline does nothing: nobody waits.
func (o *oneDatagram) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (o *oneDatagram) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (o *oneDatagram) SetWriteDeadline(time.Time) error { return nil }

var _ net.PacketConn = (*oneDatagram)(nil)
