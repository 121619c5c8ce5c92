package ingest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Limits of the further pictures that a publisher sends.
const (
	layerHeldUnits = 128 // wait for the generation that they belong to
	layerHeldBytes = 4 << 20
	layerEarlyMost = 250 * time.Millisecond // before the picture that begins the generation
	layerIdleMost  = 10 * time.Second       // without a picture; then the rendition is taken away
)

// layer is a further picture of a session. The writer's goroutine only.
type layer struct {
	track *track
	info  streaming.RenditionInfo // without a name until the picture's size is known
	onKey func()

	publication *streaming.RenditionPublication
	generation  *streaming.Generation // that the publication has begun; nil: none
	renew       bool                  // its parameters are new: begin again
	refused     *streaming.Generation // no further try in this one
	held        []layerFrame          // from its newest key picture on
	heldBytes   int
	newest      time.Time
	asked       time.Time
	bytes       int // of this second
	pictures    int
	rate, fps   int // of the second before
}

type layerFrame struct {
	frame   Frame
	picture picture
}

// Layer is a further picture of a session, as its protocol announces it.
type Layer struct {
	Source
	Info         streaming.RenditionInfo // what is known; a missing name is made of the picture's size
	OnKeyRequest func()                  // asks the publisher for a key picture of this one; nil: it cannot be asked
}

// AddLayer announces a smaller picture beside the one that was declared, or announces one anew. Its frames are written
// like the others' and become a rendition of the stream. ErrTracks: there are too many already; the session goes on.
func (s *Session) AddLayer(l Layer) error {
	if l.Track.Kind != streaming.Video || s.tracks[l.Track.ID] != nil {
		return fmt.Errorf("%w: track %d", ErrTracks, l.Track.ID)
	}
	made, err := newTracks([]Source{l.Source}, s.config)
	if err != nil {
		return err
	}
	t := made[l.Track.ID]
	if old := s.layers[l.Track.ID]; old != nil {
		if sameTracks(map[int]*track{0: old.track}, map[int]*track{0: t}) {
			return nil
		}
		old.track, old.renew = t, true
		old.forget()
		s.nameLayer(old)
		return nil
	}
	if len(s.tracks)+len(s.layers) >= s.config.TracksMax {
		return fmt.Errorf("%w: %d tracks", ErrTracks, len(s.tracks)+len(s.layers)+1)
	}
	if s.layers == nil {
		s.layers = map[int]*layer{}
	}
	one := &layer{track: t, info: l.Info, onKey: l.OnKeyRequest, renew: true, newest: s.sessions.now()}
	s.layers[t.ID] = one
	s.nameLayer(one)
	return nil
}

// DropLayer takes a further picture away: its viewers go on with another one.
func (s *Session) DropLayer(track int) {
	if l := s.layers[track]; l != nil {
		l.leave()
		delete(s.layers, track)
		s.health.layered(s.layers)
	}
}

// nameLayer names a rendition by the lines of its picture, as soon as they are known.
func (s *Session) nameLayer(l *layer) {
	if w, h := l.track.shape.width, l.track.shape.height; w > 0 && h > 0 {
		l.info.Width, l.info.Height = w, h
	}
	if l.info.Name != "" || l.info.Width <= 0 || l.info.Height <= 0 {
		return
	}
	name := strconv.Itoa(min(l.info.Width, l.info.Height)) + "p"
	taken := func(name string) bool {
		for _, o := range s.layers {
			if o != l && o.info.Name == name {
				return true
			}
		}
		return false
	}
	for n := 2; taken(name); n++ {
		name = strconv.Itoa(min(l.info.Width, l.info.Height)) + "p" + strconv.Itoa(n)
	}
	l.info.Name = name
}

// writeLayer takes a frame of a further picture.
func (s *Session) writeLayer(now time.Time, l *layer, f Frame) error {
	p, err := l.track.codec.read(f.Payload)
	if err != nil {
		s.health.drop(err)
		return nil
	}
	if p.config != nil {
		if p.width*p.height > s.config.PixelsMax {
			why := fmt.Errorf("%w: %d × %d", ErrResolution, p.width, p.height)
			s.log.Warn("a rendition is left out", "why", why)
			s.health.leftOut(why.Error())
			s.DropLayer(l.track.ID)
			return nil
		}
		l.track.Config, l.track.shape, l.renew = p.config, p, true
		s.nameLayer(l)
	}
	if len(p.payload) == 0 {
		return nil
	}
	for _, part := range p.payload {
		l.bytes += len(part)
	}
	l.newest = now
	l.pictures++
	if l.info.Name == "" { // its coding does not tell a size
		l.info.Name = "layer" + strconv.Itoa(l.track.ID)
	}
	g := s.placedIn()
	if g == nil {
		l.hold(f, p)
		return nil
	}
	held := l.held
	l.forget()
	for _, h := range append(held, layerFrame{f, p}) {
		s.showLayer(now, l, g, h)
	}
	return nil
}

// placedIn is the generation that the session writes to, nil while it writes to none.
func (s *Session) placedIn() *streaming.Generation {
	if s.publication == nil || !s.line.based || !s.stay.is(roleShown) {
		return nil
	}
	return s.publication.Generation()
}

