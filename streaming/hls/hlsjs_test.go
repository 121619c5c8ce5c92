package hls

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// The rules by which hls.js plays what is packaged here without a hang, a hole or a wrong date, one subtest each. The
// tenth is the player's own: web/src/player/latency.test.ts, mediatime.test.ts.
func TestRulesOfHLSJS(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]func(t *testing.T){
		"1 pictures are track 1 and sound is track 2 of one playlist":  rulePlacesOfTracks,
		"2 parts are whole pictures and longer than 200 ms, tails too": ruleLengthOfParts,
		"3 targets hold what is listed":                                ruleTargets,
		"4 sound lies in the part that its start lies in":              ruleSoundInItsPart,
		"5 there are no holes, and silence before there is any sound":  ruleNoHoles,
		"6 decode times go on, and start anew only at a discontinuity": ruleOneClock,
		"7 a segment's date is the time of its first picture":          ruleDates,
		"8 a change is a discontinuity with map, date and a key":       ruleChanges,
		"9 a blocked reload is answered unchanged after half a target": ruleBlockedReload,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rule(t)
		})
	}
}

// cadences are what encoders send, with keys on and off the second and stamps in milliseconds.
func cadences() map[string]clip {
	out := map[string]clip{"keys off the cadence": {fps: 30, gop: 71, rate: 48000, seconds: 30}}
	for _, fps := range []float64{24, 25, 29.97, 30, 50, 60} {
		for _, ms := range []bool{false, true} {
			out[fmt.Sprintf("%g a second, rounded %v", fps, ms)] = clip{fps: fps, gop: int(math.Round(fps)) * 2, rate: 48000, seconds: 30, ms: ms}
		}
	}
	return out
}

// tape keeps every part that a rig ever listed.
type tape struct {
	*rig
	heard    int // of the rig's texts
	segments []hlstest.Segment
	media    map[string][]byte
}

func newTape(t *testing.T) *tape { return &tape{rig: newRig(t), media: map[string][]byte{}} }

// packaged is one that was fed one clip.
func packaged(t *testing.T, c clip) *tape {
	r := newTape(t)
	r.generation(1, 0, videoTrack(), aacTrack(max(c.rate, 44100)))
	r.play(c)
	return r
}

func (r *tape) play(c clip) {
	for _, u := range c.units() {
		r.segmenter.write(u)
		r.publish()
		if len(r.texts) > r.heard {
			r.heard = len(r.texts)
			r.keep()
		}
	}
}

func (r *tape) keep() {
	for _, s := range r.parsed().Segments {
		if len(s.Parts) == 0 {
			continue
		}
		if n := len(r.segments); n == 0 || r.segments[n-1].Number < s.Number {
			r.segments = append(r.segments, s)
		} else if at := n - 1 - int(r.segments[n-1].Number-s.Number); at >= 0 {
			r.segments[at] = s
		}
		for _, part := range s.Parts {
			if r.media[part.URI] != nil {
				continue
			}
			data, err := r.get(part.URI)
			if err != nil {
				r.t.Fatal(err)
			}
			r.media[part.URI] = data
		}
	}
}

// eachPart calls see with every part that was ever listed, in order.
func eachPart(t *testing.T, r *tape, see func(s hlstest.Segment, index int, tracks []*fmp4.PartTrack)) {
	t.Helper()
	seen := 0
	for _, s := range r.segments {
		for i, part := range s.Parts {
			var parts fmp4.Parts
			if err := parts.Unmarshal(r.media[part.URI]); err != nil || len(parts) != 1 {
				t.Fatalf("%s holds %d fragments: %v", part.URI, len(parts), err)
			}
			see(s, i, parts[0].Tracks)
			seen++
		}
	}
	if seen < 15 {
		t.Fatalf("only %d parts were there to judge", seen)
	}
}

