package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// desk is an allocator over a store, with the sandbox behind it.
type desk struct {
	*checkout.Allocator
	store   shoptest.Store
	sandbox *payment.Sandbox
	quotes  *shop.Quotes
	signer  *shoptest.Signer
	close   func()
}

// open runs an allocator until the test ends. change may set its fields first.
func open(t testing.TB, store shoptest.Store, change ...func(*checkout.Allocator)) *desk {
	t.Helper()
	d := prepare(store)
	for _, c := range change {
		c(d.Allocator)
	}
	d.run(t)
	return d
}

func prepare(store shoptest.Store) *desk {
	log := slog.New(slog.DiscardHandler)
	d := &desk{store: store, signer: &shoptest.Signer{}}
	d.quotes = &shop.Quotes{Signer: d.signer, Now: time.Now}
	d.sandbox = &payment.Sandbox{Books: store, Secret: []byte("0123456789abcdef0123456789abcdef"), Log: log}
	providers := map[string]payment.Provider{payment.SandboxName: d.sandbox}
	d.Allocator = &checkout.Allocator{
		Store: store, Orders: store, Instruments: &payment.Instruments{Store: store, Providers: providers, Public: true},
		Providers: providers, Quotes: d.quotes, Log: log, Metrics: checkout.NewMetrics(prometheus.NewRegistry()),
		QueueFor: time.Minute, // nobody is turned away because the machine is slow; who tests that sets a shorter one
	}
	d.sandbox.Deliver = func(ctx context.Context, header map[string][]string, body []byte) error {
		return d.Webhook(ctx, payment.SandboxName, http.Header(header), body)
	}
	return d
}

func (d *desk) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{d.Allocator.Run, d.sandbox.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	d.close = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(d.close)
}

func (d *desk) buy(buyer, key, variant, instrument string) (checkout.Receipt, error) {
	return d.Checkout(context.Background(), request(buyer, key, variant, instrument))
}

func request(buyer, key, variant, instrument string) checkout.Request {
	return checkout.Request{Principal: buyer, Buyer: buyer, Key: key, Instrument: instrument, Lines: []checkout.RequestLine{{Variant: variant, Quantity: 1}}}
}

func (d *desk) stock(t testing.TB, variant string) shop.Stock {
	t.Helper()
	v, err := d.store.Variants(context.Background(), []string{variant})
	if err != nil || len(v) != 1 {
		t.Fatal(v, err)
	}
	return v[0].Stock
}

func TestExactlyAsManyOrdersAsUnits(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 100)
	var wg sync.WaitGroup
	var mu sync.Mutex
	paid, refused := 0, 0
	for i := range 400 {
		wg.Go(func() {
			r, err := d.buy(fmt.Sprint("buyer", i), "k", v.ID, payment.TokenApproved)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && r.Orders[0].State == shop.Paid && r.Orders[0].Paid == 2900:
				paid++
			case errors.Is(err, shop.ErrSoldOut):
				refused++
			default:
				t.Error(r, err)
			}
		})
	}
	wg.Wait()
	if s := d.stock(t, v.ID); paid != 100 || refused != 300 || s.OnHand != 0 || s.Reserved != 0 {
		t.Fatalf("%d paid, %d refused, stock %+v", paid, refused, s)
	}
}

func TestOneKeyIsOneOrder(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 100)
	ids := make([]string, 64)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			r, err := d.buy("mina", "same", v.ID, payment.TokenApproved)
			if err != nil || r.Orders[0].State != shop.Paid {
				t.Error(r, err)
				return
			}
			ids[i] = r.Orders[0].ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatal("one key made two orders")
		}
	}
	if s := d.stock(t, v.ID); s.OnHand != 99 {
		t.Fatalf("stock %+v", s)
	}
	other := request("mina", "same", v.ID, payment.TokenApproved)
	other.Lines[0].Quantity = 2
	if _, err := d.Checkout(t.Context(), other); !errors.Is(err, shop.ErrKeyReused) {
		t.Fatalf("another request under the same key: %v", err)
	}
	if _, err := d.buy("omar", "same", v.ID, payment.TokenApproved); err != nil {
		t.Fatalf("a key of another account is another key: %v", err)
	}
}

func TestARetryIsAnsweredAfterTheSellOut(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 1)
	first, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := d.buy("omar", "k", v.ID, payment.TokenApproved); !errors.Is(err, shop.ErrSoldOut) {
			t.Fatalf("sold out: %v", err)
		}
		again, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil || again.Orders[0].ID != first.Orders[0].ID || again.Orders[0].State != shop.Paid {
			t.Fatalf("the retry: %+v, %v", again, err)
		}
	}
}

