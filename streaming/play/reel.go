package play

import (
	"sync"

	"github.com/hawkerlive/hawker/streaming"
)

// reelUnits is how many messages a reel remembers: about as many units as a player is behind another.
const reelUnits = 512

// reel keeps the messages that were made of a stream's newest units, so that many players share one. When it is full
// the oldest goes; who is further behind makes its own.
type reel struct {
	mu    sync.Mutex
	users int
	made  map[*streaming.Unit][]byte
	order [reelUnits]*streaming.Unit
	next  int
}

// message returns the unit's message.
func (r *reel) message(t streaming.Track, u *streaming.Unit, late int64) ([]byte, error) {
	r.mu.Lock()
	b := r.made[u]
	r.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b, err := mediaTag(t, u, late)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.made[u] == nil {
		if r.made == nil {
			r.made = map[*streaming.Unit][]byte{}
		}
		delete(r.made, r.order[r.next])
		r.order[r.next] = u
		r.next = (r.next + 1) % reelUnits
		r.made[u] = b
	}
	return b, nil
}

// reels holds the reels of the streams that are played.
type reels struct {
	mu sync.Mutex
	by map[*streaming.Stream]*reel
}

// take returns the stream's reel; give it back.
func (r *reels) take(s *streaming.Stream) *reel {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.by[s]
	if one == nil {
		one = &reel{}
		if r.by == nil {
			r.by = map[*streaming.Stream]*reel{}
		}
		r.by[s] = one
	}
	one.users++
	return one
}

func (r *reels) give(s *streaming.Stream, one *reel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(r.by, s)
	}
}
