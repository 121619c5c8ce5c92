package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// moody is a provider that answers as the test says.
type moody struct {
	payment.Provider
	charge  func(ctx context.Context, c shop.Charge) (shop.PaymentResult, error)
	refund  func(n int64) error
	find    func(n int64) error
	charges atomic.Int64
	refunds atomic.Int64
	finds   atomic.Int64
}

func (m *moody) Find(ctx context.Context, q payment.Query) (shop.PaymentResult, error) {
	n := m.finds.Add(1)
	if m.find != nil {
		if err := m.find(n); err != nil {
			return shop.PaymentResult{}, err
		}
	}
	return m.Provider.Find(ctx, q)
}

func (m *moody) Charge(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
	m.charges.Add(1)
	if m.charge != nil {
		return m.charge(ctx, c)
	}
	return m.Provider.Charge(ctx, c)
}

func (m *moody) Refund(ctx context.Context, key, ref string, amount shop.Money) error {
	n := m.refunds.Add(1)
	if m.refund != nil {
		return m.refund(n)
	}
	return m.Provider.Refund(ctx, key, ref, amount)
}

func with(m *moody) func(*checkout.Allocator) {
	return func(a *checkout.Allocator) {
		m.Provider = a.Providers[payment.SandboxName]
		a.Providers[payment.SandboxName] = m
	}
}

func TestALostChargeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		hangs := &moody{charge: func(ctx context.Context, _ shop.Charge) (shop.PaymentResult, error) {
			<-ctx.Done()
			return shop.PaymentResult{}, ctx.Err()
		}}
		d := open(t, store, with(hangs))
		v := shoptest.Stocked(t, store, "shop", 1)
		r, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil || r.Orders[0].State != shop.Held {
			t.Fatalf("%+v %v", r, err)
		}
		d.close() // the process ends while the provider has not answered
		if o := d.order(t, r.Orders[0].ID); o.State != shop.Held {
			t.Fatalf("%+v", o)
		}
		d = open(t, store)
		time.Sleep(45 * time.Second)
		synctest.Wait()
		if o := d.order(t, r.Orders[0].ID); o.State != shop.Paid {
			t.Fatalf("%+v", o)
		}
		d.close()
	})
}

// TestMoneyIsKeptWhileTheDatabaseIsAway: what a bank said to this process alone is not forgotten because the database was
// away for longer than a batch is tried; money that comes back to an order whose hold is over is sent back.
func TestMoneyIsKeptWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	for what, at := range map[string]struct {
		hold, away time.Duration
		state      shop.OrderState
	}{
		"shorter than the hold": {10 * time.Minute, 20 * time.Second, shop.Paid},
		"longer than the hold":  {12 * time.Second, 40 * time.Second, shop.Paid}, // the unit is still free
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &slowStore{Model: &shoptest.Model{}}
				var until time.Time
				s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
					if until.IsZero() && len(b.Settlements) > 0 {
						until = time.Now().Add(at.away)
					}
					if time.Now().Before(until) {
						return shop.BatchResult{}, fmt.Errorf("begin: %w", io.ErrUnexpectedEOF)
					}
					return s.Model.Apply(ctx, b)
				}
				bank := &moody{}
				d := open(t, s, with(bank), func(a *checkout.Allocator) { a.HoldFor = at.hold })
				bank.charge = func(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
					if bank.charges.Load() > 1 {
						<-ctx.Done() // it answered once
						return shop.PaymentResult{}, ctx.Err()
					}
					return bank.Provider.Charge(ctx, c)
				}
				v := shoptest.Stocked(t, d.store, "shop", 1)
				r, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
				if err != nil || r.Orders[0].State != shop.Held {
					t.Fatalf("%+v %v", r, err)
				}
				<-time.After(at.away + 10*time.Second) // of the bubble
				synctest.Wait()
				if o := d.order(t, r.Orders[0].ID); o.State != at.state || o.Paid != o.Total {
					t.Fatalf("%+v", o)
				}
				d.close()
			})
		})
	}
}

func TestARefundIsAskedForUntilItIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		m := &moody{refund: func(n int64) error {
			if n < 4 {
				return errors.New("not now")
			}
			return nil
		}}
		d := open(t, store, with(m))
		v := shoptest.Stocked(t, store, "shop", 1)
		r, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil {
			t.Fatal(err)
		}
		service := &shop.Service{Catalogue: store, Orders: store, Changed: d.NoteStock, RefundDue: d.RefundDue}
		refund, o, err := service.Refund(t.Context(), shop.RefundRequest{
			Scope: shop.Scope{Shops: []string{"shop"}}, OrderID: r.Orders[0].ID, By: "seller", Reason: "r", Lines: []shop.RefundWish{{Line: 1, Quantity: 1, Restock: true}},
		})
		if err != nil || o.State != shop.Refunded || refund.State != shop.RefundDue {
			t.Fatal(refund, o, err)
		}
		if r, err := d.buy("omar", "k", v.ID, payment.TokenApproved); err != nil || r.Orders[0].State != shop.Paid {
			t.Fatalf("what came back is on sale at once: %+v %v", r, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		done, err := store.Refunds(t.Context(), o.ID)
		if err != nil || done[0].State != shop.RefundDone || m.refunds.Load() != 4 {
			t.Fatal(done, m.refunds.Load(), err)
		}
		d.close()
	})
}

// another is a store where another node is sooner: it has sent the first refund back that is found due.
type another struct{ *shoptest.Model }

func (s another) RefundsDue(ctx context.Context, now time.Time, limit int) ([]shop.Refund, error) {
	due, err := s.Model.RefundsDue(ctx, now, limit)
	if err == nil && len(due) > 0 {
		err = s.RefundAsked(ctx, due[0].ID, shop.RefundDone, now)
	}
	return due, err
}

// A refund that another node was sooner with does not keep those behind it waiting.
func TestRefundsOfTwoNodesKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		d := open(t, store)
		v := shoptest.Stocked(t, store, "shop", 5)
		service := &shop.Service{Catalogue: store, Orders: store, Changed: d.NoteStock, RefundDue: d.RefundDue}
		var orders []string
		for n := range 5 {
			r, err := d.buy("mina", fmt.Sprint(n), v.ID, payment.TokenApproved)
			if err != nil {
				t.Fatal(err)
			}
			orders = append(orders, r.Orders[0].ID)
		}
		d.close()
		for _, id := range orders {
			if _, _, err := service.Refund(t.Context(), shop.RefundRequest{
				Scope: shop.Scope{Any: true}, OrderID: id, By: "seller", Reason: "r", Lines: []shop.RefundWish{{Line: 1, Quantity: 1}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		d = open(t, another{store})
		synctest.Wait() // no time goes by
		for _, id := range orders {
			if got, err := store.Refunds(t.Context(), id); err != nil || len(got) != 1 || got[0].State != shop.RefundDone {
				t.Errorf("%+v, %v", got, err)
			}
		}
		d.close()
	})
}

func TestARefusedRefundWaitsForAPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		m := &moody{refund: func(int64) error { return payment.ErrRefused }}
		d := open(t, store, with(m))
		v := shoptest.Stocked(t, store, "shop", 1)
		r, err := d.buy("mina", "k", v.ID, payment.TokenRequiresAction)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Cancel(t.Context(), shop.Scope{Any: true}, r.Orders[0].ID); err != nil {
			t.Fatal(err)
		}
		d.bank(t, r.Next, "approve")
		time.Sleep(time.Minute)
		synctest.Wait()
		done, err := store.Refunds(t.Context(), r.Orders[0].ID)
		if err != nil || done[0].State != shop.RefundFailed || m.refunds.Load() != 1 {
			t.Fatal(done, m.refunds.Load(), err)
		}
		d.close()
	})
}