// A machine whose clock is years ahead when the server starts, and is set right a little later, still knows what was
// bought the day before.
func TestARetryIsAnsweredAfterAStartWithAWrongClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		v := shoptest.Stocked(t, store, "shop", 1)
		d := open(t, store)
		first, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil {
			t.Fatal(err)
		}
		d.close()
		time.Sleep(24 * time.Hour) // in the bubble
		var ahead atomic.Int64
		ahead.Store(int64(3 * 365 * 24 * time.Hour))
		d = open(t, store, func(a *checkout.Allocator) {
			a.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		synctest.Wait() // what it remembers of keys is read
		if _, err := d.buy("omar", "k", v.ID, payment.TokenApproved); !errors.Is(err, shop.ErrSoldOut) {
			t.Fatalf("sold out: %v", err)
		}
		ahead.Store(0)
		again, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil || again.Orders[0].ID != first.Orders[0].ID {
			t.Fatalf("the retry: %+v, %v", again, err)
		}
	})
}

func TestADeclinedChargeGivesTheUnitBack(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 1)
	r, err := d.buy("mina", "k", v.ID, payment.TokenDeclined)
	if err != nil || r.Orders[0].State != shop.Declined || r.Orders[0].Reason != "insufficient_funds" {
		t.Fatalf("%+v %v", r, err)
	}
	if r, err = d.buy("omar", "k", v.ID, payment.TokenApproved); err != nil || r.Orders[0].State != shop.Paid {
		t.Fatalf("the unit was not free again: %+v %v", r, err)
	}
	if r, err = d.buy("mina", "k", v.ID, payment.TokenDeclined); err != nil || r.Orders[0].State != shop.Declined || !r.Known {
		t.Fatalf("a declined order is remembered: %+v %v", r, err)
	}
}

// slowStore lets the test decide when a batch is applied, and how it fails.
type slowStore struct {
	*shoptest.Model
	gate  chan struct{}
	apply func(ctx context.Context, b shop.Batch) (shop.BatchResult, error)
}

func (s *slowStore) Apply(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
	if s.gate != nil {
		<-s.gate
	}
	if s.apply != nil {
		return s.apply(ctx, b)
	}
	return s.Model.Apply(ctx, b)
}

func TestAFullInboxIsBusyAtOnce(t *testing.T) {
	t.Parallel()
	s := &slowStore{Model: &shoptest.Model{}, gate: make(chan struct{})}
	d := open(t, s, func(a *checkout.Allocator) { a.InboxMax = 4; a.BatchMax = 2 })
	v := shoptest.Stocked(t, d.store, "shop", 100)
	const callers = 40
	answers := make(chan error, callers)
	for i := range callers {
		go func() {
			_, err := d.buy(fmt.Sprint(i), "k", v.ID, payment.TokenApproved)
			answers <- err
		}()
	}
	busy := 0
	for range callers - 4 - 2 { // the inbox and one batch hold the rest
		if err := <-answers; !errors.Is(err, shop.ErrBusy) {
			t.Fatalf("%v", err)
		}
		busy++
	}
	close(s.gate)
	for range callers - busy {
		if err := <-answers; err != nil && !errors.Is(err, shop.ErrBusy) {
			t.Fatal(err)
		}
	}
}

func TestOneBadClaimDoesNotTakeOthersWithIt(t *testing.T) {
	t.Parallel()
	s := &slowStore{Model: &shoptest.Model{}}
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		for _, c := range b.Claims {
			switch c.Buyer {
			case "poison":
				return shop.BatchResult{}, errors.New("this row cannot be stored")
			case "panic":
				panic("a broken invariant")
			}
		}
		return s.Model.Apply(ctx, b)
	}
	d := open(t, s)
	v := shoptest.Stocked(t, d.store, "shop", 100)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			buyer, bad := map[int]string{13: "poison", 31: "panic"}[i]
			if !bad {
				buyer = fmt.Sprint("buyer", i)
			}
			if _, err := d.buy(buyer, "k", v.ID, payment.TokenApproved); bad != errors.Is(err, shop.ErrUnavailable) {
				t.Error(buyer, err)
			}
		})
	}
	wg.Wait()
	if s := d.stock(t, v.ID); s.OnHand != 52 {
		t.Fatalf("%+v", s)
	}
}

func TestACommitWithoutAReplyIsReadBack(t *testing.T) {
	t.Parallel()
	s := &slowStore{Model: &shoptest.Model{}}
	lost := 0
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		r, err := s.Model.Apply(ctx, b)
		if lost++; lost%2 == 1 {
			return shop.BatchResult{}, fmt.Errorf("commit: %w", io.ErrUnexpectedEOF)
		}
		return r, err
	}
	d := open(t, s)
	v := shoptest.Stocked(t, d.store, "shop", 10)
	for i := range 3 {
		r, err := d.buy(fmt.Sprint("buyer", i), "k", v.ID, payment.TokenApproved)
		if err != nil || r.Known || r.Orders[0].State != shop.Paid {
			t.Fatalf("%+v %v", r, err)
		}
	}
	orders, err := s.Model.Orders(t.Context(), shop.OrderQuery{Scope: shop.Scope{Any: true}, Limit: 50})
	if err != nil || len(orders) != 3 {
		t.Fatalf("%d orders, %v", len(orders), err)
	}
}
