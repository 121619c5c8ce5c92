package hls

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// Every cadence must give playlists without a fault, and parts as long as the plan says.
func TestCadences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		clip
		part    float64 // PART-TARGET
		target  float64
		varying bool
		keyless bool
	}{
		"25 a second":                     {clip: clip{fps: 25, gop: 50, rate: 48000}, part: 0.322, target: 2},
		"29.97 a second":                  {clip: clip{fps: 30000. / 1001, gop: 60, rate: 48000}, part: 0.336, target: 2},
		"30 a second":                     {clip: clip{fps: 30, gop: 60, rate: 48000}, part: 0.336, target: 2},
		"30 a second, 44.1 kHz":           {clip: clip{fps: 30, gop: 60, rate: 44100}, part: 0.336, target: 2},
		"60 a second":                     {clip: clip{fps: 60, gop: 120, rate: 48000}, part: 0.336, target: 2},
		"15 a second":                     {clip: clip{fps: 15, gop: 30, rate: 48000}, part: 0.336, target: 2},
		"8 a second":                      {clip: clip{fps: 8, gop: 16, rate: 48000}, part: 0.252, target: 2},
		"5 a second":                      {clip: clip{fps: 5, gop: 10, rate: 48000}, part: 0.402, target: 2},
		"1 a second":                      {clip: clip{fps: 1, gop: 4, rate: 48000}, part: 1.002, target: 4},
		"30 a second in milliseconds":     {clip: clip{fps: 30, gop: 60, rate: 44100, ms: true}, part: 0.336, target: 2},
		"29.97 a second in milliseconds":  {clip: clip{fps: 30000. / 1001, gop: 60, rate: 48000, ms: true}, part: 0.336, target: 2},
		"60 a second in milliseconds":     {clip: clip{fps: 60, gop: 120, rate: 44100, ms: true}, part: 0.336, target: 2},
		"two reordered pictures":          {clip: clip{fps: 30, gop: 60, rate: 48000, bframes: 2}, part: 0.336, target: 2},
		"reordered pictures in ms":        {clip: clip{fps: 25, gop: 49, rate: 44100, bframes: 2, ms: true}, part: 0.282, target: 2},
		"a key every second":              {clip: clip{fps: 30, gop: 30, rate: 48000}, part: 0.336, target: 2},
		"a key every 4 s":                 {clip: clip{fps: 30, gop: 120, rate: 48000}, part: 0.336, target: 4},
		"a key every 12 s":                {clip: clip{fps: 30, gop: 360, rate: 48000}, part: 0.336, target: 10, keyless: true},
		"only key pictures":               {clip: clip{fps: 30, gop: 1, rate: 48000}, part: 0.336, target: 2},
		"a key every 0.3 s":               {clip: clip{fps: 30, gop: 9, rate: 48000}, part: 0.302, target: 2},
		"without sound":                   {clip: clip{fps: 30, gop: 60}, part: 0.336, target: 2},
		"pictures that come as they like": {clip: clip{every: uneven, keys: everySeconds(uneven, 2), rate: 48000}, part: 0.5, target: 2, varying: true, keyless: true},
		"sound half a second late":        {clip: clip{fps: 30, gop: 60, rate: 48000, skew: 0.5}, part: 0.336, target: 2},
		"sound half a second early":       {clip: clip{fps: 30, gop: 60, rate: 48000, skew: -0.5}, part: 0.336, target: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.validator.Varying = c.varying
			tracks := []streaming.Track{videoTrack()}
			if c.rate > 0 {
				tracks = append(tracks, aacTrack(c.rate))
			}
			r.generation(1, 0, tracks...)
			c.seconds = 61
			r.feed(c.units())
			p := r.parsed()
			if math.Abs(p.PartTarget-c.part) > 1e-6 || p.Target != c.target {
				t.Errorf("PART-TARGET %v, TARGETDURATION %v, want %v, %v", p.PartTarget, p.Target, c.part, c.target)
			}
			if p.Independent == c.keyless {
				t.Errorf("EXT-X-INDEPENDENT-SEGMENTS is %v", p.Independent)
			}
			result := r.end()
			if result.Parts < int(55/max(c.part, 0.3)) || result.Segments < int(50/c.target) {
				t.Errorf("%+v", result)
			}
		})
	}
}

