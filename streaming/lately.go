package streaming

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	latelyLife = time.Second
	latelyMax  = 1024 // broadcasts per generation; there are two
	latelyLoad = 5 * time.Second
)

// lately are broadcasts as they were within the last second: in a rush, thousands of purchases a second name the same
// one. It holds two generations: when the younger is full it becomes the older, and the older is forgotten. The zero
// value is ready.
type lately struct {
	loads singleflight.Group

	mu         sync.Mutex
	young, old map[string]latelyRead
}

type latelyRead struct {
	broadcast Broadcast
	at        time.Time
}

// Lately returns a broadcast as it was at most a second ago, with its anchors of then, which belong to everybody. For
// what never changes, its shop above all, that is enough; who may watch is not asked here. ErrNotFound is always of now.
func (b *Broadcasts) Lately(ctx context.Context, id string) (Broadcast, error) {
	now := b.now()
	if found, ok := b.lately.find(id, now); ok {
		return found, nil
	}
	// Those who come together read once, and none fails because another gave up.
	ch := b.lately.loads.DoChan(id, func() (any, error) {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), latelyLoad)
		defer stop()
		found, err := b.Get(ctx, id)
		if err == nil {
			b.lately.put(id, latelyRead{found, now})
		}
		return found, err
	})
	select {
	case r := <-ch:
		return r.Val.(Broadcast), r.Err
	case <-ctx.Done():
		return Broadcast{}, ctx.Err()
	}
}

func (l *lately) find(id string, now time.Time) (Broadcast, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.young[id]
	if !ok {
		r, ok = l.old[id]
	}
	age := now.Sub(r.at)
	return r.broadcast, ok && age >= 0 && age < latelyLife // a clock that was set back is no reason to trust longer
}

func (l *lately) put(id string, r latelyRead) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= latelyMax || l.young == nil {
		l.young, l.old = make(map[string]latelyRead), l.young
	}
	l.young[id] = r
}
