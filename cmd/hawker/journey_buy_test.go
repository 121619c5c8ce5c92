package main

import "testing"

// Journey 5: a viewer who has never been here taps the card, signs up in the sheet, pays and has the order, while the
// picture plays on; the second time it takes two taps. The stock that viewers see falls within a second.
func TestJourneyBuyFromTheCard(t *testing.T) {
	var saw struct {
		Orders, Playing int
		Faults          []string
	}
	browse(t, "buy.mjs", &saw)
	if saw.Orders != 2 {
		t.Errorf("%d orders on the page, want 2", saw.Orders)
	}
	if saw.Playing < 15 {
		t.Errorf("%d frames were shown while the viewer signed up and paid", saw.Playing)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
