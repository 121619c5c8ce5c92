package hls

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// joinWait is how long the first multivariant playlist waits for renditions that are there already.
const joinWait = time.Second

// lines are the renditions of one broadcast: the publisher's own picture, those that follow it, and the sound. They
// come and go; any number of goroutines may read.
type lines struct {
	all atomic.Pointer[[]*rendition] // in the order of the multivariant playlist; replaced, never changed

	mu        sync.Mutex
	changed   chan struct{} // closed and replaced when all does
	followers map[*streaming.Stream]*follower
	sound     *soundLine // nil in the layout Muxed
	ended     bool
	lives     int
	running   sync.WaitGroup
}

func (l *lines) list() []*rendition {
	if all := l.all.Load(); all != nil {
		return *all
	}
	return nil
}

// find finds an offered rendition by name.
func (l *lines) find(name string) *rendition {
	for _, r := range l.list() {
		if r.name == name {
			return r
		}
	}
	return nil
}

// set replaces the list. It runs under the lock.
func (l *lines) set(all []*rendition) {
	l.all.Store(&all)
	if l.changed != nil {
		close(l.changed)
	}
	l.changed = make(chan struct{})
}

// offer puts a rendition in its place: the publisher's own first, then by bitrate, the sound last.
func (l *lines) offer(r *rendition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(slices.Clone(l.list()), r)
	slices.SortStableFunc(all, func(a, b *rendition) int { return a.rank() - b.rank() })
	l.set(all)
}

// withdraw takes a rendition out; those who wait for it are told.
func (l *lines) withdraw(r *rendition) {
	l.mu.Lock()
	l.set(slices.DeleteFunc(slices.Clone(l.list()), func(o *rendition) bool { return o == r }))
	l.mu.Unlock()
	r.gone.Store(true)
	if v := r.now.Load(); v != nil {
		close(v.wake)
	}
	r.stopRecording()
	r.clear()
}

// beat hands a beat to all that follow.
func (l *lines) beat(b beat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.followers {
		f.push(b)
	}
}

// settled tells whether every rendition that is there has joined, and what is closed when that may have changed.
func (l *lines) settled() (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.followers {
		r := l.find(f.name)
		if r == nil || r.now.Load() == nil {
			return false, l.changed
		}
	}
	return true, l.changed
}

// grouped tells whether the sound has a rendition of its own.
func (l *lines) grouped() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sound != nil
}

// layout decides, when the first pictures are there and once, which tracks share a playlist: viewers hold on to what the
// multivariant playlist said. It reports whether the sound has a rendition of its own.
func (p *packager) layout() bool {
	pictures := 1 + len(p.stream.Renditions())
	if !p.laid && (p.config.Layout == Grouped || p.config.Layout != Muxed && pictures > muxedMost) {
		r := p.newLine(renditionAudio, p.life)
		p.lines.mu.Lock()
		p.lines.sound = &soundLine{out: r}
		p.lines.mu.Unlock()
		p.lines.offer(r)
	}
	p.laid = true
	return p.lines.sound != nil
}

// beat is what the segmenter tells of.
func (p *packager) beat(b beat) {
	if s := p.lines.sound; s != nil {
		if err := s.follow(b); err != nil {
			p.log.Error("the sound was not packaged", "broadcast", p.broadcast, "err", err)
		}
	}
	p.lines.beat(b)
}

// attend follows the stream's further pictures as they come and go.
func (p *packager) attend(ctx context.Context) {
	for {
		changed := p.stream.RenditionsChanged()
		p.attach(ctx)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func (p *packager) attach(ctx context.Context) {
	l := &p.lines
	for _, s := range p.stream.Renditions() {
		info, ok := s.Rendition()
		l.mu.Lock()
		if !ok || l.followers[s] != nil || l.ended || info.Name == nameIndex || info.Name == nameDVR {
			l.mu.Unlock()
			continue
		}
		f := &follower{
			name: info.Name, stream: s, log: p.log.With("broadcast", p.broadcast), poke: make(chan struct{}, 1),
			muxed: func() bool { return !l.grouped() }, line: func() *rendition { return p.another(s, info.Name) },
			ready: p.render, leave: l.withdraw, resync: func() { p.breaks.Store(true) },
		}
		l.followers[s] = f
		l.running.Add(1)
		l.mu.Unlock()
		go func() {
			defer l.running.Done()
			f.run(ctx)
			l.mu.Lock()
			delete(l.followers, s)
			l.mu.Unlock()
		}()
	}
}

// another makes the rendition of a further picture for one stay, under names of its own.
func (p *packager) another(s *streaming.Stream, name string) *rendition {
	info, _ := s.Rendition()
	p.lines.mu.Lock()
	p.lines.lives++
	life := fmt.Sprintf("%sr%d", p.life, p.lines.lives)
	p.lines.mu.Unlock()
	r := p.newLine(name, life)
	r.declared = info.Bitrate
	p.lines.offer(r)
	return r
}

// newLine makes a rendition. The smaller pictures are not recorded: a replay has the publisher's own.
func (p *packager) newLine(name, life string) *rendition {
	r := &rendition{name: name, life: life, config: p.config, metrics: p.metrics, broadcast: p.broadcast}
	if p.record != nil && (name == renditionMain || name == renditionAudio) {
		r.recording = p.record.Record(p.broadcast, name, life)
		if r.recording != nil {
			r.past = p.past
		}
	}
	return r
}

// render renders a rendition anew where it has changed. Its own writer calls it.
func (p *packager) render(r *rendition) {
	if !r.dirty {
		return
	}
	if r.recording != nil {
		r.recording.Written()
	}
	others := map[string]*view{}
	for _, o := range p.lines.list() {
		if o != r {
			others[o.name] = o.now.Load()
		}
	}
	first := r.now.Load() == nil
	r.publish(p.broadcast, p.dates, p.stream.Anchors(), others)
	if first && r.now.Load() != nil {
		p.lines.mu.Lock()
		p.lines.set(p.lines.list())
		p.lines.mu.Unlock()
	}
}
