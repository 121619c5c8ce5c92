package hls

import (
	"testing"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// The validator must also catch media that does not fit its playlist: a packager that is broken on purpose fails.
func TestBrokenMediaIsCaught(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(c *cutter){
		"nothing":                          func(*cutter) {},
		"pictures a tenth of a second off": func(c *cutter) { c.clock.Zero += 100_000 },
		"a hole in the sound":              func(c *cutter) { c.sound.clock += 2048 },
		"sound that is not there":          func(c *cutter) { c.split = true },
	} {
		r := newRig(t)
		g := &streaming.Generation{Number: 1, Anchor: mediatime.Anchor{Generation: 1, Wall: epochDate}}
		r.segmenter.enter(g, videoTrack(), aacTrack(48000), false)
		v := &hlstest.Validator{Get: r.get}
		var err error
		done := false
		for _, u := range (clip{fps: 30, gop: 60, rate: 48000, seconds: 20, skew: -0.1}).units() {
			r.segmenter.write(u)
			if c := r.segmenter.cutter; c != nil && !done && u.DTS > 10*48000 && u.Track == 2 {
				done = true
				broken(c)
			}
			if r.rendition.dirty {
				r.rendition.publish("b", nil, nil, nil)
				if now := r.rendition.now.Load(); now != nil && err == nil {
					err = v.Playlist(string(now.forms[form{}].text()))
				}
			}
		}
		if (err == nil) != (name == "nothing") {
			t.Errorf("%s: the validator says %v", name, err)
		}
	}
}
