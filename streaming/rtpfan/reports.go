package rtpfan

import (
	"sync/atomic"
	"time"
)

// Rules of choosing by receiver reports, where a viewer does not tell how its packets arrive.
const (
	reportsAgree  = 2    // reports in a row that say the same
	reportsStarve = 3    // and so many before the picture goes
	starveLoss    = 0.40 // share of packets that a link loses that carries no picture
	rembAfter     = 5 * time.Second
	rembBelow     = 0.9 // of what is sent
	climbMin      = 8 * time.Second
	climbMax      = time.Minute
)

// reports is what a viewer's receiver reports say about its link. Going up is a trial without a net: it is undone
// where packets get lost, and tried again later and later.
type reports struct {
	said atomic.Uint64 // count<<8 | share of lost packets in 1/256
	remb atomic.Uint64 // bits a second that the viewer believes in; 0: it does not say

	seen     uint64 // of said
	loss     float64
	inherent float64
	bad      int // reports in a row
	starved  int
	climb    time.Duration
	began    time.Time
}

// Missed takes the share of video packets, in 1/256, that a receiver report says got lost since the one before.
func (v *Viewer) Missed(share uint8) {
	if v.choice == nil {
		return
	}
	for {
		old := v.choice.reports.said.Load()
		if v.choice.reports.said.CompareAndSwap(old, (old>>8+1)<<8|uint64(share)) {
			return
		}
	}
}

// Believes takes the bits a second that a viewer believes its link carries (REMB).
func (v *Viewer) Believes(bits float64) {
	if v.choice != nil && bits >= 0 && bits < 1e12 {
		v.choice.reports.remb.Store(uint64(bits))
	}
}

// listen takes in a report that has come since, if one has.
func (r *reports) listen() bool {
	said := r.said.Load()
	if said>>8 == r.seen>>8 {
		return false
	}
	r.seen = said
	share := float64(said&0xff) / 256
	r.loss += (share - r.loss) * 0.5
	switch {
	case share < r.inherent:
		r.inherent = share
	default:
		r.inherent = min(share, r.inherent+0.02)
	}
	if share > r.inherent+lossBeyond {
		r.bad++
	} else {
		r.bad = 0
	}
	if share > starveLoss {
		r.starved++
	} else {
		r.starved = 0
	}
	return true
}

// byReports decides by receiver reports.
func (e *Egress) byReports(v *Viewer, rungs []rung, at int, now time.Time) {
	c := v.choice
	r := &c.reports
	if r.began.IsZero() {
		r.began, r.climb = now, climbMin
		c.tryAt = now.Add(r.climb)
	}
	fresh := r.listen()
	last := len(rungs) - 1
	if c.dark {
		if now.Sub(c.tryAt) >= 0 {
			r.starved, r.bad = 0, 0
			c.dark, c.rose = false, now
			e.aim(v, rungs[last].fan, "up", now)
		}
		return
	}
	if now.Sub(c.moved) < 2*settle {
		return
	}
	believed := float64(r.remb.Load())
	narrow := believed > 0 && now.Sub(r.began) > rembAfter && believed < rungs[at].need*rembBelow
	switch {
	case fresh && at == last && r.starved >= reportsStarve:
		r.later(c, now)
		e.darken(v, now)
		c.tryAt = now.Add(r.climb)
	case at < last && (fresh && r.bad >= reportsAgree || narrow):
		carries := rungs[at].need * (1 - r.loss)
		if narrow {
			carries = believed
		}
		r.later(c, now)
		c.tryAt, c.limit = now.Add(r.climb), carries
		r.bad = 0
		e.aim(v, rungs[max(at+1, fit(rungs, carries))].fan, "down", now)
	case at > 0 && c.move.to == nil && v.joined && now.Sub(c.tryAt) >= 0 && r.bad == 0:
		c.rose = now
		c.tryAt = now.Add(r.climb)
		e.aim(v, rungs[at-1].fan, "up", now)
	}
}

// later makes the next trial wait longer where the last one did not last.
func (r *reports) later(c *choice, now time.Time) {
	if c.rose.IsZero() || now.Sub(c.rose) > relapse {
		r.climb = climbMin
		return
	}
	r.climb = min(2*r.climb, climbMax)
	c.rose = time.Time{}
}
