package mediatime_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
	"pgregory.net/rapid"
)

func TestRescaleEqualsBigArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "v")
		num := rapid.Int64Range(1, 1_000_000).Draw(t, "num")
		den := rapid.Int64Range(90, 1_000_000).Draw(t, "den")
		want := new(big.Int).Mul(big.NewInt(v), big.NewInt(num))
		half := big.NewInt(den / 2)
		if want.Sign() < 0 {
			want.Sub(want, half)
		} else {
			want.Add(want, half)
		}
		want.Quo(want, big.NewInt(den))
		if !want.IsInt64() {
			t.Skip("the result does not fit")
		}
		if got := mediatime.Rescale(v, num, den); got != want.Int64() && num != den {
			t.Fatalf("Rescale(%d, %d, %d) = %d, want %d", v, num, den, got, want)
		}
	})
}

func TestTicksSurviveTheWayThroughMicroseconds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]int{8000, 44100, 48000, 90000}).Draw(t, "rate")
		ticks := rapid.Int64Range(-1<<44, 1<<44).Draw(t, "ticks")
		if got := mediatime.FromTicks(ticks, rate).Ticks(rate); got != ticks {
			t.Fatalf("%d ticks at %d Hz came back as %d", ticks, rate, got)
		}
	})
}

func TestUnwrap(t *testing.T) {
	t.Parallel()
	const m31, m32 = int64(1) << 31, int64(1) << 32
	for name, c := range map[string]struct{ in, want []int64 }{
		"goes on past 2^31 milliseconds":         {[]int64{m31 - 40, m31 - 1, 39}, []int64{m31 - 40, m31 - 1, m31 + 39}},
		"goes on past 2^32 milliseconds":         {[]int64{m32 - 40, m32 - 1, 39}, []int64{m32 - 40, m32 - 1, m32 + 39}},
		"wraps twice":                            {[]int64{m31 - 1, 0, m31 - 1, 5}, []int64{m31 - 1, m31, 2*m31 - 1, 2*m31 + 5}},
		"keeps a late stamp from before a wrap":  {[]int64{m31 - 1, 20, m31 - 10, 40}, []int64{m31 - 1, m31 + 20, m31 - 10, m31 + 40}},
		"hands an encoder's restart on":          {[]int64{3_600_000, 0, 40}, []int64{3_600_000, 0, 40}},
		"hands a jump forward on":                {[]int64{0, 36_000_000}, []int64{0, 36_000_000}},
		"keeps B-frame presentation stamps":      {[]int64{0, 80, 40, 160, 120}, []int64{0, 80, 40, 160, 120}},
		"a first stamp just before a wrap is it": {[]int64{m32 - 1}, []int64{m32 - 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := mediatime.Unwrapper{Moduli: []int64{m31, m32}}
			// The sweep to the next wrap must not look like one itself.
			for i, raw := range c.in {
				if name == "wraps twice" && i == 2 {
					for v := int64(0); v < m31-1; v += 1 << 27 {
						u.Unwrap(v)
					}
				}
				if got := u.Unwrap(raw); got != c.want[i] {
					t.Fatalf("stamp %d: %d became %d, want %d", i, raw, got, c.want[i])
				}
			}
		})
	}
}

func TestAnchorsGiveTheDateOfTheirGeneration(t *testing.T) {
	t.Parallel()
	wall := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	as := mediatime.Anchors{{Generation: 1, Media: 0, Wall: wall}, {Generation: 2, Media: 10_000_000, Wall: wall.Add(11 * time.Second)}}
	for at, want := range map[mediatime.Time]time.Time{
		0:          wall,
		9_999_999:  wall.Add(9_999_999 * time.Microsecond),
		10_000_000: wall.Add(11 * time.Second),
		12_000_000: wall.Add(13 * time.Second),
	} {
		a, ok := as.For(at)
		if !ok || !a.Date(at).Equal(want) {
			t.Errorf("media time %d is dated %v, want %v", at, a.Date(at), want)
		}
		if back := a.At(a.Date(at)); back != at {
			t.Errorf("date of %d came back as %d", at, back)
		}
	}
}
