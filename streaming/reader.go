package streaming

import (
	"context"
	"sync/atomic"
)

// Start says where a reader begins.
type Start int

const (
	// FromKey begins at the newest key unit: picture at once, up to one group of pictures behind.
	FromKey Start = iota
	// FromLive begins with the next unit.
	FromLive
	// FromOldest begins at the oldest key unit that the ring holds: what was on air before can be had too.
	FromOldest
)

// ReadOptions says how to read.
type ReadOptions struct {
	Start Start
}

// Reader is a cursor into a stream's ring. A reader that falls behind skips to the newest key unit and counts
// what it lost; it never slows the writer. One goroutine reads.
type Reader struct {
	stream *Stream
	cursor uint64
	lost   atomic.Uint64
	closed atomic.Bool
}

// Subscribe makes a reader. Close it.
func (s *Stream) Subscribe(o ReadOptions) *Reader {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := &Reader{stream: s, cursor: s.next}
	if o.Start == FromKey && s.hasKey {
		r.cursor = s.key
	}
	if o.Start == FromOldest {
		r.cursor = s.oldestKey()
	}
	s.readers.Add(1)
	return r
}

// oldestKey is the oldest key unit held, the next unit where there is none. It runs under the lock.
func (s *Stream) oldestKey() uint64 {
	for seq := s.first; seq < s.next; seq++ {
		if s.at(seq).Key {
			return seq
		}
	}
	return s.next
}

// Next waits for the next unit. It returns ErrEnded after the broadcast's last unit, and ctx's error.
func (r *Reader) Next(ctx context.Context) (*Unit, error) {
	s := r.stream
	for {
		s.mu.RLock()
		u := r.take()
		ended, wake := s.ended, s.wake
		s.mu.RUnlock()
		if u != nil {
			return u, nil
		}
		if ended {
			return nil, ErrEnded
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TryNext returns the next unit, nil where there is none yet.
func (r *Reader) TryNext() *Unit {
	r.stream.mu.RLock()
	defer r.stream.mu.RUnlock()
	return r.take()
}

// take runs under the stream's read lock.
func (r *Reader) take() *Unit {
	s := r.stream
	if r.cursor < s.first {
		to := s.first
		if s.hasKey {
			to = s.key
		}
		n := to - r.cursor
		r.lost.Add(n)
		s.lost.Add(n)
		r.cursor = to
	}
	if r.cursor == s.next {
		return nil
	}
	u := s.at(r.cursor)
	r.cursor++
	return u
}

// Lost is the number of units that the reader was too slow for.
func (r *Reader) Lost() uint64 { return r.lost.Load() }

// Stream is the one that the reader reads.
func (r *Reader) Stream() *Stream { return r.stream }

// Close ends the reading.
func (r *Reader) Close() {
	if r.closed.CompareAndSwap(false, true) {
		r.stream.readers.Add(-1)
	}
}
