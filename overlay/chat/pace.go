package chat

import (
	"sync"
	"time"
)

// How fast one account, and everybody behind one address, may speak through this node. A channel's slow mode comes on
// top and holds for all nodes together.
const (
	accountBurst = 5
	accountEach  = time.Second
	addressBurst = 60
	addressEach  = 100 * time.Millisecond
	repeatFor    = 30 * time.Second
	pacesMax     = 50_000 // of each sort; beyond it those that are at rest are forgotten, and then any
)

// paces bounds what one speaker says. The zero value is ready.
type paces struct {
	mu       sync.Mutex
	accounts map[string]*pace
	address  map[string]*pace
}

type pace struct {
	owes time.Time // when it owes nothing any more
	last string    // what was said last, and where
	at   time.Time
}

// take counts a message, or tells how long to wait, or that it was just said.
func (p *paces) take(broadcast, text string, who Who, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	mine := slot(&p.accounts, who.Account, now)
	where := &pace{} // an unknown address is nobody's
	if who.Address != "" {
		where = slot(&p.address, who.Address, now)
	}
	key := broadcast + " " + text
	if mine.last == key && now.Sub(mine.at) < repeatFor {
		return ErrRepeated
	}
	for _, of := range []struct {
		*pace
		each  time.Duration
		burst int
	}{{mine, accountEach, accountBurst}, {where, addressEach, addressBurst}} {
		if wait := of.wait(of.each, of.burst, now); wait > 0 {
			return &WaitError{ErrTooFast, wait}
		}
	}
	mine.owe(accountEach, now)
	where.owe(addressEach, now)
	mine.last, mine.at = key, now
	return nil
}

// forgive lets somebody whose message was refused send it again, mended or not.
func (p *paces) forgive(account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if mine := p.accounts[account]; mine != nil {
		mine.last = ""
	}
}

func (p *pace) wait(each time.Duration, burst int, now time.Time) time.Duration {
	owes := time.Duration(0)
	if p.owes.After(now) {
		owes = p.owes.Sub(now)
	}
	return owes + each - time.Duration(burst)*each
}

func (p *pace) owe(each time.Duration, now time.Time) {
	if p.owes.Before(now) {
		p.owes = now
	}
	p.owes = p.owes.Add(each)
}

func slot(of *map[string]*pace, key string, now time.Time) *pace {
	if *of == nil {
		*of = map[string]*pace{}
	}
	if found := (*of)[key]; found != nil {
		return found
	}
	if len(*of) >= pacesMax {
		looked := 0
		for k, one := range *of {
			if looked++; one.owes.Before(now) && now.Sub(one.at) >= repeatFor || looked == 16 {
				delete(*of, k)
			}
			if looked == 16 {
				break
			}
		}
	}
	made := &pace{}
	(*of)[key] = made
	return made
}
