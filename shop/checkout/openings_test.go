package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// TestADropOpensAtItsTime: before it everybody is told the time, the crowd of them without a transaction; at its time
// the first who come buy, whatever is remembered.
func TestADropOpensAtItsTime(t *testing.T) {
	t.Parallel()
	s := &slowStore{Model: &shoptest.Model{}}
	var asked atomic.Int64
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		asked.Add(int64(len(b.Claims)))
		return s.Model.Apply(ctx, b)
	}
	c := newClock()
	d := open(t, s, func(a *checkout.Allocator) { a.Now = c.now })
	v := shoptest.Stocked(t, d.store, "shop", 2)
	opens := c.now().Add(500 * time.Millisecond).UTC()
	if _, err := d.store.UpdateVariant(t.Context(), "shop", v.ID, shop.VariantChange{OpensAt: &opens}, c.now()); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		_, err := d.buy(fmt.Sprint("early", i), "k", v.ID, payment.TokenApproved)
		var closed *shop.NotOpenError
		if !errors.As(err, &closed) || !closed.OpensAt.Equal(opens) || !errors.Is(err, shop.ErrNotOpen) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if asked.Load() != 1 {
		t.Fatalf("the database was asked %d times", asked.Load())
	}
	c.forward(499 * time.Millisecond)
	if _, err := d.buy("a", "k", v.ID, payment.TokenApproved); !errors.Is(err, shop.ErrNotOpen) {
		t.Fatalf("a millisecond too early: %v", err)
	}
	c.forward(time.Millisecond)
	if r, err := d.buy("a", "k", v.ID, payment.TokenApproved); err != nil || r.Orders[0].State != shop.Paid {
		t.Fatalf("%+v %v", r, err)
	}
}
