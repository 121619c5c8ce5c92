package hls

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// What a cutter does with pictures that do not come.
const (
	pauseMax   = time.Second             // a longer pause that ends with a key picture is a discontinuity
	pauseLimit = 10 * time.Second        // so is every longer one; up to it, the last picture stands still
	framesFew  = 3                       // a pause is at least so many pictures long
	standsMost = 1500 * time.Microsecond // of a part; a picture that stands no longer into it does not count
)

// Where the publisher makes key pictures on request, one is asked for so that it comes near a segment's end, and far
// enough into a part to leave no tail.
const (
	askEarliest = 400 * time.Millisecond // before the target
	askMargin   = 40 * time.Millisecond  // beyond a tail
	askAgain    = 700 * time.Millisecond // after a request that was not heard
	answerFirst = 90 * time.Millisecond  // what an answer is taken to need before one was seen
)

// shot is one coded picture.
type shot struct {
	dts, pts int64
	key      bool
	payload  []byte
}

// cutter cuts pictures into parts and segments. One goroutine uses it.
type cutter struct {
	*assembler
	plan  plan
	takes bool   // the publisher makes key pictures on request
	ask   func() // asks for one

	pending shot  // its duration is not known yet
	last    int64 // ticks of the picture before
	asked   int64 // when a key picture was asked for; 0 where none is due
	answer  int64 // what the publisher needs to make one
	delay   int64 // presentation minus decode stamp of the newest key picture

	learning bool // the plan is an earlier generation's, or a guess
	guessed  bool
	seen     gop // since the newest key picture
	dropped  int

	segmentFrom int64
	parts       int // of the segment
	intervalAt  int64
	marks       []int64 // where parts end, after markFrom, until the next key picture is due
	markFrom    int64
	mark        int // the next of them

	partFrom int64
	opens    bool // the part in progress begins a segment
	samples  []*fmp4.Sample
	base     int64
	smallest int64 // presentation stamp
	hasKey   bool
	keyFirst bool
}

// begin takes an epoch's first picture, a key picture.
func (c *cutter) begin(s shot) {
	c.pending, c.last, c.delay, c.answer = s, c.plan.frame, s.pts-s.dts, videoTicks(answerFirst)
	c.newest, c.start = s.dts, s.dts
	c.segmentFrom, c.partFrom, c.opens = s.dts, s.dts, true
	c.restart(s.dts)
}

// next takes a picture. It reports false for one that ends the epoch: it comes after too long a pause.
func (c *cutter) next(s shot) bool {
	d := s.dts - c.pending.dts
	if d <= 0 {
		c.dropped++
		return true
	}
	if c.breaks(d, s.key) {
		return false
	}
	c.take(c.pending, d)
	c.pending, c.newest = s, s.dts
	c.seen.add(d)
	c.last = d
	c.guess()
	c.cut(s)
	c.settle(false)
	return true
}

func (c *cutter) breaks(d int64, key bool) bool {
	switch {
	case d <= max(videoTicks(pauseMax), framesFew*c.plan.frame):
		return false
	case key, d > videoTicks(pauseLimit):
		return true
	}
	return !c.fills() && d > videoTicks(time.Duration(c.plan.target)*time.Second)
}

// fills tells whether sound can be in a part that has no picture.
func (c *cutter) fills() bool { return !c.split }

// take puts a picture into the part in progress. Where it is too long for it, the part ends before the picture if it
// is long enough already, else while the picture stands.
func (c *cutter) take(s shot, d int64) {
	have := s.dts - c.partFrom
	if have+d > c.plan.limit && float64(have) >= partFloor*float64(c.plan.limit) && have > videoTicks(partTail) {
		c.closePart(s.dts, s.dts+c.delay)
	}
	if len(c.samples) == 0 {
		c.base, c.smallest = s.dts, s.pts
		c.keyFirst = s.key && s.dts == c.partFrom
	}
	c.smallest = min(c.smallest, s.pts)
	c.hasKey = c.hasKey || s.key
	c.samples = append(c.samples, &fmp4.Sample{
		Duration: uint32(d), PTSOffset: int32(s.pts - s.dts), IsNonSyncSample: !s.key, Payload: s.payload,
	})
	// Sound alone fills the parts that a picture stands through; without it the part is as long as the picture.
	for c.fills() && s.dts+d-c.partFrom > c.plan.limit {
		to := c.partFrom + c.plan.limit
		c.closePart(to, to+c.delay)
	}
}

// cut decides what ends where picture s begins.
func (c *cutter) cut(s shot) {
	at, half := s.dts, c.plan.frame/2
	have, segment := at-c.partFrom, at-c.segmentFrom
	target := videoTicks(time.Duration(c.plan.target) * time.Second)
	switch {
	case s.key && !(c.plan.merged && at-c.intervalAt < c.plan.interval-half):
		changed := c.learn(false)
		if changed || segment+c.plan.interval > target+videoTicks(targetSlack) {
			c.cutSegment(at, s.pts)
		} else if have > videoTicks(partTail) {
			c.closePart(at, s.pts)
		}
		c.restart(at)
	case c.plan.keyless && at-c.intervalAt >= c.plan.interval-half,
		segment+c.last > target+videoTicks(overrun):
		if c.seen.ticks >= videoTicks(targetMax*time.Second) {
			c.learn(true)
		}
		c.cutSegment(at, at+c.delay)
		c.restart(at)
	case c.mark < len(c.marks) && at-c.markFrom >= c.marks[c.mark]-half:
		c.mark++
		if have > videoTicks(partTail) {
			c.closePart(at, at+c.delay)
		}
	case c.mark >= len(c.marks) && have+c.last > c.plan.limit && float64(have) >= partFloor*float64(c.plan.limit):
		c.closePart(at, at+c.delay)
	}
	if s.key {
		c.delay, c.seen = s.pts-s.dts, gop{}
		c.answered(at)
	}
	c.request(at)
}

