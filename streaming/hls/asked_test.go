package hls

import (
	"testing"

	"github.com/hawkerlive/hawker/streaming"
)

// A browser makes key pictures only when it is asked: the packager asks in time for the end of each segment, so that
// segments are short and begin with a key picture.
func TestKeyPicturesOnRequest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		every func(i int) float64
		delay float64 // from the request to the picture
		least float64 // of the segments that begin with a key picture
	}{
		"30 a second, a quick publisher":  {func(i int) float64 { return float64(i) / 30 }, 0.03, 0.85},
		"30 a second":                     {func(i int) float64 { return float64(i) / 30 }, 0.09, 0.85},
		"30 a second, a slow publisher":   {func(i int) float64 { return float64(i) / 30 }, 0.25, 0.85},
		"20 a second":                     {func(i int) float64 { return float64(i) / 20 }, 0.09, 0.9},
		"pictures that come as they like": {uneven, 0.09, 0.4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.validator.Varying = true
			r.generation(1, 0, videoTrack(), aacTrack(48000))
			now, keyAt, askedAt := 0.0, 0.0, -1.0
			r.segmenter.takes = true
			r.segmenter.ask = func() {
				if now-askedAt >= 0.5 {
					keyAt, askedAt = now+c.delay, now
				}
			}
			sound := clip{rate: 48000, seconds: 60}.units()
			for i := 0; c.every(i) < 60; i++ {
				now = c.every(i)
				for len(sound) > 0 && float64(sound[0].PTS)/48000 <= now {
					r.feed(sound[:1])
					sound = sound[1:]
				}
				u := &streaming.Unit{Track: 1, PTS: ticksOf(now, false), DTS: ticksOf(now, false), Payload: [][]byte{{0x41, byte(i), byte(i >> 8)}}}
				if keyAt >= 0 && now >= keyAt {
					u.Key, keyAt = true, -1
					u.Payload = [][]byte{setsTall[0], setsTall[1], {0x65, byte(i), byte(i >> 8)}}
				}
				r.feed([]*streaming.Unit{u})
			}
			whole, independent := 0, 0
			for _, s := range r.rendition.segments {
				whole++
				if s.Independent {
					independent++
				}
			}
			if p := r.parsed(); p.Target != 2 || float64(independent) < c.least*float64(whole) {
				t.Errorf("TARGETDURATION %v, %d of %d segments begin with a key picture\n%s", p.Target, independent, whole, r.newest())
			}
			r.end()
		})
	}
}
