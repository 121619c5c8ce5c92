package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Limits of a bridge.
const (
	ringUnits      = 512 // 10 s of Opus, 11 s of AAC
	tracksHeldMax  = 16  // generations whose track is remembered
	failureLogGap  = time.Second
	channelsMax    = 2
	aacSampleRate  = 48000 // what is made from Opus
	aacFrame       = 1024
	opusFrame      = 960
	sampleRateMax  = 96000
	sampleRateMin  = 8000
	gapSilenceMax  = time.Second // a longer gap in the source stays a gap
	overlapDropMax = time.Second // a longer step back loses the unit
)

// bridge translates one stream's audio. Its own goroutine writes the ring; any number of readers read it.
type bridge struct {
	stream  *streaming.Stream
	to      streaming.Codec
	log     *slog.Logger
	metrics *Metrics
	foreign *Foreign
	reader  *streaming.Reader
	cancel  context.CancelFunc

	// Under Legs.mu.
	legs   int
	linger *time.Timer

	mu          sync.RWMutex
	ring        [ringUnits]*streaming.Unit
	first, next uint64
	tracks      map[int]streaming.Track
	wake        chan struct{}
	err         error

	// The bridge's goroutine only.
	generation int
	source     streaming.Track
	pass       bool // the source has the wanted codec already
	pipe       *pipe
	failedAt   time.Time
}

// Translate tells which track a bridge makes of a source track: ErrUnsupportedAudio where it cannot. foreign, unless it
// is nil, decodes more.
func Translate(source streaming.Track, to streaming.Codec, foreign *Foreign) (streaming.Track, error) {
	if source.Codec == to {
		return source, nil
	}
	out := source
	out.Codec = to
	switch {
	case source.Codec == streaming.AAC && to == streaming.Opus:
		_, channels, err := aacShape(source.Config)
		if err != nil && foreign != nil {
			var f form
			f, err = foreignForm(source.Config)
			channels = f.channels
		}
		if err != nil {
			return streaming.Track{}, err
		}
		out.ClockRate, out.Config = streaming.OpusClockRate, []byte{byte(channels)}
	case source.Codec == streaming.Opus && to == streaming.AAC:
		channels := opusChannels(source.Config)
		if channels > channelsMax {
			return streaming.Track{}, fmt.Errorf("%w: Opus with %d channels", ErrUnsupportedAudio, channels)
		}
		config, err := mpeg4audio.AudioSpecificConfig{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: aacSampleRate, ChannelConfig: uint8(channels),
		}.Marshal()
		if err != nil {
			return streaming.Track{}, fmt.Errorf("describe AAC: %w", err)
		}
		out.ClockRate, out.Config = aacSampleRate, config
	default:
		return streaming.Track{}, fmt.Errorf("%w: %s to %s", ErrUnsupportedAudio, source.Codec, to)
	}
	return out, nil
}

func (b *bridge) run(ctx context.Context) {
	b.metrics.started(b.to)
	defer b.metrics.stopped(b.to)
	defer b.closePipe()
	defer b.reader.Close()
	for {
		u, err := b.reader.Next(ctx)
		if err != nil {
			b.finish(err)
			return
		}
		if u.Generation != b.generation {
			b.enter(u.Generation)
		}
		if u.Track != b.source.ID {
			continue
		}
		if b.pass {
			b.append(u)
			continue
		}
		if b.pipe == nil {
			continue
		}
		began := time.Now()
		b.pipe.write(u)
		b.metrics.spent(b.to, time.Since(began))
	}
}

// enter prepares for a generation's audio.
func (b *bridge) enter(number int) {
	b.closePipe()
	b.generation, b.source, b.pass = number, streaming.Track{}, false
	g, ok := b.stream.GenerationOf(number)
	if !ok {
		return
	}
	source, ok := g.First(streaming.Audio)
	if !ok {
		return
	}
	track, err := Translate(source, b.to, b.foreign)
	if err == nil && source.Codec != b.to {
		b.pipe, err = newPipe(source, track, b.foreign, b.emit, b.failed)
	}
	if err != nil {
		b.log.Warn("this audio is not bridged", "generation", number, "err", err)
		b.metrics.refuse(b.to)
		return
	}
	b.source, b.pass = source, source.Codec == b.to
	b.mu.Lock()
	b.remember(number, track)
	b.mu.Unlock()
}

func (b *bridge) remember(number int, t streaming.Track) {
	b.tracks[number] = t
	maps.DeleteFunc(b.tracks, func(n int, _ streaming.Track) bool { return n <= number-tracksHeldMax })
}

func (b *bridge) track(number int) (streaming.Track, bool) {
	b.mu.RLock()
	t, ok := b.tracks[number]
	b.mu.RUnlock()
	if ok {
		return t, true
	}
	g, ok := b.stream.GenerationOf(number)
	if !ok {
		return streaming.Track{}, false
	}
	source, ok := g.First(streaming.Audio)
	if !ok {
		return streaming.Track{}, false
	}
	t, err := Translate(source, b.to, b.foreign)
	return t, err == nil
}

// emit takes a frame from the pipe.
func (b *bridge) emit(pts int64, frame []byte) {
	b.append(&streaming.Unit{
		Track: b.source.ID, Generation: b.generation, PTS: pts, DTS: pts, Payload: [][]byte{frame},
	})
}

func (b *bridge) append(u *streaming.Unit) {
	b.mu.Lock()
	if b.next-b.first == ringUnits {
		b.first++
	}
	b.ring[b.next%ringUnits] = u
	b.next++
	wake := b.wake
	b.wake = make(chan struct{})
	b.mu.Unlock()
	close(wake)
	b.metrics.made(b.to)
}

func (b *bridge) at(seq uint64) *streaming.Unit { return b.ring[seq%ringUnits] }

// end is when the last sample of a unit has been heard. It runs under mu.
func (b *bridge) end(u *streaming.Unit) mediatime.Time {
	n := aacFrame
	if b.to == streaming.Opus {
		n = OpusSamples(u.Payload[0])
	}
	return b.tracks[u.Generation].Time(u.PTS + int64(n))
}

// failed counts a unit that became silence, and says so at most once a second.
func (b *bridge) failed(err error) {
	b.metrics.fail(b.to)
	now := time.Now()
	if now.Sub(b.failedAt) < failureLogGap {
		return
	}
	b.failedAt = now
	b.log.Warn("an audio unit became silence", "generation", b.generation, "err", err)
}

func (b *bridge) finish(err error) {
	if !errors.Is(err, streaming.ErrEnded) {
		err = ErrClosed
	}
	b.mu.Lock()
	b.err = err
	close(b.wake)
	b.wake = make(chan struct{})
	b.mu.Unlock()
}

func (b *bridge) closePipe() {
	if b.pipe != nil {
		b.pipe.close()
		b.pipe = nil
	}
}
