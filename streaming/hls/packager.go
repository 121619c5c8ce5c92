package hls

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/captions"
	"github.com/hawkerlive/hawker/streaming"
)

// renditionMain is the rendition that every broadcast has: its picture and its sound in one.
const renditionMain = "main"

// packager makes the renditions of one broadcast. Its run is the only writer; requests read.
type packager struct {
	broadcast string
	stream    *streaming.Stream
	config    Config
	log       *slog.Logger
	metrics   *Metrics
	legs      AudioLegs // nil: Opus stays Opus
	dates     Dates
	record    Recorder // nil: nothing is recorded
	past      Past     // nil: nothing can be wound back
	life      string

	main   *rendition // the publisher's own picture
	lines  lines
	ts     tsShelf
	cancel context.CancelFunc
	ready  chan struct{} // closed when the publisher's own picture, and the sound beside it, have a playlist
	done   chan struct{} // closed when run has returned
	breaks atomic.Bool   // a rendition needs a discontinuity

	pinned     atomic.Bool                      // runs without requests too
	used       atomic.Int64                     // wall clock of the newest request, Unix nanoseconds
	waiting    atomic.Int64                     // requests that wait
	polls      atomic.Int64                     // media playlists answered
	unplayable atomic.Bool                      // the present generation cannot be packaged
	finished   atomic.Bool                      // the broadcast has ended
	asked      atomic.Bool                      // somebody has the multivariant playlist
	carried    atomic.Pointer[captions.Carried] // what is said inside the pictures so far; nil: nothing

	// The sweeper's goroutine only.
	polled  int64
	viewers float64

	// run's goroutine only.
	once       sync.Once
	segmenter  *segmenter
	bridge     *bridge
	bridged    bool // the present generation's sound comes over the bridge
	generation *streaming.Generation
	number     int
	video      streaming.Track
	audio      streaming.Track
	refused    int
	filled     int
	laid       bool // the layout is decided
}

