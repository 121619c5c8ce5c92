package hls

import (
	"math"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// The bounds of what a plan chooses.
const (
	partTail      = 200 * time.Millisecond // hls.js may hang where a segment's last part is this long or shorter
	partAim       = 350 * time.Millisecond // the longest part of a stream with a steady cadence, where that is possible
	partMax       = 500 * time.Millisecond // the longest part where the cadence varies, the aim where it is slow
	partMost      = time.Second            // where nothing shorter divides the key interval well
	partSlack     = 2 * time.Millisecond   // for publishers that round their stamps to milliseconds
	partFloor     = 0.85                   // of PART-TARGET; every part but a segment's last is at least this long
	steadyFrame   = 125 * time.Millisecond // below 8 pictures a second parts are nearer to partMax than to partAim
	targetMin     = 2                      // TARGETDURATION, seconds
	targetMax     = 10
	targetSlack   = 50 * time.Millisecond  // a key interval of 2.002 s is one of 2 s
	overrun       = 400 * time.Millisecond // a segment waits so much longer for its key picture; EXTINF still rounds to the target
	gopShortest   = time.Second            // shorter groups of pictures are taken together
	askedInterval = 2 * time.Second        // between key pictures, where the publisher makes them on request
)

// gop is what the first group of pictures of a generation showed. Durations are ticks of the video clock.
type gop struct {
	frames   int
	ticks    int64
	min, max int64 // shortest and longest picture
	open     bool  // its end was not seen
	asked    bool  // the publisher makes key pictures on request
}

func (g *gop) add(ticks int64) {
	if g.frames == 0 || ticks < g.min {
		g.min = ticks
	}
	g.max = max(g.max, ticks)
	g.frames++
	g.ticks += ticks
}

func (g *gop) frame() float64 { return float64(g.ticks) / float64(g.frames) }

// steady tells whether pictures come evenly, but for the rounding to milliseconds.
func (g *gop) steady() bool {
	slack := float64(videoTicks(partSlack))
	return float64(g.max)-g.frame() <= slack && g.frame()-float64(g.min) <= slack
}

// plan is how a generation is cut. It is immutable.
type plan struct {
	target   int           // TARGETDURATION, seconds
	part     time.Duration // PART-TARGET
	limit    int64         // the same in ticks; no part is longer
	interval int64         // expected ticks from one boundary key picture to the next
	frame    int64         // ticks of a picture
	marks    []int64       // where parts end within an interval, but for the last; empty where the cadence varies
	steady   bool          // the 85 % floor holds
	merged   bool          // an interval holds several groups of pictures
	keyless  bool          // the group of pictures is longer than a segment may be
}

// choosePlan looks at the first group of pictures of a generation.
func choosePlan(g gop) plan {
	p := newInterval(g)
	f := g.frame()
	k := int(math.Round(float64(p.interval) / f))
	if g.steady() {
		aim, most := partAim, partMost
		if f > float64(videoTicks(steadyFrame)) {
			aim = max(partMax, clockTime(int64(f)+1))
			most = aim + clockTime(int64(f))
		}
		if sizes, n := schedule(k, f, aim, most); n > 0 {
			p.part, p.marks, p.steady = declared(n, f), marksOf(sizes, f), true
			p.limit = videoTicks(p.part)
			return p
		}
	}
	p.part = max(partMax, clockTime(g.max).Truncate(time.Millisecond)+time.Millisecond)
	if clockTime(g.max) <= partMax {
		p.part = partMax
	}
	p.limit = videoTicks(p.part)
	return p
}

// newInterval chooses everything but the parts.
func newInterval(g gop) plan {
	p := plan{interval: g.ticks, frame: int64(math.Round(g.frame()))}
	f := g.frame()
	switch {
	case g.asked && (g.open || g.ticks > videoTicks(askedInterval)):
		p.interval = int64(math.Floor(float64(videoTicks(askedInterval))/f+0.01) * f)
	case g.open || g.ticks > videoTicks(targetMax*time.Second+targetSlack):
		p.interval = int64(math.Floor(float64(videoTicks(targetMax*time.Second))/f+0.01) * f)
		p.keyless = true
	case g.ticks < videoTicks(gopShortest):
		n := (videoTicks(gopShortest-targetSlack) + g.ticks - 1) / g.ticks
		p.interval, p.merged = n*g.ticks, n > 1
	}
	p.interval = max(p.interval, p.frame)
	p.target = int(math.Ceil((clockTime(p.interval) - targetSlack).Seconds()))
	p.target = min(max(p.target, targetMin), targetMax)
	return p
}

// schedule divides an interval of k pictures, f ticks each, into parts: the longest that is not beyond aim and leaves
// no part too short, else the shortest beyond it up to most. It returns the pictures of each part, and of the longest.
func schedule(k int, f float64, aim, most time.Duration) ([]int, int) {
	first := int(float64(videoTicks(aim))/f + 1e-6)
	for n := min(first, k); n > 0; n-- {
		if sizes := divide(k, n, f); sizes != nil {
			return sizes, longest(sizes)
		}
	}
	for n := first + 1; float64(n)*f <= float64(videoTicks(most)); n++ {
		if sizes := divide(k, n, f); sizes != nil {
			return sizes, longest(sizes)
		}
	}
	return nil, 0
}

// divide makes parts of at most n pictures, even ones where it can. It returns nil where one would be too short.
func divide(k, n int, f float64) []int {
	m := (k + n - 1) / n
	even, filled := make([]int, m), make([]int, m)
	for i := range m {
		even[i] = (i+1)*k/m - i*k/m
		filled[i] = min(n, k-i*n)
	}
	for _, sizes := range [][]int{even, filled} {
		target := declared(longest(sizes), f)
		ok := true
		for i, size := range sizes {
			d := clockTime(int64(float64(size) * f))
			if d <= partTail+partSlack || (i < m-1 && float64(d) < partFloor*float64(target)) {
				ok = false
			}
		}
		if ok {
			return sizes
		}
	}
	return nil
}

// declared is the PART-TARGET for parts of n pictures.
func declared(n int, f float64) time.Duration {
	d := time.Duration(float64(n) * f / streaming.VideoClockRate * float64(time.Second))
	return (d - time.Microsecond).Truncate(time.Millisecond) + time.Millisecond + partSlack
}

func marksOf(sizes []int, f float64) []int64 {
	marks, n := make([]int64, 0, len(sizes)), 0
	for _, size := range sizes[:len(sizes)-1] {
		n += size
		marks = append(marks, int64(math.Round(float64(n)*f)))
	}
	return marks
}

func longest(sizes []int) (n int) {
	for _, size := range sizes {
		n = max(n, size)
	}
	return n
}

// marksWith divides an interval that begins with a tail of the one before it. It returns nil where parts of the same
// length are not to be had: they then end as they fill up.
func (p plan) marksWith(tail int64) []int64 {
	if !p.steady || p.frame <= 0 {
		return nil
	}
	f := float64(p.frame)
	k := int(math.Round(float64(p.interval+tail) / f))
	for n := min(int(float64(p.limit)/f), k); n > 0; n-- {
		if sizes := divide(k, n, f); sizes != nil && p.holds(sizes, f) {
			return marksOf(sizes, f)
		}
	}
	return nil
}

// holds tells whether parts of these sizes are long enough for the plan's PART-TARGET.
func (p plan) holds(sizes []int, f float64) bool {
	for _, size := range sizes[:len(sizes)-1] {
		if float64(size)*f < partFloor*float64(p.limit) {
			return false
		}
	}
	return true
}

// keep tells whether an earlier generation's targets also suit a new one, and makes the plan for it: playlists then
// go on unchanged over the boundary.
func (p plan) keep(g gop) (plan, bool) {
	q := newInterval(g)
	f := g.frame()
	if q.target > p.target || clockTime(g.max) > p.part {
		return plan{}, false
	}
	q.target, q.part, q.limit = p.target, p.part, p.limit
	if !g.steady() || f > float64(videoTicks(steadyFrame)) {
		return q, p.part >= partMax
	}
	k := int(math.Round(float64(q.interval) / f))
	for n := min(int(float64(p.limit)/f), k); n > 0; n-- {
		sizes := divide(k, n, f)
		if sizes == nil {
			continue
		}
		q.marks, q.steady = marksOf(sizes, f), true
		return q, p.holds(sizes, f)
	}
	return plan{}, false
}

// soundPlan is for a generation without pictures: parts of whole audio frames, segments of whole parts.
func soundPlan(frame int64, rate int) plan {
	d := float64(frame) / float64(rate)
	n := max(1, int(partAim.Seconds()/d))
	part := time.Duration(float64(n) * d * float64(time.Second))
	return plan{
		target: targetMin, part: (part - time.Microsecond).Truncate(time.Millisecond) + time.Millisecond + partSlack,
		frame: frame, interval: int64(n) * frame, steady: true,
	}
}

func videoTicks(d time.Duration) int64 {
	return int64(d) * streaming.VideoClockRate / int64(time.Second)
}

func clockTime(ticks int64) time.Duration {
	return time.Duration(ticks) * time.Second / streaming.VideoClockRate
}
