package rtpfan

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Why a stream cannot be sent to WebRTC viewers at present.
var (
	ErrReordered = errors.New("rtpfan: the pictures are coded out of order (B-frames)")
	ErrCodec     = errors.New("rtpfan: no track has a codec that is sent here")
	ErrNotReady  = errors.New("rtpfan: no key picture has come yet")
)

// Sound opens a stream's audio as Opus. It fails where the stream has none, or none that can be made Opus of.
type Sound func(s *streaming.Stream) (Leg, error)

// Leg is a stream's audio as Opus, from the live edge on, on the stream's own timeline.
type Leg interface {
	// Track returns the Opus track of a generation.
	Track(generation int) (streaming.Track, bool)
	// Next waits for the next unit. One goroutine calls it.
	Next(ctx context.Context) (*streaming.Unit, error)
	Close()
}

// Fan packetizes one stream. Fans makes it for the first viewer and ends it after the last.
type Fan struct {
	stream  *streaming.Stream
	sound   Sound
	log     *slog.Logger
	metrics *Metrics
	born    time.Time

	ladder   atomic.Pointer[[]*Fan] // nil: only this one
	keyAsked atomic.Int64           // when a key picture was last asked for; Unix nanoseconds

	mu         sync.RWMutex
	video      *history
	audio      *history
	repairSSRC uint32          // of packets that are sent again, for viewers that want them apart
	err        error           // why nothing can be sent now
	ready      bool            // what err says has been found out for the present generation
	began      mediatime.Time  // of the present generation
	format     Format          // of its video
	pictured   bool            // it has video that is sent
	rate       float64         // bytes a second of the video
	needed     float64         // bits a second of it that a viewer must be able to take; 0: not known yet
	egresses   map[*Egress]int // to wake, with their number of viewers
	wake       []*Egress       // keys of egresses; replaced, never changed
	changed    chan struct{}   // closed and replaced when err or ready changes

	// The packetizing goroutine's own.
	generation int
	track      streaming.Track
	order      order
	pieces     []piece
	window     rateWindow
	needs      needWindow

	// Under Fans.mu.
	users  int
	cancel context.CancelFunc
}

func newFan(s *streaming.Stream, sound Sound, log *slog.Logger, m *Metrics) *Fan {
	return &Fan{
		stream: s, sound: sound, log: log, metrics: m,
		video:      newHistory(rand.Uint32(), rand.Uint32(), uint16(rand.Uint32()), streaming.VideoClockRate),
		audio:      newHistory(rand.Uint32(), rand.Uint32(), uint16(rand.Uint32()), streaming.OpusClockRate),
		repairSSRC: rand.Uint32(),
		err:        ErrNotReady, born: time.Now(),
		egresses: map[*Egress]int{}, changed: make(chan struct{}),
	}
}

// Stream is the one that the fan packetizes.
func (f *Fan) Stream() *streaming.Stream { return f.stream }

// VideoSSRC and AudioSSRC are the same for all viewers.
func (f *Fan) VideoSSRC() uint32 { return f.video.ssrc }

// AudioSSRC is the audio's.
func (f *Fan) AudioSSRC() uint32 { return f.audio.ssrc }

// RepairSSRC is that of repair packets.
func (f *Fan) RepairSSRC() uint32 { return f.repairSSRC }

// Format is that of the present generation's video. It reports false where there is none that is sent.
func (f *Fan) Format() (Format, bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.format, f.pictured
}

// Layered tells whether the stream has further renditions.
func (f *Fan) Layered() bool { return len(f.stream.Renditions()) > 0 }

// Err tells whether the stream can be sent: nil, ErrNotReady, ErrReordered, ErrCodec or streaming.ErrEnded. Pictures
// out of order are no obstacle where a rendition has them in order.
func (f *Fan) Err() error {
	_, _, err := f.state()
	if errors.Is(err, ErrReordered) && f.spare() {
		return nil
	}
	return err
}

