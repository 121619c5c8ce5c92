package main

import (
	"context"
	"net/http"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop/checkout"
)

// buildRush sets what stands before the allocator when many come at once: the waiting room and the limits.
func (a *app) buildRush(shelves checkout.Shelves) {
	c := a.config.Checkout
	a.allocator.QueueFor, a.allocator.OfferFor = c.QueueFor, c.Offer
	a.allocator.Rates = checkout.Rates{
		Buyer: checkout.Per(c.Attempts.Buyer, 10*time.Second), Instrument: checkout.Per(c.Attempts.Instrument, time.Minute),
		Address: checkout.Per(c.Attempts.Address, time.Minute), Token: checkout.Per(c.Attempts.Token, time.Minute),
	}
	a.allocator.Room = &checkout.Room{
		Signer: a.ring.For(account.PurposePlace), Log: a.log, Shelves: shelves, RateMax: c.Room.Rate,
		Line: a.nodes.line(c.Room),
	}
}

// serve serves a port. The one for everybody has the turnstile beside it.
func (a *app) serve(doors *stage, name string, h http.Handler) func(ctx context.Context) error {
	if name != "http" {
		return serveHTTP(a.secured(name), h, a.log, nil)
	}
	doors.run("turnstile", a.api.Turnstile.Run)
	doors.run("waiting room", a.allocator.Room.Run)
	return serveHTTP(a.secured(name), h, a.log, a.api.Turnstile)
}
