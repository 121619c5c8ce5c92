package main

import "testing"

// The player's ladder in a real browser: a picture within four seconds where no WebRTC media pass; back to WebRTC, without a
// black picture, when they pass again; a cut network found again in the same session; offline and on again without a reload.
func TestJourneyThePlayerFindsItsWay(t *testing.T) {
	var saw struct {
		Blocked struct {
			FirstFrame int
			Over       string
			Moved      struct{ Gap, Black, Number int }
			Faults     []string
		}
		Cut struct {
			Back      int
			Requests  []string
			Transport string
			Faults    []string
		}
		Offline struct {
			Stood  string
			Back   int
			Faults []string
		}
	}
	browse(t, "ladder.mjs", &saw)
	t.Logf("%+v", saw)
	if b := saw.Blocked; b.Over != "hls" || b.FirstFrame > 4000 {
		t.Errorf("without media the first picture came over %s after %d ms", b.Over, b.FirstFrame)
	}
	if m := saw.Blocked.Moved; m.Black > 0 || m.Number < 20 {
		t.Errorf("the move to WebRTC showed %d repaints without a picture, %d of 30 frames were readable", m.Black, m.Number)
	}
	if c := saw.Cut; c.Transport != "whep" || len(c.Requests) < 2 || c.Requests[0] != "POST" {
		t.Errorf("after a cut: %+v", c)
	}
	if saw.Offline.Back > 10_000 {
		t.Errorf("after having been offline: %+v", saw.Offline)
	}
	for _, fault := range append(append(saw.Blocked.Faults, saw.Cut.Faults...), saw.Offline.Faults...) {
		t.Errorf("the page says %s", fault)
	}
}
