package checkout_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

// cashDesk takes every charge at once.
type cashDesk struct{}

func (cashDesk) Name() string { return payment.SandboxName }

func (cashDesk) Charge(_ context.Context, c shop.Charge) (shop.PaymentResult, error) {
	return shop.PaymentResult{OrderID: c.OrderID, Provider: payment.SandboxName, Ref: c.Key, State: shop.PaymentPaid, Amount: c.Amount}, nil
}

func (cashDesk) Find(_ context.Context, q payment.Query) (shop.PaymentResult, error) {
	return shop.PaymentResult{OrderID: q.OrderID, Provider: payment.SandboxName, State: shop.PaymentUnknown}, nil
}

func (cashDesk) Refund(context.Context, string, string, shop.Money) error { return nil }

func (cashDesk) Webhook(context.Context, http.Header, []byte) (shop.PaymentResult, error) {
	return shop.PaymentResult{}, payment.ErrWebhook
}

func (cashDesk) Describe(context.Context, string) (string, string, error) { return "Till", "4242", nil }

// Half of the buyers see the deal open a third of a second after it did, the others three seconds after; both need the
// same time to tap. First come first served would give the first all that they want; the draw gives both the same.
func TestAFairDealFavoursNoTransport(t *testing.T) {
	const units, each = 2000, 1200
	synctest.Test(t, func(t *testing.T) {
		books := &shoptest.Model{}
		quotes := &shop.Quotes{Signer: &shoptest.Signer{}, Now: time.Now}
		providers := map[string]payment.Provider{payment.SandboxName: cashDesk{}}
		a := &checkout.Allocator{
			Store: books, Orders: books, Instruments: &payment.Instruments{Store: books, Providers: providers, Public: true}, Providers: providers, Quotes: quotes,
			Log: slog.New(slog.DiscardHandler), InboxMax: 4096,
			Seen: func(_ context.Context, _, session string) (string, bool) { return session, session != "" },
		}
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = a.Run(ctx) })
		v := shoptest.Stocked(t, books, "shop", 10*units)
		opens := time.Now().Add(10 * time.Second)
		d := shop.Deal{
			ID: uuid.NewString(), ShopID: "shop", Broadcast: "show", Product: v.ProductID, Variants: []string{v.ID}, Price: shop.Money{Amount: 1900, Currency: "EUR"}, Quantity: units, PerBuyer: 1,
			Grace: 15 * time.Second, Fair: true, Window: 4 * time.Second, State: shop.DealAnnounced, OpensAt: opens, EndsAt: opens.Add(time.Minute), Version: 1,
		}
		d.Seal()
		if err := books.CreateDeal(ctx, d); err != nil {
			t.Fatal(err)
		}
		quote, err := quotes.Issue(shop.Quote{Variant: v.ID, Price: d.Price, Deal: d.ID, Fair: true, Opens: opens.UnixMilli(), Broadcast: "show", Expires: d.EndsAt.Add(d.Grace)})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(6, 6))
		var buyers sync.WaitGroup
		for _, side := range []struct {
			transport string
			behind    time.Duration
		}{{"whep", 300 * time.Millisecond}, {"hls", 3 * time.Second}} {
			for n := range each {
				arrives := opens.Add(side.behind + time.Duration(200+rng.IntN(700))*time.Millisecond)
				buyers.Go(func() {
					time.Sleep(time.Until(arrives))
					buyer := fmt.Sprint(side.transport, "-", n)
					for {
						got, err := a.Checkout(ctx, checkout.Request{
							Principal: buyer, Key: "key", Buyer: buyer, Instrument: payment.TokenApproved, Unlimited: true,
							Lines: []checkout.RequestLine{{Variant: v.ID, Quantity: 1, Quote: quote}}, Source: shop.Source{Broadcast: "show", ViewSession: side.transport},
						})
						if errors.Is(err, shop.ErrBusy) {
							time.Sleep(20 * time.Millisecond)
							continue
						}
						if err != nil || got.Claim == nil || got.Claim.State != shop.ClaimWaits {
							t.Errorf("%s: %+v %v", buyer, got, err)
						}
						return
					}
				})
			}
		}
		buyers.Wait()
		time.Sleep(time.Until(opens.Add(d.Window)))
		if _, err := books.ChangeDeal(ctx, d.ID, func(d *shop.Deal) ([]event.Event, bool, error) {
			d.Closed, d.State = true, shop.DealOpen
			return nil, true, nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := a.Draw(ctx, books, d.ID); err != nil {
			t.Fatal(err)
		}
		if err := a.Draw(ctx, books, d.ID); err != nil { // a second node, or a second life, changes nothing
			t.Fatal(err)
		}
		all, err := books.DealClaims(ctx, d.ID, "", "", 2*each+1)
		if err != nil || len(all) != 2*each {
			t.Fatal(len(all), err)
		}
		won := map[string]int{}
		for i, c := range all { // anybody who knows the seed can check it
			if c.DrawKey != shop.DrawKey(d.Seed, c.ID) || (c.State == shop.ClaimWon) != (i < units) {
				t.Fatalf("claim %d of the draw is %s", i, c.State)
			}
			if c.State == shop.ClaimWon {
				won[c.Claim.Source.Transport]++
			}
		}
		share := 100 * float64(won["whep"]) / units
		t.Logf("%d units: %d by WHEP, %d by HLS (%.2f %%)", units, won["whep"], won["hls"], share)
		if share < 48 || share > 52 {
			t.Errorf("WHEP has %.2f %% of the units", share)
		}
		if left, err := books.Deal(ctx, d.ID); err != nil || left.Taken != units {
			t.Errorf("%d units are taken: %v", left.Taken, err)
		}
		time.Sleep(time.Minute)
		stop()
		running.Wait()
	})
}
