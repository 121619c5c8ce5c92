package main

import "testing"

// Journey 5: a viewer who has never been here taps the card, signs up in the sheet, pays and has the order, while the
// picture plays on; the second time it takes two taps. The stock that viewers see falls within a second.
// What is sold out they line up for, and buy when one comes back and is kept for them.
func TestJourneyBuyFromTheCard(t *testing.T) {
	var saw struct {
		Orders, Playing int
		Kept            bool // what was sold out, once it came back
		Faults          []string
	}
	browse(t, "buy.mjs", &saw)
	if saw.Orders != 3 || !saw.Kept {
		t.Errorf("%d orders on the page, want 3; lined up: %v", saw.Orders, saw.Kept)
	}
	if saw.Playing < 15 {
		t.Errorf("%d frames were shown while the viewer signed up and paid", saw.Playing)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
