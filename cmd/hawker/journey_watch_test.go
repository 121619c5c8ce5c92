package main

import "testing"

// Journeys 2 and 3: a viewer opens the broadcast on a phone. Where WebRTC passes it is WHEP; where no WebRTC media pass the
// player goes to LL-HLS by itself. In both there is a picture that moves on, frame by frame, and sound.
func TestJourneyWatchOverWHEPAndOverLLHLS(t *testing.T) {
	var saw map[string]struct {
		Transport    string
		State        string
		FirstFrameMS int `json:"first_frame_ms"`
		Loudness     float64
		Frames       int
		Readable     int
		Forward      int
		Faults       []string
	}
	browse(t, "watch.mjs", &saw)
	for _, transport := range []string{"whep", "hls"} {
		got := saw[transport]
		if got.Transport != transport || got.State != "playing" {
			t.Errorf("%s: transport %q, %s", transport, got.Transport, got.State)
		}
		// Three seconds at thirty a second, on a machine that is busy with the encoder, the server and the browser.
		if got.Frames < 30 || got.Readable < got.Frames*9/10 || got.Forward < got.Frames/2 {
			t.Errorf("%s: %d frames, %d readable, %d going forward", transport, got.Frames, got.Readable, got.Forward)
		}
		if got.Loudness < 0.001 {
			t.Errorf("%s: nothing is heard (%g)", transport, got.Loudness)
		}
		for _, fault := range got.Faults {
			t.Errorf("%s: the page says %s", transport, fault)
		}
	}
}
