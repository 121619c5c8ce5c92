package hls

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const lateTargets = 3 // target durations that a segment stays in memory beyond the list where it is recorded

// rendition keeps what a segmenter cut, and the playlists of it. One goroutine, its packager's, adds; any number read.
type rendition struct {
	name, life string
	declared   int // bits per second, as its publisher says; 0: not told
	broadcast  string
	config     Config
	metrics    *Metrics
	recording  Recording // nil: it is not recorded
	past       Past      // nil: what has left the memory cannot be had

	now  atomic.Pointer[view] // nil before the first whole segment
	gone atomic.Bool          // it is not offered any more

	mu       sync.RWMutex
	segments []*Segment // oldest first; those before listed are kept for late requests only
	inits    []*Init
	bytes    int

	// The packager's goroutine only.
	listed   int
	nextPart int64
	next     int64 // media sequence number of the next segment
	sequence int64
	started  bool
	dirty    bool
	ended    bool
	version  int64
	archive  archive // under mu too
	known    dateLog // of the list
	older    dateLog // of the list from the oldest segment
}

var _ sink = (*rendition)(nil)

// rank is the place in the multivariant playlist.
func (r *rendition) rank() int {
	switch r.name {
	case renditionMain:
		return 0
	case renditionAudio:
		return math.MaxInt
	}
	return math.MaxInt - 1 - r.declared
}

// open begins a segment. The first one of a packager's life is numbered by its media time in seconds: segments are
// longer than that on the average, so that numbers rise from one life to the next.
func (r *rendition) open(o opening) *place {
	if at := o.place; at != nil {
		r.started, r.next, r.sequence = true, at.number, at.sequence
		o.discontinuity = o.discontinuity && len(r.segments) > 0
	} else if !r.started {
		r.started = true
		r.next = max(0, int64(o.from/1_000_000))
		r.sequence = int64(max(0, o.init.Generation-1))
	}
	if o.discontinuity && o.place == nil {
		r.sequence++
	}
	s := &Segment{
		Number: r.next, Init: o.init, Discontinuity: o.discontinuity, Sequence: r.sequence,
		Date: o.date, From: o.from, Independent: o.independent, plan: o.plan,
	}
	r.next++
	r.mu.Lock()
	defer r.mu.Unlock()
	r.segments = append(r.segments, s)
	if n := len(r.inits); n == 0 || r.inits[n-1] != o.init {
		r.inits = append(r.inits, o.init)
	}
	if r.recording != nil {
		r.recording.Open(Opening{
			Number: s.Number, Init: s.Init, Discontinuity: s.Discontinuity, Date: s.Date, From: s.From, Independent: s.Independent,
		})
	}
	return &place{number: s.Number, sequence: s.Sequence}
}

func (r *rendition) add(p *Part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.Number = r.nextPart
	r.nextPart++
	s := r.segments[len(r.segments)-1]
	s.Parts = append(s.Parts, p)
	s.Duration += p.Duration
	s.bytes += len(p.Data)
	r.bytes += len(p.Data)
	r.dirty = true
	r.metrics.made(len(p.Data))
	if r.recording != nil {
		r.recording.Add(p)
	}
}

func (r *rendition) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.segments); n > 0 && !r.segments[n-1].Closed {
		r.segments[n-1].Closed = true
		r.dirty = true
		r.metrics.shut()
		if r.recording != nil {
			r.recording.Shut()
		}
	}
}

// trim moves the start of the list and gives up what is kept beyond it, by time, by number and by bytes.
func (r *rendition) trim() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var whole time.Duration
	target := targetMin
	for _, s := range r.segments[r.listed:] {
		whole += s.Duration
		target = max(target, s.plan.target)
	}
	least := partsListedTargets * time.Duration(target) * time.Second
	if r.past != nil { // what updates do not skip must be short, however long the rest is
		least = (skipTargets + 1) * time.Duration(target) * time.Second
	}
	for r.listed < len(r.segments)-1 {
		s := r.segments[r.listed]
		rest := whole - s.Duration
		if rest < max(r.config.Window, least) {
			break
		}
		whole = rest
		r.archive.add(r.name, r.life, s)
		r.listed++
	}
	var kept time.Duration
	for _, s := range r.segments[:r.listed] {
		kept += s.Duration
	}
	drop := 0
	for drop < len(r.segments)-2 {
		s := r.segments[drop]
		late := drop < r.listed && kept > r.keeps(s, max(r.config.Window, least), target)
		if !late && len(r.segments)-drop <= r.config.SegmentsMax && r.bytes <= r.config.BytesMax {
			break
		}
		if r.past == nil || !r.past.Recorded(r.broadcast, r.name, r.life, s.Number) {
			r.archive.cut(s.Number) // there is a hole: what is older cannot be listed before it
		}
		kept -= s.Duration
		r.bytes -= s.bytes
		r.metrics.gone(s.bytes)
		drop++
	}
	r.archive.trim(r.config.DVR)
	if drop == 0 {
		return
	}
	r.segments = append([]*Segment(nil), r.segments[drop:]...)
	r.listed = max(0, r.listed-drop)
	for len(r.inits) > 1 && r.inits[0] != r.segments[0].Init && r.inits[0] != r.archive.init() {
		r.inits = r.inits[1:]
	}
}

