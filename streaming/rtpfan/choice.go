package rtpfan

import (
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Rules of choosing a rendition.
const (
	lookInterval  = 100 * time.Millisecond
	lookProbing   = 20 * time.Millisecond
	lookReports   = 500 * time.Millisecond // where there is nothing but reports to look at
	startNeed     = 1_300_000.0            // bits a second that a viewer begins with where nothing is known of its link
	audioNeed     = 80_000.0               // what sound takes
	marginDown    = 1.05                   // a rendition stays only where the link carries so much more
	marginUp      = 1.15                   // and is gone up to only where so much has been tried
	capacityShare = 0.92                   // of what arrives while a queue stands: the rest lets it drain
	settle        = time.Second            // after a change nothing is concluded for so long
	quietBefore   = time.Second            // a trial begins after so long without a queue
	rungsWait     = 300 * time.Millisecond
	starveAfter   = 2 * time.Second
	starveShare   = 0.8 // less than this of what the smallest picture needs starves
	backoffMin    = 2 * time.Second
	backoffMax    = 5 * time.Second // of trials that fail: a link that has recovered is found out within it
	relapse       = 15 * time.Second
	relapseMin    = 15 * time.Second // before the next trial, after a change up that did not last; doubled each time
	relapseMax    = time.Minute
	stale         = mediatime.Time(2_000_000) // a rendition so far behind its stream cannot be chosen
)

// rung is a rendition that a viewer may be sent now.
type rung struct {
	fan  *Fan
	need float64 // bits a second, sound included
}

// choice is what one viewer is sent of the stream's renditions, and why. The egress's goroutine owns it but for the
// atomic fields.
type choice struct {
	lookAt   time.Time
	estimate *estimate // nil where the viewer has no transport-wide numbers
	reports  reports
	quiet    time.Time // since when nothing queues; zero: it does, or nothing is known
	limit    float64   // what the link is believed to carry, bits a second
	starving time.Time
	dark     bool // the picture is left out

	moved   time.Time // the last change
	deaf    time.Time // until then nothing is concluded: what was sent before drains
	rose    time.Time // the last change up
	tryAt   time.Time
	backoff time.Duration // of trials that failed
	fell    time.Duration // of changes up that did not last
	probe   probe
	move    move
	shown   mediatime.Time // newest picture that the viewer was sent
	midway  bool           // in a picture

	picked  atomic.Pointer[string] // nil: automatic
	showing atomic.Pointer[Fan]    // nil: no picture
	switches,
	probes atomic.Uint32
}

func newChoice(v *Viewer, now time.Time) *choice {
	c := &choice{limit: math.Inf(1), backoff: backoffMin, moved: now, deaf: now.Add(settle)}
	if v.WideID != 0 {
		c.estimate = newEstimate(now)
	}
	return c
}

// Pick makes the viewer stay with a rendition, or lets it be chosen again where the name is empty. It reports false
// for a name that the stream does not have.
func (v *Viewer) Pick(name string) bool {
	if v.choice == nil {
		return false
	}
	if name == "" {
		v.choice.picked.Store(nil)
		return true
	}
	if !slices.ContainsFunc(v.Fan.Rungs(), func(f *Fan) bool { return f.Name() == name }) {
		return false
	}
	v.choice.picked.Store(&name)
	return true
}

// Showing is the name of the rendition that the viewer is sent; empty where it is sent no picture.
func (v *Viewer) Showing() string {
	if v.choice == nil {
		return ""
	}
	if f := v.choice.showing.Load(); f != nil {
		return f.Name()
	}
	return ""
}

// RequestKey asks for a key picture of what the viewer is sent.
func (v *Viewer) RequestKey() {
	f := v.Fan
	if v.choice != nil {
		if shown := v.choice.showing.Load(); shown != nil {
			f = shown
		}
	}
	f.requestKey()
}

// Heard takes in what a viewer says about the arrival of its packets.
func (e *Egress) Heard(v *Viewer, fb *rtcp.TransportLayerCC) {
	if v.WideID == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.nacks >= inboxMax {
		e.Metrics.leave("flood")
		return
	}
	e.nacks++
	e.inbox = append(e.inbox, command{kind: commandHeard, viewer: v, heard: fb}) // not urgent: nobody is woken
}

// look decides what the viewer is to be sent.
func (e *Egress) look(v *Viewer, now time.Time) {
	c := v.choice
	v.forget(now)
	rungs := v.rungs(e.rungs[:0])
	e.rungs = rungs
	switch {
	case c.probe.running():
		c.lookAt = now.Add(lookProbing)
	case c.estimate != nil:
		c.lookAt = now.Add(lookInterval)
	default:
		c.lookAt = now.Add(lookReports)
	}
	if len(rungs) == 0 {
		return
	}
	at := slices.IndexFunc(rungs, func(r rung) bool { return r.fan == v.shown })
	switch picked := c.picked.Load(); {
	case picked != nil:
		c.dark, c.probe = false, probe{}
		if i := slices.IndexFunc(rungs, func(r rung) bool { return r.fan.Name() == *picked }); i >= 0 {
			e.aim(v, rungs[i].fan, "picked", now)
			return
		}
	case !v.video.known && len(rungs) == 1 && v.Fan.Layered() && now.Sub(v.Fan.born) < rungsWait:
		return // the renditions' own fans have just begun
	case !v.video.known && !c.dark:
		e.aim(v, rungs[fit(rungs, startNeed)].fan, "start", now)
		return
	}
	switch {
	case at < 0:
		e.aim(v, rungs[fit(rungs, c.limit)].fan, "gone", now)
	case c.estimate != nil:
		e.byArrival(v, rungs, at, now)
	default:
		e.byReports(v, rungs, at, now)
	}
}

// rungs lists what the viewer can be sent now, the one with the highest need first.
func (v *Viewer) rungs(out []rung) []rung {
	_, live, _ := v.Fan.state()
	for _, f := range v.Fan.Rungs() {
		format, newest, err := f.state()
		if v.Types[format] == 0 || errors.Is(err, ErrReordered) || f != v.Fan && (err != nil || live-newest > stale) {
			continue
		}
		out = append(out, rung{f, f.Need() + audioNeed})
	}
	if len(out) > 1 && out[0].fan == v.Fan && out[0].need == audioNeed {
		out[0].need = 2 * out[1].need // the publisher's own, which is the largest
	}
	slices.SortStableFunc(out, func(a, b rung) int { return int(b.need - a.need) })
	return out
}

// fit is the best rung that a link of so many bits a second carries, the last one where it carries none.
func fit(rungs []rung, limit float64) int {
	for i, r := range rungs {
		if r.need*marginDown <= limit {
			return i
		}
	}
	return len(rungs) - 1
}

// byArrival decides by how the viewer's packets arrive.
func (e *Egress) byArrival(v *Viewer, rungs []rung, at int, now time.Time) {
	c := v.choice
	if now.Before(c.deaf) {
		c.estimate.ignore()
	}
	over := c.estimate.over(now)
	if over {
		c.quiet = time.Time{}
	} else if c.quiet.IsZero() && c.estimate.fresh(now) {
		c.quiet = now
	}
	if c.probe.running() {
		e.judge(v, rungs, at, over, now)
		return
	}
	if over && !c.dark {
		e.overloaded(v, rungs, at, c.estimate.rate()*capacityShare, now)
		return
	}
	c.starving = time.Time{}
	goal := at - 1
	if c.dark {
		goal = len(rungs) - 1
	}
	if goal < 0 || c.move.to != nil || !v.joined || now.Before(c.tryAt) || now.Before(c.deaf) {
		return
	}
	if c.dark || !c.quiet.IsZero() && now.Sub(c.quiet) >= quietBefore {
		e.startProbe(v, rungs[goal], now)
	}
}

// overloaded goes down to what the link carries; where that is not even the smallest picture, the picture goes.
func (e *Egress) overloaded(v *Viewer, rungs []rung, at int, carries float64, now time.Time) {
	c := v.choice
	if carries >= rungs[at].need*marginDown {
		return // or it is a burst
	}
	c.limit = carries
	c.tryAt = now.Add(c.backoff)
	if !c.rose.IsZero() && now.Sub(c.rose) < relapse {
		c.fell = min(max(2*c.fell, relapseMin), relapseMax)
		c.tryAt, c.rose = now.Add(c.fell), time.Time{}
	}
	last := len(rungs) - 1
	if at < last {
		c.starving = time.Time{}
		e.aim(v, rungs[max(at+1, fit(rungs, carries))].fan, "down", now)
		return
	}
	if carries >= rungs[last].need*starveShare {
		c.starving = time.Time{}
		return
	}
	if c.starving.IsZero() {
		c.starving = now
	}
	if now.Sub(c.starving) >= starveAfter {
		e.darken(v, now)
	}
}

// darken leaves the picture out: sound alone gets through.
func (e *Egress) darken(v *Viewer, now time.Time) {
	c := v.choice
	c.dark, c.moved, c.deaf, c.starving, c.rose = true, now, now.Add(settle), time.Time{}, time.Time{}
	c.backoff = backoffMin
	c.tryAt = now.Add(c.backoff)
	e.settleMove(v)
	c.showing.Store(nil)
	e.Metrics.chose("dark")
}
