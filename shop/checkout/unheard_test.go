package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// booked gives the sandbox a book, as a bank has one: it remembers what it took when everybody else has forgotten.
func booked(t *testing.T, path string) func(*checkout.Allocator) {
	return func(a *checkout.Allocator) {
		book, err := payment.OpenBook(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { book.Close() })
		a.Providers[payment.SandboxName].(*payment.Sandbox).Book = book
	}
}

func holdFor(d time.Duration) func(*checkout.Allocator) {
	return func(a *checkout.Allocator) { a.HoldFor = d }
}

// paidAndForgotten is an order of the only unit whose money the bank took, while the database was away until the hold
// was over and the process that had heard it died.
func paidAndForgotten(t *testing.T, path string) (*shoptest.Model, shop.Variant, shop.Order) {
	t.Helper()
	s := &slowStore{Model: &shoptest.Model{}}
	var away atomic.Bool
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		away.CompareAndSwap(false, len(b.Settlements) > 0)
		if away.Load() {
			return shop.BatchResult{}, fmt.Errorf("begin: %w", io.ErrUnexpectedEOF)
		}
		return s.Model.Apply(ctx, b)
	}
	d := open(t, s, booked(t, path), holdFor(12*time.Second))
	v := shoptest.Stocked(t, d.store, "shop", 1)
	r, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
	if err != nil || r.Orders[0].State != shop.Held {
		t.Fatalf("%+v %v", r, err)
	}
	time.Sleep(20 * time.Second)
	d.close()
	return s.Model, v, r.Orders[0]
}

func TestMoneyThatNobodyRemembersIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		away  time.Duration // the bank
		sold  bool          // the unit meanwhile, to somebody else
		state shop.OrderState
	}{
		"the unit is free":                   {0, false, shop.Paid},
		"the bank is away for a while":       {3 * time.Minute, false, shop.Paid},
		"the unit is somebody else's by now": {3 * time.Minute, true, shop.Expired},
		"the bank is away for hours":         {6 * time.Hour, true, shop.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "book")
			synctest.Test(t, func(t *testing.T) {
				store, v, o := paidAndForgotten(t, path)
				back := time.Now().Add(c.away)
				m := &moody{find: func(int64) error {
					if time.Now().Before(back) {
						return errors.New("the line is broken")
					}
					return nil
				}}
				d := open(t, store, booked(t, path), with(m))
				if c.sold {
					time.Sleep(10 * time.Second)
					if r, err := d.buy("noor", "k", v.ID, payment.TokenApproved); err != nil || r.Orders[0].State != shop.Paid {
						t.Fatalf("the hold is over, the unit is on sale: %+v %v", r, err)
					}
				}
				time.Sleep(c.away + c.away/2 + time.Minute)
				synctest.Wait()
				got, kept := d.order(t, o.ID), int64(0)
				if c.state == shop.Paid {
					kept = o.Total
				}
				if got.State != c.state || got.Paid != o.Total || got.Paid-got.Refunded != kept {
					t.Fatalf("%+v", got)
				}
				if refunds, err := store.Refunds(t.Context(), o.ID); err != nil || (kept == 0) != (len(refunds) == 1 && refunds[0].State == shop.RefundDone) {
					t.Fatalf("%+v %v", refunds, err)
				}
				if most := int64(2 + 10 + c.away/time.Hour); m.finds.Load() > most {
					t.Errorf("asked %d times, at most %d", m.finds.Load(), most)
				}
				d.close()
			})
		})
	}
}

func TestMoneyForACancelledOrderIsFoundAndSentBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book")
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		lost := &moody{find: func(int64) error { return errors.New("the line is broken") }}
		d := open(t, store, booked(t, path), with(lost))
		lost.charge = func(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
			_, _ = lost.Provider.Charge(ctx, c)
			return shop.PaymentResult{}, errors.New("the line breaks after it")
		}
		v := shoptest.Stocked(t, store, "shop", 1)
		r, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Cancel(t.Context(), shop.Scope{Any: true}, r.Orders[0].ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		d.close() // and nobody has heard that it was paid
		d = open(t, store, booked(t, path))
		time.Sleep(time.Minute)
		synctest.Wait()
		refunds, err := store.Refunds(t.Context(), r.Orders[0].ID)
		if o := d.order(t, r.Orders[0].ID); err != nil || o.State != shop.Cancelled || o.Refunded != o.Total || len(refunds) != 1 || refunds[0].State != shop.RefundDone {
			t.Fatalf("%+v %+v %v", o, refunds, err)
		}
		d.close()
	})
}

func TestAProcessThatDiesWhileItAsksIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book")
	synctest.Test(t, func(t *testing.T) {
		store, _, o := paidAndForgotten(t, path)
		hangs := make(chan struct{})
		d := open(t, store, booked(t, path), with(&moody{find: func(int64) error { <-hangs; return errors.New("never") }}))
		time.Sleep(5 * time.Second)
		close(hangs)
		d.close()
		d = open(t, store, booked(t, path))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := d.order(t, o.ID); got.State != shop.Paid {
			t.Fatalf("%+v", got)
		}
		d.close()
	})
}

// A charge that the bank does not know, or calls under way for ever, is not asked about for ever; a clock that is wrong
// for a moment ends nothing.
func TestAskingComesToAnEnd(t *testing.T) {
	t.Parallel()
	for token, c := range map[string]struct {
		days        int
		least, most int64
	}{
		payment.TokenDeclined:       {3, 8, 16}, // the sandbox keeps nothing of it
		payment.TokenRequiresAction: {45, 30, 50},
	} {
		t.Run(token, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ahead atomic.Int64
				bank := &moody{}
				d := open(t, &shoptest.Model{}, with(bank), holdFor(time.Minute), func(a *checkout.Allocator) {
					a.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
				})
				if token == payment.TokenDeclined {
					bank.charge = func(context.Context, shop.Charge) (shop.PaymentResult, error) {
						return shop.PaymentResult{}, errors.New("no answer")
					}
				}
				v := shoptest.Stocked(t, d.store, "shop", 1)
				if _, err := d.buy("mina", "k", v.ID, token); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				ahead.Store(int64(40 * 24 * time.Hour))
				time.Sleep(10 * time.Second)
				ahead.Store(0)
				time.Sleep(2 * time.Hour)
				if n := bank.finds.Load(); n < 8 || n > 14 {
					t.Errorf("asked %d times in two hours", n)
				}
				for range c.days {
					ahead.Add(int64(24 * time.Hour))
					time.Sleep(5 * time.Second)
				}
				if n := bank.finds.Load(); n < c.least || n > c.most {
					t.Errorf("asked %d times", n)
				}
				d.close()
				left, err := d.store.TakeUnheard(t.Context(), time.Now().Add(1000*24*time.Hour), time.Now(), 1)
				if err != nil || len(left) > 0 {
					t.Errorf("it would be asked about again: %+v %v", left, err)
				}
			})
		})
	}
}

func TestABankThatIsAwayIsAskedLittleAndAllIsFoundInTheEnd(t *testing.T) {
	t.Parallel()
	const orders = 300
	path := filepath.Join(t.TempDir(), "book")
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		bank := &moody{find: func(int64) error {
			if away.Load() {
				return errors.New("the line is broken")
			}
			return nil
		}}
		d := open(t, &shoptest.Model{}, booked(t, path), with(bank), holdFor(time.Minute))
		bank.charge = func(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
			_, _ = bank.Provider.Charge(ctx, c)
			return shop.PaymentResult{}, errors.New("the line breaks after it")
		}
		v := shoptest.Stocked(t, d.store, "shop", orders)
		var wg sync.WaitGroup
		for i := range orders {
			wg.Go(func() {
				if _, err := d.buy(fmt.Sprint("buyer", i), "k", v.ID, payment.TokenApproved); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		time.Sleep(2 * time.Minute)                             // the holds have run out for one
		if n := bank.finds.Load(); n == 0 || n > 2*8*(60/2+1) { // each worker once in a round, and who was quicker once more
			t.Errorf("a bank that does not answer was asked %d times in a minute", n)
		}
		away.Store(false)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := d.stock(t, v.ID); got.OnHand != 0 || got.Reserved != 0 {
			t.Errorf("%+v", got)
		}
		left, err := d.store.TakeUnheard(t.Context(), time.Now().Add(time.Hour), time.Now(), 1)
		if err != nil || len(left) > 0 {
			t.Error(left, err)
		}
		d.close()
	})
}

// An order whose hold is over is not charged any more: it may be anybody's by now.
func TestNobodyIsChargedAfterTheHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bank := &moody{charge: func(ctx context.Context, _ shop.Charge) (shop.PaymentResult, error) {
			<-ctx.Done()
			return shop.PaymentResult{}, ctx.Err()
		}}
		d := open(t, &shoptest.Model{}, with(bank), holdFor(6*time.Second), func(a *checkout.Allocator) { a.ChargeWorkers = 1 })
		v := shoptest.Stocked(t, d.store, "shop", 3)
		for _, buyer := range []string{"mina", "omar", "noor"} {
			go func() { _, _ = d.buy(buyer, "k", v.ID, payment.TokenApproved) }()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := bank.charges.Load(); n > 2 { // one of them, and its second try
			t.Errorf("%d charges", n)
		}
		if got := d.stock(t, v.ID); got.Reserved != 0 || got.OnHand != 3 {
			t.Errorf("%+v", got)
		}
		d.close()
	})
}
