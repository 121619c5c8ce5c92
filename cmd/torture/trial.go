package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/store"
)

// trial is one site that is loaded, killed, started again and audited.
type trial struct {
	site
	seed   uint64
	nodes  int           // beside each other; more than one needs a database that can be shared
	kills  int           // strikes
	buyers int           // who buy at the same time
	pause  time.Duration // of a buyer between two wishes
	units  []int64       // on each shelf
	faults []fault       // what happens beside the strikes; each trial has all of them

	client   *client
	variants []string
	mu       sync.Mutex
	wishes   map[string]wish // by key: everything that was ever asked for
	acks     map[string]receipt
	sold     map[string]bool // keys that were refused as sold out
	waits    *waitlist
	result   figures
}

// figures are one line of the evidence.
type figures struct {
	Kills, Asked, Acked, Paid, Refused, Unknown, Stored int
	Lost, Oversold, Double, Money                       int // what must be zero
	Waited, Offered                                     int // who waited for an empty shelf, and got a unit of it
	Sold                                                int // of those that are stored
	Took                                                time.Duration
	Notes                                               []string
}

func (f *figures) note(format string, args ...any) {
	if len(f.Notes) < 10 {
		f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
	}
}

// clean tells whether nothing was found.
func (f *figures) clean() bool {
	return f.Lost+f.Oversold+f.Double+f.Money == 0 && len(f.Notes) == 0
}

