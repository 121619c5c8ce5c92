package vod_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/captions"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// A show of two stretches is captioned; its recording names the captions for players, cut where it is cut, and a clip of
// it has those of its time.
func TestWhatIsSaidPlaysWithTheRecordingAndItsClips(t *testing.T) {
	tracks, units := film(t)
	h := open(t, t.TempDir(), nil)
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.packaged(t)
	h.wall.Add((5 * time.Second).Microseconds())
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.end(t)
	lib := &vod.Library{Videos: h.store, Blobs: h.blobs, Captions: h.store}
	of := vod.Captions{Video: "show", Language: "EN", Label: "English", By: "noor"}
	if _, err := lib.Caption(t.Context(), of, []byte("<html>")); !errors.Is(err, captions.ErrFormat) {
		t.Errorf("a page is taken for captions: %v", err)
	}
	file := "1\n00:00:01,000 --> 00:00:02,000\nIs it linen?\n\n2\n00:00:03,500 --> 01:00:00,000\nIt <i>is</i>.\n"
	if c, err := lib.Caption(t.Context(), of, []byte(file)); err != nil || c.Language != "en" {
		t.Fatal(c, err)
	}
	s := &vod.Server{Store: h.store, Captions: h.store, Blobs: h.blobs, Broadcasts: h.books, Settled: h.recorder.Settled}
	base, client := serve(t, s)
	_, index := get(t, client, base+"index.m3u8")
	if !strings.Contains(index, `TYPE=SUBTITLES,GROUP-ID="captions",NAME="English",LANGUAGE="en"`) || !strings.Contains(index, `SUBTITLES="captions"`) {
		t.Errorf("%s", index)
	}
	_, list := get(t, client, base+"captions-en.m3u8")
	if strings.Count(list, "#EXT-X-DISCONTINUITY\n") != 1 || strings.Count(list, "#EXTINF:") != 2 || !strings.HasSuffix(list, "#EXT-X-ENDLIST\n") {
		t.Errorf("%s", list)
	}
	a, first := get(t, client, base+"captions-en-0.vtt")
	_, second := get(t, client, base+"captions-en-1.vtt")
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/vtt") || !strings.Contains(first, "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n") || !strings.Contains(first, "Is it linen?") {
		t.Errorf("the first piece: %s\n%s", a.Header.Get("Content-Type"), first)
	}
	if strings.Contains(second, "linen") || !strings.Contains(second, "It <i>is</i>.") {
		t.Errorf("the second piece:\n%s", second)
	}
	if out := hlstest.Run(t, "ffprobe", "-v", "error", "-show_entries", "packet=pts_time,duration_time", "-of", "csv=p=0", base+"captions-en.vtt"); !strings.HasPrefix(out, "1.000000,1.000000") {
		t.Errorf("ffprobe reads %s", out)
	}
	if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", base+"index.m3u8", "-f", "null", "-"); out != "" {
		t.Errorf("ffmpeg says:\n%s", out)
	}
	clip := vod.Video{ID: "clip", Source: "show", Kind: vod.KindClip, From: 1_500_000, Until: 4_500_000, Duration: 3 * time.Second}
	said, err := lib.CaptionsFor(t.Context(), clip)
	if want := "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nIs it linen?\n\n00:00:02.000 --> 00:00:03.000\nIt <i>is</i>.\n"; err != nil || len(said) != 1 || said[0].Text != want {
		t.Errorf("a clip has %+v, %v", said, err)
	}
	own := vod.Captions{Video: "clip", Language: "en", Label: "English"}
	if _, err := lib.Caption(t.Context(), own, []byte("WEBVTT\n\n00:00.000 --> 00:01.000\nOwn\n")); err != nil {
		t.Fatal(err)
	}
	if said, err = lib.CaptionsFor(t.Context(), clip); err != nil || len(said) != 1 || !strings.Contains(said[0].Text, "Own") {
		t.Errorf("with its own it has %+v, %v", said, err)
	}
	if err := lib.Uncaption(t.Context(), "show", "en"); err != nil {
		t.Fatal(err)
	}
	if err := lib.Uncaption(t.Context(), "show", "en"); !errors.Is(err, vod.ErrNotFound) {
		t.Errorf("taken away twice: %v", err)
	}
}
