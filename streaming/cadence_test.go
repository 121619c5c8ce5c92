package streaming_test

import (
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// A time between two pictures, past or to come, becomes the later one's; stamps rounded to milliseconds, as RTMP's are,
// move it by no more than they are rounded; what is far away, or has no cadence yet, stays.
func TestATimeBetweenTwoPicturesBelongsToTheLaterOne(t *testing.T) {
	t.Parallel()
	a := newAir()
	const frame = mediatime.Time(1_000_000) / 30
	if got := a.hub.Frame("b", 123_456); got != 123_456 {
		t.Errorf("a broadcast off air moves a time to %d", got)
	}
	p := a.publish(t)
	for n := range int64(90) {
		stamp := (n*1000 + 15) / 30 * 90 // whole milliseconds
		if err := p.Write(&streaming.Unit{Track: 1, PTS: stamp, DTS: stamp, Key: n%30 == 0, Payload: [][]byte{{1}}}); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if got := a.hub.Frame("b", 5_000); got != 5_000 {
				t.Errorf("one picture moves a time to %d", got)
			}
		}
		a.pass(time.Second / 30)
	}
	for n := mediatime.Time(60); n < 120; n++ {
		want := n * 1_000_000 / 30
		for _, before := range []mediatime.Time{frame / 10, frame / 2, frame * 9 / 10} {
			got := a.hub.Frame("b", want-before)
			if off := got - want; off < -1_100 || off > 1_100 {
				t.Errorf("%d us before picture %d: %d us beside it", before, n, off)
			}
			if again := a.hub.Frame("b", got); again != got {
				t.Errorf("the picture at %d is moved to %d", got, again)
			}
		}
	}
	for _, far := range []mediatime.Time{0, 60_000_000} {
		if got := a.hub.Frame("b", far); got != far {
			t.Errorf("%d is moved to %d", far, got)
		}
	}
}
