package streaming

import (
	"sync"
	"time"
)

// keyRequests is the way back to a publisher that makes key units on request.
type keyRequests struct {
	mu    sync.Mutex
	onKey func()
	at    time.Time
}

// OnKeyRequest sets what is called, on a goroutine of a reader and at most once in 500 ms, when a reader wants a
// key unit (PLI, FIR). It must not block.
func (k *keyRequests) OnKeyRequest(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.onKey = f
}

// TakesKeyRequests tells whether the publisher can be asked for a key unit.
func (k *keyRequests) TakesKeyRequests() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.onKey != nil
}

func (k *keyRequests) requestKey(now time.Time) {
	k.mu.Lock()
	f := k.onKey
	if f == nil || now.Sub(k.at) < keyRequestGap {
		k.mu.Unlock()
		return
	}
	k.at = now
	k.mu.Unlock()
	f()
}
