package main

import (
	"log/slog"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/dashboard"
	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
	"github.com/hawkerlive/hawker/shop/payment"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// openapi is the document of the API. It follows from the routes alone: no service is asked.
func openapi() ([]byte, error) {
	return (&api.Server{
		Log: slog.New(slog.DiscardHandler), Accounts: &account.Service{},
		Shop: &shop.Service{}, Checkout: &checkout.Allocator{}, Instruments: &payment.Instruments{},
		Overlay: &overlay.Service{}, Views: &views.Service{}, Sales: &dashboard.Service{}, Sources: ways{}, Targets: ways{},
		Videos: &vod.Library{}, Reviews: &reviews{},
	}).OpenAPI()
}
