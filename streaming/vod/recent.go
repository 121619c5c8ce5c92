package vod

import (
	"sync"
	"time"
)

const cutFresh = 10 * time.Minute // its segments may be gone after this

// recent keeps the files that were put together last.
type recent struct {
	mu   sync.Mutex
	cuts map[string]recentCut
}

type recentCut struct {
	cut  *cut
	made time.Time
}

func (r *recent) find(name string, now time.Time) *cut {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.cuts[name]; ok && now.Sub(c.made) < cutFresh {
		return c.cut
	}
	return nil
}

// keep gives up the oldest where there are too many.
func (r *recent) keep(name string, c *cut, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cuts == nil {
		r.cuts = map[string]recentCut{}
	}
	if len(r.cuts) >= cutsMax {
		oldest := ""
		for other, c := range r.cuts {
			if oldest == "" || c.made.Before(r.cuts[oldest].made) {
				oldest = other
			}
		}
		delete(r.cuts, oldest)
	}
	r.cuts[name] = recentCut{c, now}
}
