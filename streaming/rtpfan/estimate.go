package rtpfan

import (
	"time"

	"github.com/pion/rtcp"
)

// Rules of the estimate.
const (
	wideLogMax      = 1024 // packets under way; a power of two
	beatsMax        = 64   // feedback packets that are looked back at
	baseBuckets     = 6
	baseBucketTime  = 5 * time.Second
	queueStanding   = 80 * time.Millisecond  // a queue that never gets below this for a second is no burst
	queueLong       = 250 * time.Millisecond // nor one that does not get below this for 400 ms
	lossBeyond      = 0.10                   // share of lost packets beyond what the link loses anyway
	lossPacketsMin  = 30
	inherentPerBeat = 0.006 // how fast the share that the link loses anyway is learnt
)

// estimate is what is known of a viewer's link from when its packets arrived (transport-wide feedback). A link that
// carries less than it is given queues, and delay grows, or it drops. A large picture makes a queue too, which
// drains again: what counts is a queue that stands. While it does, what arrives is what the link carries. The
// egress's goroutine owns it.
type estimate struct {
	epoch time.Time
	log   [wideLogMax]wideSent

	clock  int64 // of the newest feedback, in microseconds of the viewer's clock, unwrapped
	heard  bool
	base   [baseBuckets]int64 // least one-way delays, newest bucket last, in microseconds of the two clocks' difference
	baseAt time.Time          // when the newest bucket began

	beats    [beatsMax]beat
	count    int // of beats ever
	floor    int // beats before this one are not looked at
	hearing  time.Time
	inherent float64 // share of packets that the link loses whatever it is given
	trial    trial
}

// wideSent is a packet under way.
type wideSent struct {
	at     int64 // microseconds since the epoch
	size   uint16
	number uint16
	lost   bool
}

// beat is what one feedback packet said.
type beat struct {
	first, last int64 // arrivals, microseconds of the viewer's clock
	bytes       int
	got, lost   int
	queue       int64 // least queueing delay, microseconds
}

// trial is what became of the packets sent in a stretch of time.
type trial struct {
	from, to    int64 // microseconds since the epoch; to 0: it goes on
	first, last int64
	bytes       int
	got, lost   int
}

func newEstimate(now time.Time) *estimate {
	return &estimate{epoch: now, baseAt: now, base: emptyBase()}
}

const noDelay = int64(1) << 62

func emptyBase() (b [baseBuckets]int64) {
	for i := range b {
		b[i] = noDelay
	}
	return b
}

// send notes a packet that leaves.
func (e *estimate) send(number uint16, size int, now time.Time) {
	e.log[number%wideLogMax] = wideSent{at: now.Sub(e.epoch).Microseconds(), size: uint16(size), number: number}
}

// hear takes in a feedback packet.
func (e *estimate) hear(fb *rtcp.TransportLayerCC, now time.Time) {
	at := e.unwrap(int64(fb.ReferenceTime) * 64_000)
	e.turnBase(now)
	b := beat{queue: noDelay}
	number, left, delta := fb.BaseSequenceNumber, int(fb.PacketStatusCount), 0
	status := func(symbol uint16) {
		if left == 0 {
			return
		}
		left--
		n := number
		number++
		if symbol == rtcp.TypeTCCPacketReceivedSmallDelta || symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
			if delta == len(fb.RecvDeltas) {
				left = 0
				return
			}
			at += fb.RecvDeltas[delta].Delta
			delta++
			e.arrived(&b, n, at)
		} else {
			e.missing(&b, n)
		}
	}
	for _, chunk := range fb.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range min(int(c.RunLength), left) {
				status(c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			for _, s := range c.SymbolList {
				status(s)
			}
		}
	}
	if b.got+b.lost == 0 {
		return
	}
	e.hearing = now
	if b.got == 0 { // nothing arrived: it belongs to the beat before
		if e.count > 0 {
			e.beats[(e.count-1)%beatsMax].lost += b.lost
		}
		return
	}
	e.beats[e.count%beatsMax] = b
	e.count++
	e.learn()
}

// unwrap makes the 24 bits of a reference time into a clock that goes on.
func (e *estimate) unwrap(at int64) int64 {
	const cycle = 64_000 << 24
	if !e.heard {
		e.heard, e.clock = true, at
		return at
	}
	d := (at - e.clock) % cycle
	if d > cycle/2 {
		d -= cycle
	}
	if d < -cycle/2 {
		d += cycle
	}
	if d > 0 {
		e.clock += d
		return e.clock
	}
	return e.clock + d
}

func (e *estimate) arrived(b *beat, number uint16, at int64) {
	s := &e.log[number%wideLogMax]
	if s.number != number || s.size == 0 {
		return // long ago, or said twice
	}
	delay := at - s.at
	newest := &e.base[baseBuckets-1]
	*newest = min(*newest, delay)
	if b.got == 0 {
		b.first = at
	}
	b.last = max(b.last, at)
	b.got++
	if s.lost {
		b.lost--
	}
	b.bytes += int(s.size)
	b.queue = min(b.queue, delay-e.least())
	e.trial.arrived(s, at)
	s.size = 0
}

