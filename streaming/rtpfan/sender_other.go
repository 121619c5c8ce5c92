//go:build !linux || !(amd64 || arm64)

package rtpfan

import "net"

// sender hands packets to the kernel one by one.
type sender struct{ conn *net.UDPConn }

func newSender(conn *net.UDPConn, _ bool) *sender { return &sender{conn: conn} }

func (s *sender) segments() bool { return false }

func (s *sender) send(b *batch) (calls, failed int) {
	for i := range b.trains {
		t := &b.trains[i]
		for at := t.start; at < t.end; at += t.segment {
			calls++
			if _, err := s.conn.WriteToUDPAddrPort(b.arena[at:min(at+t.segment, t.end)], t.to); err != nil {
				failed++
			}
		}
	}
	return calls, failed
}
