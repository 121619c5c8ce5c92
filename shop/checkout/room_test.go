package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

const rushing = 1200 // more than a batch takes and may wait besides

// overrun holds the store back until so many wait that the next must queue, and returns the first place given.
func overrun(t *testing.T, d *desk, held chan<- struct{}, release chan<- struct{}, variant string) checkout.Standing {
	t.Helper()
	if _, err := d.buy("somebody", "k", variant, payment.TokenApproved); err != nil { // from here on the pace is known
		t.Fatal(err)
	}
	held <- struct{}{}
	var wg sync.WaitGroup
	places := make(chan checkout.Standing, rushing)
	for i := range rushing {
		wg.Go(func() {
			q := request(fmt.Sprint("buyer", i), "k", variant, payment.TokenApproved)
			q.Queue = true
			_, err := d.Checkout(context.Background(), q)
			var queued *checkout.QueuedError
			switch {
			case errors.As(err, &queued):
				places <- queued.Standing
			case err != nil && !errors.Is(err, shop.ErrSoldOut):
				t.Error(err)
			}
		})
	}
	first := <-places
	close(release)
	wg.Wait()
	return first
}

func waitingRoom(t *testing.T, units int64, changes ...func(*checkout.Room)) (*desk, shop.Variant, checkout.Standing) {
	t.Helper()
	held, release := make(chan struct{}, 1), make(chan struct{})
	s := &slowStore{Model: &shoptest.Model{}}
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		if len(held) > 0 {
			<-release
		}
		return s.Model.Apply(ctx, b)
	}
	d := open(t, s, func(a *checkout.Allocator) {
		a.QueueFor = time.Nanosecond
		a.Room = &checkout.Room{Signer: &shoptest.Signer{}, Log: slog.New(slog.DiscardHandler), Shelves: s.Model, Line: &checkout.LineMemory{Opening: time.Millisecond}}
		for _, change := range changes {
			change(a.Room)
		}
	})
	v := shoptest.Stocked(t, d.store, "shop", units)
	return d, v, overrun(t, d, held, release, v.ID)
}

// until asks again and again for a place.
func until(t *testing.T, d *desk, s checkout.Standing, is func(checkout.Standing) bool) checkout.Standing {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		now, err := d.Room.Look(t.Context(), s.Token, s.Buyer)
		if err != nil {
			t.Fatal(err)
		}
		if is(now) {
			return now
		}
		tick := time.NewTimer(5 * time.Millisecond)
		<-tick.C
	}
	t.Fatal("it never came")
	return s
}

