package checkout_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shopsql"
	"github.com/hawkerlive/hawker/shop/shoptest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
)

// BenchmarkCheckout buys one hot variant with 256 callers: held and paid, two durable steps per order.
func BenchmarkCheckout(b *testing.B) {
	for _, e := range storetest.Engines {
		b.Run(string(e), func(b *testing.B) {
			d := open(b, &shopsql.Store{DB: storetest.Open(b, e, store.Hawker)})
			v := shoptest.Stocked(b, d.store, "shop", 1<<29)
			var n atomic.Int64
			b.SetParallelism(128)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := d.buy(fmt.Sprint("buyer", n.Add(1)), "k", v.ID, payment.TokenApproved)
					if err != nil || (r.Orders[0].State != shop.Paid && r.Orders[0].State != shop.Held) {
						b.Error(r, err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
		})
	}
}

// BenchmarkSoldOut turns claims away at the gate.
func BenchmarkSoldOut(b *testing.B) {
	d := open(b, &shoptest.Model{})
	v := shoptest.Stocked(b, d.store, "shop", 0)
	var n atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := d.buy(fmt.Sprint("buyer", n.Add(1)), "k", v.ID, payment.TokenApproved); !errors.Is(err, shop.ErrSoldOut) {
				b.Error(err)
				return
			}
		}
	})
}
