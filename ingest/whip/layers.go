package whip

import (
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtcp"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// The rules by which one of several layers is the picture that is shown first and recorded.
const (
	layerGone     = 2 * time.Second  // without a picture, a layer does not flow
	layersWait    = time.Second      // after the first picture of any, for the larger ones
	layerSteady   = 2 * time.Second  // a larger layer has flowed for this long before it becomes the first …
	layerSteadyUp = 60 * time.Second // … doubled up to this each time that one fell silent
	keyRequestGap = 500 * time.Millisecond
	allLayers     = -1
)

// choice is which layer is the first picture: the largest that flows steadily. The others are renditions.
type choice struct {
	main, want *stream // want becomes main with its next key picture
	first      time.Time
	steady     time.Duration
}

// begin takes the only layer where there is one.
func (c *choice) begin(layers []*stream) {
	c.steady = layerSteady
	if len(layers) == 1 {
		c.main = layers[0]
	}
}

func (t *stream) flows(now time.Time) bool { return t.width > 0 && now.Sub(t.newest) <= layerGone }

// choose looks whether another layer must be the first picture.
func (s *session) choose(now time.Time) {
	c := &s.choice
	if len(s.layers) < 2 || c.first.IsZero() {
		return
	}
	var best *stream
	all := true
	for _, l := range s.layers {
		all = all && l.width > 0
		if l.flows(now) && (best == nil || l.width*l.height > best.width*best.height) {
			best = l
		}
	}
	want := (*stream)(nil)
	switch {
	case best == nil:
	case c.main == nil:
		if all || now.Sub(c.first) >= layersWait {
			want = best
		}
	case !c.main.flows(now):
		if want = best; c.want == nil {
			c.steady = min(2*c.steady, layerSteadyUp)
		}
	case best.width*best.height > c.main.width*c.main.height && now.Sub(best.since) >= c.steady:
		want = best
	}
	if want != nil && want != c.want {
		s.askForKey(want, now)
	}
	c.want = want
}

// picture hands a whole picture of a layer on, as the first one or as a rendition.
func (s *session) picture(t *stream, p picture, key bool) error {
	if len(s.layers) > 1 {
		s.note(t, p, key)
	}
	c := &s.choice
	if t == c.want && key {
		s.turn(t)
	}
	f := ingest.Frame{Track: videoTrackID, DTS: s.clock.Place(&t.clock, p.stamp, p.at), Payload: p.payload}
	switch {
	case t == c.main:
	case c.main == nil || t.out || !s.announce(t, key):
		return nil
	default:
		f.Track = t.id
	}
	return s.ingest.Write(f)
}

// note keeps what is known of a layer.
func (s *session) note(t *stream, p picture, key bool) {
	if p.at.Sub(t.newest) > layerGone {
		t.since = p.at
	}
	t.newest = p.at
	if s.choice.first.IsZero() {
		s.choice.first = p.at
	}
	if key {
		if w, h := pictureSize(p.payload, s.offer.h264); w > 0 && h > 0 {
			t.width, t.height = w, h
		}
	}
	s.choose(p.at)
}

// turn makes a layer the first picture with the key picture that follows.
func (s *session) turn(t *stream) {
	c := &s.choice
	if t.announced {
		s.ingest.DropLayer(t.id)
		t.announced = false
	}
	if c.main != nil {
		c.main.waitKey = true // it comes back as a rendition
		s.log.Info("another layer is the first picture", "width", t.width, "height", t.height)
	}
	c.main, c.want = t, nil
}

// announce tells the session of a rendition, with its first key picture. It reports false before it.
func (s *session) announce(t *stream, key bool) bool {
	if t.announced || !key {
		return t.announced
	}
	err := s.ingest.AddLayer(ingest.Layer{
		Source: s.pictureSource(t.id), Info: streaming.RenditionInfo{Width: t.width, Height: t.height}, OnKeyRequest: func() { s.wantKey(t.number) },
	})
	if err != nil {
		t.out = true
		s.ingest.LeaveOut("layer " + t.rid + ": " + err.Error())
		s.log.Warn("a layer is left out", "layer", t.rid, "why", err)
		return false
	}
	t.announced = true
	return true
}

func (s *session) pictureSource(id int) ingest.Source {
	codec := streaming.VP8
	if s.offer.h264 {
		codec = streaming.H264
	}
	return ingest.Source{StampRate: streaming.VideoClockRate, Track: streaming.Track{
		ID: id, Kind: streaming.Video, Codec: codec, ClockRate: streaming.VideoClockRate,
	}}
}

// askFor asks for key pictures of one layer, or of all that flow at once: then they begin segments together.
func (s *session) askFor(layer int, now time.Time) {
	if layer >= 0 {
		s.askForKey(s.layers[layer], now)
		return
	}
	if now.Sub(s.asked) < keyRequestGap {
		return
	}
	s.asked = now
	for _, l := range s.layers {
		if l == s.choice.main || l.flows(now) {
			l.asked = time.Time{}
			s.askForKey(l, now)
		}
	}
}

// askForKey asks the publisher for a key picture of a layer.
func (s *session) askForKey(t *stream, now time.Time) {
	if t.ssrc == 0 || now.Sub(t.asked) < keyRequestGap {
		return
	}
	t.asked = now
	s.metrics.keyRequested()
	_ = s.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: t.ssrc}}) // the next one asks again
}

// pictureSize reads a key picture's size, 0 × 0 where it does not say.
func pictureSize(payload [][]byte, isH264 bool) (width, height int) {
	if !isH264 {
		if f := payload[0]; len(f) >= 10 {
			return int(f[6]) | int(f[7]&0x3f)<<8, int(f[8]) | int(f[9]&0x3f)<<8
		}
		return 0, 0
	}
	for _, n := range payload {
		var sps h264.SPS
		if len(n) > 0 && n[0]&0x1f == 7 && sps.Unmarshal(n) == nil {
			return sps.Width(), sps.Height()
		}
	}
	return 0, 0
}
