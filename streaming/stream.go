package streaming

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Defaults of Config.
const (
	ringTimeDefault  = 12 * time.Second
	ringBytesDefault = 32 << 20
	ringUnitsMax     = 1 << 14 // slots, whatever their size
)

// Stream is one broadcast on air: a ring of units that everybody reads. It outlives its publishers.
type Stream struct {
	ID     string // the broadcast
	hub    *Hub
	parent *Stream // of a rendition; locked before it

	mu         sync.RWMutex
	ring       []*Unit // ring[seq % len]
	first      uint64  // oldest unit held
	next       uint64  // sequence number of the unit to come
	bytes      int
	key        uint64 // newest key unit
	hasKey     bool
	generation *Generation
	held       map[int]*Generation // generations with units in the ring, and the newest
	anchors    mediatime.Anchors
	last       mediatime.Time // end of the newest unit of any track, for the next generation's start
	writer     *Publication
	behind     time.Time // since when every unit came more than driftMax late; zero: the last one did not
	ended      bool
	wake       chan struct{} // closed and replaced by every write

	renditions    []*Stream     // replaced, never changed
	renditionsNew chan struct{} // closed and replaced when they change
	rendition     RenditionInfo
	layer         *RenditionPublication // writes a rendition; nil: it has gone

	written   atomic.Int64 // wall clock of the newest unit, Unix nanoseconds; 0 before the first
	unitCount atomic.Uint64
	byteCount atomic.Uint64
	readers   atomic.Int64
	lost      atomic.Uint64
}

func newStream(h *Hub, id string) *Stream {
	return &Stream{
		ID: id, hub: h, ring: make([]*Unit, 1024), held: map[int]*Generation{}, wake: make(chan struct{}),
		renditionsNew: make(chan struct{}),
	}
}

// Generation is the newest one, nil before the first unit.
func (s *Stream) Generation() *Generation {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.generation
}

// GenerationOf returns the generation that a unit belongs to. It is known as long as the ring holds such units.
func (s *Stream) GenerationOf(number int) (*Generation, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g, ok := s.held[number]
	return g, ok
}

// Anchors lists the anchors of the broadcast so far, as far as they are kept.
func (s *Stream) Anchors() mediatime.Anchors {
	if s.parent != nil {
		return s.parent.Anchors()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.anchors[:len(s.anchors):len(s.anchors)]
}

// RequestKey asks the publisher for a key unit. Requests are merged to at most one per 500 ms. A rendition whose
// publisher cannot be asked passes it on to its parent's.
func (s *Stream) RequestKey() {
	if k := s.keys(); k != nil {
		k.requestKey(s.hub.now())
	} else if s.parent != nil {
		s.parent.RequestKey()
	}
}

// keys is who can be asked for a key unit, nil for nobody.
func (s *Stream) keys() *keyRequests {
	s.mu.RLock()
	w, l := s.writer, s.layer
	s.mu.RUnlock()
	switch {
	case w != nil && w.TakesKeyRequests():
		return &w.keyRequests
	case l != nil && l.TakesKeyRequests():
		return &l.keyRequests
	}
	return nil
}

// TakesKeyRequests tells whether the present publisher can be asked for a key unit.
func (s *Stream) TakesKeyRequests() bool {
	return s.keys() != nil || s.parent != nil && s.parent.TakesKeyRequests()
}

// Active tells whether a publisher has written within d.
func (s *Stream) Active(d time.Duration) bool {
	at := s.written.Load()
	return at != 0 && s.hub.now().Sub(time.Unix(0, at)) < d
}

// Publishing tells whether a publisher holds the stream.
func (s *Stream) Publishing() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.writer != nil || s.layer != nil
}

// Last is the media time of the newest unit.
func (s *Stream) Last() mediatime.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.last
}

// Stats are a stream's counters since it began.
type Stats struct {
	Units, Bytes uint64
	Readers      int64
	Lost         uint64        // units that slow readers skipped
	Drift        time.Duration // publisher's clock minus the wall, since the generation's anchor
	Last         time.Time     // wall clock of the newest unit
}

// Stats returns the counters.
func (s *Stream) Stats() Stats {
	out := Stats{Units: s.unitCount.Load(), Bytes: s.byteCount.Load(), Readers: s.readers.Load(), Lost: s.lost.Load()}
	if at := s.written.Load(); at != 0 {
		out.Last = time.Unix(0, at)
		s.mu.RLock()
		if g := s.generation; g != nil {
			out.Drift = g.Anchor.Date(s.last).Sub(out.Last)
		}
		s.mu.RUnlock()
	}
	return out
}

func (s *Stream) write(p *Publication, u *Unit) error {
	now := s.hub.now()
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		p.displace()
		return ErrEnded
	}
	select {
	case <-p.displaced:
		s.mu.Unlock()
		return ErrDisplaced
	default:
	}
	var started *Generation
	if p.generation == nil || s.drifted(p.generation, u, now) {
		started = s.begin(p, u, now)
		if s.writer != nil && s.writer != p {
			s.writer.displace() // before anything of it can follow this unit
		}
		s.writer = p
	}
	resumed := s.writer != p // it had been closed or silent
	if resumed {
		s.writer = p
	}
	u.Generation = p.generation.Number
	t, _ := p.generation.Track(u.Track)
	if end := t.Time(max(u.PTS, u.DTS)); end > s.last {
		s.last = end
	}
	s.append(u)
	if u.Key {
		s.abandoned(now)
	}
	wake := s.wake
	s.wake = make(chan struct{})
	s.mu.Unlock()
	s.wrote(now, u)
	close(wake)
	if started != nil && s.hub.Watch != nil {
		s.hub.Watch(s.ID, AirEvent{On: true, Generation: started})
	}
	return nil
}

