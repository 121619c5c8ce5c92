package main

import (
	"strings"
	"testing"
)

// The creator starts a deal in the studio; the viewer sees it counted down to, buys at its price, cannot buy more than one
// buyer may, and finds the card gone when the deal is over.
func TestJourneyADealOpensAndEndsForTheViewer(t *testing.T) {
	var saw struct {
		Seen struct{ Announced, Line, Button string }
		Deal struct {
			From, Opens, Ends int64
			Price             struct{ Amount int64 }
		}
		List, Paid int64
		Faults     []string
	}
	browse(t, "deal.mjs", &saw)
	if saw.Seen.Announced != "announced" || !strings.Contains(saw.Seen.Line, "Opens in") {
		t.Errorf("the viewer sees %+v", saw.Seen)
	}
	if saw.Deal.Opens-saw.Deal.From < 10_000_000 || saw.Deal.Ends <= saw.Deal.Opens {
		t.Errorf("the deal's frames are %+v", saw.Deal)
	}
	if saw.Paid != saw.Deal.Price.Amount || saw.Paid != saw.List-1000 {
		t.Errorf("the viewer paid %d, the deal is %d, the list %d", saw.Paid, saw.Deal.Price.Amount, saw.List)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
