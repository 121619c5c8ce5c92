package audio

import (
	"context"
	"sync/atomic"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Leg is one user's hold on a bridge.
type Leg struct {
	legs   *Legs
	bridge *bridge
	closed atomic.Bool
}

// Track returns the leg's audio track in a generation, complete with Config and Zero, also before the bridge has
// made a unit of it. It reports false for a generation without audio, with audio that cannot be bridged, or one
// that the stream no longer holds.
func (g *Leg) Track(generation int) (streaming.Track, bool) { return g.bridge.track(generation) }

// Codec is what the leg's units are coded in.
func (g *Leg) Codec() streaming.Codec { return g.bridge.to }

// Subscribe makes a reader that begins at the live edge. Close it; it does not keep the bridge running, the leg
// does.
func (g *Leg) Subscribe() *Reader {
	b := g.bridge
	b.mu.RLock()
	defer b.mu.RUnlock()
	return &Reader{bridge: b, cursor: b.next}
}

// SubscribeFrom makes a reader that begins with the oldest unit held that is heard at or after the media time. A bridge
// that has just been started catches up from the stream's newest key unit, so that a reader which begins there
// finds its sound too.
func (g *Leg) SubscribeFrom(t mediatime.Time) *Reader {
	b := g.bridge
	b.mu.RLock()
	defer b.mu.RUnlock()
	r := &Reader{bridge: b, cursor: b.next}
	for r.cursor > b.first {
		if b.end(b.at(r.cursor-1)) <= t {
			break
		}
		r.cursor--
	}
	r.from, r.skip = t, true
	return r
}

// Close gives the leg back.
func (g *Leg) Close() {
	if g.closed.CompareAndSwap(false, true) {
		g.legs.release(g.bridge)
	}
}

// Reader is a cursor into a bridge's ring. One that falls behind goes on with the oldest unit held and counts what
// it lost. One goroutine reads.
type Reader struct {
	bridge *bridge
	cursor uint64
	from   mediatime.Time
	skip   bool // units before from are still to be left out
	lost   atomic.Uint64
}

// Next waits for the next unit. It returns streaming.ErrEnded when the broadcast has ended, ErrClosed when the
// bridge was stopped, and ctx's error.
func (r *Reader) Next(ctx context.Context) (*streaming.Unit, error) {
	b := r.bridge
	for {
		b.mu.RLock()
		u := r.take()
		err, wake := b.err, b.wake
		b.mu.RUnlock()
		if u != nil {
			return u, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TryNext returns the next unit, nil where there is none yet.
func (r *Reader) TryNext() *streaming.Unit {
	r.bridge.mu.RLock()
	defer r.bridge.mu.RUnlock()
	return r.take()
}

// take runs under the bridge's read lock.
func (r *Reader) take() *streaming.Unit {
	b := r.bridge
	for {
		if r.cursor < b.first {
			r.lost.Add(b.first - r.cursor)
			r.cursor = b.first
		}
		if r.cursor == b.next {
			return nil
		}
		u := b.at(r.cursor)
		r.cursor++
		if r.skip && b.end(u) <= r.from {
			continue
		}
		r.skip = false
		return u
	}
}

// Lost is the number of units that the reader was too slow for.
func (r *Reader) Lost() uint64 { return r.lost.Load() }

// Close ends the reading.
func (r *Reader) Close() {}
