package rtpfan

import "time"

// Rules of probing.
const (
	probeTime    = 700 * time.Millisecond
	probeWait    = 300 * time.Millisecond // for the feedback about the last of it, and a round trip
	probeQueue   = 150 * time.Millisecond // a queue of this length ends a probe
	probeLoss    = 0.08                   // so does a loss of so much beyond what the link loses anyway
	probeArrives = 0.85                   // of what was sent must have arrived
	paddingSize  = 255
)

// probe finds out whether the link carries more than the picture of now needs: for a moment padding fills up what is
// sent to what a better one needs. It goes on the repair stream, where it disturbs nothing.
type probe struct {
	goal     rung
	began    time.Time
	sent     time.Time // when the last of it was sent; zero: it goes on
	tokens   float64   // bytes of padding that may go
	tokensAt time.Time
	best     *Fan // the best rung that a probe before this one has shown to be carried
	bestNeed float64
}

func (p *probe) running() bool { return !p.began.IsZero() }

func (e *Egress) startProbe(v *Viewer, goal rung, now time.Time) {
	c := v.choice
	c.probe = probe{goal: goal, began: now, tokensAt: now, best: c.probe.best, bestNeed: c.probe.bestNeed}
	c.estimate.try(now)
	c.probes.Add(1)
	e.joining++
}

// pad sends the padding that is due.
func (e *Egress) pad(v *Viewer, now time.Time) {
	c := v.choice
	p := &c.probe
	if !p.sent.IsZero() {
		return
	}
	if now.Sub(p.began) >= probeTime {
		p.sent = now
		c.estimate.tried(now)
		return
	}
	e.joining++ // be called again soon
	present := 0.0
	if !c.dark {
		present = v.shown.Need()
	}
	p.tokens = min(p.tokens+max(0, p.goal.need*marginUp-present)/8*now.Sub(p.tokensAt).Seconds(), 20*paddingSize)
	p.tokensAt = now
	for p.tokens >= paddingSize {
		if e.batch.full() {
			e.flush()
		}
		format := v.padFormat()
		d := dress{payloadType: v.Repair[format], ssrc: v.Fan.repairSSRC, index: v.repairs}
		v.repairs++
		v.number(&d, paddingSize, now)
		p.tokens -= float64(e.send(v, padding, &d))
	}
}

// padFormat is a video format of the viewer's that has repair packets: all do, where there are transport-wide numbers.
func (v *Viewer) padFormat() Format {
	for f, t := range v.Repair {
		if t != 0 {
			return Format(f)
		}
	}
	return FormatH264
}

// padding is a packet that holds nothing (RFC 3550, 5.1).
var padding = func() *Packet {
	raw := make([]byte, headerSize+paddingSize)
	raw[0], raw[len(raw)-1] = 0xa0, paddingSize
	return &Packet{raw: raw}
}()

// judge follows a probe and draws the conclusion.
func (e *Egress) judge(v *Viewer, rungs []rung, at int, over bool, now time.Time) {
	c := v.choice
	p, t := &c.probe, &c.estimate.trial
	failed := over || c.estimate.queueing() > probeQueue ||
		t.got+t.lost >= lossPacketsMin && t.share() > c.estimate.inherent+probeLoss
	if !failed && (p.sent.IsZero() || now.Sub(p.sent) < probeWait+v.trip()) {
		return
	}
	carried := t.rate() >= p.goal.need*marginUp*probeArrives*(1-c.estimate.inherent)
	if !failed && carried {
		c.backoff = backoffMin
		c.limit = max(c.limit, p.goal.need*marginUp)
		p.best, p.bestNeed = p.goal.fan, p.goal.need
		for i := len(rungs) - 1; i >= 0; i-- {
			if rungs[i].need > p.bestNeed && rungs[i].fan != p.best && now.Sub(c.moved) > c.fell {
				e.startProbe(v, rungs[i], now) // perhaps even the next one, and one change instead of two
				return
			}
		}
	} else {
		c.backoff = min(c.backoff*3/2, backoffMax)
		c.deaf = now.Add(settle)
	}
	c.tryAt = now.Add(c.backoff)
	best := p.best
	c.probe = probe{}
	if best == nil {
		return
	}
	if c.dark {
		c.dark = false
		c.starving = time.Time{}
	}
	c.rose = now
	e.aim(v, best, "up", now)
}
