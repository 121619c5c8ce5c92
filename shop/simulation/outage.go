package simulation

import "time"

const outageStep = 500 * time.Millisecond

// outage is a time without the database, often longer than a hold. The bank answers all the while, and somewhere within
// it the process may die with what only it has heard.
func (w *World) outage() {
	long := time.Duration(5+w.rng.IntN(125)) * time.Second
	dies := time.Duration(w.rng.IntN(int(2*long/outageStep))) * outageStep
	w.tell("the database is away for %v; the process dies after %v", long, dies)
	w.tally.Outages++
	w.setAway(true)
	for past := time.Duration(0); past < long && w.failed == ""; past += outageStep {
		for _, c := range w.door.calls() {
			if c.kind == "commit" {
				w.door.release(c, neverSent)
			} else {
				w.door.release(c, pass)
			}
		}
		if past == dies {
			w.node.die()
		}
		time.Sleep(outageStep) // in the bubble
		w.settle()
	}
	w.setAway(false)
	w.settle()
}

func (w *World) setAway(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
}

func (w *World) isAway() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.away
}
