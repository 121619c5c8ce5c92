package ingest

import (
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Limits of a publisher's clock.
const (
	stepBackMax     = 500 * time.Millisecond // a smaller step back within a track is smoothed, a larger one is a jump
	jumpMax         = time.Second            // a step forward beyond the wall's own step
	skewMax         = 5 * time.Second        // a track's first frame against the others
	settleTime      = time.Second            // after a jump, frames from before it are dropped
	keyWait         = 10 * time.Second       // pictures without a key picture among them are told as a fault
	videoWait       = 2 * time.Second        // sound goes ahead alone when no key picture came in this time
	audioJitterMax  = 60 * time.Millisecond  // one millisecond stamp against the sample count
	audioDriftMax   = 20 * time.Millisecond  // their mean
	audioMeanWeight = 64                     // frames over which the mean is taken
)

// verdict is what became of a frame.
type verdict int

const (
	lineGood    verdict = iota
	lineJumped          // the clock jumped: begin anew and place the frame again
	lineDropped         // late or doubled
	lineWaiting         // no key picture yet
)

// line is the publisher's clock: it turns stamps into exact ticks of the tracks, tick 0 being one instant for all
// of them. The writer's goroutine only.
type line struct {
	unwrap   mediatime.Unwrapper
	hasVideo bool

	opened  time.Time // wall clock of the first frame that came
	told    bool      // that no key picture comes
	based   bool
	base    int64 // unwrapped stamp of tick 0
	rate    int   // of base
	since   time.Time
	newest  mediatime.Time // of any track, since base
	arrived time.Time      // wall clock of newest
}

// clock is one track's place on the line.
type clock struct {
	started bool
	last    int64          // ticks of the newest unit's DTS
	at      mediatime.Time // its stamp, since base
	next    int64          // audio: ticks of the sample to come
	mean    int64          // audio: mean of stamp minus sample count, in ticks × audioMeanWeight
	resyncs int
}

func (c *clock) reset() { *c = clock{resyncs: c.resyncs} }

// begin makes the next key picture tick 0.
func (l *line) begin(hasVideo bool) {
	l.hasVideo, l.based, l.opened, l.told = hasVideo, false, time.Time{}, false
}

// starved tells, once, that the pictures hold no key picture to begin with.
func (l *line) starved(now time.Time) bool {
	if l.told || l.opened.IsZero() || now.Sub(l.opened) < keyWait {
		return false
	}
	l.told = true
	return true
}

// place turns a frame into a unit.
func (l *line) place(now time.Time, t *track, f Frame, p picture) (*streaming.Unit, verdict) {
	stamp := f.DTS
	if len(l.unwrap.Moduli) > 0 {
		stamp = l.unwrap.Unwrap(stamp)
	}
	if l.opened.IsZero() {
		l.opened = now
	}
	if !l.based {
		if l.hasVideo && !p.key && (t.Kind == streaming.Video || now.Sub(l.opened) < videoWait) {
			return nil, lineWaiting
		}
		l.based, l.base, l.rate, l.since = true, stamp, t.stampRate, now
		l.newest, l.arrived = 0, now
	}
	since := stamp - mediatime.Rescale(l.base, int64(t.stampRate), int64(l.rate))
	at := mediatime.FromTicks(since, t.stampRate)
	if v := l.judge(now, t, at); v != lineGood {
		if now.Sub(l.since) < settleTime {
			v = lineDropped
		}
		return nil, v
	}
	if t.Kind == streaming.Video && !t.clock.started && !p.key {
		return nil, lineWaiting
	}
	if at > l.newest {
		l.newest, l.arrived = at, now
	}
	dts := mediatime.Rescale(since, int64(t.ClockRate), int64(t.stampRate))
	u := &streaming.Unit{Track: t.ID, Key: p.key, Payload: p.payload}
	if t.Kind == streaming.Audio {
		if !t.clock.audio(dts, t, p.samples) {
			return nil, lineDropped
		}
		u.PTS, u.DTS = t.clock.last, t.clock.last
		u.Key = !l.hasVideo
	} else {
		if t.clock.started && dts <= t.clock.last {
			dts = t.clock.last + 1
		}
		t.clock.last = dts
		u.DTS, u.PTS = dts, dts+mediatime.Rescale(f.CTS, int64(t.ClockRate), int64(t.stampRate))
	}
	t.clock.started, t.clock.at = true, at
	return u, lineGood
}

// judge tells whether a frame is off the line by more than late delivery explains.
func (l *line) judge(now time.Time, t *track, at mediatime.Time) verdict {
	step := (at - l.newest).Duration()
	switch {
	case step > jumpMax && step-now.Sub(l.arrived) > jumpMax:
		return lineJumped
	case t.clock.started && (t.clock.at-at).Duration() > stepBackMax:
		return lineJumped
	case !t.clock.started && -step > skewMax:
		return lineDropped // a track that starts that far behind never comes together with the others
	}
	return lineGood
}

// audio finds a sound unit's exact place: the sample count goes on as long as the stamps agree with it. It reports
// false for a unit that must be left out because the count is ahead of the stamps.
func (c *clock) audio(stamp int64, t *track, samples int) bool {
	if !c.started {
		c.next = stamp
	}
	off := stamp - c.next
	exact := t.stampRate == t.ClockRate
	jitter := mediatime.Of(audioJitterMax).Ticks(t.ClockRate)
	drift := mediatime.Of(audioDriftMax).Ticks(t.ClockRate)
	mean := c.mean / audioMeanWeight
	c.mean += off - mean
	switch {
	case exact && off < 0, !exact && off < -jitter, !exact && mean < -max(drift, int64(samples)):
		// The count is ahead: this unit is left out, the next ones follow without a seam.
		c.resyncs++
		c.mean += int64(samples) * audioMeanWeight
		if off < -jitter {
			c.mean = 0
		}
		return false
	case exact && off > 0, !exact && off > jitter:
		c.next, c.mean = stamp, 0
		c.resyncs++
	case !exact && mean > drift:
		c.next, c.mean = c.next+mean, 0
		c.resyncs++
	}
	c.last = c.next
	c.next += int64(samples)
	return true
}
