package main

import "testing"

// Journey 6: the seller watches the sales of the running show. A paid order is on the page within two seconds, a declined
// one never is, a refund comes off the net and not off the GMV. The same show read in Arabic runs from right to left.
func TestJourneyWatchTheSales(t *testing.T) {
	var saw struct {
		Price, Delay, GMV, Units int64
		OrdersAfterDecline       int64
		GMVAfterRefund           int64
		Declined                 string
		Refunded                 struct{ Amount int64 }
		Sales                    struct{ GMV, Net, Refunds int64 }
		RTL                      struct {
			Dir, Lang           string
			ButtonLeftOfPicture bool
			Overflow            bool
			ArabicLetters       int
		}
		Faults []string
	}
	browse(t, "sell.mjs", &saw)
	if saw.GMV != saw.Price || saw.Units != 2 || saw.OrdersAfterDecline != 1 || saw.Declined != "declined" {
		t.Errorf("an order of %d over 2 units moved the page by GMV %d, %d units, %d orders; the declined one is %s", saw.Price, saw.GMV, saw.Units, saw.OrdersAfterDecline, saw.Declined)
	}
	if saw.GMVAfterRefund != saw.GMV || saw.Refunded.Amount != saw.Price/2 || saw.Sales.GMV-saw.Sales.Net != saw.Sales.Refunds {
		t.Errorf("after a refund of %d the page's GMV moved by %d, the figures are %+v", saw.Refunded.Amount, saw.GMVAfterRefund, saw.Sales)
	}
	if saw.RTL.Dir != "rtl" || saw.RTL.Lang != "ar" || !saw.RTL.ButtonLeftOfPicture || saw.RTL.Overflow || saw.RTL.ArabicLetters < 60 {
		t.Errorf("in Arabic: %+v", saw.RTL)
	}
	for _, fault := range saw.Faults {
		t.Errorf("the page says %s", fault)
	}
}
