package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

const (
	offerFor   = 20 * time.Second
	holdFor    = time.Minute      // longer than the allocator waits before it asks for a lost charge again
	clockAhead = 20 * time.Second // of whoever looks for holds that ran out
	crashFor   = 100 * time.Millisecond
	shopName   = "shop"
)

var errRefused = errors.New("simulation: the call is refused")

// World is one day, told by its seed. Only Run touches it, and the calls that it lets through.
type World struct {
	t     testing.TB
	rng   *rand.Rand
	store shoptest.Store  // what is tried
	model *shoptest.Model // what it must answer
	bank  *bank
	door  *door
	node  *node

	mu       sync.Mutex
	skew     time.Duration // how wrong the clock is
	variants []shop.Variant
	deal     shop.Deal
	wishes   []*wish
	asks     []*ask // that have no answer yet
	numbers  map[string]int
	away     bool            // the database does not answer
	late     map[string]bool // buyers whose money came after their hold had ended
	failed   string
	trace    []string
	tally    Tally
}

// Tally is what happened in a day.
type Tally struct {
	Steps, Asks, Orders, Known, SoldOut, Limited, Busy, Unknown, Commits, Faults, Crashes, Jumps, Webhooks, Refunds, AtDeal, Waits, Offers, Outages, Finds int
	Time                                                                                                                                                   time.Duration
}

// Run lives through one day on an empty store, in a bubble of testing/synctest. It returns what broke, or nil, and after
// how many steps.
func Run(t testing.TB, store shoptest.Store, day Program) (Tally, []string, error) {
	w := &World{
		t: t, store: store, model: &shoptest.Model{}, bank: newBank(), door: &door{},
		numbers: map[string]int{}, late: map[string]bool{},
	}
	began := w.now() // the clock is right yet
	w.open()
	w.openDeal()
	w.node = w.start()
	synctest.Wait()
	for _, step := range day.Steps {
		w.tally.Steps++
		w.rng = rand.New(rand.NewPCG(day.Seed, uint64(step)))
		w.step()
		w.settle()
		if w.check(); w.failed != "" {
			break
		}
	}
	if w.failed == "" {
		w.evening()
	}
	w.node.crash()
	synctest.Wait()
	w.tally.Time = time.Since(began)
	if w.failed != "" {
		return w.tally, w.trace, fmt.Errorf("seed %d, step %d of %d: %s", day.Seed, w.tally.Steps, len(day.Steps), w.failed)
	}
	return w.tally, w.trace, nil
}

// settle waits until everything that can go on by itself has, and gives a dead process a successor.
func (w *World) settle() {
	synctest.Wait()
	if !w.node.isDead() {
		return
	}
	w.tally.Crashes++
	at := w.now()
	w.node.crash()
	time.Sleep(crashFor - w.now().Sub(at)) // however long the goroutines took to notice, the day goes on at the same time
	synctest.Wait()
	w.mu.Lock()
	w.asks = nil // nobody will ever hear an answer
	w.mu.Unlock()
	w.node = w.start()
	synctest.Wait()
}

// now is the clock of the process, right or wrong.
func (w *World) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.skew).UTC().Truncate(time.Millisecond)
}

func (w *World) broken(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breaks(format, args...)
}

func (w *World) breaks(format string, args ...any) {
	if w.failed == "" {
		w.failed = fmt.Sprintf(format, args...)
	}
}

func (w *World) tell(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%d ", w.tally.Steps)+fmt.Sprintf(format, args...))
}

