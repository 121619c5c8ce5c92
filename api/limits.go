package api

import (
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// ErrLimited is returned when an address has used up its attempts.
var ErrLimited = errors.New("api: too many attempts from this address")

// Limits per address and Window. IPv6 counts by /64.
type Limits struct {
	FailedLogins int           // defaults to 20
	SignUps      int           // defaults to 100
	Members      int           // people looked up by e-mail; defaults to 50
	FailedTokens int           // viewing tokens that open nothing; defaults to 60
	Watches      int           // view sessions begun; defaults to 20,000
	Window       time.Duration // defaults to ten minutes
}

func (l Limits) withDefaults() Limits {
	if l.FailedLogins == 0 {
		l.FailedLogins = 20
	}
	if l.SignUps == 0 {
		l.SignUps = 100
	}
	if l.Members == 0 {
		l.Members = 50
	}
	if l.FailedTokens == 0 {
		l.FailedTokens = 60
	}
	if l.Watches == 0 {
		l.Watches = 20_000
	}
	if l.Window == 0 {
		l.Window = 10 * time.Minute
	}
	return l
}

const limiterMax = 100_000 // addresses that one limiter remembers

// limiter counts attempts per address as a leaky bucket (GCRA): one time per address, no timer.
// When it is full it forgets an arbitrary address: it may err in the client's favour, never grow.
type limiter struct {
	each  time.Duration // what one attempt costs
	burst time.Duration // what an address may owe

	name   string        // among the buckets that nodes share
	shared *SharedLimits // nil: this node counts for itself
	mute   atomic.Int64  // until then, in Unix nanoseconds, Redis is not asked: it did not answer

	mu   sync.Mutex
	owed map[netip.Prefix]time.Time // when the address owes nothing any more
}

const muteFor = time.Second // after Redis did not answer

// takeShared asks what all nodes counted. It is asked after this node's own count, and only where that says yes.
func (l *limiter) takeShared(key netip.Prefix, now time.Time) (wait time.Duration, ok bool) {
	if l.shared == nil || now.UnixNano() < l.mute.Load() {
		return 0, true
	}
	wait, err := l.shared.take(l.name, key, l.each, l.burst)
	if err != nil {
		l.mute.Store(now.Add(muteFor).UnixNano())
	}
	return wait, err != nil || wait == 0
}

func newLimiter(attempts int, window time.Duration) *limiter {
	return &limiter{each: window / time.Duration(attempts), burst: window, owed: map[netip.Prefix]time.Time{}}
}

// take counts an attempt, or tells how long to wait.
func (l *limiter) take(a netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if wait, ok = l.takeHere(network(a), now); !ok {
		return wait, ok
	}
	return l.takeShared(network(a), now)
}

func (l *limiter) takeHere(key netip.Prefix, now time.Time) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, known := l.owed[key]
	if until.Before(now) {
		until = now
	}
	if next := until.Add(l.each); next.Sub(now) <= l.burst {
		if !known && len(l.owed) >= limiterMax {
			l.forget(now)
		}
		l.owed[key] = next
		return 0, true
	}
	return until.Add(l.each).Sub(now) - l.burst, false
}

// giveBack undoes one take: the attempt was a good one.
func (l *limiter) giveBack(a netip.Addr) {
	key := network(a)
	l.mu.Lock()
	if until, ok := l.owed[key]; ok {
		l.owed[key] = until.Add(-l.each)
	}
	l.mu.Unlock()
	if l.shared != nil {
		l.shared.giveBack(l.name, key, l.each)
	}
}

// forget makes room: among a few addresses, those that owe nothing, else one that does.
func (l *limiter) forget(now time.Time) {
	looked := 0
	for key, until := range l.owed {
		if looked++; until.Before(now) || looked == 16 {
			delete(l.owed, key)
		}
		if looked == 16 {
			return
		}
	}
}

func network(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// limited tells whether the limits count for an address.
func (s *Server) limited(a netip.Addr) bool { return !s.Demo || !a.IsLoopback() }