func (s *Stream) wrote(now time.Time, u *Unit) {
	s.written.Store(now.UnixNano())
	s.unitCount.Add(1)
	s.byteCount.Add(uint64(u.Size()))
}

// begin starts a generation at unit u. Media time goes on with the wall from the broadcast's first frame, and
// never back: a generation starts at least one frame after everything before it.
func (s *Stream) begin(p *Publication, u *Unit, now time.Time) *Generation {
	const frame = mediatime.Time(20_000)
	number, at := 1, mediatime.Time(0)
	if a, ok := s.anchors.Newest(); ok {
		number = a.Generation + 1
		at = max(s.anchors[0].At(now), a.Media+frame, s.last+frame)
	}
	g := &Generation{Number: number, Anchor: mediatime.Anchor{Generation: number, Media: at, Wall: now}}
	rate := VideoClockRate
	for _, t := range p.tracks {
		if t.ID == u.Track {
			rate = t.ClockRate
		}
	}
	zero := at - mediatime.FromTicks(u.PTS, rate)
	for _, t := range p.tracks {
		t.Zero = zero
		g.Tracks = append(g.Tracks, t)
	}
	p.generation, s.generation = g, g
	s.held[number] = g
	s.anchors = s.anchors.Add(g.Anchor)
	s.hasKey = false
	s.behind = time.Time{}
	return g
}

// drifted tells whether u, a key unit, must start a new generation because the publisher's clock has left the wall's.
// Ahead counts at once: no date may lie in the future. Behind counts when it lasts: an uplink that stalls and then
// catches up is late, not slow.
func (s *Stream) drifted(g *Generation, u *Unit, now time.Time) bool {
	t, ok := g.Track(u.Track)
	if !ok {
		return false
	}
	d := g.Anchor.Date(t.Time(u.DTS)).Sub(now)
	if d >= -driftMax {
		s.behind = time.Time{}
		return u.Key && d > driftMax
	}
	if s.behind.IsZero() {
		s.behind = now
	}
	return u.Key && now.Sub(s.behind) >= driftLasts
}

func (s *Stream) append(u *Unit) {
	if s.next-s.first == uint64(len(s.ring)) {
		if len(s.ring) < ringUnitsMax {
			s.grow()
		} else {
			s.drop()
		}
	}
	s.ring[s.next%uint64(len(s.ring))] = u
	if u.Key {
		s.key, s.hasKey = s.next, true
	}
	s.next++
	s.bytes += u.Size()
	span, size := s.hub.Config.RingTime, s.hub.Config.RingBytes
	if span == 0 {
		span = ringTimeDefault
	}
	if size == 0 {
		size = ringBytesDefault
	}
	for s.next-s.first > 1 && (s.bytes > size || s.last-s.timeOf(s.at(s.first)) > mediatime.Of(span)) {
		s.drop()
	}
}

func (s *Stream) holds() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return int64(s.bytes)
}

func (s *Stream) at(seq uint64) *Unit { return s.ring[seq%uint64(len(s.ring))] }

func (s *Stream) timeOf(u *Unit) mediatime.Time {
	t, _ := s.held[u.Generation].Track(u.Track)
	return t.Time(u.DTS)
}

func (s *Stream) drop() {
	i := s.first % uint64(len(s.ring))
	u := s.ring[i]
	s.ring[i] = nil
	s.first++
	s.bytes -= u.Size()
	if s.first < s.next && s.at(s.first).Generation != u.Generation {
		delete(s.held, u.Generation)
	}
	if s.hasKey && s.key < s.first {
		s.hasKey = false
	}
}

func (s *Stream) grow() {
	bigger := make([]*Unit, 2*len(s.ring))
	for seq := s.first; seq < s.next; seq++ {
		bigger[seq%uint64(len(bigger))] = s.at(seq)
	}
	s.ring = bigger
}

// leave ends a publisher's stay. The stream waits for the next one.
func (s *Stream) leave(p *Publication) {
	s.mu.Lock()
	was := s.writer == p
	if was {
		s.writer = nil
	}
	g := s.generation
	s.mu.Unlock()
	p.displace()
	if was && s.hub.Watch != nil {
		s.hub.Watch(s.ID, AirEvent{On: false, Generation: g})
	}
}

func (s *Stream) end() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	w := s.writer
	s.writer = nil
	if s.layer != nil {
		s.layer.displace()
		s.layer = nil
	}
	renditions := s.renditions
	s.renditions = nil
	if len(renditions) > 0 {
		s.renditionsTurned()
	}
	wake := s.wake
	s.wake = make(chan struct{})
	s.mu.Unlock()
	close(wake)
	for _, r := range renditions {
		r.end()
	}
	if w != nil {
		w.displace()
	}
}
