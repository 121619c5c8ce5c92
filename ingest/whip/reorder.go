package whip

import (
	"time"

	"github.com/pion/rtp"
)

// reorder puts a track's packets in order and waits a little for those that are asked for again. One goroutine
// uses it.
type reorder struct {
	begun   bool
	next    uint16
	waiting map[uint16]arrived
	lost    uint64
}

// arrived is a packet and when it came.
type arrived struct {
	packet *rtp.Packet
	at     time.Time
	gap    bool // packets before this one were lost
}

// push takes a packet and returns those that are in order now.
func (r *reorder) push(p *rtp.Packet, now time.Time) []arrived {
	if !r.begun {
		r.begun, r.next = true, p.SequenceNumber
		r.waiting = map[uint16]arrived{}
	}
	ahead := p.SequenceNumber - r.next
	switch {
	case ahead >= 1<<15:
		return r.pop(now, false) // late or doubled
	case ahead >= 1<<14: // the publisher began anew
		clear(r.waiting)
		r.lost++
		r.next = p.SequenceNumber
	}
	r.waiting[p.SequenceNumber] = arrived{packet: p, at: now}
	return r.pop(now, false)
}

// pop returns what is in order. A packet is given up when later ones have waited for it too long, or are too many.
func (r *reorder) pop(now time.Time, gap bool) (out []arrived) {
	for len(r.waiting) > 0 {
		a, ok := r.waiting[r.next]
		if ok {
			delete(r.waiting, r.next)
			r.next++
			a.gap = gap
			gap = false
			out = append(out, a)
			continue
		}
		oldest := now
		nearest := uint16(1<<16 - 1)
		for seq, a := range r.waiting {
			if a.at.Before(oldest) {
				oldest = a.at
			}
			nearest = min(nearest, seq-r.next)
		}
		if now.Sub(oldest) < reorderPatience && len(r.waiting) < reorderMax {
			return out
		}
		r.lost += uint64(nearest)
		r.next += nearest
		gap = true
	}
	return out
}
