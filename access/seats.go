package access

import (
	"sync"
	"time"
)

// seatKept is how long a session that is not heard of keeps its seat.
const seatKept = 30 * time.Second

// seats counts who watches with each viewing token that bounds it: on this node, by session. The zero value is ready.
type seats struct {
	mu   sync.Mutex
	held map[string]map[string]time.Time // token → session → last heard of
}

// take gives the session a seat, or tells that there is none. One that has a seat keeps it.
func (s *seats) take(token, session string, max int, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.held[token]
	if _, ok := all[session]; !ok && len(all) >= max {
		for k, at := range all {
			if now.Sub(at) > seatKept {
				delete(all, k)
			}
		}
		if len(all) >= max {
			return false
		}
	}
	if all == nil {
		all = map[string]time.Time{}
		if s.held == nil {
			s.held = map[string]map[string]time.Time{}
		}
		s.held[token] = all
	}
	all[session] = now
	return true
}

// touch notes that a session watches. One without a seat, such as after a restart, takes one: who was let in stays.
func (s *seats) touch(token, session string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.held[token]; all != nil && len(all) < seatsMax {
		all[session] = now
	}
}

// sweep forgets the tokens with which nobody watches any more.
func (s *seats) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, all := range s.held {
		for k, at := range all {
			if now.Sub(at) > seatKept {
				delete(all, k)
			}
		}
		if len(all) == 0 {
			delete(s.held, token)
		}
	}
}

// drop forgets a token.
func (s *seats) drop(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, token)
}

func (s *seats) of(token string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held[token])
}