// open fills the shelves: a hot one, one with a limit per buyer, and a deep one.
func (w *World) open() {
	now := w.now()
	for i, v := range []struct{ units, perBuyer int64 }{{3, 0}, {6, 2}, {40, 0}} {
		p := shop.Product{
			ID: fmt.Sprint("product-", i), ShopID: shopName, Title: "Linen shirt", Kind: shop.KindGoods, State: shop.Active,
			Price: shop.Money{Amount: 2900, Currency: "EUR"}, CreatedAt: now, UpdatedAt: now,
		}
		p.Variants = []shop.Variant{{
			ID: fmt.Sprint("variant-", i), ProductID: p.ID, ShopID: shopName, Title: "M", Price: p.Price, State: shop.Active, Position: 1,
			PerBuyer: v.perBuyer, Stock: shop.Stock{OnHand: v.units},
		}}
		w.variants = append(w.variants, p.Variants[0])
		for _, s := range []shoptest.Store{w.store, w.model} {
			made := p
			made.Variants = append([]shop.Variant(nil), p.Variants...)
			if err := s.CreateProduct(context.Background(), made, "seller"); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// number tells an order by when it was first seen, which is the same in every run of a seed.
func (w *World) number(order string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.numbers[order] == 0 {
		w.numbers[order] = len(w.numbers) + 1
	}
	return w.numbers[order]
}

// apply is a commit: the store and the model carry out the same batch and must say the same.
func (w *World) apply(b shop.Batch) (shop.BatchResult, error) {
	ctx := context.Background()
	for _, s := range b.Settlements {
		if o, err := w.model.Order(ctx, shop.Scope{Any: true}, s.OrderID); err == nil && o.Late() && s.Kind == shop.SettlePaid {
			w.mu.Lock()
			w.late[o.BuyerID] = true
			w.mu.Unlock()
		}
	}
	r, err := w.store.Apply(ctx, b)
	want, wantErr := w.model.Apply(ctx, b)
	if got, want := shoptest.AnswerOf(r, err), shoptest.AnswerOf(want, wantErr); got != want {
		w.broken("the store answers a batch with\n %s\nand the model with\n %s", got, want)
	}
	for _, o := range r.Outcomes {
		for _, o := range o.Orders {
			w.number(o.ID)
		}
	}
	w.tally.Offers += len(r.Offers)
	w.stockMoved()
	return r, err
}

// stockMoved lowers what each waiting buyer can have seen of each shelf.
func (w *World) stockMoved() {
	left, mine := w.available(), map[string]map[string]bool{}
	for _, a := range w.underWay() {
		mine[a.Buyer] = w.offersOf(a.Buyer)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asks {
		for id, n := range left {
			a.least[id] = min(a.least[id], n)
		}
		still := mine[a.Buyer]
		for id := range a.mine {
			a.mine[id] = a.mine[id] && still[id]
		}
	}
}

func (w *World) available() map[string]int64 {
	out := map[string]int64{}
	for _, v := range w.variants {
		found, err := w.store.Variants(context.Background(), []string{v.ID})
		if err != nil || len(found) != 1 {
			w.broken("a shelf is gone: %v", err)
			return out
		}
		out[v.ID] = found[0].Stock.Available()
	}
	return out
}

// forgetWaits forgets in the store and in the model alike.
func (w *World) forgetWaits(ctx context.Context, before time.Time, limit int) error {
	err := w.store.ForgetWaits(ctx, before, limit)
	if other := w.model.ForgetWaits(ctx, before, limit); (err == nil) != (other == nil) {
		w.broken("waits are forgotten with %v, the model says %v", err, other)
	}
	return err
}

func (w *World) refundAsked(ctx context.Context, id string, state shop.RefundState, next time.Time) error {
	err, want := w.store.RefundAsked(ctx, id, state, next), w.model.RefundAsked(ctx, id, state, next)
	if (err == nil) != (want == nil) {
		w.broken("a refund is noted with %v, the model says %v", err, want)
	}
	return err
}

func (w *World) takeUnheard(ctx context.Context, now, until time.Time, limit int) ([]shop.Unheard, error) {
	got, err := w.store.TakeUnheard(ctx, now, until, limit)
	want, wantErr := w.model.TakeUnheard(ctx, now, until, limit)
	text := func(all []shop.Unheard) (out string) {
		for _, u := range all {
			out += fmt.Sprint(u.Order.ID, " ", u.Order.State, " ", u.Attempts, "; ")
		}
		return out
	}
	if text(got) != text(want) || (err == nil) != (wantErr == nil) {
		w.broken("to be asked about are %s%v; the model says %s%v", text(got), err, text(want), wantErr)
	}
	return got, err
}

func (w *World) noteUnheard(ctx context.Context, asked []shop.Asked) error {
	err, want := w.store.NoteUnheard(ctx, asked), w.model.NoteUnheard(ctx, asked)
	if (err == nil) != (want == nil) {
		w.broken("what was asked is noted with %v, the model says %v", err, want)
	}
	return err
}
