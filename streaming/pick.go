package streaming

import "time"

// Pick chooses, among the open broadcasts of one channel, the one that its publisher goes on at now: the one on
// air, else a rehearsal, else the armed scheduled one that starts first, else the newest draft. It reports false
// where none is armed.
func Pick(open []Broadcast, now time.Time) (Broadcast, bool) {
	var best Broadcast
	found := false
	for _, b := range open {
		if b.Armed(now) && (!found || goesFirst(b, best)) {
			best, found = b, true
		}
	}
	return best, found
}

func goesFirst(a, b Broadcast) bool {
	if ra, rb := rank(a.State), rank(b.State); ra != rb {
		return ra < rb
	}
	if a.State == Scheduled && !a.StartsAt.Equal(b.StartsAt) {
		return a.StartsAt.Before(b.StartsAt)
	}
	return a.ID > b.ID
}

func rank(s State) int {
	switch s {
	case Live, Interrupted:
		return 0
	case Rehearsal:
		return 1
	case Scheduled:
		return 2
	case Draft:
		return 3
	}
	return 4
}