// uneven is the decode time of a picture in a stream of 5 to 30 a second.
func uneven(i int) (t float64) {
	for n := range i {
		t += []float64{0.033, 0.05, 0.1, 0.2, 0.04, 0.066, 0.15, 0.033, 0.033, 0.18}[(n*7+n/5)%10]
	}
	return t
}

func everySeconds(at func(int) float64, s float64) func(int) bool {
	return func(i int) bool { return i == 0 || int(at(i)/s) != int(at(i-1)/s) }
}

// A publisher's scene cuts put key pictures anywhere.
func TestKeyPicturesOffSchedule(t *testing.T) {
	t.Parallel()
	for _, early := range []int{1, 3, 5, 8, 10, 14, 22, 31, 45, 57, 59} {
		r := newRig(t)
		r.generation(1, 0, videoTrack(), aacTrack(48000))
		keys := func(i int) bool {
			if i < 120 {
				return i%60 == 0
			}
			return (i-120)%(60+early) == 0 || (i-120)%(60+early) == early
		}
		r.feed(clip{fps: 30, keys: keys, gop: 60, rate: 48000, seconds: 60}.units())
		r.validator.Varying = true // part lengths follow the keys
		r.end()
	}
}

func TestSoundGapIsFilledWithSilence(t *testing.T) {
	t.Parallel()
	for _, gap := range []float64{0.1, 0.5, 3, 20} {
		r := newRig(t)
		r.generation(1, 0, videoTrack(), aacTrack(48000))
		r.feed(clip{
			fps: 30, gop: 60, rate: 48000, seconds: 40,
			soundAt: func(t float64) bool { return t < 10 || t > 10+gap },
		}.units())
		if p := r.parsed(); p.Discontinued != 0 || p.Segments[len(p.Segments)-1].Domain != 0 {
			t.Errorf("a gap of %v s became a discontinuity", gap)
		}
		r.end()
	}
}

// A picture that stands a little while is stretched, with its sound going on; a long pause that ends with a key picture
// is a discontinuity, so that viewers do not fall behind by it.
func TestPictureGap(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gap   float64
		sound int
		cuts  int64
	}{
		"0.2 s":                 {0.2, 48000, 0},
		"0.5 s":                 {0.5, 48000, 0},
		"0.9 s":                 {0.9, 48000, 0},
		"0.9 s, without sound":  {0.9, 0, 0},
		"6.05 s, sound goes on": {6.05, 48000, 2}, // pictures and sound, sound alone, both again
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.validator.Varying = true
			tracks := []streaming.Track{videoTrack()}
			if c.sound > 0 {
				tracks = append(tracks, aacTrack(c.sound))
			}
			r.generation(1, 0, tracks...)
			r.feed(clip{
				fps: 30, gop: 60, rate: c.sound, seconds: 40,
				pictAt: func(t float64) bool { return t < 12.11 || t > 12.11+c.gap },
			}.units())
			if p := r.parsed(); p.Segments[len(p.Segments)-1].Domain != c.cuts {
				t.Errorf("%d discontinuities, want %d", p.Segments[len(p.Segments)-1].Domain, c.cuts)
			}
			r.end()
		})
	}
}

func TestPauseOfEverythingIsADiscontinuity(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	there := func(t float64) bool { return t < 11.3 || t >= 16 }
	r.feed(clip{fps: 30, gop: 60, rate: 48000, seconds: 40, pictAt: there, soundAt: there}.units())
	p := r.parsed()
	if p.Segments[len(p.Segments)-1].Domain != 1 {
		t.Errorf("%d discontinuities", p.Segments[len(p.Segments)-1].Domain)
	}
	r.end()
}