func TestWhoMustWaitGetsAPlaceAndATurn(t *testing.T) {
	t.Parallel()
	d, v, place := waitingRoom(t, 1<<20)
	if place.Position < 1 || place.Estimate <= 0 || place.Again < time.Second {
		t.Fatalf("%+v", place)
	}
	buy := func(buyer, token string) error {
		q := request(buyer, "k", v.ID, payment.TokenApproved)
		q.Queue, q.Place = true, token
		_, err := d.Checkout(t.Context(), q)
		return err
	}
	if err := buy("thief", place.Token); !errors.Is(err, shop.ErrPlaceForeign) {
		t.Fatalf("somebody else's place: %v", err)
	}
	for what, token := range map[string]string{
		"forged": strings.Replace(place.Token, ".k1.", ".k1.AA", 1), "altered": "hp1.AAAA" + place.Token[8:], "cut short": place.Token[:40], "nothing": "x", "dots": "hp1...",
	} {
		if err := buy(place.Buyer, token); !errors.Is(err, shop.ErrPlace) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	turn := until(t, d, place, func(s checkout.Standing) bool { return s.Turn() })
	var tries sync.WaitGroup
	bought := make(chan error, 20)
	for i := range cap(bought) { // twice under each key, all at once
		q := request(turn.Buyer, fmt.Sprint("at once", i/2), v.ID, payment.TokenApproved)
		q.Queue, q.Place = true, turn.Token
		tries.Go(func() {
			_, err := d.Checkout(t.Context(), q)
			bought <- err
		})
	}
	tries.Wait()
	close(bought)
	ok := 0
	for err := range bought {
		if err == nil {
			ok++
		} else if !errors.Is(err, shop.ErrPlaceOver) {
			t.Fatalf("a place that is used many times at once: %v", err)
		}
	}
	if orders, err := d.store.Orders(t.Context(), shop.OrderQuery{Scope: shop.Scope{Buyer: turn.Buyer}, Limit: 10}); err != nil || len(orders) != 1 || ok < 1 || ok > 2 {
		t.Fatalf("one turn bought %d times, %d answers, %v", len(orders), ok, err)
	}
	q := request(turn.Buyer, "another key", v.ID, payment.TokenApproved)
	q.Queue, q.Place = true, turn.Token
	if _, err := d.Checkout(t.Context(), q); !errors.Is(err, shop.ErrPlaceOver) {
		t.Fatalf("a place that was used: %v", err)
	}
}

// brokenLine gives no turns, and does not answer while it is away.
type brokenLine struct {
	checkout.Line
	away atomic.Bool
}

var errAway = errors.New("away")

func (l *brokenLine) Join(ctx context.Context, j checkout.Joining) (checkout.Place, error) {
	if l.away.Load() {
		return checkout.Place{}, errAway
	}
	return l.Line.Join(ctx, j)
}

func (l *brokenLine) Look(ctx context.Context, id string, now time.Time) (checkout.Place, error) {
	if l.away.Load() {
		return checkout.Place{}, errAway
	}
	return l.Line.Look(ctx, id, now)
}

func (l *brokenLine) Call(context.Context, int, time.Time, time.Time) ([]string, error) {
	return nil, nil
}

func (l *brokenLine) Size(ctx context.Context, now time.Time) (int, int, error) {
	if l.away.Load() {
		return 0, 0, errAway
	}
	return l.Line.Size(ctx, now)
}

// TestALineThatIsAwayShutsNobodyOut: a place stands while its line is silent for a moment; if it stays away, who waits
// passes as everybody does; and the place is the same when the line is back.
func TestALineThatIsAwayShutsNobodyOut(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	line := &brokenLine{}
	d, v, place := waitingRoom(t, 1<<20, func(r *checkout.Room) {
		line.Line, r.Line = r.Line, line
		r.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	buy := func(key string) error {
		q := request(place.Buyer, key, v.ID, payment.TokenApproved)
		q.Queue, q.Place = true, place.Token
		_, err := d.Checkout(t.Context(), q)
		return err
	}
	if err := buy("too early"); !errors.Is(err, shop.ErrQueued) {
		t.Fatalf("before the turn: %v", err)
	}
	was, err := d.Room.Look(t.Context(), place.Token, place.Buyer)
	if err != nil || was.Turn() {
		t.Fatalf("%+v %v", was, err)
	}

	line.away.Store(true)
	if _, err := d.Room.Look(t.Context(), place.Token, place.Buyer); !errors.Is(err, shop.ErrLineSilent) {
		t.Fatalf("a line that is silent: %v", err)
	}
	if err := buy("in the silence"); !errors.Is(err, shop.ErrLineSilent) {
		t.Fatalf("bought while the line is silent: %v", err)
	}
	soon(t, "the room to hear of it", func() bool { return d.Room.Waiting() == 0 })
	ahead.Add(int64(2 * time.Second))
	soon(t, "everybody to pass", func() bool {
		s, err := d.Room.Look(t.Context(), place.Token, place.Buyer)
		return err == nil && s.Turn() && s.Until.After(time.Now())
	})
	if err := buy("while it is away"); err != nil {
		t.Fatalf("bought with a place whose line is away: %v", err)
	}
	if _, err := d.Room.Look(t.Context(), place.Token, "thief"); !errors.Is(err, shop.ErrPlaceForeign) {
		t.Fatalf("somebody else's place: %v", err)
	}

	line.away.Store(false)
	soon(t, "the line", func() bool {
		s, err := d.Room.Look(t.Context(), place.Token, place.Buyer)
		return err == nil && s.Position == was.Position
	})
	if err := buy("too early again"); !errors.Is(err, shop.ErrQueued) {
		t.Fatalf("before the turn: %v", err)
	}
}

// soon asks again and again.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatal(what, "never came")
		}
		<-time.After(5 * time.Millisecond)
	}
}