// run lives through the trial. An error means that it could not be carried out; findings are figures.
func (t *trial) run(ctx context.Context) (figures, error) {
	began := time.Now()
	rng := rand.New(rand.NewPCG(t.seed, 11))
	t.client = newClient(2 * t.buyers)
	defer t.client.http.CloseIdleConnections()
	t.wishes, t.acks, t.sold = map[string]wish{}, map[string]receipt{}, map[string]bool{}
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		return t.result, err
	}
	servers := make([]*server, max(t.nodes, 1))
	defer func() {
		for _, s := range servers {
			if s != nil {
				s.kill()
			}
		}
	}()
	for round := 0; ; round++ {
		if err := t.revive(ctx, servers); err != nil {
			return t.result, err
		}
		if round == 0 {
			var err error
			if t.variants, err = t.client.stock(ctx, t.units...); err != nil {
				return t.result, err
			}
			if err := t.openWaitlist(ctx); err != nil {
				return t.result, err
			}
		}
		if round == t.kills {
			break
		}
		t.rush(ctx, round, func() { t.strike(rng, servers) }, time.Duration(150+rng.IntN(900))*time.Millisecond)
	}
	for i, f := range t.faults {
		if err := t.suffer(ctx, t.kills+i, f, servers); err != nil {
			return t.result, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	err := t.rest(ctx)
	for _, s := range servers {
		if stopped := s.stop(); stopped != nil {
			t.result.note("a server ends badly: %v", stopped)
		}
	}
	if err == nil {
		err = t.hearBank(ctx)
	}
	if err == nil {
		err = t.audit(ctx)
	}
	t.result.Took = time.Since(began)
	return t.result, err
}

// revive starts the nodes that do not live.
func (t *trial) revive(ctx context.Context, servers []*server) (err error) {
	for i, s := range servers {
		if s != nil && !s.dead.Load() {
			continue
		}
		if servers[i], err = t.start(ctx, i); err != nil {
			return err
		}
	}
	t.client.use(slices.Clone(servers)...) // buyers read theirs while nodes come and go
	return nil
}

// strike kills one node or more.
func (t *trial) strike(rng *rand.Rand, servers []*server) {
	first := rng.IntN(len(servers))
	for i, s := range servers {
		if i == first || rng.IntN(2) == 0 {
			s.kill()
			t.result.Kills++
		}
	}
}

const survive = 300 * time.Millisecond // how long the others go on after a strike

// rush lets everybody buy until a strike, and a little longer where somebody survives it.
func (t *trial) rush(ctx context.Context, round int, strike func(), after time.Duration) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var wg sync.WaitGroup
	wg.Go(func() {
		wait(ctx, after)
		strike()
		if t.nodes > 1 {
			wait(ctx, survive)
		}
		end()
	})
	for i := range t.waits.tokens {
		wg.Go(func() { t.waitOn(ctx, i, rand.New(rand.NewPCG(t.seed, uint64(round*1000+500+i)))) })
	}
	wg.Go(func() { t.restock(ctx, round, rand.New(rand.NewPCG(t.seed, uint64(round*1000+499)))) })
	for b := range t.buyers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(t.seed, uint64(round*1000+b)))
			pace := time.NewTicker(t.pause)
			defer pace.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				w := t.next(rng, round, b, i)
				if rng.IntN(8) == 0 { // a double click
					wg.Go(func() { t.ask(ctx, w) })
				}
				t.ask(ctx, w)
				select {
				case <-pace.C:
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Wait()
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// next is a new wish, or one that was asked for before.
func (t *trial) next(rng *rand.Rand, round, buyer, i int) wish {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rng.IntN(10) == 0 {
		for _, w := range t.wishes { // whichever comes first
			return w
		}
	}
	w := wish{
		Key: fmt.Sprint(round, "-", buyer, "-", i), Buyer: fmt.Sprint("buyer-", buyer), Variant: t.variants[rng.IntN(len(t.variants))],
		Instrument: "sandbox_approved", Quantity: 1 + int64(rng.IntN(6)/5),
	}
	switch rng.IntN(10) {
	case 0:
		w.Instrument = "sandbox_declined"
	case 1:
		w.Instrument = "sandbox_requires_action" // approved, refused, cancelled, or left until the hold runs out
	case 2:
		w.Instrument = []string{"sandbox_slow", "sandbox_late"}[rng.IntN(2)] // money that comes by webhook, the late one when the hold is over
	}
	t.wishes[w.Key] = w
	return w
}

// ask asks for a wish once and writes down what was answered.
func (t *trial) ask(ctx context.Context, w wish) {
	got, err := t.client.buy(context.WithoutCancel(ctx), w)
	t.noteAnswer(w, got, err)
	switch {
	case err != nil:
	case got.Next != nil && len(w.Key)%2 == 0:
		t.client.decide(ctx, got.Next.URL, "approve")
	case got.Next != nil && len(w.Key)%3 == 0:
		_ = t.client.call(ctx, "POST", "/v1/orders/"+got.Order+"/cancel", "seller", "", nil, nil) // the audit tells
	case got.State == "paid" && len(w.Key)%5 == 0:
		_ = t.client.call(ctx, "POST", "/v1/orders/"+got.Order+"/refunds", "seller", "refund-"+w.Key, map[string]any{"reason": "torture", "lines": []any{map[string]any{"line": 1, "quantity": 1}}}, nil)
	}
}

func (t *trial) noteAnswer(w wish, got receipt, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.result.Asked++
	refused, _ := errors.AsType[*problem](err)
	switch {
	case err == nil:
		old, known := t.acks[w.Key]
		if known && old.Order != got.Order {
			t.result.Double++
			t.result.note("key %s is order %s and order %s", w.Key, old.Order, got.Order)
		}
		if old.State != "paid" { // what was said to be paid stays said
			t.acks[w.Key] = got
		}
	case refused != nil && refused.Status == 409:
		t.result.Refused++
		t.sold[w.Key] = true
		if _, known := t.acks[w.Key]; known {
			t.result.Lost++
			t.result.note("key %s was acknowledged and is now %v", w.Key, err)
		}
	case refused != nil && refused.Status != 503:
		t.result.note("key %s is answered %v", w.Key, err)
	default:
		t.result.Unknown++
	}
}

const (
	restWithin = 60 * time.Second
	lateFor    = 1500 * time.Millisecond
	bankTells  = 6 * time.Second // the bank tells again what was not taken
	bankTries  = 5
)

// rest asks again for everything that has no answer or was acknowledged, ends what waits for a bank, and waits until
// no order waits for its money.
func (t *trial) rest(ctx context.Context) error {
	again := make(chan wish)
	var wg sync.WaitGroup
	for range t.buyers {
		wg.Go(func() {
			for w := range again {
				got, err := t.client.buy(ctx, w)
				for try := 0; err != nil && !t.answered(err) && try < 5; try++ {
					got, err = t.client.buy(ctx, w)
				}
				t.noteAnswer(w, got, err)
				if err == nil && got.Next != nil {
					t.client.decide(ctx, got.Next.URL, "refuse")
				}
			}
		})
	}
	for _, w := range t.wishes {
		if !t.known(w.Key) {
			again <- w
		}
	}
	close(again)
	wg.Wait()
	if t.waits != nil {
		t.restWaits(ctx)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(lateFor) // for money that comes when the hold is over
	for end := time.After(restWithin); ; {
		open := 0
		for _, state := range []string{"held", "requires_action"} {
			found, err := t.client.list(ctx, state)
			if err != nil && !t.answered(err) { // busy: nobody knows yet
				open++
				continue
			}
			if err != nil {
				return fmt.Errorf("list orders: %w", err)
			}
			open += len(found)
			for _, o := range found {
				if state == "requires_action" {
					_ = t.client.call(ctx, "POST", "/v1/orders/"+o.ID+"/cancel", "seller", "", nil, nil) // the next look tells
				}
			}
		}
		if open > 0 {
			late = time.After(lateFor)
		}
		select {
		case <-late:
			return nil
		case <-tick.C:
		case <-end:
			t.result.note("%d orders still wait for their money after %v", open, restWithin)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// known tells whether nothing can be learnt from asking again. What was acknowledged is asked for again: the same
// order must come back.
func (t *trial) known(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, acked := t.acks[key]
	return t.sold[key] && !acked
}

func (t *trial) answered(err error) bool {
	p, ok := errors.AsType[*problem](err)
	return ok && p.Status != 503
}

// hearBank lets the bank tell what it could not: money may be under way when a server stops, and comes with the next one.
func (t *trial) hearBank(ctx context.Context) error {
	for try := 0; ; try++ {
		left, err := t.untold(ctx)
		if err != nil || left == 0 {
			return err
		}
		if try == bankTries {
			t.result.note("the bank could not tell of %d payments", left)
			return nil
		}
		s, err := t.start(ctx, 0)
		if err != nil {
			return err
		}
		wait(ctx, bankTells)
		if stopped := s.stop(); stopped != nil {
			t.result.note("a server ends badly: %v", stopped)
		}
	}
}

// untold counts the payments that the bank has not told, or not to anybody who took it, and the refunds that it has not
// been asked for. No server runs.
func (t *trial) untold(ctx context.Context) (int, error) {
	db, err := store.Open(ctx, store.Config{Dir: t.data(), Database: t.database}, store.Hawker)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	rows, soon := &shopsql.Store{DB: db}, time.Now().Add(2*time.Hour)
	told, err := rows.SandboxPaymentsToTell(ctx, soon, 1000)
	due, failed := rows.RefundsDue(ctx, soon, 1000)
	unheard, unasked := unaskedOf(ctx, db)
	return len(told) + len(due) + unheard, errors.Join(err, failed, unasked)
}

// unaskedOf counts the orders that ended before the bank had spoken, and of which it has not been asked since. Where a node
// died that wanted to, its time for that is over.
func unaskedOf(ctx context.Context, db *store.DB) (n int, err error) {
	err = db.Update(ctx, func(tx *store.Tx) error {
		r, err := tx.Exec(ctx, `UPDATE unheard SET next_at = $1 WHERE attempts = 0`, 0)
		if err != nil {
			return err
		}
		changed, err := r.RowsAffected()
		n = int(changed)
		return err
	})
	return n, err
}