// showLayer puts a picture on air, beginning the session's generation where it is the first.
func (s *Session) showLayer(now time.Time, l *layer, g *streaming.Generation, h layerFrame) {
	if l.refused == g {
		return
	}
	if l.generation != g || l.renew {
		if !h.picture.key {
			s.askForLayerKey(now, l)
			return
		}
		if err := s.beginLayer(l, g); err != nil {
			l.refused = g
			s.health.leftOut(l.info.Name + ": " + err.Error())
			s.log.Warn("a rendition is left out", "rendition", l.info.Name, "why", err)
			return
		}
	}
	u, ok := s.line.further(l.track, h.frame, h.picture)
	if !ok {
		s.health.drop(nil)
		return
	}
	if err := l.publication.Write(u); err != nil {
		l.refused, l.publication, l.generation = g, nil, nil // another writes it now; the session is told by its own picture
	}
}

// beginLayer joins the stream, where that has not been done, with the newest parameters.
func (s *Session) beginLayer(l *layer, g *streaming.Generation) error {
	if l.publication == nil || l.renew {
		stream, err := s.sessions.Hub.Stream(s.Broadcast())
		if err != nil {
			return err
		}
		p, err := stream.AddRendition(l.info)
		if err != nil {
			return err
		}
		if l.onKey != nil {
			p.OnKeyRequest(l.onKey)
		}
		l.publication, l.renew = p, false
	}
	if err := l.publication.Begin(g.Number, l.track.Track); err != nil {
		return err
	}
	if l.generation != g {
		l.track.clock.reset()
	}
	l.generation = g
	s.health.layered(s.layers)
	s.log.Info("a rendition is on air", "rendition", l.info.Name, "generation", g.Number)
	return nil
}

// idleLayers takes away what has not come for a while, once a second.
func (s *Session) idleLayers(now time.Time) {
	for _, l := range s.layers {
		if l.publication != nil && now.Sub(l.newest) > layerIdleMost {
			s.log.Info("a rendition has gone", "rendition", l.info.Name)
			l.leave()
		}
	}
	for _, l := range s.layers {
		l.rate, l.fps, l.bytes, l.pictures = l.bytes*8, l.pictures, 0, 0
	}
	s.health.layered(s.layers)
}

// closeLayers leaves the renditions for the publisher's return.
func (s *Session) closeLayers() {
	for _, l := range s.layers {
		if l.publication != nil {
			l.publication.Close()
		}
	}
}

func (s *Session) askForLayerKey(now time.Time, l *layer) {
	if l.onKey != nil && now.Sub(l.asked) >= keyRequestGap {
		l.asked = now
		l.onKey()
	}
}

// hold keeps a picture for the generation to come: key pictures of all sizes come at about the same time.
func (l *layer) hold(f Frame, p picture) {
	if p.key {
		l.forget()
	} else if len(l.held) == 0 {
		return
	}
	for _, part := range p.payload {
		l.heldBytes += len(part)
	}
	if len(l.held) >= layerHeldUnits || l.heldBytes > layerHeldBytes {
		l.forget() // the next key picture begins anew
		return
	}
	l.held = append(l.held, layerFrame{f, p})
}

func (l *layer) forget() { l.held, l.heldBytes = nil, 0 }

// leave ends the rendition.
func (l *layer) leave() {
	if l.publication != nil {
		l.publication.Remove()
	}
	l.publication, l.generation, l.renew = nil, nil, true
	l.forget()
}

// further places a picture beside the line's own tracks. It reports false where it is off the line.
func (l *line) further(t *track, f Frame, p picture) (*streaming.Unit, bool) {
	stamp := f.DTS
	if len(l.unwrap.Moduli) > 0 {
		stamp = l.unwrap.Unwrap(stamp)
	}
	since := stamp - mediatime.Rescale(l.base, int64(t.stampRate), int64(l.rate))
	at := mediatime.FromTicks(since, t.stampRate)
	if (at-l.newest).Duration().Abs() > skewMax || at.Duration() < -layerEarlyMost {
		return nil, false
	}
	dts := max(mediatime.Rescale(since, int64(t.ClockRate), int64(t.stampRate)), 0)
	if t.clock.started && dts <= t.clock.last {
		dts = t.clock.last + 1
	}
	t.clock.started, t.clock.last = true, dts
	return &streaming.Unit{
		Track: t.ID, Key: p.key, Payload: p.payload, DTS: dts,
		PTS: dts + mediatime.Rescale(f.CTS, int64(t.ClockRate), int64(t.stampRate)),
	}, true
}

// LayerSink is a Sink that takes further pictures.
type LayerSink interface {
	Sink
	AddLayer(l Layer) error
	DropLayer(track int)
	LeaveOut(what string)
}

var _ LayerSink = (*Session)(nil)

// Layers makes a LayerSink of any Sink: one that takes no further pictures says so.
func Layers(s Sink) LayerSink {
	if l, ok := s.(LayerSink); ok {
		return l
	}
	return onePicture{s}
}

type onePicture struct{ Sink }

func (onePicture) AddLayer(Layer) error { return ErrTracks }
func (onePicture) DropLayer(int)        {}
func (onePicture) LeaveOut(string)      {}
