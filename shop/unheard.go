package shop

import "time"

// UnheardWaitMax is the longest wait before a provider is asked again what became of a charge. A time that is further
// away was written by a clock that was wrong.
const UnheardWaitMax = 24 * time.Hour

// Unheard is an order that ended, by the end of its hold or by a cancellation, before its provider had said what became
// of the charge: the buyer's money may be there. The provider is asked until it says.
type Unheard struct {
	Order    Order
	Attempts int64 // how often it was asked
}

// Asked is what is noted once a provider was asked and has said nothing that is final, or nothing at all.
type Asked struct {
	OrderID  string
	Attempts int64
	Next     time.Time // when it is asked again; zero: never
}

// UnheardDue tells whether a provider is to be asked now, if that was to be at a time.
func UnheardDue(next, now time.Time) bool {
	return !next.After(now) || next.After(now.Add(2*UnheardWaitMax))
}
