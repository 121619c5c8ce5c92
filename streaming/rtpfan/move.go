package rtpfan

import (
	"math"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Rules of changing to another rendition.
const (
	moveAskAgain = time.Second
	moveGiveUp   = 12 * time.Second                  // longer than any group of pictures that HLS takes
	moveLagMax   = mediatime.Time(1_500_000)         // a rendition further behind the one that is shown is not waited for
	moveCatchUp  = 500 * time.Millisecond            // how long the old one may take to get to where the new one begins
	spanKeep     = 5 * time.Second                   // packets of renditions before may be asked for so long
	mediaForever = mediatime.Time(math.MaxInt64 / 2) // later than any
)

// move is a change to another rendition that waits for its next key picture. Meanwhile the viewer is shown nothing
// that is newer than what the new one has, so that its first key picture is a step forward in time even where it
// comes later than the old one's.
type move struct {
	to      *Fan
	why     string
	since   time.Time
	asked   time.Time
	keyedAt time.Time // when the key picture to go on at was first seen
}

// aim makes the viewer change to a rendition as soon as it can.
func (e *Egress) aim(v *Viewer, to *Fan, why string, now time.Time) {
	c := v.choice
	if !v.video.known { // nothing was sent: it begins there
		if v.shown != to {
			e.attach(v.shown, v, -1)
			v.shown = to
			e.attach(to, v, 1)
		}
		c.showing.Store(to)
		return
	}
	if c.move.to == to || c.move.to == nil && v.shown == to && c.showing.Load() == to {
		return
	}
	e.settleMove(v)
	if v.shown == to && c.showing.Load() == to {
		return // it had been going to leave
	}
	c.move = move{to: to, why: why, since: now}
	if to != v.shown {
		e.attach(to, v, 1)
	}
	e.Wake()
}

// settleMove forgets a change that has not happened yet.
func (e *Egress) settleMove(v *Viewer) {
	if to := v.choice.move.to; to != nil && to != v.shown {
		e.attach(to, v, -1)
	}
	v.choice.move = move{}
}

// attach counts a viewer with a fan that wakes the egress for it. Its own stream's does so in any case.
func (e *Egress) attach(f *Fan, v *Viewer, n int) {
	if f != v.Fan {
		f.attach(e, n)
	}
}

// change carries a pending change out where it can be, and returns the media time that the viewer must not be shown
// anything at or after.
func (e *Egress) change(v *Viewer, now time.Time) mediatime.Time {
	c := v.choice
	m := &c.move
	to := m.to
	if to == nil {
		return mediaForever
	}
	newest, next := v.pending()
	to.mu.RLock()
	h := to.video
	err, front, keyed := to.err, h.media, h.keyed
	key, begins := uint64(0), mediatime.Time(0)
	if keyed {
		key, begins = h.key, h.at(h.key).media
	}
	to.mu.RUnlock()
	dark := c.showing.Load() == nil
	switch {
	case now.Sub(m.since) > moveGiveUp, err != nil && !dark, !dark && newest-front > moveLagMax && now.Sub(m.since) > moveCatchUp:
		e.settleMove(v) // look decides anew
		if dark {
			c.dark = true
		}
		return mediaForever
	case keyed && begins > c.shown && (dark || !c.midway):
		if m.keyedAt.IsZero() {
			m.keyedAt = now
		}
		if dark || next >= begins || now.Sub(m.keyedAt) > moveCatchUp {
			e.changed(v, key, now)
			return mediaForever
		}
	}
	if now.Sub(m.asked) >= moveAskAgain && !(keyed && begins > c.shown) {
		m.asked = now
		to.requestKey()
	}
	if !keyed || begins <= c.shown {
		return front + 1
	}
	return begins
}

// pending tells how far the rendition that is shown has got, and when the next picture is that the viewer gets of it;
// where it has been sent everything, that is when the next one may be.
func (v *Viewer) pending() (newest, next mediatime.Time) {
	v.shown.mu.RLock()
	defer v.shown.mu.RUnlock()
	h := v.shown.video
	c := &v.video
	if c.started && c.next >= h.first && c.next < h.next {
		return h.media, h.at(c.next).media
	}
	return h.media, h.media
}

// changed moves the viewer to the packet of the new rendition.
func (e *Egress) changed(v *Viewer, key uint64, now time.Time) {
	c := v.choice
	to, why := c.move.to, c.move.why
	if to == v.shown {
		v.show(to, key, now)
	} else {
		old := v.shown
		v.show(to, key, now)
		e.attach(old, v, -1)
	}
	c.move = move{}
	c.moved, c.midway, c.dark = now, false, false
	c.deaf = now.Add(settle)
	c.quiet = time.Time{}
	c.showing.Store(to)
	c.switches.Add(1)
	e.Metrics.chose(why)
}
