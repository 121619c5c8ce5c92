package checkout

import (
	"errors"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

// openings remember for a second what a batch found not to be open yet, so that a crowd that waits for a drop is told
// the time without asking the database. Once the time has come everybody passes, whatever is remembered.
type openings struct {
	mu sync.RWMutex
	by map[string]opening // variant
}

type opening struct{ at, told time.Time }

// check refuses what is known to open later.
func (o *openings) check(c *shop.Claim, now time.Time) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, l := range c.Lines {
		if known, ok := o.by[l.Variant]; ok && now.Before(known.at) && now.Sub(known.told).Abs() < gateFor {
			return &shop.NotOpenError{OpensAt: known.at}
		}
	}
	return nil
}

// note takes what a batch found. One line is enough to tell; a larger cart does not say which line it was.
func (o *openings) note(c *shop.Claim, err error, now time.Time) {
	var closed *shop.NotOpenError
	if len(c.Lines) != 1 || !errors.As(err, &closed) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.by == nil || len(o.by) >= gateMax {
		o.by = map[string]opening{}
	}
	o.by[c.Lines[0].Variant] = opening{closed.OpensAt, now}
}