func TestGenerationsFollowEachOther(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 30, gop: 60, rate: 48000, seconds: 12.4}.units())
	r.generation(2, 13, videoTrack(), aacTrack(44100))
	r.feed(clip{fps: 24, gop: 48, rate: 44100, seconds: 15, sets: setsWide}.units())
	r.generation(3, 29, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 25, gop: 50, rate: 48000, seconds: 20}.units())
	if p := r.parsed(); !p.Independent {
		t.Errorf("a generation of another cadence does not begin every segment with a key picture\n%s", r.newest())
	}
	r.generation(5, 50, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 25, gop: 100, rate: 48000, seconds: 60}.units())
	r.generation(6, 111, aacTrack(48000))
	r.feed(clip{rate: 48000, seconds: 30}.units())
	p := r.parsed()
	if p.Discontinued == 0 {
		t.Error("EXT-X-DISCONTINUITY-SEQUENCE did not move")
	}
	ids := map[string]bool{}
	for _, d := range p.DateRanges {
		ids[d["ID"]] = true
		if d["ID"] == "g6" && (d["X-MEDIA-TIME"] != "111000000" || d["CLASS"] != classAnchor || d["START-DATE"] != "2026-11-20T12:01:51.123Z") {
			t.Errorf("the anchor is %v", d)
		}
	}
	if !ids["g6"] {
		t.Error("no anchor of the newest generation")
	}
	r.end()
	maps := map[string]bool{}
	for _, text := range r.texts {
		p, err := hlstest.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Segments {
			maps[s.Map] = true
		}
	}
	if len(maps) != 5 {
		t.Errorf("%d init segments, want one per generation", len(maps))
	}
}

// Dates are the anchor's, cut off below the millisecond.
func TestSegmentsAreDatedByTheirFirstPicture(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 30000. / 1001, gop: 60, rate: 48000, bframes: 2, seconds: 20}.units())
	for i, s := range r.parsed().Segments {
		first := 1/(30000./1001) + float64(i*60)/(30000./1001)
		want := epochDate.Add(time.Duration(first * 1e9)).Truncate(time.Millisecond)
		if d := s.Date.Sub(want); d < -time.Millisecond || d > time.Millisecond {
			t.Errorf("segment %d is dated %v, want %v", i, s.Date, want)
		}
	}
	r.end()
}

// Every epoch with pictures has both tracks, so that sound that comes later goes on from silence: a player that has begun
// with pictures alone takes none.
func TestSoundThatComesLateGoesOnFromSilence(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(44100))
	r.feed(clip{fps: 30, gop: 60, rate: 44100, seconds: 20, soundAt: func(t float64) bool { return t > 7 }}.units())
	p := r.parsed()
	heard := 0
	for _, s := range p.Segments {
		if s.Map != p.Segments[0].Map || s.Domain != 0 {
			t.Errorf("segment %d begins anew", s.Number)
		}
		if s.URI == "" {
			continue // it is open
		}
		data, err := r.get(s.URI)
		if err != nil {
			t.Fatal(err)
		}
		heard += bytes.Count(data, []byte{0x21, 0x10, 0, 0, 0, 0, 0, 0})
	}
	if want := 13 * 44100 / 1024; heard < want-100 || heard > want+1 {
		t.Errorf("%d frames are heard, want about %d", heard, want)
	}
	r.end()
}

// A player that has begun with pictures and sound in one buffer takes no initialisation without one of them.
func TestAPublisherWithoutSoundIsSilent(t *testing.T) {
	t.Parallel()
	type tracks = []streaming.Track
	for name, c := range map[string]struct {
		first, second tracks
		rate, maps    int
	}{
		"no sound":                          {tracks{videoTrack(), aacTrack(48000)}, tracks{videoTrack()}, 48000, 3},
		"sound that is said and not sent":   {tracks{videoTrack(), aacTrack(48000)}, tracks{videoTrack(), aacTrack(44100)}, 48000, 3},
		"no sound from the beginning":       {tracks{videoTrack()}, tracks{videoTrack()}, 0, 3},
		"said from the beginning, not sent": {tracks{videoTrack(), aacTrack(44100)}, tracks{videoTrack()}, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.generation(1, 0, c.first...)
			r.feed(clip{fps: 30, gop: 60, rate: c.rate, seconds: 9}.units())
			r.generation(2, 9.5, c.second...)
			r.feed(clip{fps: 24, gop: 48, rate: 44100, seconds: 9, soundAt: func(float64) bool { return false }}.units())
			r.generation(3, 19, videoTrack(), aacTrack(48000))
			r.feed(clip{fps: 25, gop: 50, rate: 48000, seconds: 9, soundAt: func(t float64) bool { return t > 5 }}.units())
			p := r.parsed()
			maps := map[string]bool{}
			for _, s := range p.Segments {
				maps[s.Map] = true
			}
			if len(maps) != c.maps { // the third generation is silent at first
				t.Errorf("%d init segments\n%s", len(maps), r.newest())
			}
			for uri := range maps {
				if init, err := r.get(uri); err != nil || !bytes.Contains(init, []byte("soun")) || !bytes.Contains(init, []byte("vide")) {
					t.Errorf("%s has not both tracks: %v", uri, err)
				}
			}
			r.end()
		})
	}
}