func initOf(t *testing.T, r *tape, uri string) *fmp4.Init {
	t.Helper()
	data, err := r.get(uri)
	if err != nil {
		t.Fatal(err)
	}
	var init fmp4.Init
	if err := init.Unmarshal(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return &init
}

// ticksIn is how long a track's samples last.
func ticksIn(track *fmp4.PartTrack) (sum uint64) {
	for _, s := range track.Samples {
		sum += uint64(s.Duration)
	}
	return sum
}

func rulePlacesOfTracks(t *testing.T) {
	r := packaged(t, clip{fps: 30, gop: 60, rate: 44100, seconds: 12})
	init := initOf(t, r, r.parsed().Segments[0].Map)
	if len(init.Tracks) != 2 || !init.Tracks[0].Codec.IsVideo() || init.Tracks[0].ID != 1 || init.Tracks[1].ID != 2 || init.Tracks[1].TimeScale != 44100 {
		t.Errorf("%+v", init.Tracks)
	}
	eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
		if len(tracks) != 2 || tracks[0].ID != 1 || tracks[1].ID != 2 {
			t.Errorf("part %d of segment %d has other tracks", i, s.Number)
		}
	})
}

func ruleLengthOfParts(t *testing.T) {
	for name, c := range cadences() {
		r := packaged(t, c)
		var sum float64
		eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
			whole := float64(ticksIn(tracks[0])) / 90000
			if d := s.Parts[i].Duration; d <= 0.2 || math.Abs(d-whole) > 1e-4 {
				t.Errorf("%s: part %d of segment %d is listed with %.4f s and has pictures for %.4f s", name, i, s.Number, d, whole)
			}
			if sum += whole; i == len(s.Parts)-1 {
				if s.URI != "" && math.Abs(sum-s.Duration) > 1e-4 {
					t.Errorf("%s: segment %d is listed with %.4f s and has %.4f s", name, s.Number, s.Duration, sum)
				}
				sum = 0
			}
		})
	}
}

func ruleTargets(t *testing.T) {
	for name, c := range cadences() {
		p := packaged(t, c).parsed()
		for _, s := range p.Segments {
			if s.URI != "" && math.Round(s.Duration) > p.Target {
				t.Errorf("%s: a segment of %.4f s under a target of %g", name, s.Duration, p.Target)
			}
			for _, part := range s.Parts {
				if part.Duration > p.PartTarget {
					t.Errorf("%s: a part of %.5f s under a target of %.5f", name, part.Duration, p.PartTarget)
				}
			}
		}
		if math.Abs(p.PartHoldBack-3*p.PartTarget) > 1e-6 {
			t.Errorf("%s: PART-HOLD-BACK %.5f for parts of %.5f", name, p.PartHoldBack, p.PartTarget)
		}
	}
}

func ruleSoundInItsPart(t *testing.T) {
	for _, skew := range []float64{-0.15, 0, 0.15} {
		r := packaged(t, clip{fps: 30, gop: 60, rate: 48000, seconds: 20, skew: skew})
		eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
			from := float64(tracks[0].BaseTime) / 90000
			to := from + float64(ticksIn(tracks[0]))/90000
			at := float64(tracks[1].BaseTime) / 48000
			for n, sample := range tracks[1].Samples {
				if at < from-1e-4 || at >= to+1e-4 {
					t.Errorf("sound %d of part %d, segment %d begins at %.5f, the part is from %.5f to %.5f", n, i, s.Number, at, from, to)
				}
				at += float64(sample.Duration) / 48000
			}
		})
	}
}

func ruleNoHoles(t *testing.T) {
	between := func(from, to float64) func(float64) bool {
		return func(at float64) bool { return at < from || at >= to }
	}
	r := newTape(t)
	r.validator.Varying = true // the last picture stands through a part that has sound alone
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.play(clip{fps: 30, gop: 60, rate: 48000, seconds: 24, soundAt: between(9, 9.5), pictAt: between(14.2, 14.7)})
	ends := map[int]uint64{}
	var domain string
	eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
		if s.Map != domain {
			domain, ends = s.Map, map[int]uint64{}
		}
		for _, track := range tracks {
			if end, ok := ends[track.ID]; ok && track.BaseTime != end {
				t.Errorf("track %d of part %d, segment %d begins at %d, the one before ended at %d", track.ID, i, s.Number, track.BaseTime, end)
			}
			ends[track.ID] = track.BaseTime + ticksIn(track)
		}
	})

	silent := packaged(t, clip{fps: 30, gop: 60, seconds: 12}) // sound was announced, and none comes
	for _, s := range silent.parsed().Segments {
		if init := initOf(t, silent, s.Map); len(init.Tracks) != 2 {
			t.Errorf("an init segment has %d tracks before there is any sound", len(init.Tracks))
		}
	}
	eachPart(t, silent, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
		if len(tracks) != 2 {
			t.Errorf("part %d of segment %d has %d tracks", i, s.Number, len(tracks))
		}
	})
}

