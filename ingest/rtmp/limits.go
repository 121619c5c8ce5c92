package rtmp

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// failureWindow is how long a refused or broken attempt counts against its address.
const failureWindow = time.Minute

// doors counts connections per address: failed and half-open ones strictly, admitted ones generously. IPv6
// addresses count by their /64.
type doors struct {
	halfOpenMax, failedMax, perAddressMax, allMax int
	loopbackFree                                  bool
	now                                           func() time.Time

	mu    sync.Mutex
	all   int
	hosts map[netip.Prefix]*door
}

type door struct {
	halfOpen, open int
	failed         int
	since          time.Time // of the first failure that counts
}

// enter takes a new connection in, or tells why not.
func (d *doors) enter(p netip.Prefix) (refusal string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= d.allMax {
		return "too many connections"
	}
	h := d.hosts[p]
	if h == nil {
		h = &door{}
		if d.hosts == nil {
			d.hosts = map[netip.Prefix]*door{}
		}
		d.hosts[p] = h
	}
	if !d.loopbackFree || !p.Addr().IsLoopback() {
		if d.now().Sub(h.since) > failureWindow {
			h.failed = 0
		}
		switch {
		case h.halfOpen >= d.halfOpenMax:
			return "too many half-open connections from this address"
		case h.failed >= d.failedMax:
			return "too many failed attempts from this address"
		case h.halfOpen+h.open >= d.perAddressMax:
			return "too many connections from this address"
		}
	}
	d.all++
	h.halfOpen++
	return ""
}

// admitted moves a connection from half-open to open.
func (d *doors) admitted(p netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hosts[p]
	h.halfOpen--
	h.open++
}

// leave takes a connection out again.
func (d *doors) leave(p netip.Prefix, admitted, failed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
	h := d.hosts[p]
	if admitted {
		h.open--
	} else {
		h.halfOpen--
	}
	if failed {
		if h.failed == 0 {
			h.since = d.now()
		}
		h.failed++
	}
	d.sweep(p, h)
}

// sweep forgets addresses of which nothing is worth remembering; every leaving connection pays for a few.
func (d *doors) sweep(p netip.Prefix, h *door) {
	idle := func(h *door) bool {
		return h.halfOpen == 0 && h.open == 0 && (h.failed == 0 || d.now().Sub(h.since) > failureWindow)
	}
	if idle(h) {
		delete(d.hosts, p)
	}
	n := 0
	for p, h := range d.hosts {
		if n++; n > 4 {
			break
		}
		if idle(h) {
			delete(d.hosts, p)
		}
	}
}

// prefixOf is what an address counts as.
func prefixOf(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
