package ingest

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"github.com/hawkerlive/hawker/streaming"
)

// track is one source of a session and what is known of it. The writer's goroutine only.
type track struct {
	streaming.Track
	stampRate int
	codec     codec
	clock     clock
	shape     picture // the newest that brought a config
}

// codec reads one coding's access units.
type codec interface {
	read(payload [][]byte) (picture, error)
}

// picture is what a codec found in an access unit.
type picture struct {
	payload       [][]byte // as streaming.Unit wants it; empty for one that only brought parameters
	key           bool
	bidirectional bool   // a B slice
	samples       int    // of an audio unit, in ticks of its track
	config        []byte // the track's new Config, nil while nothing changed
	width, height int    // with config
	profile       string // with config
	reorder       int    // with config: pictures that the parameter sets allow to be reordered
}

// newTracks checks what a protocol announces.
func newTracks(sources []Source, c Config) (map[int]*track, error) {
	out := map[int]*track{}
	for _, s := range sources {
		if s.Track.ID < 1 || out[s.Track.ID] != nil || s.StampRate < 1 {
			return nil, fmt.Errorf("%w: track %d", ErrTracks, s.Track.ID)
		}
		t := &track{Track: s.Track, stampRate: s.StampRate}
		t.Zero = 0
		p, err := t.open()
		if err != nil {
			return nil, err
		}
		if p.width*p.height > c.PixelsMax {
			return nil, fmt.Errorf("%w: %d × %d", ErrResolution, p.width, p.height)
		}
		out[t.ID] = t
	}
	return out, nil
}

// open makes the track's codec and reads its Config.
func (t *track) open() (p picture, err error) {
	switch t.Codec {
	case streaming.H264:
		c := &h264Codec{}
		t.codec = c
		if len(t.Config) > 0 {
			p, err = c.open(t.Config)
		}
	case streaming.H265:
		c := &h265Codec{}
		t.codec = c
		if len(t.Config) > 0 {
			p, err = c.open(t.Config)
		}
	case streaming.AV1:
		t.codec = &av1Codec{}
	case streaming.VP8:
		t.codec = vp8Codec{}
	case streaming.VP9:
		t.codec = vp9Codec{}
	case streaming.AAC:
		t.codec, err = openAAC(t.Config, t.ClockRate)
	case streaming.Opus:
		t.codec = opusCodec{}
		if t.ClockRate != streaming.OpusClockRate {
			err = fmt.Errorf("%w: Opus at %d Hz", ErrCodec, t.ClockRate)
		}
	default:
		err = fmt.Errorf("%w: %q", ErrCodec, t.Codec)
	}
	if err == nil && t.Kind == streaming.Video && t.ClockRate != streaming.VideoClockRate {
		err = fmt.Errorf("%w: video at %d ticks a second", ErrTracks, t.ClockRate)
	}
	if err == nil && p.config != nil {
		t.Config, t.shape = p.config, p
	}
	return p, err
}

// channels of a sound track, 0 where its Config does not tell.
func (t *track) channels() int {
	if t.Codec == streaming.Opus && len(t.Config) > 0 {
		return int(t.Config[0])
	}
	if c, ok := t.codec.(*aacCodec); ok {
		return c.channels
	}
	return 0
}

// audioProfile names AAC's object type as encoders do, "" for everything else.
func (t *track) audioProfile() string {
	c, ok := t.codec.(*aacCodec)
	if !ok {
		return ""
	}
	return c.profile
}

func sorted(tracks map[int]*track) []*track {
	out := make([]*track, 0, len(tracks))
	for _, t := range tracks {
		out = append(out, t)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].ID < out[j].ID })
	return out
}

func hubTracks(tracks map[int]*track) []streaming.Track {
	out := make([]streaming.Track, 0, len(tracks))
	for _, t := range sorted(tracks) {
		out = append(out, t.Track)
	}
	return out
}

func sameTracks(a, b map[int]*track) bool {
	if len(a) != len(b) {
		return false
	}
	for id, t := range a {
		u := b[id]
		if u == nil || u.Kind != t.Kind || u.Codec != t.Codec || u.ClockRate != t.ClockRate ||
			u.stampRate != t.stampRate || (len(u.Config) > 0 && !bytes.Equal(u.Config, t.Config)) {
			return false
		}
	}
	return true
}

func hasVideo(tracks map[int]*track) bool {
	for _, t := range tracks {
		if t.Kind == streaming.Video {
			return true
		}
	}
	return false
}

func describe(tracks map[int]*track) string {
	var names []string
	for _, t := range sorted(tracks) {
		names = append(names, string(t.Codec))
	}
	return strings.Join(names, "+")
}
