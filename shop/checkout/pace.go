package checkout

import (
	"sync/atomic"
	"time"
)

const (
	queueFor  = 50 * time.Millisecond  // a claim that would wait longer for its batch is turned away
	queueFree = 256                    // claims that may wait however slow the database is: one commit takes them all
	batchFor  = 25 * time.Millisecond  // what one batch should take
	batchMin  = 128                    // claims of a batch however long they take: a slow disk wants larger ones
	batchLate = 32                     // the same while live sending is late
	paceOver  = 8                      // batches over which the pace is smoothed
	standFor  = 100 * time.Millisecond // a queue that is too long for longer than this is no burst: it is kept short
	standPart = 4                      // at this part of its length: a batch and a half
	standGap  = 50 * time.Millisecond  // without anybody turned away: it stands no more
	lateMax   = 20 * time.Millisecond  // of live sending; beyond it checkout yields
	yieldMax  = 20 * time.Millisecond  // pause between two batches while live sending is late
)

// pace is what the loop measures of itself, so that a claim can be told at once that it would wait too long: orders
// that queue times the measured time of one. The loop writes, everybody reads.
type pace struct {
	perClaim atomic.Int64 // ns, smoothed: a claim, and the settlement that follows it
	spent    atomic.Int64 // ns of the last batches, older ones count less
	decided  atomic.Int64 // claims of theirs
	began    atomic.Int64 // when the batch under way began, ns since start; 0: none is
	usual    atomic.Int64 // ns of a batch, smoothed
	late     atomic.Bool  // live sending is late
	since    atomic.Int64 // since when claims are turned away without a pause, ns since start
	last     atomic.Int64 // when one was turned away last; 0: never
	start    time.Time
}

func (p *pace) clock() int64 { return int64(now().Sub(p.start)) + 1 }

func (p *pace) begin() { p.began.Store(p.clock()) }

// idle says that there is nothing to do.
func (p *pace) idle() { p.began.Store(0) }

// end takes the measure of a batch: from when there was work to when it was delivered, so that a processor which
// others have counts too. Large batches count for more than small ones, of which a rush has few.
func (p *pace) end(claims int) {
	took := p.clock() - p.began.Swap(0)
	smooth(&p.usual, took)
	spent, decided := p.spent.Load(), p.decided.Load()
	spent, decided = spent-spent/paceOver+took, decided-decided/paceOver+int64(claims)
	p.spent.Store(spent)
	p.decided.Store(decided)
	if decided > 0 {
		p.perClaim.Store(spent / decided)
	}
}

func smooth(to *atomic.Int64, value int64) {
	if old := to.Load(); old > 0 {
		value = old + (value-old)/paceOver
	}
	to.Store(value)
}

// turnedAway notes that a claim would have waited too long.
func (p *pace) turnedAway() {
	at := p.clock()
	if last := p.last.Swap(at); last == 0 || at-last > int64(standGap) {
		p.since.Store(at)
	}
}

// stands tells whether far more come than can be taken, and not just now: then a queue is only time that everybody who
// gets through loses, since there is always somebody for the next batch.
func (p *pace) stands() bool {
	last := p.last.Load()
	return last > 0 && p.clock()-last <= int64(standGap) && last-p.since.Load() >= int64(standFor)
}

// wait estimates how long a claim behind so many others waits until its batch begins.
func (p *pace) wait(ahead int) time.Duration {
	wait := int64(ahead) * p.perClaim.Load()
	if began := p.began.Load(); began > 0 {
		if over := p.clock() - began - p.usual.Load(); over > 0 {
			wait += over // the batch under way takes longer than usual, and nobody knows how much
		}
	}
	return time.Duration(wait)
}

// most is how many claims the next batch should take.
func (p *pace) most(limit int) int {
	each, within, least := p.perClaim.Load(), int64(batchFor), batchMin
	if p.late.Load() {
		within, least = within/4, batchLate
	}
	if each == 0 {
		return limit
	}
	return min(limit, max(least, int(within/each)))
}

// ahead is how many claims a new one stands behind: on their way from the door, in the inbox, in the batch under way.
func (a *Allocator) ahead() int {
	return int(a.coming.Load()) + len(a.claims) + int(a.under.Load())
}

// Ticket is a request that came in and is not yet in the inbox. Whoever reads requests takes one as early as it can,
// so that those are counted too that a busy processor has not come to. One goroutine at a time uses it.
type Ticket struct{ of *Allocator }

// Enter counts a request. Checkout gives the ticket back when it is in the request; else call Leave.
func (a *Allocator) Enter() Ticket {
	a.coming.Add(1)
	return Ticket{a}
}

// Leave gives the ticket back. A ticket that was given back, and the zero one, may be left again.
func (t *Ticket) Leave() {
	if t != nil && t.of != nil {
		t.of.coming.Add(-1)
		t.of = nil
	}
}

// tooMany tells whether a claim would wait too long behind those that came before.
func (a *Allocator) tooMany() bool {
	ahead, free, most := a.ahead(), queueFree, a.QueueFor
	if a.pace.stands() {
		free, most = free/standPart, most/standPart
	}
	if ahead <= free {
		return false
	}
	if a.pace.late.Load() {
		most /= 4
	}
	if a.pace.wait(ahead) <= most {
		return false
	}
	a.pace.turnedAway()
	return true
}

// yield leaves the processors to live sending while that is late: a pause as long as the batch was.
func (a *Allocator) yield(took time.Duration) {
	late := a.Late != nil && a.Late() > lateMax
	a.pace.late.Store(late)
	if late {
		a.Metrics.yielded()
		pause := time.NewTimer(min(took, yieldMax))
		<-pause.C
	}
}

// TurnsAway tells whether a claim that came now would be turned away for the time that it would wait, and counts it
// as such: whoever asks does so.
func (a *Allocator) TurnsAway() bool {
	a.init()
	if !a.tooMany() {
		return false
	}
	a.Metrics.shed()
	return true
}

// Wait estimates how long a claim that came now would wait for its batch.
func (a *Allocator) Wait() time.Duration {
	a.init()
	return a.pace.wait(a.ahead())
}