// Ready waits until it is known whether the stream can be sent, and returns Err.
func (f *Fan) Ready(ctx context.Context) error {
	err := f.own(ctx)
	if !errors.Is(err, ErrReordered) || !f.Layered() {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, spareWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !f.spare() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
	return nil
}

// spareWait is how long the renditions' own fans get to begin.
const spareWait = time.Second

// spare tells whether a rendition can be sent in the place of the stream's own picture.
func (f *Fan) spare() bool {
	for _, r := range f.Rungs() {
		if _, _, err := r.state(); r != f && err == nil {
			return true
		}
	}
	return false
}

// own waits until it is known whether the stream's own picture can be sent.
func (f *Fan) own(ctx context.Context) error {
	for {
		f.mu.RLock()
		ready, err, changed := f.ready, f.err, f.changed
		f.mu.RUnlock()
		if ready {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ErrNotReady
		}
	}
}

// Mark is a point at which a track's RTP clock and the broadcast's timeline meet.
type Mark struct {
	Timestamp uint32
	Media     mediatime.Time
}

// Marks returns a recent one for video and one for audio. They hold across generations.
func (f *Fan) Marks() (video, audio Mark) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.video.mark(f.began), f.audio.mark(f.began)
}

// Video describes the present generation's video: empty where there is none.
func (f *Fan) Video() (streaming.Codec, []byte) {
	g := f.stream.Generation()
	if g == nil {
		return "", nil
	}
	t, _ := g.First(streaming.Video)
	return t.Codec, t.Config
}

// run packetizes until the stream ends or ctx is done.
func (f *Fan) run(ctx context.Context) {
	f.metrics.fan(1)
	defer f.metrics.fan(-1)
	var sound sync.WaitGroup
	defer sound.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if f.stream.Parent() == nil {
		sound.Go(func() { f.keepLadder(ctx) })
	}
	r := f.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey})
	defer r.Close()
	heard := false
	for {
		u, err := r.Next(ctx)
		if err != nil {
			if errors.Is(err, streaming.ErrEnded) {
				f.set(streaming.ErrEnded, true)
			}
			return
		}
		if u.Generation != f.generation {
			g, ok := f.stream.GenerationOf(u.Generation)
			if !ok {
				continue
			}
			f.enter(g)
			if !heard {
				heard = f.hear(ctx, &sound)
			}
		}
		if u.Track == f.track.ID {
			f.picture(u)
		}
	}
}

// enter prepares for a generation.
func (f *Fan) enter(g *streaming.Generation) {
	f.generation, f.order, f.track = g.Number, order{}, streaming.Track{}
	video, pictured := g.First(streaming.Video)
	format, known := FormatOf(video.Codec)
	_, sounding := g.First(streaming.Audio)
	f.mu.Lock()
	f.began, f.format, f.pictured = g.Anchor.Media, format, pictured && known
	f.mu.Unlock()
	switch {
	case pictured && known:
		f.track, f.order.codec = video, video.Codec
		f.set(ErrNotReady, false)
	case !pictured && sounding && f.sound != nil:
		f.set(nil, true)
	default:
		f.set(ErrCodec, true)
	}
}

func (f *Fan) set(err error, ready bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == err && f.ready == ready {
		return
	}
	f.err, f.ready = err, ready
	close(f.changed)
	f.changed = make(chan struct{})
}

