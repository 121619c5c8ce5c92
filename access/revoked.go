package access

import (
	"sync"
	"time"
)

// revoked is what a node knows to be void: a time per subject, and a floor under all. The zero value is ready. When
// it is full it raises the floor instead of forgetting: every grant issued so far must be asked for anew.
type revoked struct {
	mu    sync.RWMutex
	at    map[string]Revocation
	floor time.Time
}

// add notes a revocation, and tells whether it says anything new.
func (r *revoked) add(v Revocation, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if have, ok := r.at[v.Subject]; ok && !v.At.After(have.At) || !v.Until.After(now) {
		return false
	}
	if r.at == nil {
		r.at = map[string]Revocation{}
	}
	if len(r.at) >= revocationMax {
		for k, old := range r.at {
			if !old.Until.After(now) {
				delete(r.at, k)
			}
		}
	}
	if len(r.at) >= revocationMax {
		r.at, r.floor = map[string]Revocation{}, now
	}
	r.at[v.Subject] = v
	return true
}

// softFor is for how long after a revocation an account may still be taken for what it was: the cache of principals
// and the request that asked.
const softFor = time.Second

// void tells whether a grant issued at a time is revoked by one of its subjects. What was issued in the very
// millisecond of a revocation is void too.
func (r *revoked) void(issued time.Time, hard, soft []string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !r.floor.IsZero() && !issued.After(r.floor) {
		return true
	}
	for _, s := range hard {
		if v, ok := r.at[s]; ok && !issued.After(v.At) {
			return true
		}
	}
	for _, s := range soft {
		if v, ok := r.at[s]; ok && !issued.After(v.At.Add(softFor)) {
			return true
		}
	}
	return false
}

func (r *revoked) size() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.at)
}
