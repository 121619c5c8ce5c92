package whep

import (
	"net"
	"net/netip"
	"strings"

	"github.com/pion/stun/v3"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// Attributes of ICE that the library does not name (RFC 8445, 16.1).
const (
	attrUseCandidate  = stun.AttrUseCandidate
	attrICEControlled = stun.AttrICEControlled
	roleConflict      = stun.CodeRoleConflict
)

// check answers a binding request, if it is authentic, and returns the session that it belongs to. Anything else
// is dropped without an answer: a forged check must not make us send. heard is the shard that heard it over UDP.
func (s *Server) check(b []byte, from path, heard *shard) *session {
	m := stun.Message{Raw: b}
	if err := m.Decode(); err != nil || m.Type != stun.BindingRequest {
		// Indications keep bindings open; they are not answered and renew nothing.
		s.Metrics.drop("stun")
		return nil
	}
	name, err := m.Get(stun.AttrUsername)
	if err != nil {
		s.Metrics.drop("stun")
		return nil
	}
	ours, theirs, _ := strings.Cut(string(name), ":")
	s.mu.RLock()
	v := s.byUfrag[ours]
	s.mu.RUnlock()
	if v == nil {
		s.Metrics.drop("ufrag")
		return nil
	}
	c, ok := v.authentic(&m, ours, theirs)
	if !ok {
		s.Metrics.drop("forged")
		return nil
	}
	integrity := stun.NewShortTermIntegrity(c.pwd)
	if m.Contains(attrICEControlled) {
		// We are the lite side and never control (RFC 8445, 6.1.1).
		s.reply(from, &m, stun.NewType(stun.MethodBinding, stun.ClassErrorResponse), roleConflict, integrity, stun.Fingerprint)
		return nil
	}
	if !v.checked(c, from, m.Contains(attrUseCandidate), heard) {
		return nil
	}
	addr := from.remote()
	s.reply(from, &m, stun.BindingSuccess, &stun.XORMappedAddress{IP: addr.Addr().AsSlice(), Port: int(addr.Port())},
		integrity, stun.Fingerprint)
	return v
}

// authentic verifies a request against the credentials that it names.
func (v *session) authentic(m *stun.Message, ours, theirs string) (credentials, bool) {
	v.mu.Lock()
	c := v.now
	if c.ufrag != ours && v.before != nil {
		c = *v.before
	}
	v.mu.Unlock()
	if c.ufrag != ours || c.remote != theirs {
		return c, false
	}
	return c, m.Check(stun.NewShortTermIntegrity(c.pwd), stun.Fingerprint) == nil
}

// forget drops the credentials from before an ICE restart. It runs under the session's lock.
func (s *Server) forget(v *session) {
	s.mu.Lock()
	delete(s.byUfrag, v.before.ufrag)
	s.mu.Unlock()
	v.before = nil
}

// checked notes that a check from the path was valid. It reports false for a session that has ended.
func (v *session) checked(c credentials, from path, nominated bool, heard *shard) bool {
	s := v.server
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return false
	}
	if c.ufrag == v.now.ufrag && v.before != nil {
		s.forget(v)
	}
	if v.home == nil {
		v.home = s.home(heard)
		v.home.viewers.Add(1)
	}
	known := false
	for _, p := range v.paths {
		known = known || p == from
	}
	if !known {
		v.paths = append(v.paths, from)
		s.mu.Lock()
		if len(v.paths) > pathsMax {
			v.evict()
		}
		if from.tcp == nil {
			s.byAddr[from.addr] = v
		}
		s.mu.Unlock()
	}
	if nominated || from == v.route {
		v.consent.Store(s.now().UnixNano())
	}
	if nominated && from != v.route {
		v.route = from
		if !v.connected.IsZero() {
			v.moved()
		}
	}
	return true
}

// evict forgets the oldest path that is not in use. It runs under both locks.
func (v *session) evict() {
	for i, p := range v.paths {
		if p == v.route {
			continue
		}
		if v.server.byAddr[p.addr] == v {
			delete(v.server.byAddr, p.addr)
		}
		if p.tcp != nil {
			p.tcp.close()
		}
		v.paths = append(v.paths[:i:i], v.paths[i+1:]...)
		return
	}
}

// moved tells the egress where media goes now. It runs under the session's lock.
func (v *session) moved() {
	if t := v.route.transport(); t != v.counted {
		if v.counted != "" {
			v.server.Metrics.viewer(v.counted, -1)
		}
		v.server.Metrics.viewer(t, 1)
		v.counted = t
	}
	if v.route.tcp != nil {
		v.home.egress.Route(v.viewer, netip.AddrPort{}, v.route.tcp)
		return
	}
	v.home.egress.Route(v.viewer, v.route.addr, nil)
}

var _ rtpfan.Sink = (*tcpConn)(nil)

// reply answers a request.
func (s *Server) reply(to path, request *stun.Message, kind stun.MessageType, attributes ...stun.Setter) {
	m := stun.New()
	setters := append([]stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), kind}, attributes...)
	if err := m.Build(setters...); err != nil {
		s.Metrics.drop("reply")
		return
	}
	s.send(to, m.Raw)
}

// send sends one datagram that is not media.
func (s *Server) send(to path, b []byte) {
	if to.tcp != nil {
		to.tcp.Send(b)
		return
	}
	if _, err := s.conns[0].WriteToUDPAddrPort(b, to.addr); err != nil {
		s.Metrics.drop("unreachable")
	}
}

func (p path) remote() netip.AddrPort {
	if p.tcp != nil {
		return p.tcp.addr
	}
	return p.addr
}

// unmapped is an address as the viewer's, not as our socket's family writes it.
func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

func tcpAddr(c net.Conn) netip.AddrPort {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return unmapped(a.AddrPort())
	}
	return netip.AddrPort{}
}