func (e *estimate) missing(b *beat, number uint16) {
	s := &e.log[number%wideLogMax]
	if s.number != number || s.size == 0 || s.lost {
		return
	}
	s.lost = true
	b.lost++
	if e.trial.covers(s) {
		e.trial.lost++
	}
}

// turnBase forgets delays of long ago: the two clocks drift, and routes change.
func (e *estimate) turnBase(now time.Time) {
	for ; now.Sub(e.baseAt) >= baseBucketTime; e.baseAt = e.baseAt.Add(baseBucketTime) {
		copy(e.base[:], e.base[1:])
		e.base[baseBuckets-1] = noDelay
	}
}

func (e *estimate) least() int64 {
	out := noDelay
	for _, b := range e.base {
		out = min(out, b)
	}
	return out
}

// window sums the beats of the last d of the viewer's clock. It reports false where they cover less than most of it.
func (e *estimate) window(d time.Duration) (beat, bool) {
	sum := beat{queue: noDelay}
	if e.count == e.floor {
		return sum, false
	}
	newest := e.beats[(e.count-1)%beatsMax].last
	for i := e.count - 1; i >= max(e.floor, e.count-beatsMax); i-- {
		b := &e.beats[i%beatsMax]
		if newest-b.first > d.Microseconds() {
			break
		}
		sum.first, sum.last = b.first, max(sum.last, b.last)
		sum.bytes += b.bytes
		sum.got += b.got
		sum.lost += b.lost
		sum.queue = min(sum.queue, b.queue)
	}
	return sum, sum.last-sum.first >= d.Microseconds()*7/10
}

// ignore leaves out of account what has been heard so far.
func (e *estimate) ignore() { e.floor = e.count }

// fresh tells whether the viewer has been heard of lately.
func (e *estimate) fresh(now time.Time) bool { return now.Sub(e.hearing) < time.Second }

// over tells whether the link carries less than it is given.
func (e *estimate) over(now time.Time) bool {
	if !e.fresh(now) {
		return false
	}
	second, whole := e.window(time.Second)
	if whole && second.queue > queueStanding.Microseconds() {
		return true
	}
	if short, ok := e.window(400 * time.Millisecond); ok && short.queue > queueLong.Microseconds() {
		return true
	}
	// A large picture that overruns a short queue is no lasting loss.
	twice, whole := e.window(2 * time.Second)
	return whole && twice.got+twice.lost >= lossPacketsMin && twice.share() > e.inherent+lossBeyond
}

// share is that of lost packets.
func (b *beat) share() float64 {
	if b.got+b.lost <= 0 {
		return 0
	}
	return float64(max(0, b.lost)) / float64(b.got+b.lost)
}

// learn finds out what the link loses anyway: what it still loses while nothing queues.
func (e *estimate) learn() {
	second, whole := e.window(time.Second)
	if !whole {
		return
	}
	share := second.share()
	switch {
	case share < e.inherent:
		e.inherent = share
	case second.queue < queueStanding.Microseconds()/2:
		e.inherent = min(share, e.inherent+inherentPerBeat)
	}
}

// rate is what arrived in the last second, in bits a second.
func (e *estimate) rate() float64 {
	w, _ := e.window(time.Second)
	if w.last <= w.first {
		return 0
	}
	return 8e6 * float64(w.bytes) / float64(w.last-w.first)
}

// try begins a trial.
func (e *estimate) try(now time.Time) {
	e.trial = trial{from: now.Sub(e.epoch).Microseconds()}
}

// tried ends it: what is sent from now on does not count.
func (e *estimate) tried(now time.Time) { e.trial.to = now.Sub(e.epoch).Microseconds() }

func (t *trial) covers(s *wideSent) bool {
	return t.from != 0 && s.at >= t.from && (t.to == 0 || s.at <= t.to)
}

func (t *trial) arrived(s *wideSent, at int64) {
	if !t.covers(s) {
		return
	}
	if t.got == 0 {
		t.first = at
	}
	t.got++
	if s.lost {
		t.lost--
	}
	t.last = max(t.last, at)
	t.bytes += int(s.size)
}

// rate is what arrived of the trial, in bits a second.
func (t *trial) rate() float64 {
	if t.last <= t.first {
		return 0
	}
	return 8e6 * float64(t.bytes) / float64(t.last-t.first)
}

func (t *trial) share() float64 {
	b := beat{got: t.got, lost: t.lost}
	return b.share()
}

// queueing is the least delay that packets have lately had in queues.
func (e *estimate) queueing() time.Duration {
	w, _ := e.window(150 * time.Millisecond)
	if w.got == 0 {
		return 0
	}
	return time.Duration(w.queue) * time.Microsecond
}
