package mediatime

// Unwrapper turns stamps that wrap into stamps that do not. Its zero value is not usable: set the moduli.
// One goroutine uses it.
type Unwrapper struct {
	// Moduli are the values at which the source's stamps may return to zero, smallest first: {1<<31, 1<<32}
	// for RTMP milliseconds (FFmpeg's FLV writer keeps 31 bits, others 32), {1<<32} for RTP.
	Moduli []int64

	started bool
	last    int64 // newest raw stamp
	offset  int64 // added to a raw stamp
}

// Unwrap returns the stamp on a line without wraps. A step back by nearly a modulus (within an eighth of
// it) is a wrap; every other step, forward or back, is handed on as it is, for the caller to judge.
// A late stamp from before the wrap is placed before it.
func (u *Unwrapper) Unwrap(raw int64) int64 {
	if !u.started {
		u.started, u.last = true, raw
		return raw
	}
	step := raw - u.last
	for _, m := range u.Moduli {
		slack := m / 8
		switch {
		case step < 0 && -step > m-slack && -step <= m:
			u.offset += m
			u.last = raw
			return raw + u.offset
		case step > 0 && step > m-slack && step <= m && u.offset >= m:
			// A stamp from before the wrap that arrives after it: the line does not go back.
			return raw + u.offset - m
		}
	}
	u.last = raw
	return raw + u.offset
}
