package simulation

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// verdict is what becomes of a call to the outside.
type verdict int

const (
	pass        verdict = iota
	refuse              // it fails and nothing happened
	neverSent           // the line breaks before it
	replyLost           // it happened, and the line breaks before the reply
	crashBefore         // the process dies before it
	crashAfter          // it happened, and the process dies before the reply
)

func (v verdict) String() string {
	return [...]string{"passes", "is refused", "is never sent", "loses its reply", "meets a crash before it", "meets a crash after it"}[v]
}

// happens tells whether the call has its effect.
func (v verdict) happens() bool { return v == pass || v == replyLost || v == crashAfter }

var errDead = errors.New("simulation: the process is dead")

// door is where every call to the outside waits for its verdict.
type door struct {
	mu      sync.Mutex
	waiting []*call
}

type call struct {
	kind   string
	number int       // tells calls of a kind apart, the same in every run of a seed
	until  time.Time // when the caller gives up; tells two calls for the same order apart
	answer chan verdict
}

// enter waits for a verdict. It fails where the caller gives up or its process dies.
func (d *door) enter(ctx context.Context, dead <-chan struct{}, kind string, number int) (verdict, error) {
	until, _ := ctx.Deadline()
	c := &call{kind, number, until, make(chan verdict, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, c)
	d.mu.Unlock()
	var err error
	select {
	case v := <-c.answer:
		return v, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-dead:
		err = errDead
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = slices.DeleteFunc(d.waiting, func(w *call) bool { return w == c })
	return refuse, err
}

// calls lists who waits, in an order that does not depend on which goroutine was first.
func (d *door) calls() []*call {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := slices.Clone(d.waiting)
	slices.SortStableFunc(out, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number), a.until.Compare(b.until))
	})
	return out
}

// release lets one call go on.
func (d *door) release(c *call, v verdict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = slices.DeleteFunc(d.waiting, func(w *call) bool { return w == c })
	c.answer <- v
}