// run packages until ctx is done, or the broadcast has ended and nobody needs its last segments any more.
func (p *packager) run(ctx context.Context) {
	defer close(p.done)
	defer p.close()
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("the packager failed", "broadcast", p.broadcast, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	p.segmenter = &segmenter{
		out: p.main, log: p.log.With("broadcast", p.broadcast), ask: p.askAll, follow: p.beat, breaks: &p.breaks, layout: p.layout,
	}
	p.attach(ctx)
	p.lines.running.Go(func() { p.attend(ctx) })
	reader := p.stream.Subscribe(streaming.ReadOptions{Start: p.from()})
	defer reader.Close()
	for {
		u, err := reader.Next(ctx)
		if errors.Is(err, streaming.ErrEnded) {
			p.end(ctx)
			return
		}
		if err != nil {
			return
		}
		// What is there already makes one playlist, not one for each part.
		for ; u != nil; u = reader.TryNext() {
			p.take(ctx, u)
		}
		p.publish()
	}
}

// from is where to begin: at the oldest key unit, so that the first playlist is there at once; where the sound must
// be made first, at the newest one.
func (p *packager) from() streaming.Start {
	if g := p.stream.Generation(); g != nil && p.bridges(g) {
		return streaming.FromKey
	}
	return streaming.FromOldest
}

func (p *packager) bridges(g *streaming.Generation) bool {
	t, ok := g.First(streaming.Audio)
	return ok && t.Codec == streaming.Opus && !p.config.Opus && p.legs != nil
}

func (p *packager) take(ctx context.Context, u *streaming.Unit) {
	if u.Generation != p.number {
		p.enter(u)
	}
	if p.generation == nil {
		return
	}
	if p.bridged {
		p.bridge.drain(p.segmenter.write)
		if u.Track == p.audio.ID {
			return
		}
	}
	if u.Track == p.video.ID {
		p.look(u)
	}
	p.segmenter.write(u)
	if p.bridged && u.Track == p.video.ID {
		p.bridge.catchUp(ctx, p.video.Time(u.PTS), p.segmenter.write)
	}
}

// look notes captions inside a picture: the playlist names them from then on. The pictures are passed on as they are.
func (p *packager) look(u *streaming.Unit) {
	var c captions.Carried
	switch p.video.Codec {
	case streaming.H264:
		c = captions.InH264(u.Payload)
	case streaming.H265:
		c = captions.InH265(u.Payload)
	}
	if !c.Any() {
		return
	}
	known := p.carried.Load()
	if known != nil {
		c = c.Or(*known)
	}
	if known == nil || c != *known {
		p.carried.Store(&c)
	}
}

// enter begins the generation of a unit.
func (p *packager) enter(u *streaming.Unit) {
	g, ok := p.stream.GenerationOf(u.Generation)
	p.number, p.generation, p.bridged = u.Generation, nil, false
	if !ok {
		return
	}
	p.generation = g
	p.video, _ = g.First(streaming.Video)
	p.audio, _ = g.First(streaming.Audio)
	if p.bridges(g) {
		p.cross(u)
	}
	p.segmenter.enter(g, p.video, p.audio, p.stream.TakesKeyRequests())
	p.unplayable.Store(!p.segmenter.playable)
}

// cross takes the generation's sound from the bridge. Without one the generation has no sound.
func (p *packager) cross(u *streaming.Unit) {
	if p.bridge == nil {
		t, _ := p.generation.Track(u.Track)
		leg, err := p.legs.Open(p.stream, t.Time(u.PTS))
		if err != nil {
			p.log.Warn("the sound cannot be bridged to AAC", "broadcast", p.broadcast, "err", err)
			p.audio = streaming.Track{}
			return
		}
		p.bridge = &bridge{leg: leg, begun: p.segmenter.begun} // a first bridge may be a second generation's
	}
	if !p.bridge.enter(p.generation.Number) {
		p.audio = streaming.Track{}
		return
	}
	p.audio, p.bridged = p.bridge.track, true
}

// askAll asks for key pictures in every size at once.
func (p *packager) askAll() {
	p.stream.RequestKey()
	for _, s := range p.stream.Renditions() {
		s.RequestKey()
	}
}

func (p *packager) publish() {
	all := true
	if s := p.lines.sound; s != nil {
		p.render(s.out)
		all = s.out.now.Load() != nil
	}
	p.render(p.main)
	if all && p.main.now.Load() != nil {
		p.once.Do(func() { close(p.ready) })
	}
	p.unplayable.Store(!p.segmenter.playable)
	filled := p.filled
	if c := p.segmenter.cutter; c != nil {
		filled = c.filled
	}
	p.metrics.trouble(p.segmenter.refused-p.refused, max(0, filled-p.filled))
	p.refused, p.filled = p.segmenter.refused, filled
}

// end writes the last playlist and keeps everything for those who still watch.
func (p *packager) end(ctx context.Context) {
	p.segmenter.finish()
	p.lines.beat(beat{last: true})
	own := []*rendition{p.main}
	if p.lines.sound != nil {
		own = append(own, p.lines.sound.out)
	}
	for _, r := range own {
		r.end()
		r.stopRecording()
	}
	p.publish()
	p.finished.Store(true)
	select {
	case <-p.ready:
	default:
		return // nothing was ever packaged
	}
	t := time.NewTimer(p.config.Linger)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (p *packager) close() {
	p.lines.mu.Lock()
	p.lines.ended = true
	p.lines.mu.Unlock()
	p.cancel()
	p.lines.running.Wait()
	if p.bridge != nil {
		p.bridge.leg.Close()
	}
	for _, r := range p.lines.list() {
		r.stopRecording()
		r.clear()
	}
	p.metrics.unwatched(p.broadcast)
}

// count makes the estimate of viewers: each asks for about one playlist per part.
func (p *packager) count(since time.Duration) {
	polls := p.polls.Load()
	part := 0.35
	if v := p.main.now.Load(); v != nil && v.partTarget > 0 {
		part = v.partTarget.Seconds()
	}
	now := float64(polls-p.polled) / since.Seconds() * part
	p.polled = polls
	p.viewers += (now - p.viewers) / 4
	p.metrics.watched(p.broadcast, p.viewers)
}

func newPackager(s *Server, broadcast string, stream *streaming.Stream, life string) *packager {
	p := &packager{
		broadcast: broadcast, stream: stream, config: s.config, log: s.logger(), metrics: s.Metrics, record: s.Record, past: s.Past, life: life,
		legs: s.Audio, dates: s.Dates, ready: make(chan struct{}), done: make(chan struct{}),
		lines: lines{followers: map[*streaming.Stream]*follower{}},
	}
	p.main = p.newLine(renditionMain, life)
	p.lines.offer(p.main)
	return p
}

// lifeOf makes the mark of a packager's life, which is in every name it makes.
func lifeOf(now time.Time) string { return fmt.Sprintf("%x", now.UnixMicro()) }
