package hls

import (
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	failedFor   = time.Minute // what failed is remembered so long
	addressesOf = 1 << 16     // with failures, remembered at once; what comes on top is not counted until some are forgotten
)

// budget counts what each address does: requests in flight generously, for a network may have many viewers behind one
// address, and requests that are refused strictly.
type budget struct {
	failing atomic.Bool // there is anything in failed

	mu     sync.Mutex
	open   map[netip.Addr]int
	failed map[netip.Addr]failures
}

type failures struct {
	n     int
	since time.Time
}

// addressKey is what an address counts as: IPv6 networks give a household a /64.
func addressKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// enter counts a request. It reports false for one that its address may not have now; leave follows the others.
func (b *budget) enter(a netip.Addr, c Config, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failing.Load() {
		if f, ok := b.failed[a]; ok && f.n >= c.FailedPerAddress && now.Sub(f.since) < failedFor {
			return false
		}
	}
	if b.open[a] >= c.RequestsPerAddress {
		return false
	}
	if b.open == nil {
		b.open = map[netip.Addr]int{}
	}
	b.open[a]++
	return true
}

func (b *budget) leave(a netip.Addr) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open[a]--; b.open[a] <= 0 {
		delete(b.open, a)
	}
}

// fail counts a request that was refused.
func (b *budget) fail(a netip.Addr, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = map[netip.Addr]failures{}
	}
	f, known := b.failed[a]
	if !known && len(b.failed) >= addressesOf {
		for k, old := range b.failed {
			if now.Sub(old.since) >= failedFor {
				delete(b.failed, k)
			}
		}
		if len(b.failed) >= addressesOf {
			return
		}
	}
	if !known || now.Sub(f.since) >= failedFor {
		f = failures{since: now}
	}
	f.n++
	b.failed[a] = f
	b.failing.Store(true)
}

// forget gives up failures that are over.
func (b *budget) forget(now time.Time) {
	if !b.failing.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, f := range b.failed {
		if now.Sub(f.since) >= failedFor {
			delete(b.failed, k)
		}
	}
	b.failing.Store(len(b.failed) > 0)
}

// counted is the address that a request counts for; false where none is counted.
func (s *Server) counted(r *http.Request) (netip.Addr, bool) {
	if s.ClientAddr == nil {
		return netip.Addr{}, false
	}
	a := s.ClientAddr(r)
	if !a.IsValid() || s.Unlimited != nil && s.Unlimited(a) {
		return netip.Addr{}, false
	}
	return addressKey(a), true
}

// failure tells whether an answer counts as a failed attempt: whoever follows a broadcast gets no such, but for one
// whose leave was taken back. What is not on air, or not kept any more, is no fault of theirs.
func (p *problem) failure() bool {
	switch {
	case p == nil, p == problemGone, p == problemOffAir:
		return false
	}
	return p.Status >= 400 && p.Status < 500 && p.Status != http.StatusConflict
}