// TestSoldOutReachesTheLine: nobody waits for what is gone.
func TestSoldOutReachesTheLine(t *testing.T) {
	t.Parallel()
	d, _, place := waitingRoom(t, 100)
	until(t, d, place, func(s checkout.Standing) bool { return s.SoldOut })
}

func TestALimitThatIsReachedIsToldInConstantTime(t *testing.T) {
	t.Parallel()
	asked := 0
	s := &slowStore{Model: &shoptest.Model{}}
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		asked += len(b.Claims)
		return s.Model.Apply(ctx, b)
	}
	d := open(t, s)
	v := shoptest.Stocked(t, d.store, "shop", 10)
	one := int64(1)
	if _, err := d.store.UpdateVariant(t.Context(), "shop", v.ID, shop.VariantChange{PerBuyer: &one}, time.Now()); err != nil {
		t.Fatal(err)
	}
	first, err := d.buy("a", "1", v.ID, payment.TokenRequiresAction)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if _, err := d.buy("a", fmt.Sprint("again", i), v.ID, payment.TokenApproved); !errors.Is(err, shop.ErrLimited) {
			t.Fatal(err)
		}
	}
	if asked != 2 {
		t.Fatalf("the store was asked %d times", asked)
	}
	if _, err := d.Cancel(t.Context(), shop.Scope{Any: true}, first.Orders[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.buy("a", "after", v.ID, payment.TokenApproved); err != nil {
		t.Fatalf("the order before gave its unit back, and still: %v", err)
	}
}

func TestTooManyAttemptsMustWait(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{}, func(a *checkout.Allocator) { a.Rates.Buyer = checkout.Per(3, time.Hour) })
	v := shoptest.Stocked(t, d.store, "shop", 10)
	for i := range 5 {
		_, err := d.buy("a", fmt.Sprint(i), v.ID, payment.TokenApproved)
		var fast *checkout.TooFastError
		if errors.As(err, &fast) != (i >= 3) || (i >= 3 && fast.Wait <= 0) {
			t.Fatal(i, err)
		}
	}
	if _, err := d.buy("a", "0", v.ID, payment.TokenApproved); err != nil {
		t.Fatalf("a retry of what was accepted: %v", err)
	}
	if _, err := d.buy("b", "0", v.ID, payment.TokenApproved); err != nil {
		t.Fatal(err)
	}
}

// TestCheckoutYieldsToLiveSending: while a sending shard is late, there is a pause between two batches, and none after.
func TestCheckoutYieldsToLiveSending(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	figures := prometheus.NewRegistry()
	d := open(t, &shoptest.Model{}, func(a *checkout.Allocator) {
		a.Late = func() time.Duration { return time.Duration(late.Load()) }
		a.Metrics = checkout.NewMetrics(figures)
	})
	v := shoptest.Stocked(t, d.store, "shop", 1000)
	pauses := func(key string) float64 {
		if _, err := d.buy("buyer", key, v.ID, payment.TokenApproved); err != nil {
			t.Fatal(err)
		}
		all, err := figures.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if f.GetName() == "hawker_checkout_yields_total" {
				return f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		return -1
	}
	if n := pauses("before"); n != 0 {
		t.Fatalf("%v pauses although nothing is late", n)
	}
	late.Store(int64(25 * time.Millisecond))
	if n := pauses("late"); n < 1 {
		t.Fatalf("%v pauses although sending is late", n)
	}
}
