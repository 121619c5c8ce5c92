package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/shoptest"
)

const (
	showName  = "show"
	dealUnits = 5
	dealEach  = 2
)

// openDeal puts some units of the deep shelf at a lower price, for a part of the day.
func (w *World) openDeal() {
	now := w.now()
	v := w.variants[2]
	w.deal = shop.Deal{
		ID: "deal", ShopID: shopName, Broadcast: showName, Product: v.ProductID, Variants: []string{v.ID}, Price: shop.Money{Amount: 1900, Currency: "EUR"}, Quantity: dealUnits, PerBuyer: dealEach,
		Grace: 15 * time.Second, State: shop.DealOpen, OpensAt: now, EndsAt: now.Add(20 * time.Minute), Version: 1, CreatedAt: now,
	}
	for _, s := range []shoptest.Store{w.store, w.model} {
		if err := s.CreateDeal(context.Background(), w.deal); err != nil {
			w.t.Fatal(err)
		}
	}
}

// quotes are signed and read as in the program.
func (w *World) quotes() *shop.Quotes {
	return &shop.Quotes{Signer: &shoptest.Signer{}, Now: w.now}
}

// atDeal makes every third wish one at the deal's price, now and then without a quote: the price of today.
func (w *World) atDeal(r *checkout.Request) {
	if len(w.wishes)%3 != 0 {
		return
	}
	r.Source.Broadcast = showName
	l := checkout.RequestLine{Variant: w.deal.Variants[0], Quantity: 1}
	if len(w.wishes)%2 == 0 {
		var err error
		l.Quote, err = w.quotes().Issue(shop.Quote{Variant: l.Variant, Price: w.deal.Price, Deal: w.deal.ID, Opens: w.deal.OpensAt.UnixMilli(), Broadcast: showName, Expires: w.deal.EndsAt.Add(w.deal.Grace)})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	r.Lines = []checkout.RequestLine{l}
}

// dealRefusal tells whether an answer is one that a deal gives.
func dealRefusal(err error) bool {
	return errors.Is(err, shop.ErrDealSoldOut) || errors.Is(err, shop.ErrDealEnded) || errors.Is(err, shop.ErrDealNotOpen)
}

// checkDeal wants no more units at the deal's price than it was made for, and no more per buyer. It runs under w.mu.
func (w *World) checkDeal(orders map[string]shop.Order) {
	var taken int64
	has := map[string]int64{}
	for _, o := range orders {
		for _, l := range o.Lines {
			if l.Deal == "" || !(o.State.Open() || o.State.Sold()) {
				continue
			}
			if l.UnitPrice != w.deal.Price.Amount {
				w.breaks("order %s has the deal at %d", o.ID, l.UnitPrice)
			}
			taken += l.Quantity
			if has[o.BuyerID] += l.Quantity; has[o.BuyerID] > dealEach {
				w.breaks("%s has %d units of the deal, and at most %d are allowed", o.BuyerID, has[o.BuyerID], dealEach)
			}
		}
	}
	d, err := w.store.Deal(context.Background(), w.deal.ID)
	if err != nil || taken > dealUnits || taken != d.Taken {
		w.breaks("%d units of the deal are taken, it counts %d of %d: %v", taken, d.Taken, dealUnits, err)
	}
	w.tally.AtDeal = max(w.tally.AtDeal, int(taken))
}
