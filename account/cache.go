package account

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	cacheLife = 900 * time.Millisecond // revocation on another node is felt within a second
	cacheMax  = 20_000                 // principals per generation; there are two
	loadMax   = 5 * time.Second
)

// principalCache spares the database the second request of a token in the same second. It holds two generations:
// when the younger is full it becomes the older, and the older is forgotten. The zero value is ready.
type principalCache struct {
	loads singleflight.Group
	told  func(Forgotten) // other nodes; may be nil

	mu         sync.Mutex
	epoch      uint64 // rises with each forgetting: what was loaded before is not stored
	young, old map[Digest]cached
}

type cached struct {
	principal *Principal
	loaded    time.Time
}

func (c *principalCache) get(ctx context.Context, d Digest, now func() time.Time, load func(context.Context) (*Principal, error)) (*Principal, error) {
	at := now()
	if p := c.find(d, at); p != nil {
		return p, nil
	}
	// Requests that come together load once, and none fails because another gave up.
	ch := c.loads.DoChan(string(d[:]), func() (any, error) {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), loadMax)
		defer stop()
		epoch := c.now()
		p, err := load(ctx)
		if err != nil {
			return nil, err
		}
		c.put(d, cached{p, at}, epoch)
		return p, nil
	})
	select {
	case r := <-ch:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Principal), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *principalCache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *principalCache) find(d Digest, at time.Time) *Principal {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.young[d]
	if !ok {
		e, ok = c.old[d]
	}
	if age := at.Sub(e.loaded); !ok || age < 0 || age >= cacheLife {
		return nil
	}
	return e.principal
}

func (c *principalCache) put(d Digest, e cached, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.young) >= cacheMax || c.young == nil {
		c.young, c.old = make(map[Digest]cached), c.young
	}
	c.young[d] = e
}

// forget drops one session or token, here and on other nodes.
func (c *principalCache) forget(d Digest) {
	c.drop(d)
	if c.told != nil {
		c.told(Forgotten{Session: hex.EncodeToString(d[:])})
	}
}

func (c *principalCache) drop(d Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.loads.Forget(string(d[:]))
	delete(c.young, d)
	delete(c.old, d)
}

// forgetAccount drops everything of an account, here and on other nodes, after its roles or its person changed.
func (c *principalCache) forgetAccount(account string) {
	c.dropAccount(account)
	if c.told != nil {
		c.told(Forgotten{Account: account})
	}
}

func (c *principalCache) dropAccount(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for _, m := range []map[Digest]cached{c.young, c.old} {
		for d, e := range m {
			if e.principal.AccountID == account {
				c.loads.Forget(string(d[:]))
				delete(m, d)
			}
		}
	}
}
