package hls

import "time"

// soundCutter cuts a stream without pictures: parts of so many audio frames, segments of so many parts. One goroutine
// uses it.
type soundCutter struct {
	*assembler
	plan  plan
	parts int // in the segment so far
	from  int64
	opens bool
}

func (c *soundCutter) begin(at int64) {
	c.start, c.from, c.opens = at, at, true
	c.sound.from = at
}

// hear takes an audio unit.
func (c *soundCutter) hear(pts int64, payload []byte) {
	c.sound.add(pts, payload)
	for c.sound.clock-c.from >= c.plan.interval {
		c.closePart(c.from + c.plan.interval)
		if c.elapsedIn(int64(c.parts+1)*c.plan.interval) > time.Duration(c.plan.target)*time.Second {
			c.push(cut{end: true})
			c.parts, c.opens = 0, true
		}
	}
	c.settle(false)
}

func (c *soundCutter) elapsedIn(ticks int64) time.Duration {
	return time.Duration(ticks) * time.Second / time.Duration(c.clock.ClockRate)
}

func (c *soundCutter) closePart(to int64) {
	c.push(cut{
		opens: c.opens, plan: c.plan, from: c.from, to: to, shown: to, date: c.from, independent: true, keyFirst: true,
	})
	c.from, c.opens = to, false
	c.parts++
}

// end closes what is open, the last part made long enough by silence.
func (c *soundCutter) end() {
	to := c.sound.clock
	if to > c.from {
		if c.elapsedIn(to-c.from) <= partTail {
			to = c.from + c.ticks(partTail+10*time.Millisecond)
			c.sound.fill(to)
		}
		c.closePart(to)
	}
	if c.parts > 0 {
		c.push(cut{end: true})
	}
	c.settle(true)
}
