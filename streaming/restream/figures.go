package restream

import (
	"sync"
	"sync/atomic"
	"time"
)

// figures are a push's counters. The pushing goroutine counts; anybody may read.
type figures struct {
	sent, dropped, reconnects atomic.Uint64
	first                     atomic.Int64 // wall clock of the stay's first media, Unix nanoseconds; 0: none yet

	mu     sync.Mutex
	state  State
	reason Reason
	since  time.Time
	rate   int
	before uint64
	at     time.Time
}

func (f *figures) begin() { f.first.Store(0) }

func (f *figures) firstAt() time.Time {
	if at := f.first.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// wrote counts media that the target has taken.
func (p *push) wrote(n int) {
	p.figures.sent.Add(uint64(n))
	p.service.Metrics.sent(n)
	if p.figures.first.Load() == 0 {
		p.figures.first.Store(p.service.now().UnixNano())
		p.set(Live, NoReason)
	}
}

func (p *push) dropped(units uint64) {
	if units > 0 {
		p.figures.dropped.Add(units)
		p.service.Metrics.drop(units)
	}
}

func (p *push) set(state State, reason Reason) {
	f := &p.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == state && f.reason == reason {
		return
	}
	if state == Live {
		p.service.Metrics.live(1)
	}
	if f.state == Live {
		p.service.Metrics.live(-1)
	}
	f.state, f.reason, f.since = state, reason, p.service.now()
}

// sample measures the bitrate since the sample before.
func (p *push) sample(now time.Time) {
	f := &p.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.sent.Load()
	if passed := now.Sub(f.at); passed > lookEvery/2 {
		if !f.at.IsZero() {
			f.rate = int(float64(sent-f.before) * 8 / passed.Seconds())
		}
		f.before, f.at = sent, now
	}
}

func (p *push) status() Status {
	f := &p.figures
	f.mu.Lock()
	defer f.mu.Unlock()
	out := Status{
		State: f.state, Reason: f.reason, Broadcast: p.stream.ID, Since: f.since,
		Sent: f.sent.Load(), Dropped: f.dropped.Load(), Reconnects: f.reconnects.Load(),
	}
	if f.state == Live {
		out.Bitrate = f.rate
	}
	return out
}
