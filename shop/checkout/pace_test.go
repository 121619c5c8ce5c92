package checkout

import (
	"testing"
	"testing/synctest"
	"time"
)

// A burst may fill the queue; a crowd that does not end finds it a quarter as long, until nobody was turned away for a while.
func TestAQueueThatStandsIsKeptShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Allocator{QueueFor: 50 * time.Millisecond}
		a.pace.start = time.Now()
		a.pace.perClaim.Store(int64(150 * time.Microsecond))
		room := func() (n int) {
			for a.coming.Store(1); !a.tooMany() && n < 10_000; n++ {
				a.coming.Add(1)
			}
			return n
		}
		if burst := room(); burst < 330 || burst > 340 {
			t.Fatalf("%d wait at first", burst)
		}
		for range 20 {
			time.Sleep(10 * time.Millisecond) // in the bubble
			room()
		}
		if crowd := room(); crowd < 80 || crowd > 86 {
			t.Fatalf("%d wait in a crowd", crowd)
		}
		time.Sleep(standGap + time.Millisecond)
		if after := room(); after < 330 {
			t.Fatalf("%d wait after it", after)
		}
	})
}
