package upload

import (
	"context"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// turns lets one request at a time at an upload. Whoever comes back after a link broke may be there before the server
// has noticed that it did: the newer request stops the older one's reading and waits until it has let go. tusd would do
// the same, but what it stops a body with it reads without a lock.
type turns struct {
	mu sync.Mutex
	at map[string]*turn
}

type turn struct {
	done chan struct{}
	stop func()
}

// take waits for the upload's turn. It reports false where the older request does not let go, or ctx ends.
func (t *turns) take(ctx context.Context, id string, stop func()) (leave func(), ok bool) {
	mine := &turn{done: make(chan struct{}), stop: stop}
	timeout := time.NewTimer(lockWait)
	defer timeout.Stop()
	for {
		t.mu.Lock()
		theirs := t.at[id]
		if theirs == nil {
			if t.at == nil {
				t.at = map[string]*turn{}
			}
			t.at[id] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.at, id)
				t.mu.Unlock()
				close(mine.done)
			}, true
		}
		t.mu.Unlock()
		theirs.stop()
		select {
		case <-theirs.done:
		case <-timeout.C:
			return nil, false
		case <-ctx.Done():
			return nil, false
		}
	}
}

// stoppable is a request's body that another goroutine may end, also while it is being read.
type stoppable struct {
	io.ReadCloser
	control *http.ResponseController
	stopped atomic.Bool
}

func (b *stoppable) Read(p []byte) (int, error) {
	if b.stopped.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	return b.ReadCloser.Read(p)
}

// stop ends the body. What was read of it stays. Whoever sets a later deadline meanwhile reads no further.
func (b *stoppable) stop() {
	b.stopped.Store(true)
	_ = b.control.SetReadDeadline(time.Unix(1, 0)) // a connection that has none is not read from either
}
