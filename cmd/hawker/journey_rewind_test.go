package main

import "testing"

// A viewer of a show on air goes back by a tap and by the bar, stands still, and goes to live again, without a reload.
func TestJourneyWindAShowBack(t *testing.T) {
	var saw struct {
		Back, Took, Black  int
		Behind, Sought     float64
		Stood, Early, Card bool
		Bar                bool
		Faults             []string
	}
	browse(t, "rewind.mjs", &saw)
	// The demo's loop has 480 frames, thirty a second.
	if saw.Back < 420 || saw.Back > 479 {
		t.Errorf("fifteen seconds back were %d frames", saw.Back)
	}
	slow := max(0, float64(saw.Took)/1000-5) // where the way back itself takes long, live moves on meanwhile
	if saw.Behind < 12 || saw.Behind > 30+slow || saw.Sought < 0 || saw.Sought > 12 {
		t.Errorf("the bar stood %.1f s behind live, and then %.1f s after the beginning", saw.Behind, saw.Sought)
	}
	if !saw.Stood || saw.Early || !saw.Card || saw.Bar || saw.Black > 0 {
		t.Errorf("the viewer saw %+v", saw)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
