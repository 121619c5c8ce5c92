package checkout

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// Defaults of an Allocator's settings.
const (
	inboxMax      = 2048
	batchMax      = 500
	batchLinesMax = 1000 // lines of all claims of a batch
	holdFor       = 10 * time.Minute
	answerWithin  = 3 * time.Second
	giveUpAfter   = 10 * time.Second // without any outcome: the database does not answer
	chargesMax    = 4096
	chargeWorkers = 64
	chargeTimeout = 20 * time.Second
	drainFor      = 4 * time.Second
	keysFor       = 30 * 24 * time.Hour
	offerFor      = 10 * time.Minute
)

// Orders is what the allocator needs of orders beside its batches.
type Orders interface {
	Purchase(ctx context.Context, s shop.Scope, purchaseID string) ([]shop.Order, error)
	RefundsDue(ctx context.Context, now time.Time, limit int) ([]shop.Refund, error)
	RefundAsked(ctx context.Context, id string, state shop.RefundState, next time.Time) error
	TakeUnheard(ctx context.Context, now, until time.Time, limit int) ([]shop.Unheard, error)
	NoteUnheard(ctx context.Context, asked []shop.Asked) error
}

// Instruments finds what a buyer pays with. *payment.Instruments is one.
type Instruments interface {
	Instrument(ctx context.Context, buyerID, id string) (shop.Instrument, error)
}

// Allocator is the single writer of stock on this node. It drains its inbox into batches that form by themselves
// from what queued up while the last one committed, and gives each batch to the store as one transaction.
// Fill the fields, then Run it; its other methods may be called by any number of goroutines.
type Allocator struct {
	// Required.
	Store       shop.Batches
	Orders      Orders
	Instruments Instruments
	Providers   map[string]payment.Provider
	Quotes      *shop.Quotes
	Log         *slog.Logger

	// Optional, with defaults.

	// Gate turns away in constant time what cannot succeed. It defaults to a GateMemory.
	Gate Gate
	// Bus carries stock counts to viewers. Without it nobody hears of them.
	Bus event.Bus
	// Limits count attempts by Rates; who comes too often is shop.ErrTooFast. It defaults to a LimitsMemory.
	Limits Limits
	Rates  Rates
	// Room, if set, is where buyers wait who come while too many do. Without it they are only turned away.
	Room *Room
	// Metrics may be nil.
	Metrics *Metrics
	// Shared says that other nodes use the same database: then memory alone never says that a key is new.
	Shared bool
	// Seen tells by which transport a view of a broadcast is served, for claims that are drawn: only views that the
	// server itself serves take part. Without it nobody does.
	Seen func(ctx context.Context, broadcast, session string) (transport string, ok bool)
	// InboxMax bounds the claims that wait; beyond it they are ErrBusy. It defaults to 2048.
	InboxMax int
	// QueueFor is how long a claim may wait for its batch; one that would wait longer is ErrBusy at once. The wait is
	// estimated: the claims before it times the measured time of one. The order is paid two batches later. It defaults
	// to 50 ms.
	QueueFor time.Duration
	// Late tells how late live sending is on this machine. Beyond 20 ms checkout yields: smaller batches with pauses
	// between them, and claims turned away earlier. Without it nothing is ever late.
	Late func() time.Duration
	// BatchMax bounds the claims, and the settlements, of one transaction. It defaults to 500.
	BatchMax int
	// HoldFor is how long stock waits for money. It defaults to 10 minutes.
	HoldFor time.Duration
	// OfferFor is how long a unit that came back is held for who waited for it. It defaults to 10 minutes.
	OfferFor time.Duration
	// AnswerWithin is how long Checkout waits for the money before it answers that the order is held. 3 s.
	AnswerWithin time.Duration
	// ChargeWorkers bounds the provider calls under way. It defaults to 64.
	ChargeWorkers int
	// ChargeTimeout bounds one provider call. It defaults to 20 s.
	ChargeTimeout time.Duration
	// DrainFor is how long Run waits at the end for charges under way. It defaults to 4 s.
	DrainFor time.Duration
	// ReturnPath is where the bank sends the buyer back to, with ?order= added. It defaults to "/orders".
	ReturnPath string
	// Wake, if set, is told after each commit that facts wait in the outbox. It must not block.
	Wake func()
	// Now tells the time. It defaults to time.Now.
	Now func() time.Time

	once    sync.Once
	mu      sync.RWMutex // closed; held for reading while something enters
	closed  bool
	claims  chan *entry
	news    chan *entry // settlements
	charges chan charge
	instant []*entry // payment results that were there at once, or found no database, for the next batch; the loop's own
	ending  atomic.Bool
	pace    pace
	denials denials
	opening openings
	deals   dealGate
	offers  offers
	open    atomic.Int64 // entries and charges that are not finished
	coming  atomic.Int64 // requests that are not yet in the inbox
	under   atomic.Int64 // claims of the batch under way
	woke    time.Time    // when Wake was called last; the loop's own
	watches watches
	keys    *keyFilter
	values  values
	refunds chan struct{} // wakes the refunder
}

// entry is a claim or a settlement on its way through a batch.
type entry struct {
	claim   *shop.Claim
	outcome shop.Outcome
	watch   watch
	token   string // of the instrument
	back    string // path to return to from the bank

	settlement *shop.Settlement
	settled    shop.Settled
	told       bool // by a provider, to this process alone: it is tried until the database takes it

	wait   *shop.WaitCall
	waited shop.WaitOutcome

	// done is closed when the entry has its answer: a settlement's is durable, a claim is refused or its orders are
	// settled, or durable where the caller is in a hurry. It is nil where nobody waits.
	done chan struct{}
}

