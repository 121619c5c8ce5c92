package hls

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// The bounds of a rendition beside the publisher's own picture.
const (
	followLag   = 5 * time.Second // behind the publisher's own picture; then the rendition is not offered until it is back
	followBeats = 256             // that wait for its pictures; the same holds beyond
	joinTries   = 3               // segments that may pass without a key picture where they begin
	endBeats    = 2               // after its last picture, until the end of the broadcast
)

// follower makes a rendition of a further picture: it cuts what it reads where the publisher's own picture was cut.
// Its run is the only writer of its line.
type follower struct {
	name   string
	stream *streaming.Stream
	log    *slog.Logger
	muxed  func() bool        // with the sound that the beats bring
	line   func() *rendition  // makes a rendition of this name, for one stay
	ready  func(r *rendition) // it may have changed: render it
	leave  func(r *rendition) // it is not offered any more
	resync func()             // a discontinuity is needed, to change the parameters
	reader *streaming.Reader

	mu    sync.Mutex
	beats []beat
	full  bool
	poke  chan struct{}

	// run's goroutine only.
	out      *rendition      // nil while it is not offered
	track    streaming.Track // of the newest picture that was read
	number   int             // of its generation
	delay    mediatime.Time  // presentation minus decode stamp of the newest key picture
	next     *shotAt         // read, but not taken
	key      [][]byte        // payload of the newest key picture
	ended    bool            // nothing can be read any more
	missing  int             // beats since then
	picture  *picture
	fresh    *picture // found at a key picture: from the next discontinuity on
	init     *Init
	inits    int64
	sequence uint32
	last     int64 // ticks of the newest picture
	passed   int   // segments that began without us
}

// push takes the next beat. It never blocks.
func (f *follower) push(b beat) {
	f.mu.Lock()
	if len(f.beats) >= followBeats {
		f.beats, f.full = f.beats[:0:0], true
	}
	f.beats = append(f.beats, b)
	f.mu.Unlock()
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// beat waits for the next one. It reports false at the end of ctx. Where beats were lost, it has left.
func (f *follower) beat(ctx context.Context) (beat, bool) {
	for {
		f.mu.Lock()
		lost := f.full
		f.full = false
		var b beat
		n := len(f.beats)
		if n > 0 {
			b = f.beats[0]
			f.beats = f.beats[1:]
		}
		f.mu.Unlock()
		if lost {
			f.gone()
		}
		if n > 0 {
			return b, true
		}
		if f.out != nil {
			f.ready(f.out)
		}
		select {
		case <-f.poke:
		case <-ctx.Done():
			return b, false
		}
	}
}

// run follows until ctx is done, the rendition has ended, or the broadcast has.
func (f *follower) run(ctx context.Context) {
	f.reader = f.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromOldest})
	defer f.reader.Close()
	defer f.gone()
	for {
		b, ok := f.beat(ctx)
		switch {
		case !ok:
			return
		case b.last:
			if f.out != nil {
				f.out.end()
				f.ready(f.out)
				f.out.stopRecording()
				f.out = nil // it stays for those who still watch
			}
			return
		case b.end:
			if f.out != nil {
				f.out.shut()
			}
			continue
		}
		if !f.follow(ctx, b) {
			if ctx.Err() != nil {
				return
			}
			f.gone()
		}
		if f.ended && f.out == nil {
			return
		}
	}
}

// gone takes the rendition back until it can join again.
func (f *follower) gone() {
	if f.out != nil {
		f.leave(f.out)
	}
	f.out, f.init, f.picture, f.fresh, f.passed = nil, nil, nil, nil, 0
}

// follow makes the part of a beat. It reports false where that cannot be.
func (f *follower) follow(ctx context.Context, b beat) bool {
	if f.out == nil && !b.opens {
		return true
	}
	if !f.reach(ctx, b) {
		return f.out == nil
	}
	shots := f.take(ctx, b)
	switch {
	case f.out == nil && !f.joins(b, shots):
		return true
	case len(shots) == 0 && f.ended:
		f.missing++
		return f.missing <= endBeats // the broadcast's end follows, or it is only ours
	case len(shots) == 0 && (f.out == nil || !f.init.Audio || len(b.frames) == 0):
		return false
	}
	if b.opens && !f.open(b, shots) {
		return false
	}
	return f.add(b, shots)
}

// reach reads up to the first picture of a beat's generation that does not lie before the beat. It reports false where
// there is none in time.
func (f *follower) reach(ctx context.Context, b beat) bool {
	for f.peek(ctx) {
		n := f.next.Generation
		if n > b.generation.Number || n == b.generation.Number && (f.out != nil || f.next.at >= b.from-b.slack) {
			return true
		}
		f.next = nil
	}
	return f.ended
}

// shotAt is a picture of a rendition.
type shotAt struct {
	*streaming.Unit
	track  streaming.Track
	at     mediatime.Time // on the line that beats are cut on
	length int64          // ticks
}

// peek looks at the next picture. It reports false where none came in time, or none will.
func (f *follower) peek(ctx context.Context) bool {
	for f.next == nil && !f.ended {
		u := f.reader.TryNext()
		if u == nil {
			if f.out != nil {
				f.ready(f.out)
			}
			waiting, cancel := context.WithTimeout(ctx, followLag)
			var err error
			u, err = f.reader.Next(waiting)
			cancel()
			f.ended = errors.Is(err, streaming.ErrEnded)
			if err != nil {
				return false
			}
		}
		if u.Generation != f.number && !f.enter(u.Generation) || u.Track != f.track.ID || len(u.Payload) == 0 {
			continue
		}
		if u.Key {
			f.delay, f.key = f.track.Time(u.PTS)-f.track.Time(u.DTS), u.Payload
		}
		f.next = &shotAt{Unit: u, track: f.track, at: f.track.Time(u.DTS) + f.delay}
	}
	return f.next != nil
}