// picture packetizes one access unit.
func (f *Fan) picture(u *streaming.Unit) {
	if f.order.see(u) {
		if _, _, err := f.state(); !errors.Is(err, ErrReordered) {
			f.set(ErrReordered, true)
			f.log.Warn("B-frames: this stream cannot be sent over WebRTC", "generation", f.generation)
		}
		return
	}
	f.split(u)
	if len(f.pieces) == 0 {
		return
	}
	media := f.track.Time(u.PTS)
	stamp := f.video.timestamp(f.track.Zero, u.PTS)
	size := extensionSize
	for i := range f.pieces {
		size += headerSize + f.pieces[i].size()
	}
	buf := make([]byte, size+paddingMax)
	packets := make([]Packet, len(f.pieces))
	for i := range f.pieces {
		p := &f.pieces[i]
		first, last := i == 0, i == len(f.pieces)-1
		delay := first && u.Key && p.size() <= payloadMax-extensionSize
		n := putHeader(buf, stamp, f.video.ssrc, last, delay)
		n += p.put(buf[n:])
		raw := buf[:n:n]
		if last {
			raw = buf[:n] // with room for padding
		}
		packets[i] = Packet{raw: raw, format: f.format, key: first && u.Key, last: last, delay: delay, media: media}
		buf = buf[n:]
	}
	clear(f.pieces)
	fill(packets)
	f.needs.add(media, size)
	f.publish(f.video, packets, f.window.add(media, size))
	if u.Key {
		f.set(nil, true)
	}
}

// split cuts a unit into pieces.
func (f *Fan) split(u *streaming.Unit) {
	f.pieces = f.pieces[:0]
	if len(u.Payload) == 0 {
		return
	}
	switch f.format {
	case FormatH264:
		f.pieces = splitH264(f.pieces, u.Payload)
	case FormatH265:
		f.pieces = splitH265(f.pieces, u.Payload)
	case FormatAV1:
		f.pieces = splitAV1(f.pieces, u.Payload, u.Key)
	case FormatVP8:
		f.pieces = splitVP8(f.pieces, u.Payload[0])
	case FormatVP9:
		f.pieces = splitVP9(f.pieces, u.Payload[0], u.Key)
	}
}

// publish puts packets into a history and wakes those who send. Only one goroutine publishes to a history.
func (f *Fan) publish(h *history, packets []Packet, rate float64) {
	f.mu.Lock()
	for i := range packets {
		h.append(&packets[i])
	}
	if rate > 0 {
		f.rate, f.needed = rate, f.needs.need
	}
	wake := f.wake
	f.mu.Unlock()
	f.metrics.packetized(len(packets))
	for _, e := range wake {
		if h == f.audio {
			e.wakeSoon()
		} else {
			e.Wake()
		}
	}
}

// attach and detach count the viewers that an egress has of this fan.
func (f *Fan) attach(e *Egress, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.egresses[e] += n
	if f.egresses[e] <= 0 {
		delete(f.egresses, e)
	}
	f.wake = f.wake[:0:0]
	for e := range f.egresses {
		f.wake = append(f.wake, e)
	}
	f.wake = slices.Clip(f.wake)
}

// rateWindow measures bytes per second of media.
type rateWindow struct {
	from  mediatime.Time
	bytes int
	rate  float64
}

const rateWindowTime = mediatime.Time(500_000)

func (w *rateWindow) add(at mediatime.Time, n int) float64 {
	d := at - w.from
	if d < 0 || d > 10*rateWindowTime {
		w.from, w.bytes, d = at, 0, 0
	}
	if d >= rateWindowTime {
		now := float64(w.bytes) / d.Duration().Seconds()
		if w.rate == 0 {
			w.rate = now
		}
		w.rate += (now - w.rate) * 0.3
		w.from, w.bytes = at, 0
	}
	w.bytes += n
	return w.rate
}

// senderInfo is what a sender report says: the RTP timestamps of the media time that enters the server now.
type senderInfo struct {
	at           time.Time
	video, audio uint32
}

func (f *Fan) senderInfo(now time.Time) (senderInfo, bool) {
	g := f.stream.Generation()
	if g == nil {
		return senderInfo{}, false
	}
	media := g.Anchor.At(now)
	return senderInfo{at: now, video: f.video.timestamp(media, 0), audio: f.audio.timestamp(media, 0)}, true
}
