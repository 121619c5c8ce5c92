package mediatime

import (
	"math/bits"
	"time"
)

// Time is an instant of a broadcast: microseconds since its first frame.
type Time int64

// Of converts a duration since the broadcast's first frame.
func Of(d time.Duration) Time { return Time(d / time.Microsecond) }

// Duration is the time since the broadcast's first frame.
func (t Time) Duration() time.Duration { return time.Duration(t) * time.Microsecond }

// FromTicks converts ticks of a clock with the given rate (ticks per second) to microseconds, rounded to
// the nearest. Use it for one instant; never add up its results, the rounding would add up too.
func FromTicks(ticks int64, rate int) Time { return Time(Rescale(ticks, 1_000_000, int64(rate))) }

// Ticks converts an instant to ticks of a clock with the given rate, rounded to the nearest.
func (t Time) Ticks(rate int) int64 { return Rescale(int64(t), int64(rate), 1_000_000) }

// Rescale returns v·num/den rounded to the nearest integer, halves away from zero, without overflow in
// between. num and den must be positive and the result must fit in 63 bits.
func Rescale(v, num, den int64) int64 {
	if num == den {
		return v
	}
	neg := v < 0
	u := uint64(v)
	if neg {
		u = -u
	}
	hi, lo := bits.Mul64(u, uint64(num))
	lo, carry := bits.Add64(lo, uint64(den)/2, 0)
	hi += carry
	q, _ := bits.Div64(hi, lo, uint64(den))
	if neg {
		return -int64(q)
	}
	return int64(q)
}
