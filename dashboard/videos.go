package dashboard

// VideoSales is what was bought from a video: a short one, a clip, or the recording of a show after its end. Amounts are
// minor units of Currency; orders in another are counted and nothing else.
type VideoSales struct {
	Currency string
	Orders   int64 // paid ones, refunded ones too
	Units    int64
	GMV      int64
	Refunds  int64
	Foreign  int64
}

// home puts an order of a video that is no slice of a show under the video: what is counted of a show is counted of it.
func (o *orderData) home() {
	if o.Broadcast == "" {
		o.Broadcast = o.Video
	}
}

func (o *refundData) home() {
	if o.Broadcast == "" {
		o.Broadcast = o.Video
	}
}

// Sums are an order's: goods before refunds, units, and the value of goods refunded.
func (o Order) Sums() (gmv, units, refunded int64) {
	for _, l := range o.Lines {
		gmv, units, refunded = gmv+l.UnitPrice*l.Quantity, units+l.Quantity, refunded+l.Refunded
	}
	return gmv, units, refunded
}
