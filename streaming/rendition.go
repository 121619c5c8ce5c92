package streaming

import (
	"errors"
	"slices"
	"time"
)

// What the hub refuses of renditions.
var (
	ErrRenditions = errors.New("streaming: a stream has at most eight renditions, each with a name of its own in lower-case letters and digits")
	ErrGeneration = errors.New("streaming: the rendition has not begun this generation of its stream")
)

const (
	renditionsMax      = 8
	renditionNameMax   = 16
	renditionLeftAfter = 5 * time.Second // of a new generation: a rendition that has no publisher by then is gone
)

// RenditionInfo is what is known of a rendition from the start.
type RenditionInfo struct {
	Name          string // lower-case letters and digits, unique within its stream; "main", "audio", "ts", "index" and "dvr" are not free
	Width, Height int    // pixels; 0: not known
	Bitrate       int    // bits per second, declared; 0: not known
}

func (r RenditionInfo) valid() bool {
	if r.Name == "" || len(r.Name) > renditionNameMax || slices.Contains([]string{"main", "audio", "ts", "index", "dvr"}, r.Name) {
		return false
	}
	for _, c := range r.Name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return r.Width >= 0 && r.Height >= 0 && r.Bitrate >= 0
}

// AddRendition makes a further, smaller picture of the stream: a stream of its own, with the generation numbers,
// anchors and tick zero of this one, and without sound. Where the name is there already, its readers stay, and the
// newest publication writes. It returns ErrRenditions for a name that is not one or too many, ErrEnded after the
// broadcast's end.
func (s *Stream) AddRendition(info RenditionInfo) (*RenditionPublication, error) {
	if s.parent != nil || !info.valid() {
		return nil, ErrRenditions
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, ErrEnded
	}
	p := &RenditionPublication{displaced: make(chan struct{})}
	for _, r := range s.renditions {
		if r.rendition.Name == info.Name {
			p.stream = r
			r.mu.Lock()
			r.rendition = info
			if r.layer != nil {
				r.layer.displace()
			}
			r.layer = p
			r.mu.Unlock()
			s.renditionsTurned()
			return p, nil
		}
	}
	if len(s.renditions) >= renditionsMax {
		return nil, ErrRenditions
	}
	r := newStream(s.hub, s.ID)
	r.parent, r.rendition, r.layer, p.stream = s, info, p, r
	s.renditions = append(s.renditions[:len(s.renditions):len(s.renditions)], r)
	s.renditionsTurned()
	return p, nil
}

// renditionsTurned runs under the lock.
func (s *Stream) renditionsTurned() {
	slices.SortStableFunc(s.renditions, func(a, b *Stream) int { return b.rendition.Bitrate - a.rendition.Bitrate })
	close(s.renditionsNew)
	s.renditionsNew = make(chan struct{})
}

// Renditions lists the further pictures of the stream, the highest bitrate first. One that has no generation yet, or
// an older one than its stream, has nothing to show now.
func (s *Stream) Renditions() []*Stream {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.renditions)
}

// RenditionsChanged is closed when the next rendition is added, comes back, or is gone.
func (s *Stream) RenditionsChanged() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.renditionsNew
}

// Rendition tells which one the stream is. It reports false for the publisher's own picture.
func (s *Stream) Rendition() (RenditionInfo, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rendition, s.parent != nil
}

// Parent is the stream that this one is a rendition of, nil for none.
func (s *Stream) Parent() *Stream { return s.parent }

// abandoned ends the renditions that nobody publishes any more. It runs under the lock, at a key unit.
func (s *Stream) abandoned(now time.Time) {
	if len(s.renditions) == 0 || now.Sub(s.generation.Anchor.Wall) < renditionLeftAfter {
		return
	}
	kept := s.renditions[:0:0]
	for _, r := range s.renditions {
		r.mu.RLock()
		left := r.layer == nil
		r.mu.RUnlock()
		if left {
			r.end()
		} else {
			kept = append(kept, r)
		}
	}
	if len(kept) != len(s.renditions) {
		s.renditions = kept
		s.renditionsTurned()
	}
}

// remove takes one rendition out.
func (s *Stream) remove(r *Stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.renditions, r); i >= 0 {
		s.renditions = slices.Delete(slices.Clone(s.renditions), i, i+1)
		s.renditionsTurned()
	}
	r.end()
}

// RenditionPublication is the writing end of a rendition. One goroutine writes.
type RenditionPublication struct {
	keyRequests
	stream     *Stream
	generation *Generation
	displaced  chan struct{}
}

// Stream is the rendition.
func (p *RenditionPublication) Stream() *Stream { return p.stream }

// Begin says that the units to come belong to a generation of the parent, which must have begun and still be held.
// The units' ticks count from the same zero as the parent's.
func (p *RenditionPublication) Begin(generation int, video Track) error {
	if video.ClockRate <= 0 || video.ID <= 0 || video.Kind != Video {
		return ErrTracks
	}
	parent, ok := p.stream.parent.GenerationOf(generation)
	if !ok {
		return ErrGeneration
	}
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return ErrEnded
	case s.layer != p:
		return ErrDisplaced
	case s.generation != nil && s.generation.Number > generation:
		return ErrGeneration
	}
	video.Zero = parent.Tracks[0].Zero
	g := &Generation{Number: generation, Anchor: parent.Anchor, Tracks: []Track{video}}
	if _, again := s.held[generation]; again && p.generation != nil {
		return ErrGeneration // a track is immutable within its generation
	}
	if before := s.generation; before != nil && (s.first == s.next || s.at(s.next-1).Generation != before.Number) {
		delete(s.held, before.Number) // no unit of it came
	}
	s.held[generation] = g
	s.generation, p.generation = g, g
	s.hasKey = false
	return nil
}

// Write appends a unit of the generation that was begun. It reports ErrGeneration before Begin, ErrDisplaced once a
// newer publication writes the rendition, ErrEnded once it, its stream or the broadcast has ended.
func (p *RenditionPublication) Write(u *Unit) error {
	s := p.stream
	now := s.hub.now()
	s.mu.Lock()
	switch {
	case s.ended:
		s.mu.Unlock()
		return ErrEnded
	case s.layer != p:
		s.mu.Unlock()
		return ErrDisplaced
	case p.generation == nil:
		s.mu.Unlock()
		return ErrGeneration
	}
	t, ok := p.generation.Track(u.Track)
	if !ok {
		s.mu.Unlock()
		return ErrTracks
	}
	u.Generation = p.generation.Number
	if end := t.Time(max(u.PTS, u.DTS)); end > s.last {
		s.last = end
	}
	s.append(u)
	wake := s.wake
	s.wake = make(chan struct{})
	s.mu.Unlock()
	s.wrote(now, u)
	close(wake)
	return nil
}

// Displaced is closed when a newer publication writes the rendition, or it has ended.
func (p *RenditionPublication) Displaced() <-chan struct{} { return p.displaced }

// Close says that the publisher has gone. The rendition and its readers stay for its return, until five seconds into
// a generation without it.
func (p *RenditionPublication) Close() {
	s := p.stream
	s.mu.Lock()
	if s.layer == p {
		s.layer = nil
		p.displace()
	}
	s.mu.Unlock()
}

// Remove ends the rendition: its readers get ErrEnded after the last unit.
func (p *RenditionPublication) Remove() {
	s := p.stream
	s.mu.RLock()
	mine := s.layer == p
	s.mu.RUnlock()
	if mine {
		s.parent.remove(s)
	}
}

// displace runs under the rendition's lock, once.
func (p *RenditionPublication) displace() { close(p.displaced) }
