package checkout

import (
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop"
)

const denialsMax = 50_000 // buyers remembered

// denials remember for a second who has just been told that the limit per buyer is reached, so that asking again and
// again costs nothing. A buyer who asks for less passes, and so does one whose order gave units back.
type denials struct {
	mu sync.Mutex
	by map[string]denial // buyer
}

type denial struct {
	variant  string
	quantity int64
	at       time.Time
}

// check refuses what was refused within the last second.
func (d *denials) check(c *shop.Claim, now time.Time) error {
	d.mu.Lock()
	old, ok := d.by[c.Buyer]
	d.mu.Unlock()
	if !ok || now.Sub(old.at) >= gateFor {
		return nil
	}
	var wants int64
	for _, l := range c.Lines {
		if l.Variant == old.variant {
			wants += l.Quantity
		}
	}
	if wants < old.quantity {
		return nil
	}
	return shop.ErrLimited
}

// note remembers a claim that the store refused for its quantity. One line is enough to tell; a larger cart does not
// say which line it was.
func (d *denials) note(c *shop.Claim, now time.Time) {
	if len(c.Lines) != 1 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.by == nil || len(d.by) >= denialsMax {
		d.by = map[string]denial{}
	}
	d.by[c.Buyer] = denial{c.Lines[0].Variant, c.Lines[0].Quantity, now}
}

// free forgets a buyer, whose counters fell.
func (d *denials) free(buyer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.by, buyer)
}
