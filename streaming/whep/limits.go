package whep

import "net/netip"

// limits counts sessions. The server's lock guards it.
type limits struct {
	handshakes int                // sessions whose handshake has not ended
	perAddress map[netip.Addr]int // all sessions
	halfOpen   map[netip.Addr]int // of them, those whose handshake has not ended
	watching   map[string]int     // by broadcast
}

// key is what an address counts as: IPv6 networks give a household a /64.
func key(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// count adds n to an entry and forgets it at zero.
func count[K comparable](m *map[K]int, k K, n int) {
	if *m == nil {
		*m = map[K]int{}
	}
	if (*m)[k] += n; (*m)[k] <= 0 {
		delete(*m, k)
	}
}

// admit tells whether the address may have another session, and counts it.
func (s *Server) admit(a netip.Addr) *problem {
	free := s.Unlimited != nil && s.Unlimited(a)
	k := key(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &s.limits
	switch {
	case !s.open:
		return refuse(503, CodeBusy, "The server is starting or closing.").after(retryBusy)
	case len(s.sessions) >= orDefault(s.Config.SessionsMax, sessionsMaxDefault):
		return refuse(503, CodeBusy, "The server has as many viewers as it takes.").after(retryBusy)
	case l.handshakes >= handshakesMax:
		return refuse(503, CodeBusy, "Too many viewers are just joining.").after(retryBusy)
	case !free && l.perAddress[k] >= orDefault(s.Config.SessionsPerAddress, perAddressDefault):
		return refuse(503, CodeBusy, "This address has as many viewers as it may have.").after(retryBusy)
	case !free && l.halfOpen[k] >= orDefault(s.Config.HalfOpenPerAddress, halfOpenDefault):
		return refuse(503, CodeBusy, "This address has too many sessions that do not connect.").after(retryBusy)
	}
	l.handshakes++
	count(&l.perAddress, k, 1)
	count(&l.halfOpen, k, 1)
	s.Metrics.waiting(1)
	return nil
}

// connected counts a session whose handshake has ended well.
func (s *Server) connected(a netip.Addr, broadcast string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits.handshakes--
	count(&s.limits.halfOpen, key(a), -1)
	count(&s.limits.watching, broadcast, 1)
	s.Metrics.waiting(-1)
}

// leave counts a session that has ended, connected or not.
func (s *Server) leave(a netip.Addr, broadcast string, wasConnected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(a)
	count(&s.limits.perAddress, k, -1)
	if wasConnected {
		count(&s.limits.watching, broadcast, -1)
		return
	}
	s.limits.handshakes--
	count(&s.limits.halfOpen, k, -1)
	s.Metrics.waiting(-1)
}
