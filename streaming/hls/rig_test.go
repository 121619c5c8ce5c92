package hls

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Parameter sets of 540x960 high and 960x540 baseline.
var (
	setsTall = [][]byte{unhex("6764001facb201103cf7e022000003000200000300781e306490"), unhex("68ebc3cb22c0")}
	setsWide = [][]byte{unhex("6742c01fd900f0117ef011000003000100000300320f183248"), unhex("68cb83cb20")}
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func videoTrack() streaming.Track {
	return streaming.Track{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate}
}

func aacTrack(rate int) streaming.Track {
	index := map[int]byte{48000: 3, 44100: 4}[rate]
	config := []byte{2<<3 | index>>1, index<<7 | 2<<3}
	return streaming.Track{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: rate, Config: config}
}

// clip makes units. Lengths are seconds.
type clip struct {
	fps     float64
	every   func(i int) float64 // decode time of picture i; default i/fps
	gop     int                 // pictures
	keys    func(i int) bool    // default every gop
	bframes int                 // reordered pictures between two others
	rate    int                 // of the sound; 0 without
	from    float64
	seconds float64
	skew    float64 // sound arrives so much later
	soundAt func(t float64) bool
	pictAt  func(t float64) bool
	ms      bool // stamps rounded to milliseconds
	sets    [][]byte
}

type timed struct {
	at float64
	u  *streaming.Unit
}

func (c clip) units() []*streaming.Unit {
	var all []timed
	if c.fps > 0 || c.every != nil {
		all = c.pictures()
	}
	if c.rate > 0 {
		for n := int64(0); ; n++ {
			pts := int64(c.from*float64(c.rate)) + n*1024
			t := float64(pts) / float64(c.rate)
			if t >= c.from+c.seconds {
				break
			}
			if c.soundAt != nil && !c.soundAt(t) {
				continue
			}
			if c.ms {
				pts = int64(math.Round(t*1000)) * int64(c.rate) / 1000
			}
			body := binary.BigEndian.AppendUint64([]byte{0x21, 0x10}, uint64(n))
			all = append(all, timed{t + c.skew + 1e-4, &streaming.Unit{Track: 2, PTS: pts, DTS: pts, Payload: [][]byte{body}}})
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].at < all[j].at })
	out := make([]*streaming.Unit, len(all))
	for i := range all {
		out[i] = all[i].u
	}
	return out
}

func (c clip) pictures() (all []timed) {
	every := c.every
	if every == nil {
		every = func(i int) float64 { return float64(i) / c.fps }
	}
	key := c.keys
	if key == nil {
		key = func(i int) bool { return i%c.gop == 0 }
	}
	sets := c.sets
	if sets == nil {
		sets = setsTall
	}
	for i := 0; every(i) < c.seconds; i++ {
		t := c.from + every(i)
		if c.pictAt != nil && !c.pictAt(t) {
			continue
		}
		// With b reordered pictures: P comes b pictures early, the others one late.
		shown := t + float64(min(c.bframes, 1))/max(c.fps, 1)
		if c.bframes > 0 && !key(i) {
			if (i%c.gop)%(c.bframes+1) == 1 {
				shown += float64(c.bframes) / c.fps
			} else {
				shown -= 1 / c.fps
			}
		}
		dts, pts := ticksOf(t, c.ms), ticksOf(shown, c.ms)
		body := binary.BigEndian.AppendUint64([]byte{0x41}, uint64(i))
		payload := [][]byte{body}
		if key(i) {
			body[0] = 0x65
			payload = [][]byte{sets[0], sets[1], body}
		}
		all = append(all, timed{t, &streaming.Unit{Track: 1, PTS: pts, DTS: dts, Key: key(i), Payload: payload}})
	}
	return all
}

func ticksOf(t float64, ms bool) int64 {
	if ms {
		return int64(math.Round(t*1000)) * 90
	}
	return int64(math.Round(t * 90000))
}

// rig is a segmenter with a rendition behind it and the validator watching every playlist.
type rig struct {
	t         *testing.T
	segmenter *segmenter
	rendition *rendition
	validator *hlstest.Validator
	anchors   mediatime.Anchors
	texts     []string
	failed    int
}

var epochDate = time.Date(2026, 11, 20, 12, 0, 0, 123_456_000, time.UTC)

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, rendition: &rendition{name: "main", life: "a1", config: Config{}.filled()}}
	r.segmenter = &segmenter{out: r.rendition, log: slog.New(slog.DiscardHandler)}
	r.validator = &hlstest.Validator{Get: r.get}
	return r
}

func (r *rig) get(uri string) ([]byte, error) {
	var t target
	if !parseFile(uri, &t) || t.life != "a1" {
		return nil, fmt.Errorf("%s is not a file name", uri)
	}
	chunks, _, ok := r.rendition.content(t.kind, t.number)
	if !ok {
		return nil, fmt.Errorf("%s is not there", uri)
	}
	var out []byte
	for _, c := range chunks {
		out = append(out, c...)
	}
	return out, nil
}

// generation begins one that is anchored at the media time.
func (r *rig) generation(number int, at float64, tracks ...streaming.Track) {
	media := mediatime.Time(at * 1e6)
	a := mediatime.Anchor{Generation: number, Media: media, Wall: epochDate.Add(media.Duration())}
	g := &streaming.Generation{Number: number, Anchor: a}
	var video, audio streaming.Track
	for _, t := range tracks {
		t.Zero = media
		g.Tracks = append(g.Tracks, t)
		if t.Kind == streaming.Video {
			video = t
		} else {
			audio = t
		}
	}
	r.anchors = append(r.anchors, a)
	r.segmenter.enter(g, video, audio, false)
	r.publish()
}

func (r *rig) feed(units []*streaming.Unit) {
	for _, u := range units {
		r.segmenter.write(u)
		r.publish()
	}
}

func (r *rig) publish() {
	r.t.Helper()
	if !r.rendition.dirty {
		return
	}
	r.rendition.publish("b", nil, r.anchors, nil)
	v := r.rendition.now.Load()
	if v == nil {
		return
	}
	r.texts = append(r.texts, string(v.forms[form{}].text()))
	for _, err := range []error{r.validator.Playlist(string(v.forms[form{}].text())), r.validator.Delta(string(v.forms[form{skip: true}].text()))} {
		if err != nil && r.failed < 3 {
			r.failed++
			r.t.Errorf("playlist %d: %v\n%s", len(r.texts), err, v.forms[form{}].text())
		}
	}
}

// end finishes the broadcast and returns what the validator saw.
func (r *rig) end() hlstest.Result {
	r.t.Helper()
	r.segmenter.finish()
	r.publish()
	r.rendition.end()
	r.publish()
	result, err := r.validator.Finish()
	if err != nil {
		r.t.Error(err)
	}
	if len(r.texts) == 0 {
		r.t.Fatal("no playlist")
	}
	if !strings.HasSuffix(r.newest(), "#EXT-X-ENDLIST\n") {
		r.t.Error("no ENDLIST")
	}
	return result
}

func (r *rig) newest() string { return r.texts[len(r.texts)-1] }

func (r *rig) parsed() *hlstest.Playlist {
	p, err := hlstest.Parse(r.newest())
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}
