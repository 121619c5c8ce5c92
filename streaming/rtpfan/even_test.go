package rtpfan

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

func TestSoundLeavesEvenly(t *testing.T) {
	t.Parallel()
	const packet = 20 * time.Millisecond
	frame := 1024 * time.Second / 48000
	for name, late := range map[string]func(n int) time.Duration{
		"a saw tooth of two frame lengths": func(n int) time.Duration {
			whole := (time.Duration(n+1)*packet + frame - 1) / frame * frame
			return whole - time.Duration(n+1)*packet
		},
		"bursts of two": func(n int) time.Duration { return time.Duration(1-n%2) * packet },
		"even already":  func(int) time.Duration { return 3 * time.Millisecond },
	} {
		var e even
		began := time.Unix(1000, 0)
		var left []time.Duration
		for n := range 400 {
			media := time.Duration(n) * packet
			came := began.Add(media + late(n))
			held := e.hold(mediatime.Of(media), came)
			if held < 0 || held > evenMost {
				t.Fatalf("%s: packet %d is held for %v", name, n, held)
			}
			left = append(left, came.Add(held).Sub(began)-media)
		}
		for n, at := range left[100:] {
			if off := (at - left[99]).Abs(); off > time.Millisecond {
				t.Errorf("%s: packet %d leaves %v off the others", name, n+100, off)
			}
		}
	}
}

func TestSoundThatIsMuchTooLateHoldsNothingUp(t *testing.T) {
	t.Parallel()
	var e even
	began := time.Unix(1000, 0)
	at := func(n int, late time.Duration) time.Duration {
		media := time.Duration(n) * 20 * time.Millisecond
		return e.hold(mediatime.Of(media), began.Add(media+late))
	}
	for n := range 50 {
		if held := at(n, 0); held != 0 {
			t.Fatalf("packet %d is held for %v", n, held)
		}
	}
	if held := at(50, 300*time.Millisecond); held != 0 {
		t.Errorf("the late one is held for %v", held)
	}
	if held := at(51, 0); held != evenMost {
		t.Errorf("the next is held for %v", held)
	}
	for n := 52; n < 52+evenWindow; n++ {
		at(n, 0)
	}
	if held := at(52+evenWindow, 0); held != 0 {
		t.Errorf("long after it they are held for %v", held)
	}
	// The publisher was away, and its clock begins anew: that is no lateness.
	if held := at(1000, 10*time.Second); held != 0 {
		t.Errorf("after a jump it is held for %v", held)
	}
	if held := at(1001, 10*time.Second); held != 0 {
		t.Errorf("and the next for %v", held)
	}
}
