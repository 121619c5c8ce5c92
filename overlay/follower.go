package overlay

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/event"
)

const (
	takeMax      = 64              // batches handed to one write
	lookBack     = time.Second     // after a gap a reader continues from here: no scene that it can get is older
	catchUpMax   = 1024            // events that a returning reader is given one by one; more is a gap
	catchUpBytes = 1 << 20         // and their bytes
	catchUpTime  = 2 * time.Second // for reading them from the bus
)

// sink is how bytes reach one reader. Every sink carries a follower; a shard wakes it, and it takes what is
// there. A sink is called by its shard: it must not block.
type sink interface {
	// wake says that there may be something to take. The joint is the shard's, if a shard wakes.
	wake(j *joint)
	// check is called every few seconds: it finds readers that are gone or stuck, and keeps idle ones alive. It
	// reports whether it wrote to the reader.
	check(now time.Time) bool
	// leave ends the connection in good order: the node shuts down.
	leave()
	// expel ends it in good order: what let the reader in holds no longer.
	expel()
	// cut ends it at once.
	cut()
	// who is on the other end.
	who() (session string, c Caller)
	follow() *follower
}

// follower is one reader's place in a room. Only its sink's writing side uses cursor, epoch and at.
type follower struct {
	room   *room
	epoch  string
	cursor uint64
	at     uint64 // offset up to which the reader has everything
	shard  int32
	slot   int32 // in the shard's table
	index  int32 // in its part, under the part's lock
}

func (f *follower) follow() *follower { return f }

// take returns the batches that the reader lacks, at most takeMax. It reports a gap where the window has moved
// past the reader; the reader is then at the place where it goes on.
func (f *follower) take() (out []*batch, gap bool) {
	w := f.room.window.Load()
	if f.behind(w) {
		f.skip(w)
		return nil, true
	}
	for f.cursor < w.next() && len(out) < takeMax {
		b := w.batches[f.cursor-w.first]
		f.cursor++
		switch {
		case b.to <= f.at: // it began further on
			continue
		case b.from < f.at:
			b = b.after(f.at)
		}
		f.at = b.to
		out = append(out, b)
	}
	return out, false
}

// behind tells whether the window has moved past the reader, or is another one.
func (f *follower) behind(w *window) bool {
	return f.epoch != w.epoch || f.cursor < w.first || f.cursor > w.next()
}

// skip places the reader so far back that whatever scene it loads next reaches at least there.
func (f *follower) skip(w *window) {
	f.epoch, f.cursor, f.at = w.epoch, w.next(), w.ends
	limit := f.room.feed.now().Add(-lookBack)
	for i := len(w.batches) - 1; i >= 0 && w.batches[i].at.After(limit); i-- {
		f.cursor, f.at = w.first+uint64(i), w.batches[i].from
	}
}

// begin places a new reader at since, or at the newest position. What it lacks and the window no longer holds
// comes back as a batch; gap says that it cannot be had.
func (f *follower) begin(ctx context.Context, since *event.Position) (lacks *batch, gap bool) {
	w := f.room.window.Load()
	f.epoch, f.cursor, f.at = w.epoch, w.next(), w.ends
	switch {
	case since == nil:
		return nil, false
	case since.Epoch != w.epoch:
		f.skip(w)
		return nil, true
	case since.Offset > w.ends: // the scene knew more than has left so far
		newest, err := f.room.feed.Bus.Position(ctx, f.room.topic)
		if err != nil || newest.Epoch != since.Epoch || newest.Offset < since.Offset {
			f.skip(w)
			return nil, true
		}
		f.at = since.Offset
		return nil, false
	case since.Offset >= w.begins:
		f.at = since.Offset
		for f.cursor > w.first && w.batches[f.cursor-1-w.first].to > since.Offset {
			f.cursor--
		}
		return nil, false
	}
	lacks, err := f.catchUp(ctx, *since, w)
	if err != nil {
		f.skip(w)
		return nil, true
	}
	return lacks, false
}

var errTooFar = errors.New("overlay: too much was missed")

// catchUp reads from the bus what lies between since and the window's end.
func (f *follower) catchUp(ctx context.Context, since event.Position, w *window) (*batch, error) {
	ctx, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	sub, err := f.room.feed.Bus.Subscribe(ctx, f.room.topic, &since)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	var events []entry
	values := map[string]int{}
	bytes := 0
	for at := since.Offset; at < w.ends; {
		frame, err := sub.Next(ctx)
		if err != nil {
			return nil, err
		}
		for i, e := range frame.Events {
			offset := frame.To.Offset - uint64(len(frame.Events)-1-i)
			if offset > w.ends {
				break
			}
			if key := e.ValueKey(); key != "" {
				if j, ok := values[key]; ok {
					events[j].offset = 0
				}
				values[key] = len(events)
			}
			events = append(events, entry{e, offset})
			bytes += len(e.Data)
		}
		if at = frame.To.Offset; len(events) > catchUpMax || bytes > catchUpBytes {
			return nil, errTooFar
		}
	}
	kept := events[:0]
	for _, e := range events {
		if e.offset != 0 {
			kept = append(kept, e)
		}
	}
	return newBatch(w.epoch, since.Offset, w.ends, kept, f.room.feed.now()), nil
}
