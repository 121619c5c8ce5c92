package main

import (
	"context"

	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/shopsql"
)

// buildDeals lets the overlay show deals that the shop keeps, and whoever moves them along hold their draws.
func (a *app) buildDeals() {
	rows := &shopsql.Store{DB: a.main}
	changes := make(chan struct{}, 1)
	a.overlay.Deals, a.overlay.Prices, a.overlay.DealsWake = rows, rows, wake(changes)
	a.allocator.Seen = a.views.Transport
	a.dealer = &overlay.Dealer{Service: a.overlay, Drawer: drawer{a.allocator, rows}, Log: a.log, Wake: changes}
}

// drawer lets the overlay have a draw's claims served by checkout.
type drawer struct {
	allocator *checkout.Allocator
	rows      *shopsql.Store
}

func (d drawer) Draw(ctx context.Context, deal string) error {
	return d.allocator.Draw(ctx, d.rows, deal)
}