func TestNewParameterSetsMakeANewInit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 30, gop: 60, rate: 48000, seconds: 10}.units())
	r.feed(clip{fps: 30, gop: 60, rate: 48000, from: 10, seconds: 10, sets: setsWide}.units())
	r.feed(clip{fps: 30, gop: 60, rate: 48000, from: 20, seconds: 10, sets: setsWide}.units())
	if p := r.parsed(); p.Segments[len(p.Segments)-1].Domain != 1 {
		t.Errorf("%d discontinuities, want one", p.Segments[len(p.Segments)-1].Domain)
	}
	r.end()
}

func TestSoundAlone(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{44100, 48000} {
		r := newRig(t)
		r.generation(1, 0, aacTrack(rate))
		r.feed(clip{rate: rate, seconds: 60}.units())
		if p := r.parsed(); p.Target != 2 || !p.Independent || p.PartTarget > 0.36 {
			t.Errorf("%+v", p)
		}
		r.end()
	}
}

func TestGenerationThatCannotBePackagedIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	vp8 := videoTrack()
	vp8.Codec = streaming.VP8
	r.generation(1, 0, vp8)
	r.feed(clip{fps: 30, gop: 60, seconds: 5}.units())
	if r.segmenter.playable || len(r.texts) != 0 {
		t.Error("VP8 was packaged")
	}
	r.generation(2, 6, videoTrack())
	r.feed(clip{fps: 30, gop: 60, seconds: 5}.units())
	r.end()
}

// The list and what is kept beyond it are bounded by time, number and bytes.
func TestKeptSegmentsAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"by time":   {Window: 20 * time.Second},
		"by number": {SegmentsMax: 12},
		"by bytes":  {BytesMax: 20_000},
		"recorded":  {Window: 20 * time.Second},
	} {
		r := newRig(t)
		r.rendition.config = c.filled()
		if name == "recorded" {
			m := &memory{kept: map[string][]byte{}}
			r.rendition.recording, r.rendition.past = m.Record("", "main", "a1"), m
		}
		r.generation(1, 0, videoTrack(), aacTrack(48000))
		r.feed(clip{fps: 30, gop: 60, rate: 48000, seconds: 300}.units())
		n, bytes := len(r.rendition.segments), r.rendition.bytes
		if n > 34 || (name == "by time" && n > 22) || (name == "by number" && n > 12) || (name == "recorded" && (n > 15 || !r.rendition.remembers(1))) || (name == "by bytes" && bytes > 20_000) {
			t.Errorf("%s: %d segments, %d bytes are kept", name, n, bytes)
		}
		if name != "by bytes" && strings.Count(r.newest(), "#EXTINF") < 9 {
			t.Errorf("%s: the list is too short\n%s", name, r.newest())
		}
		r.end()
	}
}

// hls.js takes a list without a whole segment for an error and comes back later.
func TestFirstPlaylistHasAWholeSegment(t *testing.T) {
	t.Parallel()
	for _, takes := range []bool{false, true} {
		r := newRig(t)
		r.generation(1, 0, videoTrack(), aacTrack(48000))
		r.segmenter.takes = takes
		r.feed(clip{fps: 30, gop: 200, rate: 48000, seconds: 30}.units())
		if !strings.Contains(r.texts[0], "#EXTINF") {
			t.Errorf("key pictures on request %v: the first playlist is\n%s", takes, r.texts[0])
		}
		r.end()
	}
}