// keeps is how long a segment that has left the list stays in memory: as long as the list is, and a few segments where
// the recording has it, which answers from then on.
func (r *rendition) keeps(s *Segment, list time.Duration, target int) time.Duration {
	short := lateTargets * time.Duration(target) * time.Second
	if short < list && r.config.DVR >= list && r.past != nil && r.past.Recorded(r.broadcast, r.name, r.life, s.Number) {
		return short
	}
	return list
}

// clear gives everything up.
func (r *rendition) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.metrics.gone(r.bytes)
	r.segments, r.inits, r.bytes, r.listed, r.archive = nil, nil, 0, 0, archive{}
	if r.past != nil {
		r.past.Forget(r.broadcast, r.name, r.life)
		r.past = nil
	}
}

func (r *rendition) holds() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return int64(r.bytes)
}

// lasts tells whether the rendition can be wound back.
func (r *rendition) lasts() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.past != nil
}

// remembers tells whether a segment that has left the memory is still listed.
func (r *rendition) remembers(number int64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.past != nil && r.archive.has(number)
}

// publish renders the playlists anew and wakes everybody who waits. others are the views of the other renditions.
func (r *rendition) publish(broadcast string, dates Dates, anchors mediatime.Anchors, others map[string]*view) {
	if !r.dirty || len(r.segments) == 0 {
		return
	}
	if r.now.Load() == nil && !r.segments[0].Closed {
		return // hls.js takes a list without a whole segment for an error
	}
	r.dirty = false
	r.trim()
	listed := r.segments[r.listed:]
	p := &Playlist{Name: r.name, Life: r.life, Segments: listed, NextPart: r.nextPart, Ended: r.ended, Target: r.archive.target}
	p.Targets()
	r.version++
	v := r.viewOf(p)
	r.write(v, p, others, func(from mediatime.Time, inits []*Init, most int) string {
		var more []DateRange
		if dates != nil {
			more = dates.DateRanges(broadcast, from)
		}
		return dateRangeTags(inits, more, anchors, most)
	})
	old := r.now.Swap(v)
	r.metrics.rendered()
	if old != nil {
		close(old.wake)
	}
}

func (r *rendition) viewOf(p *Playlist) *view {
	v := &view{
		target: p.target(), partTarget: p.PartTarget, ended: p.Ended, wake: make(chan struct{}),
		closed: p.Segments[0].Number - 1, independent: true,
	}
	var bits, length float64
	for _, s := range p.Segments {
		v.independent = v.independent && s.Independent
		v.init = s.Init
		if s.Closed {
			v.closed, v.closedParts, v.openParts = s.Number, len(s.Parts), 0
		} else {
			v.openParts = len(s.Parts)
		}
		v.lastMSN, v.lastIndex = s.Number, int64(len(s.Parts))-1
		if s.plan.frame > 0 && s.Init.Video {
			v.frameRate = streaming.VideoClockRate / float64(s.plan.frame)
		}
		rate := 0.0
		if s.Duration > 0 {
			rate = float64(s.bytes) * 8 / s.Duration.Seconds()
		}
		if s.Closed || v.peak == 0 {
			v.peak = max(v.peak, int(rate))
		}
		bits += float64(s.bytes) * 8
		length += s.Duration.Seconds()
	}
	if length > 0 {
		v.average = int(bits / length)
	}
	return v
}

// end marks the rendition's last playlist.
func (r *rendition) end() {
	r.ended, r.dirty = true, true
}

// content returns what a name stands for: the bytes in order. It reports false for what is not kept, and the next
// part's number, so that a request for that part can wait for it.
func (r *rendition) content(kind fileKind, number int64) (chunks [][]byte, next int64, ok bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch kind {
	case fileInit:
		for _, i := range r.inits {
			if i.Number == number {
				return [][]byte{i.Data}, 0, true
			}
		}
	case fileSegment:
		i := sort.Search(len(r.segments), func(i int) bool { return r.segments[i].Number >= number })
		if i < len(r.segments) && r.segments[i].Number == number && r.segments[i].Closed {
			for _, p := range r.segments[i].Parts {
				chunks = append(chunks, p.Data)
			}
			return chunks, 0, true
		}
	case filePart:
		// The first segment that ends with this part or a later one.
		i := sort.Search(len(r.segments), func(i int) bool {
			parts := r.segments[i].Parts
			return len(parts) == 0 || parts[len(parts)-1].Number >= number
		})
		if i < len(r.segments) {
			if parts := r.segments[i].Parts; len(parts) > 0 && parts[0].Number <= number {
				return [][]byte{parts[number-parts[0].Number].Data}, 0, true
			}
		}
	}
	return nil, r.nextPart, false
}