func TestARetryOutlivesItsQuoteAndItsCard(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 10)
	now := time.Now()
	d.quotes.Now = func() time.Time { return now }
	quote, err := d.quotes.Issue(shop.Quote{Variant: v.ID, Price: shop.Money{Amount: 1900, Currency: "EUR"}, Expires: now.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	card := shop.Instrument{ID: "01936a5c-0000-7000-8000-00000000f001", BuyerID: "mina", Provider: payment.SandboxName, Token: payment.TokenApproved}
	if err := d.store.SaveInstrument(t.Context(), card); err != nil {
		t.Fatal(err)
	}
	r := request("mina", "k", v.ID, card.ID)
	r.Lines[0].Quote = quote
	first, err := d.Checkout(t.Context(), r)
	if err != nil || first.Orders[0].Total != 1900 {
		t.Fatal(first, err)
	}
	now = now.Add(time.Hour)
	if err := d.store.DeleteInstrument(t.Context(), "mina", card.ID); err != nil {
		t.Fatal(err)
	}
	again, err := d.Checkout(t.Context(), r)
	if err != nil || again.Orders[0].ID != first.Orders[0].ID {
		t.Fatal(again, err)
	}
	r.Key = "k2"
	if _, err := d.Checkout(t.Context(), r); !errors.Is(err, shop.ErrQuoteExpired) {
		t.Fatal(err)
	}
}

func TestAWebhookTwiceAndAReplyAreOnePayment(t *testing.T) {
	t.Parallel()
	d := open(t, &shoptest.Model{})
	v := shoptest.Stocked(t, d.store, "shop", 1)
	var hooks []http.Header
	var bodies [][]byte
	deliver := d.sandbox.Deliver
	d.sandbox.Deliver = func(ctx context.Context, header map[string][]string, body []byte) error {
		hooks, bodies = append(hooks, header), append(bodies, body)
		return deliver(ctx, header, body)
	}
	r, err := d.buy("mina", "k", v.ID, payment.TokenRequiresAction)
	if err != nil {
		t.Fatal(err)
	}
	d.bank(t, r.Next, "approve")
	atOnce := make(chan error, 20)
	for range cap(atOnce) {
		go func() { atOnce <- d.Webhook(context.Background(), payment.SandboxName, hooks[0], bodies[0]) }()
	}
	for range cap(atOnce) {
		if err := <-atOnce; err != nil {
			t.Error(err)
		}
	}
	if o := d.order(t, r.Orders[0].ID); o.State != shop.Paid || o.Paid != 2900 || o.Refunded != 0 {
		t.Fatalf("%+v", o)
	}
	if err := d.Webhook(t.Context(), "nobody", nil, nil); !errors.Is(err, shop.ErrNotFound) {
		t.Error(err)
	}
}

func TestViewersHearWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := event.NewMemory(event.MemoryConfig{})
		d := open(t, &shoptest.Model{}, func(a *checkout.Allocator) { a.Bus = bus })
		v := shoptest.Stocked(t, d.store, "shop", 3)
		sub, err := bus.Subscribe(t.Context(), event.ShopTopic("shop"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		started := time.Now()
		for _, buyer := range []string{"mina", "omar"} {
			if _, err := d.buy(buyer, "k", v.ID, payment.TokenApproved); err != nil {
				t.Fatal(err)
			}
		}
		frame, err := sub.Next(t.Context())
		if err != nil || time.Since(started) > time.Second {
			t.Fatal(err, time.Since(started))
		}
		last := frame.Events[len(frame.Events)-1]
		if last.Kind != event.StockChanged || len(frame.Events) != 1 {
			t.Fatalf("%+v", frame.Events)
		}
		if want := `"available":1`; !strings.Contains(string(last.Data), want) {
			t.Fatalf("%s", last.Data)
		}
		d.close()
	})
}
