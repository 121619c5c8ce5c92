package checkout_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// TestASlowBankKeepsNobodyFromStopping: the end waits for charges under way no longer than it may. What had no answer by
// then is asked for again at the next start, under the same key, so that nobody pays twice; what had one is paid.
func TestASlowBankKeepsNobodyFromStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &shoptest.Model{}
		var mu sync.Mutex
		keys := map[string]int{}
		bank := &moody{}
		bank.charge = func(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
			mu.Lock()
			keys[c.Key]++
			mu.Unlock()
			takes := time.Minute
			if c.Token == payment.TokenApproved {
				takes = 500 * time.Millisecond
			}
			answers := time.NewTimer(takes)
			defer answers.Stop()
			select {
			case <-answers.C:
				c.Token = payment.TokenApproved
				return bank.Provider.Charge(ctx, c)
			case <-ctx.Done():
				return shop.PaymentResult{}, ctx.Err()
			}
		}
		const drain = 1500 * time.Millisecond
		d := open(t, store, with(bank), func(a *checkout.Allocator) { a.DrainFor, a.AnswerWithin = drain, 10*time.Millisecond })
		v := shoptest.Stocked(t, store, "shop", 2)
		quick, err := d.buy("mina", "k", v.ID, payment.TokenApproved)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := d.buy("omar", "k", v.ID, payment.TokenDeclined) // the bank thinks for a minute
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		d.close()
		if took := time.Since(began); took > drain+100*time.Millisecond {
			t.Fatalf("the end took %v", took)
		}
		if a, b := d.order(t, quick.Orders[0].ID).State, d.order(t, slow.Orders[0].ID).State; a != shop.Paid || b != shop.Held {
			t.Fatalf("%s and %s at the end", a, b)
		}
		patient := &moody{charge: func(ctx context.Context, c shop.Charge) (shop.PaymentResult, error) {
			mu.Lock()
			keys[c.Key]++
			mu.Unlock()
			c.Token = payment.TokenApproved
			return bank.Provider.Charge(ctx, c)
		}}
		d = open(t, store, with(patient))
		time.Sleep(time.Second)
		synctest.Wait()
		if o := d.order(t, slow.Orders[0].ID); o.State != shop.Paid {
			t.Fatalf("%s after the next start", o.State)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(keys) != 2 || keys[shop.ChargeKey(slow.Orders[0].ID)] < 2 {
			t.Fatalf("asked for %v", keys)
		}
		d.close()
	})
}
