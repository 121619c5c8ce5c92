package hls

import (
	"testing"
	"time"
)

func gopOf(fps float64, frames int) gop {
	var g gop
	for i := range frames {
		a, b := int64(float64(i)*90000/fps+0.5), int64(float64(i+1)*90000/fps+0.5)
		g.add(b - a)
	}
	return g
}

func TestPlanOfUsualCadences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		g      gop
		part   time.Duration
		target int
		parts  int // within an interval
	}{
		"30 a second, a key every 2 s":    {gopOf(30, 60), 336 * time.Millisecond, 2, 6},
		"25 a second, a key every 2 s":    {gopOf(25, 50), 322 * time.Millisecond, 2, 7},
		"29.97 a second, a key every 2 s": {gopOf(30000./1001, 60), 336 * time.Millisecond, 2, 6},
		"60 a second, a key every 2 s":    {gopOf(60, 120), 336 * time.Millisecond, 2, 6},
		"15 a second, a key every 2 s":    {gopOf(15, 30), 336 * time.Millisecond, 2, 6},
		"8 a second, a key every 2 s":     {gopOf(8, 16), 252 * time.Millisecond, 2, 8},
		"10 a second, a key every 2 s":    {gopOf(10, 20), 402 * time.Millisecond, 2, 5},
		"5 a second, a key every 2 s":     {gopOf(5, 10), 402 * time.Millisecond, 2, 5},
		"1 a second, a key every 2 s":     {gopOf(1, 2), 1002 * time.Millisecond, 2, 2},
		"30 a second, a key every second": {gopOf(30, 30), 336 * time.Millisecond, 2, 3},
		"30 a second, a key every 4 s":    {gopOf(30, 120), 336 * time.Millisecond, 4, 12},
		"30 a second, all key pictures":   {gopOf(30, 1), 336 * time.Millisecond, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := choosePlan(c.g)
			if p.part != c.part || p.target != c.target || len(p.marks)+1 != c.parts {
				t.Fatalf("PART-TARGET %v, TARGETDURATION %d, %d parts; want %v, %d, %d", p.part, p.target, len(p.marks)+1, c.part, c.target, c.parts)
			}
		})
	}
}

// Every constant rate from 8 to 60 pictures a second, with every key interval, must have parts over 200 ms and over
// the floor.
func TestPlanHoldsTheFloorAtEveryConstantRate(t *testing.T) {
	t.Parallel()
	for fps := 8.0; fps <= 60; fps += 0.25 {
		for frames := 1; frames <= int(10*fps); frames++ {
			p := choosePlan(gopOf(fps, frames))
			if !p.steady {
				t.Fatalf("%v a second, %d pictures: no steady plan", fps, frames)
			}
			if p.part > partMost+partSlack+time.Millisecond {
				t.Fatalf("%v a second, %d pictures: PART-TARGET %v", fps, frames, p.part)
			}
			from := int64(0)
			for i, m := range append(p.marks, p.interval) {
				d := clockTime(m - from)
				if d <= partTail || d > p.part || (i < len(p.marks) && float64(d) < partFloor*float64(p.part)) {
					t.Fatalf("%v a second, %d pictures: part %d of %d is %v at PART-TARGET %v", fps, frames, i, len(p.marks)+1, d, p.part)
				}
				from = m
			}
		}
	}
}

func TestPlanOfALongGroupOfPictures(t *testing.T) {
	t.Parallel()
	g := gopOf(30, 300)
	g.open = true
	if p := choosePlan(g); !p.keyless || p.target != 10 || clockTime(p.interval) != 10*time.Second {
		t.Fatalf("%+v", p)
	}
	g.asked = true
	if p := choosePlan(g); p.keyless || p.target != 2 || clockTime(p.interval) != 2*time.Second {
		t.Fatalf("with key pictures on request: %+v", p)
	}
}

func TestPlanIsKeptWhereItFits(t *testing.T) {
	t.Parallel()
	thirty := choosePlan(gopOf(30, 60))
	for name, c := range map[string]struct {
		g    gop
		fits bool
	}{
		"25 a second":           {gopOf(25, 50), false},
		"24 a second":           {gopOf(24, 48), true},
		"60 a second":           {gopOf(60, 120), true},
		"a shorter key":         {gopOf(30, 30), true},
		"a longer key interval": {gopOf(30, 120), false},
		"5 a second":            {gopOf(5, 10), false},
		"8 a second":            {gopOf(8, 16), false},
	} {
		if p, ok := thirty.keep(c.g); ok != c.fits || (ok && (p.part != thirty.part || p.target != thirty.target)) {
			t.Errorf("%s: kept %v, want %v: %+v", name, ok, c.fits, p)
		}
	}
}
