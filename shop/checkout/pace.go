package checkout

import (
	"sync/atomic"
	"time"
)

const (
	queueFor  = 80 * time.Millisecond // a claim that would wait longer for its batch is turned away
	queueFree = 256                   // claims that may wait however slow the database is: one commit takes them all
	batchFor  = 25 * time.Millisecond // what one batch should take
	batchMin  = 128                   // claims of a batch however long they take: a slow disk wants larger ones
	batchLate = 32                    // the same while live sending is late
	paceOver  = 8                     // batches over which the pace is smoothed
	lateMax   = 20 * time.Millisecond // of live sending; beyond it checkout yields
	yieldMax  = 20 * time.Millisecond // pause between two batches while live sending is late
)

// pace is what the loop measures of itself, so that a claim can be told at once that it would wait too long: orders
// that queue times the measured time of one. The loop writes, everybody reads.
type pace struct {
	perClaim atomic.Int64 // ns, smoothed
	began    atomic.Int64 // when the batch under way began, ns since start; 0: none is
	usual    atomic.Int64 // ns of a batch, smoothed
	late     atomic.Bool  // live sending is late
	start    time.Time
}

func (p *pace) clock() int64 { return int64(now().Sub(p.start)) + 1 }

func (p *pace) begin() { p.began.Store(p.clock()) }

// end takes the measure of a batch.
func (p *pace) end(claims int) {
	took := p.clock() - p.began.Swap(0)
	smooth(&p.usual, took)
	if claims > 0 {
		smooth(&p.perClaim, took/int64(claims))
	}
}

func smooth(to *atomic.Int64, value int64) {
	if old := to.Load(); old > 0 {
		value = old + (value-old)/paceOver
	}
	to.Store(value)
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

// tooMany tells whether a claim would wait too long behind those that wait.
func (a *Allocator) tooMany() bool {
	ahead := len(a.claims)
	if ahead < queueFree {
		return false
	}
	most := a.QueueFor
	if a.pace.late.Load() {
		most /= 4
	}
	return a.pace.wait(ahead) > most
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

// Busy tells whether a claim that came now would be turned away for the time that it would wait.
func (a *Allocator) Busy() bool {
	a.init()
	return a.tooMany()
}

// Wait estimates how long a claim that came now would wait for its batch.
func (a *Allocator) Wait() time.Duration {
	a.init()
	return a.pace.wait(len(a.claims))
}
