package rtpfan

import (
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	evenWindow = 128                    // packets of sound that are looked back at: 2.5 s
	evenMost   = 40 * time.Millisecond  // no packet is held longer
	evenJump   = 500 * time.Millisecond // between two packets, the clocks have nothing to do with each other any more
)

// even tells how long sound is held so that it leaves as evenly as it was recorded. AAC frames of 21.3 ms made Opus
// packets of 20 ms come in a saw tooth, encoders send in bursts, and a receiver answers unevenness with a buffer twice
// as long: what is held here for a moment, each of them need not hold. All of it leaves as late as the latest of the
// last seconds came, but for those that are later than evenMost behind the earliest.
type even struct {
	base    time.Time
	late    [evenWindow]time.Duration // how late each came on the clock that began with base
	n       int
	started bool
}

// hold is how long a packet of sound of media time m that came at a time waits from then on.
func (e *even) hold(m mediatime.Time, at time.Time) time.Duration {
	late := at.Sub(e.base) - m.Duration()
	if last := e.late[(e.n+evenWindow-1)%evenWindow]; !e.started || (late-last).Abs() > evenJump {
		*e = even{base: at.Add(-m.Duration()), started: true}
		late = 0
	}
	e.late[e.n%evenWindow] = late
	e.n++
	least, most := late, late
	for _, l := range e.late[:min(e.n, evenWindow)] {
		least, most = min(least, l), max(most, l)
	}
	return max(0, min(most, least+evenMost)-late)
}
