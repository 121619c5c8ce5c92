package rtpfan

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLatenessIsToldForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Egress{}
		hear := func(after time.Duration) {
			e.Wake()
			time.Sleep(after / 2)
			e.Wake() // the first one counts
			time.Sleep(after / 2)
			e.media.Store(false)
			e.heard(time.Now())
		}
		hear(2 * time.Millisecond)
		if e.Late() != 0 {
			t.Errorf("in time is %v late", e.Late())
		}
		hear(30 * time.Millisecond)
		if e.Late() != 30*time.Millisecond {
			t.Errorf("30 ms late is %v late", e.Late())
		}
		time.Sleep(lateKept + time.Millisecond)
		if e.Late() != 0 {
			t.Errorf("it is told for ever: %v", e.Late())
		}
	})
}
