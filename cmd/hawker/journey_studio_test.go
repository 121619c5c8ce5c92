package main

import "testing"

// A creator rehearses first: the team sees it and what is pinned, strangers do not, and when it is over the show is made.
// Journey 1 again, without an encoder: the creator opens the studio, turns the camera on and goes live from the browser by
// WHIP, without ever seeing a stream key. Viewers see it move and hear it over WebRTC and, the sound made AAC, over LL-HLS;
// one tap pins a product for them.
func TestJourneyGoLiveFromTheBrowser(t *testing.T) {
	type watched struct {
		Loudness float64
		Frames   int
		Faults   []string
	}
	var saw struct {
		WHEP, HLS watched
		Pinned    int `json:"pinned_ms"`
		Health    *struct {
			Protocol   string
			VideoCodec string `json:"video_codec"`
			AudioCodec string `json:"audio_codec"`
		}
		Several struct {
			Cards, Shown int
			Full         bool
		}
		Order struct {
			Before, After []string
			Held          string
		}
		Rehearsal struct {
			Seen, Badge string
			Live        int
			Refused     int
			Listed      bool
			Faults      []string
		}
		Ended  string
		Faults []string
	}
	browse(t, "studio.mjs", &saw)
	for transport, w := range map[string]watched{"whep": saw.WHEP, "hls": saw.HLS} {
		if w.Frames < 20 || w.Loudness < 0.001 {
			t.Errorf("%s: %d frames, loudness %g", transport, w.Frames, w.Loudness)
		}
		saw.Faults = append(saw.Faults, w.Faults...)
	}
	if h := saw.Health; h == nil || h.Protocol != "whip" || h.VideoCodec != "h264" || h.AudioCodec != "opus" {
		t.Errorf("the studio sees %+v", h)
	}
	if s := saw.Several; s.Cards != 3 || s.Shown != 2 || !s.Full {
		t.Errorf("several at once: %+v", s)
	}
	if o := saw.Order; len(o.Before) < 4 || o.Held != o.Before[0] || len(o.After) < 4 {
		t.Errorf("the order of the run: %+v", o)
	}
	if r := saw.Rehearsal; r.Seen != "Rehearsal" || r.Live > 0 || r.Badge != "Rehearsal" || r.Refused != 404 || r.Listed {
		t.Errorf("the rehearsal: %+v", r)
	}
	saw.Faults = append(saw.Faults, saw.Rehearsal.Faults...)
	if saw.Ended != "ended" {
		t.Errorf("after the end it is %s", saw.Ended)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
