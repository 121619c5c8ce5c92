package checkout_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// TestBatchesFormOnOneProcessor is not parallel: it takes the processors away. The scheduler runs the allocator as
// soon as one claim is in its inbox; without yielding, every batch would hold one.
func TestBatchesFormOnOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s := &slowStore{Model: &shoptest.Model{}}
	var batches, entries atomic.Int64
	s.apply = func(ctx context.Context, b shop.Batch) (shop.BatchResult, error) {
		batches.Add(1)
		entries.Add(int64(len(b.Claims) + len(b.Settlements)))
		return s.Model.Apply(ctx, b)
	}
	d := open(t, s)
	v := shoptest.Stocked(t, d.store, "shop", 1<<20)
	var wg sync.WaitGroup
	for c := range 200 {
		wg.Go(func() {
			for i := range 10 {
				if _, err := d.buy(fmt.Sprint("buyer", c), fmt.Sprint(i), v.ID, payment.TokenApproved); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if mean := float64(entries.Load()) / float64(batches.Load()); mean < 10 {
		t.Fatalf("%.1f entries a batch", mean)
	} else {
		t.Logf("%.1f entries a batch", mean)
	}
}