// enter begins a generation. It reports false for one that cannot be packaged.
func (f *follower) enter(number int) bool {
	g, ok := f.stream.GenerationOf(number)
	if !ok {
		return false
	}
	t, ok := g.First(streaming.Video)
	if !ok || !playable(t.Codec) {
		return false
	}
	f.number, f.track, f.delay = number, t, 0
	return true
}

// take takes the pictures of a beat, each with its length.
func (f *follower) take(ctx context.Context, b beat) (shots []shotAt) {
	for f.peek(ctx) {
		u := *f.next
		if u.Generation != b.generation.Number || u.at >= b.until-b.slack {
			break
		}
		f.next = nil
		if n := len(shots); n > 0 {
			d := u.DTS - shots[n-1].DTS
			if d <= 0 {
				continue
			}
			shots[n-1].length, f.last = d, d
		}
		shots = append(shots, u)
	}
	n := len(shots)
	if n == 0 {
		return nil
	}
	newest := &shots[n-1]
	switch u := f.next; {
	case u != nil && u.Generation == b.generation.Number:
		f.last = u.DTS - newest.DTS
	case f.last <= 0:
		f.last = (b.until - newest.at).Ticks(newest.track.ClockRate)
	}
	f.last = max(f.last, 1)
	newest.length = f.last
	return shots
}

// joins tells whether the rendition may begin with a segment.
func (f *follower) joins(b beat, shots []shotAt) bool {
	if len(shots) == 0 {
		return false
	}
	if shots[0].Key && shots[0].at <= b.from+b.slack {
		return true
	}
	f.passed++
	f.stream.RequestKey()
	return f.passed > joinTries && shots[0].at <= b.from+2*b.slack
}

// open begins a segment.
func (f *follower) open(b beat, shots []shotAt) bool {
	o := b.opening
	o.from, o.independent = b.from, false
	if len(shots) > 0 && shots[0].at <= b.from+b.slack {
		o.from, o.independent = smallest(shots), shots[0].Key
	}
	if n := len(shots); n > 0 {
		f.look(shots[0])
		o.plan.frame = (shots[n-1].DTS - shots[0].DTS + shots[n-1].length) / int64(n)
	}
	if f.out == nil || o.discontinuity {
		if err := f.renew(b); err != nil {
			f.log.Warn("a rendition cannot be packaged", "rendition", f.name, "err", err)
			return false
		}
	}
	if f.out == nil {
		f.out = f.line()
	}
	o.init, o.date = f.init, b.generation.Anchor.Date(o.from)
	f.out.open(o)
	return true
}

// renew makes the init segment for what follows.
func (f *follower) renew(b beat) (err error) {
	if f.fresh == nil {
		f.fresh = f.picture
	}
	if f.fresh == nil {
		if f.fresh, err = pictureOf(f.track, f.key); err != nil {
			return err
		}
	}
	var snd *sound
	if f.muxed() {
		snd = b.sound
	}
	if f.init, err = newInit(f.inits, b.generation, f.fresh, snd); err != nil {
		return err
	}
	f.inits++
	f.picture, f.fresh = f.fresh, nil
	return nil
}

// smallest is when the first of these pictures is shown.
func smallest(shots []shotAt) mediatime.Time {
	least := shots[0].PTS
	for _, s := range shots {
		least = min(least, s.PTS)
	}
	return shots[0].track.Time(least)
}

// look asks for a discontinuity where a key picture needs another init segment.
func (f *follower) look(s shotAt) {
	if !s.Key {
		return
	}
	pic, err := pictureOf(s.track, s.Payload)
	if err != nil || pic.equal(f.picture) {
		f.fresh = nil
		return
	}
	if f.picture != nil && f.fresh == nil {
		f.resync()
	}
	f.fresh = pic
}

func (f *follower) add(b beat, shots []shotAt) bool {
	var tracks []*fmp4.PartTrack
	independent := false
	if len(shots) > 0 {
		t := &fmp4.PartTrack{ID: videoTrackID, BaseTime: uint64(max(0, decodeTime(shots[0].track, shots[0].DTS)))}
		for i, s := range shots {
			if s.Key && (i > 0 || !b.opens) {
				f.look(s)
			}
			payload := f.picture.sample(s.Payload, s.Key)
			if payload == nil {
				return false
			}
			independent = independent || s.Key
			t.Samples = append(t.Samples, &fmp4.Sample{
				Duration: uint32(s.length), PTSOffset: int32(s.PTS - s.DTS), IsNonSyncSample: !s.Key, Payload: payload,
			})
		}
		independent = independent && shots[0].at <= b.from+b.slack
		tracks = append(tracks, t)
	}
	if f.init.Audio && len(b.frames) > 0 {
		tracks = append(tracks, b.sound.part(b.frames))
	}
	data, err := marshalPart(partOf(&f.sequence, tracks...))
	if err != nil {
		f.log.Error("a part was not written", "rendition", f.name, "err", err)
		return false
	}
	f.out.add(&Part{Duration: b.duration, Independent: independent, Data: data})
	return true
}

func partOf(sequence *uint32, tracks ...*fmp4.PartTrack) fmp4.Part {
	*sequence++
	return fmp4.Part{SequenceNumber: *sequence - 1, Tracks: tracks}
}