// restart lays the marks of the next interval. A tail that is carried over is divided together with it.
func (c *cutter) restart(at int64) {
	c.intervalAt, c.markFrom, c.mark, c.marks = at, at, 0, c.plan.marks
	if tail := at - c.partFrom; tail > 0 {
		c.markFrom, c.marks = c.partFrom, c.plan.marksWith(tail)
	}
}

// guess takes a new generation's cadence from its first pictures, before its first part ends, and its key interval from
// the generation before.
func (c *cutter) guess() {
	if !c.learning || c.guessed || c.seen.ticks < videoTicks(partTail) {
		return
	}
	c.guessed = true
	g := c.seen
	f := g.frame()
	g.frames = max(1, int(float64(c.plan.interval)/f+0.5))
	g.ticks = int64(float64(g.frames)*f + 0.5)
	g.asked = c.takes
	if !g.steady() || c.partFrom != c.segmentFrom {
		return
	}
	p, ok := c.plan.keep(g)
	if !ok {
		p = choosePlan(g)
		p.target = max(p.target, c.plan.target)
	}
	c.plan = p
	c.restart(c.partFrom)
}

// learn looks at the first whole group of pictures of a generation that began on an earlier one's plan. It reports
// whether the targets have changed.
func (c *cutter) learn(open bool) bool {
	if !c.learning || c.seen.frames == 0 {
		return false
	}
	c.learning = false
	g := c.seen
	g.open, g.asked = open, c.takes
	if p, ok := c.plan.keep(g); ok {
		c.plan = p
		return false
	}
	c.plan = choosePlan(g)
	return true
}

// request asks for a key picture in time for the end of the segment.
func (c *cutter) request(at int64) {
	if !c.takes || c.ask == nil {
		return
	}
	if c.asked != 0 {
		if at-c.asked > videoTicks(askAgain) {
			c.asked = at
			c.ask()
		}
		return
	}
	if at+c.answer-c.segmentFrom < videoTicks(time.Duration(c.plan.target)*time.Second-askEarliest) {
		return
	}
	part := int64(partFloor * float64(c.plan.limit))
	if len(c.plan.marks) > 0 {
		part = c.plan.marks[0]
	}
	if into := (at + c.answer - c.partFrom) % part; into >= videoTicks(partTail+askMargin) {
		c.asked = at
		c.ask()
	}
}

// answered learns how long the publisher takes from a request to the picture.
func (c *cutter) answered(at int64) {
	if c.asked != 0 {
		c.answer = (c.answer + min(at-c.asked, videoTicks(askAgain))) / 2
		c.asked = 0
	}
}

// cutSegment ends the segment. A tail too short to be a part goes into the next segment, which then does not begin
// with a key picture.
func (c *cutter) cutSegment(at, shown int64) {
	have := at - c.partFrom
	if have > 0 && have <= videoTicks(partTail) {
		if c.parts == 0 {
			return
		}
	} else if have > 0 {
		c.closePart(at, shown)
	}
	c.push(cut{end: true})
	c.segmentFrom, c.parts, c.opens = c.partFrom, 0, true
}

func (c *cutter) closePart(to, shown int64) {
	date, stands := c.partFrom+c.delay, c.base-c.partFrom // the picture before it, into the part
	if len(c.samples) > 0 && stands == 0 {
		date = c.smallest
	}
	c.push(cut{
		opens: c.opens, plan: c.plan, from: c.partFrom, to: to, shown: shown, date: date,
		independent: c.hasKey && stands <= videoTicks(standsMost), keyFirst: c.keyFirst, samples: c.samples, base: c.base,
	})
	c.partFrom, c.opens, c.samples, c.hasKey, c.keyFirst = to, false, nil, false, false
	c.parts++
}

// standing is how long the last picture stands: long enough that the part it ends with is no tail.
func (c *cutter) standing(d int64) int64 {
	before := c.pending.dts - c.partFrom
	rest := before + d
	if rest > c.plan.limit {
		if float64(before) >= partFloor*float64(c.plan.limit) && before > videoTicks(partTail) {
			rest = d // it begins a part
		}
		if c.fills() {
			rest = (rest-1)%c.plan.limit + 1
		}
	}
	if rest <= videoTicks(partTail) {
		d += videoTicks(partTail+10*time.Millisecond) - rest
	}
	return d
}

// end closes what is open. The last picture stands as long as the one before it, and longer where its part would be
// too short otherwise.
func (c *cutter) end() {
	d := c.standing(c.last)
	to := c.pending.dts + d
	c.take(c.pending, d)
	if to > c.partFrom {
		c.closePart(to, to+c.delay)
	}
	c.push(cut{end: true})
	c.newest = to
	c.settle(true)
}
