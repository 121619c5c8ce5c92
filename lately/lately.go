// Package lately remembers for a moment what was read.
//
// In a rush thousands of requests a second name the same show, video or account. What enters is a key and a way to read
// it; what leaves is the value as it was at most a moment ago, read once by all who come together. It refuses to grow:
// when it is full, what is older is forgotten. Nothing that must be of now may come from here, unless whoever changes it
// calls Forget. Whoever stands between many requests and a store imports it.
package lately

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	loadMost    = 5 * time.Second // a read, however many wait for it
	keepDefault = 1024
	lifeDefault = 900 * time.Millisecond
)

// Cache holds two generations: when the younger is full it becomes the older, and the older is forgotten. The zero value
// is ready. A Cache must not be copied.
type Cache[V any] struct {
	Life time.Duration    // how old a value may be; 0: 900 ms, so that a change is felt within a second
	Max  int              // values of a generation; 0: 1024
	Keep func(error) bool // refusals that are remembered as well; nil: none

	loads singleflight.Group

	mu         sync.Mutex
	epoch      uint64 // rises with each Forget: what was read before is not kept
	young, old map[string]entry[V]
}

type entry[V any] struct {
	value V
	err   error
	at    time.Time
}

// Get returns the value of a key, from load where it is not known or too old at now. Those who come together load once,
// and none fails because another gave up: load runs for at most five seconds, whoever waits no longer gets the error of
// ctx. Values are shared; nobody may change them.
func (c *Cache[V]) Get(ctx context.Context, key string, now time.Time, load func(context.Context) (V, error)) (V, error) {
	if e, ok := c.find(key, now); ok {
		return e.value, e.err
	}
	ch := c.loads.DoChan(key, func() (any, error) {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), loadMost)
		defer stop()
		epoch := c.begun()
		value, err := load(ctx)
		e := entry[V]{value, err, now}
		if err == nil || c.Keep != nil && c.Keep(err) {
			c.put(key, e, epoch)
		}
		return e, nil
	})
	select {
	case r := <-ch:
		e := r.Val.(entry[V])
		return e.value, e.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// Forget has the next Get read again, and what is being read now kept by nobody.
func (c *Cache[V]) Forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.loads.Forget(key)
	delete(c.young, key)
	delete(c.old, key)
}

func (c *Cache[V]) begun() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *Cache[V]) find(key string, now time.Time) (e entry[V], ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok = c.young[key]; !ok {
		e, ok = c.old[key]
	}
	life := c.Life
	if life == 0 {
		life = lifeDefault
	}
	age := now.Sub(e.at)
	return e, ok && age >= 0 && age < life // a clock that was set back is no reason to trust longer
}

func (c *Cache[V]) put(key string, e entry[V], epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	most := c.Max
	if most == 0 {
		most = keepDefault
	}
	if c.young == nil || len(c.young) >= most {
		c.young, c.old = make(map[string]entry[V]), c.young
	}
	c.young[key] = e
}
