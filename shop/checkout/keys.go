package checkout

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"time"
)

const (
	filterBits   = 1 << 25 // 4 MB: one in a thousand wrong at three million keys
	filterHashes = 4
	keysSlack    = 24 * time.Hour // by which the clock may be set back without the store being asked for every key
)

// keyFilter says fast that a key is new. It may only be wrong the other way: then the store is asked. It knows
// nothing until the keys of the last 30 days are loaded, and, where other nodes use the same database, never. It was
// loaded by the clock as it stood: where that is set back, older keys count than it has, and it knows nothing again.
type keyFilter struct {
	shared bool
	loaded atomic.Bool
	since  atomic.Int64 // Unix milliseconds: the keys of orders since then are loaded
	bits   []atomic.Uint64
}

func newKeyFilter(shared bool) *keyFilter {
	f := &keyFilter{shared: shared}
	if !shared {
		f.bits = make([]atomic.Uint64, filterBits/64)
	}
	return f
}

func (f *keyFilter) places(key string) (out [filterHashes]uint64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	a := h.Sum64()
	b := a>>33 | a<<31 | 1
	for i := range out {
		out[i] = (a + uint64(i)*b) % filterBits
	}
	return out
}

func (f *keyFilter) add(key string) {
	if f.shared {
		return
	}
	for _, at := range f.places(key) {
		f.bits[at/64].Or(1 << (at % 64))
	}
}

// mayHave tells whether a key that counts since from may have been used.
func (f *keyFilter) mayHave(key string, from time.Time) bool {
	if f.shared || !f.loaded.Load() || from.UnixMilli() < f.since.Load() {
		return true
	}
	for _, at := range f.places(key) {
		if f.bits[at/64].Load()&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}

// loadKeys reads the keys of the last 30 days. Order ids sort by age.
func (a *Allocator) loadKeys(ctx context.Context) {
	if a.Shared {
		return
	}
	ms := a.now().Add(-keysFor - keysSlack).UnixMilli()
	a.keys.since.Store(ms)
	after := fmt.Sprintf("%08x-%04x-", ms>>16, ms&0xffff)
	for {
		keys, last, err := a.Store.Keys(ctx, after, keysPage)
		if err != nil {
			if ctx.Err() == nil {
				a.Log.Warn("checkout: keys not loaded; the store is asked instead", "error", err)
			}
			return
		}
		for _, k := range keys {
			a.keys.add(k)
		}
		if last == after {
			a.keys.loaded.Store(true)
			return
		}
		after = last
	}
}
