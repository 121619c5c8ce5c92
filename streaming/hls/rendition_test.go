package hls

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Two renditions of one stream have aligned parts, report each other and stand in one multivariant playlist.
func TestSeveralRenditions(t *testing.T) {
	t.Parallel()
	type line struct {
		r *rendition
		s *segmenter
		v *hlstest.Validator
	}
	g := &streaming.Generation{Number: 1, Anchor: mediatime.Anchor{Generation: 1, Wall: epochDate}}
	anchors := mediatime.Anchors{g.Anchor}
	var lines []line
	for i, name := range []string{"main", "low"} {
		r := &rendition{name: name, life: "a1", config: Config{}.filled()}
		s := &segmenter{out: r, log: slog.New(slog.DiscardHandler)}
		s.enter(g, videoTrack(), aacTrack(48000), false)
		lines = append(lines, line{r, s, &hlstest.Validator{Others: []string{[]string{"low.m3u8", "main.m3u8"}[i]}}})
	}
	sets := [][][]byte{setsTall, setsWide}
	clips := make([][]*streaming.Unit, 2)
	for i := range clips {
		clips[i] = clip{fps: 30, gop: 60, rate: 48000, seconds: 40, sets: sets[i]}.units()
	}
	for n := range clips[0] {
		for i, l := range lines {
			l.s.write(clips[i][n])
		}
		for i, l := range lines {
			other := lines[1-i].r
			if !l.r.dirty {
				continue
			}
			l.r.publish("b", nil, anchors, map[string]*view{other.name: other.now.Load()})
			if n < 200 {
				continue // the first playlists are made one after the other
			}
			if err := l.v.Playlist(string(l.r.now.Load().full.plain)); err != nil {
				t.Fatalf("%v\n%s", err, l.r.now.Load().full.plain)
			}
		}
	}
	a, b := lines[0].r.now.Load(), lines[1].r.now.Load()
	if a.lastMSN != b.lastMSN || a.lastIndex != b.lastIndex {
		t.Errorf("%d.%d and %d.%d", a.lastMSN, a.lastIndex, b.lastMSN, b.lastIndex)
	}
	report := fmt.Sprintf("#EXT-X-RENDITION-REPORT:URI=\"main.m3u8\",LAST-MSN=%d,LAST-PART=%d\n", a.lastMSN, a.lastIndex)
	if text := string(b.full.plain); !strings.HasSuffix(text, report) {
		t.Errorf("%s is missing in\n%s", report, text)
	}
	text := Multivariant([]Variant{a.variant("main"), b.variant("low")})
	if strings.Count(text, "#EXT-X-STREAM-INF:") != 2 || !strings.Contains(text, "RESOLUTION=540x960") || !strings.Contains(text, "RESOLUTION=960x540") || !strings.Contains(text, "avc1.42c01f,mp4a.40.2") {
		t.Error(text)
	}
}

// A delta update and a compressed playlist are made once, whoever asks.
func TestPlaylistsAreShared(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.generation(1, 0, videoTrack(), aacTrack(48000))
	r.feed(clip{fps: 30, gop: 60, rate: 48000, seconds: 30}.units())
	v := r.rendition.now.Load()
	if first, second := v.full.gzip(), v.full.gzip(); &first[0] != &second[0] {
		t.Error("compressed twice")
	}
	if len(v.delta.plain) >= len(v.full.plain)*9/10 {
		t.Errorf("the delta update has %d of %d bytes", len(v.delta.plain), len(v.full.plain))
	}
	r.end()
}