func (a *Allocator) init() {
	a.once.Do(func() {
		orDefault(&a.InboxMax, inboxMax)
		orDefault(&a.QueueFor, queueFor)
		a.pace.start = now()
		orDefault(&a.BatchMax, batchMax)
		orDefault(&a.HoldFor, holdFor)
		orDefault(&a.OfferFor, offerFor)
		orDefault(&a.AnswerWithin, answerWithin)
		orDefault(&a.ChargeWorkers, chargeWorkers)
		orDefault(&a.ChargeTimeout, chargeTimeout)
		orDefault(&a.DrainFor, drainFor)
		orDefault(&a.ReturnPath, "/orders")
		if a.Gate == nil {
			a.Gate = &GateMemory{Now: a.Now}
		}
		if a.Limits == nil {
			a.Limits = &LimitsMemory{}
		}
		a.claims = make(chan *entry, a.InboxMax)
		a.news = make(chan *entry, a.InboxMax)
		a.charges = make(chan charge, chargesMax)
		a.refunds = make(chan struct{}, 1)
		a.watches.by = map[string][]*entry{}
		a.keys = newKeyFilter(a.Shared)
		a.Metrics.watch(a)
	})
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (a *Allocator) now() time.Time {
	if a.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return a.Now().UTC().Truncate(time.Millisecond)
}

// Run carries out batches, charges, sweeps and refunds until ctx ends. Then it refuses what is new, finishes what
// it accepted, waits for charges under way no longer than DrainFor, and returns when all its goroutines have.
func (a *Allocator) Run(ctx context.Context) error {
	a.init()
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx by the drain
	defer stop()
	quit := make(chan struct{})
	a.ending.Store(false)
	var loop, workers, rounds sync.WaitGroup
	loop.Go(func() { a.loop(lasting, quit) })
	for range a.ChargeWorkers {
		workers.Go(func() { a.chargeAll(lasting) })
	}
	rounds.Go(func() { a.loadKeys(ctx) })
	rounds.Go(func() { a.sweepHolds(ctx) })
	rounds.Go(func() { a.recoverCharges(ctx) })
	rounds.Go(func() { a.sendRefunds(ctx) })
	rounds.Go(func() { a.findCharges(ctx) })
	if a.Room != nil {
		rounds.Go(func() { a.Room.run(ctx, a) })
	}
	if a.Bus != nil {
		rounds.Go(func() { a.values.run(ctx, a.Bus, a.now, a.Log) })
	}
	<-ctx.Done()
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	rounds.Wait()
	a.drain()
	stop() // charges that still run stay held; the next start asks the provider again
	workers.Wait()
	a.ending.Store(true)
	close(quit)
	loop.Wait()
	a.watches.closeAll()
	return nil
}

// drain waits until all that was accepted is finished, at most DrainFor.
func (a *Allocator) drain() {
	end := time.NewTimer(a.DrainFor)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for a.open.Load() > 0 {
		select {
		case <-end.C:
			a.Log.Warn("checkout: charges still under way at the end; they are asked for again at the next start", "open", a.open.Load())
			return
		case <-tick.C:
		}
	}
}

// offer puts a claim into the inbox, or says at once that it is full.
func (a *Allocator) offer(e *entry) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.closed || len(a.charges) >= chargesMax-a.InboxMax/2 || a.tooMany() {
		return shop.ErrBusy
	}
	a.open.Add(1)
	select {
	case a.claims <- e:
		return nil
	default:
		a.open.Add(-1)
		return shop.ErrBusy
	}
}

// settle puts a settlement into the inbox and waits until its result is durable.
func (a *Allocator) settle(ctx context.Context, s shop.Settlement) (shop.Settled, error) {
	a.init()
	e := &entry{settlement: &s, done: make(chan struct{})}
	if err := a.bring(ctx, e); err != nil {
		return shop.Settled{}, err
	}
	return e.settled, e.settled.Err
}

// bring puts an entry that is not a claim into the inbox and waits until its result is durable.
func (a *Allocator) bring(ctx context.Context, e *entry) error {
	if !a.put(e) {
		return shop.ErrBusy
	}
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// put puts an entry that is not a claim into the inbox, unless that is full.
func (a *Allocator) put(e *entry) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.closed {
		return false
	}
	a.open.Add(1)
	select {
	case a.news <- e:
		return true
	default:
		a.open.Add(-1)
		return false
	}
}

// NoteStock tells of stock that changed elsewhere on this node. shop.Service calls it after its commits.
func (a *Allocator) NoteStock(stocks ...shop.StockNow) {
	a.init()
	a.noteStock(stocks)
	for _, s := range stocks {
		if s.Available > 0 { // somebody may wait for it; where the inbox is full, the sweep comes by
			a.put(&entry{wait: &shop.WaitCall{Variant: s.Variant}})
		}
	}
}

func (a *Allocator) noteStock(stocks []shop.StockNow) {
	a.Gate.Note(stocks...)
	a.Room.noteStock(stocks)
	if a.Bus != nil {
		a.values.note(stocks)
	}
}

// RefundDue wakes the refunder.
func (a *Allocator) RefundDue() {
	a.init()
	select {
	case a.refunds <- struct{}{}:
	default:
	}
}

// Waiting is how many claims, settlements and charges are not finished.
func (a *Allocator) Waiting() int64 { return a.open.Load() }

// Load is how full the inbox is, from 0 to 1.
func (a *Allocator) Load() float64 {
	a.init()
	return float64(len(a.claims)) / float64(a.InboxMax)
}

func randomKey() string { return rand.Text() }
