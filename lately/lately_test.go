package lately_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/lately"
)

var errGone = errors.New("gone")

// reads is a store whose reads take a while and are counted.
type reads struct {
	n     atomic.Int64
	value atomic.Int64
	err   error
}

func (r *reads) load(ctx context.Context) (int64, error) {
	r.n.Add(1)
	value := r.value.Load()
	select {
	case <-time.After(10 * time.Millisecond): // bubble time
		return value, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestThousandsWhoComeTogetherReadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c lately.Cache[int64]
		var r reads
		r.value.Store(1)
		ask := func(want int64) {
			if got, err := c.Get(t.Context(), "k", time.Now(), r.load); err != nil || got != want {
				t.Error(got, err)
			}
		}
		// The first hangs up while it is read: those who wait with it are answered all the same.
		first, hangUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := c.Get(first, "k", time.Now(), r.load); !errors.Is(err, context.Canceled) {
				t.Error("whoever hung up got", err)
			}
		})
		synctest.Wait()
		for range 1000 {
			all.Go(func() { ask(1) })
		}
		synctest.Wait()
		hangUp()
		all.Wait()
		r.value.Store(2)
		time.Sleep(800 * time.Millisecond) // bubble time
		if ask(1); r.n.Load() != 1 {
			t.Fatal(r.n.Load(), "reads in a moment")
		}
		time.Sleep(100 * time.Millisecond) // bubble time
		if ask(2); r.n.Load() != 2 {
			t.Fatal(r.n.Load(), "reads")
		}
		// A clock that was set back is no reason to trust what is known.
		r.value.Store(3)
		if got, err := c.Get(t.Context(), "k", time.Now().Add(-time.Hour), r.load); err != nil || got != 3 {
			t.Fatal(got, err)
		}
	})
}

func TestWhatIsForgottenWhileItIsReadIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c lately.Cache[int64]
		var r reads
		r.value.Store(1)
		var all sync.WaitGroup
		all.Go(func() {
			if got, err := c.Get(t.Context(), "k", time.Now(), r.load); err != nil || got != 1 {
				t.Error(got, err)
			}
		})
		synctest.Wait()
		r.value.Store(2)
		c.Forget("k")
		// Who comes after the change does not wait for what was read before it.
		if got, err := c.Get(t.Context(), "k", time.Now(), r.load); err != nil || got != 2 {
			t.Error(got, err)
		}
		all.Wait()
		if got, err := c.Get(t.Context(), "k", time.Now(), r.load); err != nil || got != 2 {
			t.Error(got, err)
		}
	})
}

func TestRefusalsAreKeptWhereTheyAreWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := reads{err: errGone}
		var c lately.Cache[int64]
		ask := func(c *lately.Cache[int64]) {
			if _, err := c.Get(t.Context(), "k", time.Now(), r.load); !errors.Is(err, errGone) {
				t.Error(err)
			}
		}
		ask(&c)
		if ask(&c); r.n.Load() != 2 {
			t.Error(r.n.Load())
		}
		keeps := lately.Cache[int64]{Keep: func(err error) bool { return errors.Is(err, errGone) }, Life: time.Minute}
		ask(&keeps)
		time.Sleep(50 * time.Second) // bubble time
		if ask(&keeps); r.n.Load() != 3 {
			t.Error(r.n.Load())
		}
	})
}

// TestItIsBounded: of many keys the newest are known, and no more than two generations.
func TestItIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := lately.Cache[int64]{Max: 10, Life: time.Hour}
		var r reads
		ask := func(n int) {
			if _, err := c.Get(t.Context(), strconv.Itoa(n), time.Now(), r.load); err != nil {
				t.Error(err)
			}
		}
		for n := range 100 {
			ask(n)
		}
		known := 0
		for n := range 100 {
			before := r.n.Load()
			if ask(n); r.n.Load() == before {
				known++
			}
		}
		if known > 20 {
			t.Error(known, "of 100 are known")
		}
		before := r.n.Load()
		if ask(99); r.n.Load() != before {
			t.Error("the newest is not known")
		}
	})
}

// A read that never ends ends for those who wait.
func TestAReadThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c lately.Cache[int64]
		_, err := c.Get(t.Context(), "k", time.Now(), func(ctx context.Context) (int64, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
