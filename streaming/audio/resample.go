package audio

import "math"

// resampler turns samples at one rate into samples at another by a windowed sinc in polyphase form. It is exact
// in time: output sample n is the input at n·from/to, so nothing drifts however long it runs. It adds no delay
// but the half filter it must look ahead. It takes one or two channels. One goroutine uses it.
type resampler struct {
	channels int
	up, down int64 // to/from in lowest terms
	taps     int   // of one phase, even
	phases   [][]float32

	history []float32 // interleaved input, beginning with the sample base
	base    int64     // index of the first input sample in history
	next    int64     // index of the next output sample
}

const resamplerTaps = 32

func newResampler(from, to, channels int) *resampler {
	d := gcd(from, to)
	r := &resampler{channels: channels, up: int64(to / d), down: int64(from / d), taps: resamplerTaps}
	cutoff := 1.0
	if from > to {
		cutoff = float64(to) / float64(from)
		r.taps = 2 * int(math.Ceil(float64(resamplerTaps)/2/cutoff))
	}
	cutoff *= 0.96 // the transition band stays below the lower Nyquist frequency
	half := float64(r.taps) / 2
	r.phases = make([][]float32, r.up)
	for p := range r.phases {
		coefficients := make([]float32, r.taps)
		offset := float64(p) / float64(r.up)
		var sum float64
		weights := make([]float64, r.taps)
		for k := range weights {
			// Tap k weighs the input sample at floor(position) - taps/2 + 1 + k.
			x := float64(k) - half + 1 - offset
			weights[k] = cutoff * sinc(cutoff*x) * blackman(x/half)
			sum += weights[k]
		}
		for k := range coefficients {
			coefficients[k] = float32(weights[k] / sum)
		}
		r.phases[p] = coefficients
	}
	r.reset()
	return r
}

// reset begins a new stretch at input sample 0, with silence before it.
func (r *resampler) reset() {
	lead := r.taps/2 - 1
	r.history = append(r.history[:0], make([]float32, lead*r.channels)...)
	r.base, r.next = -int64(lead), 0
}

// write appends what can be made of the input so far to dst.
func (r *resampler) write(dst, in []float32) []float32 {
	r.history = append(r.history, in...)
	have := r.base + int64(len(r.history)/r.channels) // input samples [base, have) are there
	for {
		at := r.next * r.down
		whole, phase := at/r.up, at%r.up
		from := whole - int64(r.taps/2) + 1
		if from+int64(r.taps) > have {
			r.trim(from)
			return dst
		}
		start := int(from-r.base) * r.channels
		window := r.history[start : start+r.taps*r.channels]
		if r.channels == 2 {
			var left, right float32
			for k, w := range r.phases[phase] {
				pair := window[2*k : 2*k+2 : 2*k+2]
				left += w * pair[0]
				right += w * pair[1]
			}
			dst = append(dst, left, right)
		} else {
			var sum float32
			for k, w := range r.phases[phase] {
				sum += w * window[k]
			}
			dst = append(dst, sum)
		}
		r.next++
	}
}

// trim forgets input before sample keep.
func (r *resampler) trim(keep int64) {
	n := int(keep - r.base)
	if n <= 0 {
		return
	}
	n = min(n, len(r.history)/r.channels)
	r.history = append(r.history[:0], r.history[n*r.channels:]...)
	r.base += int64(n)
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// blackman is the window over [-1, 1].
func blackman(x float64) float64 {
	if x < -1 || x > 1 {
		return 0
	}
	return 0.42 + 0.5*math.Cos(math.Pi*x) + 0.08*math.Cos(2*math.Pi*x)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
