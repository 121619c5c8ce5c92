package main

import (
	"path/filepath"
	"slices"
	"testing"
)

// A firewall that drops UDP costs a viewer neither the picture nor, in the end, WebRTC: it goes over TCP.
func TestJourneyWhereUDPIsBlocked(t *testing.T) {
	var saw struct {
		FirstFrame, Black int
		Over              string
		Paths             []string
	}
	browse(t, "blocked.mjs", &saw)
	if saw.FirstFrame > 4000 || saw.Black > 0 {
		t.Errorf("the first picture came over %s after %d ms; %d repaints had none", saw.Over, saw.FirstFrame, saw.Black)
	}
	if !slices.Contains(saw.Paths, "tcp") || slices.Contains(saw.Paths, "udp") {
		t.Errorf("media came over %v", saw.Paths)
	}
}

// Encoders are killed, frozen, cut off from the network, come back turned and take over from each other with another size and another codec, pages sleep:
// viewers over WebRTC and over LL-HLS go on without a reload, with a slate and the chat where there is no picture.
func TestJourneyEncodersComeAndGo(t *testing.T) {
	dir := t.TempDir()
	a, err := boot(dir, map[string]string{"broadcast.grace": "60s"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.stop(); err != nil {
			t.Error(err)
		}
	}()
	type viewer struct {
		Turned, Frozen, Replaced, Dropped, Larger, Slept, Codec, Back, Black int
		Here                                                                 bool
		Heard                                                                float64
		Faults                                                               []string
	}
	var saw struct {
		WHEP, HLS   viewer
		Codecs      []string
		Connections int
		Publishers  int
	}
	browseAt(t, filepath.Join(dir, "ready.json"), "reconnect.mjs", &saw)
	for kind, v := range map[string]viewer{"whep": saw.WHEP, "hls": saw.HLS} {
		if !v.Here || v.Black > 0 {
			t.Errorf("%s: %+v", kind, v)
		}
		for _, fault := range v.Faults {
			t.Errorf("%s: the page says %s", kind, fault)
		}
	}
	if saw.HLS.Heard < 0.001 {
		t.Error("sound that came with the second encoder is not heard over LL-HLS")
	}
	if saw.Publishers != 1 {
		t.Errorf("%d publishers: one that lost its network stays", saw.Publishers)
	}
	if want := []string{"video/H264", "video/VP8"}; !slices.Equal(saw.Codecs, want) {
		t.Errorf("WebRTC decoded %v, want %v", saw.Codecs, want)
	}
}
