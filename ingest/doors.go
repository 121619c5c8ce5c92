package ingest

import (
	"net/netip"
	"sync"
	"time"
)

// failureWindow is how long a refused or broken attempt counts against its address.
const failureWindow = time.Minute

// Doors counts a listener's connections per address: failed and half-open ones strictly, admitted ones generously.
// Any number of goroutines may use it.
type Doors struct {
	// Required.
	AllMax        int // connections in all
	PerAddressMax int // of one address
	HalfOpenMax   int // of one address, before they are admitted
	FailedMax     int // of one address in a minute

	// Optional, with defaults.
	LoopbackFree bool             // loopback does not count per address
	Now          func() time.Time // defaults to time.Now

	mu    sync.Mutex
	all   int
	hosts map[netip.Prefix]*door
}

type door struct {
	halfOpen, open int
	failed         int
	since          time.Time // of the first failure that counts
}

// Enter takes a new connection in, or tells why not. What it took in must Leave.
func (d *Doors) Enter(p netip.Prefix) (refusal string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= d.AllMax {
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
	if !d.LoopbackFree || !p.Addr().IsLoopback() {
		if d.now().Sub(h.since) > failureWindow {
			h.failed = 0
		}
		switch {
		case h.halfOpen >= d.HalfOpenMax:
			return "too many half-open connections from this address"
		case h.failed >= d.FailedMax:
			return "too many failed attempts from this address"
		case h.halfOpen+h.open >= d.PerAddressMax:
			return "too many connections from this address"
		}
	}
	d.all++
	h.halfOpen++
	return ""
}

// Admitted moves a connection from half-open to open.
func (d *Doors) Admitted(p netip.Prefix) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.hosts[p]
	h.halfOpen--
	h.open++
}

// Leave takes a connection out again.
func (d *Doors) Leave(p netip.Prefix, admitted, failed bool) {
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
func (d *Doors) sweep(p netip.Prefix, h *door) {
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

// PrefixOf is what an address counts as: itself, or its /64 for IPv6.
func PrefixOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

func (d *Doors) now() time.Time {
	if d.Now == nil {
		return time.Now()
	}
	return d.Now()
}