func ruleOneClock(t *testing.T) {
	r := newTape(t)
	for n := range 3 {
		r.generation(n+1, float64(n)*8.5, videoTrack(), aacTrack(48000))
		r.play(clip{fps: 30, gop: 60, rate: 48000, seconds: 8})
	}
	last, domain, fresh := uint64(0), int64(-1), 0
	eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
		if s.Domain != domain {
			domain, last = s.Domain, 0
			fresh++
		}
		if at := tracks[0].BaseTime; last > 0 && at < last {
			t.Errorf("part %d of segment %d goes back from %d to %d without a discontinuity", i, s.Number, last, at)
		}
		last = tracks[0].BaseTime + ticksIn(tracks[0])
	})
	if fresh != 3 {
		t.Errorf("%d stretches for 3 generations", fresh)
	}
}

func ruleDates(t *testing.T) {
	for _, bframes := range []int{0, 2} {
		r := packaged(t, clip{fps: 29.97, gop: 60, rate: 48000, seconds: 40, bframes: bframes})
		zero, began := int64(-1), time.Time{}
		eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
			if i > 0 {
				return
			}
			first, at := int64(math.MaxInt64), int64(tracks[0].BaseTime)
			for _, sample := range tracks[0].Samples {
				first = min(first, at+int64(sample.PTSOffset))
				at += int64(sample.Duration)
			}
			if zero < 0 {
				zero = first // where the packager's own clock has the first date that it ever gave
				began = s.Date
			}
			want := began.Add(time.Duration(first-zero) * time.Second / 90000)
			if off := s.Date.Sub(want).Abs(); off > time.Millisecond {
				t.Errorf("with %d pictures out of order segment %d is dated %s, its first picture is of %s", bframes, s.Number, s.Date, want)
			}
		})
	}
}

func ruleChanges(t *testing.T) {
	r := newTape(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.play(clip{fps: 30, gop: 60, rate: 48000, seconds: 8})
	r.play(clip{fps: 30, gop: 60, rate: 48000, from: 8, seconds: 8, sets: setsWide}) // the phone is turned
	r.generation(2, 16.5, videoTrack(), aacTrack(44100))                             // another encoder
	r.play(clip{fps: 25, gop: 50, rate: 44100, seconds: 8})
	changes, before := 0, ""
	eachPart(t, r, func(s hlstest.Segment, i int, tracks []*fmp4.PartTrack) {
		if i > 0 {
			return
		}
		var unit []byte
		if sample := tracks[0].Samples[0].Payload; len(sample) > 5 {
			unit = sample[4:5]
		}
		if s.Parts[0].Independent && (len(unit) == 0 || unit[0]&0x1f != 7) {
			t.Errorf("segment %d does not begin with its parameter sets", s.Number)
		}
		if s.Map != before && before != "" {
			changes++
			if !s.Discontinuity || !s.MapStated || s.Date.IsZero() || !s.Parts[0].Independent {
				t.Errorf("a change is announced by %+v", s)
			}
		}
		before = s.Map
	})
	if changes != 2 {
		t.Errorf("%d changes were announced", changes)
	}
}

func ruleBlockedReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(10 * time.Second))
		time.Sleep(time.Second)
		a.playlist("")
		wait() // the encoder falls silent
		p, text := a.playlist("")
		msn, parts := where(p)
		began := time.Now()
		w := a.get("/hls/b/main.m3u8?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts)))
		if took, want := time.Since(began), time.Duration(p.Target*float64(time.Second))/2; w.Code != 200 || w.Body.String() != text || took != want {
			t.Errorf("answered with %d after %v, want the same list after %v", w.Code, took, want)
		}
	})
}
