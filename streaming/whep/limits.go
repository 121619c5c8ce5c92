package whep

import (
	"net/netip"
	"time"
)

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

// What a viewer may send us, per second and at once. A browser sends some tens of packets a second, one request for a
// key picture when it has lost the thread, and asks for what is missing again until it comes.
var (
	packetsAllowed = allowance{500, 1000} // SRTCP, authentic or not
	missingAllowed = allowance{2000, 4000}
	keysAllowed    = allowance{2, 5}
)

// allowance is how much a budget grows per second and how much it holds.
type allowance struct{ rate, burst float64 }

// budget is what is left of an allowance. The session's lock guards it.
type budget struct {
	left float64
	at   time.Time
}

// take takes n and reports whether there was so much.
func (b *budget) take(n int, a allowance, now time.Time) bool {
	if b.at.IsZero() {
		b.left = a.burst
	} else {
		b.left = min(a.burst, b.left+a.rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.left < float64(n) {
		return false
	}
	b.left -= float64(n)
	return true
}

// mayAsk takes n from one of the session's budgets, and counts what goes over it under the reason.
func (v *session) mayAsk(b *budget, n int, a allowance, reason string) bool {
	v.mu.Lock()
	ok := b.take(n, a, v.server.now())
	v.mu.Unlock()
	if !ok {
		v.server.Metrics.drop(reason)
	}
	return ok
}
