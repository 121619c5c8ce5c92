package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
)

// ErrUnpaid is returned for a receipt of an order that was not paid for.
var ErrUnpaid = errors.New("api: the order was not paid for")

// Receipts makes video receipts.
type Receipts interface {
	// Receipt prepares one; write sends it. The caller calls done.
	Receipt(ctx context.Context, o shop.Order) (write func(w io.Writer) error, done func(), err error)
}

func (s *Server) routesReceipts(r *router) {
	op := huma.Operation{
		Method: http.MethodGet, Path: "/v1/orders/{id}/receipt", Summary: "The video receipt of an order", Tags: []string{"orders"}, DefaultStatus: http.StatusOK,
		Description: "A ZIP with the order, its stock entry and the seconds of the show in which it was bought, signed. hawker verify-receipt checks it with the keys of /.well-known/hawker-receipt-keys.json.",
		Responses:   map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/zip": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}}},
	}
	register(r, op, Needs{Action: account.OrderRead, Owner: Of{KindOrder, "id"}}, func(ctx context.Context, in *idIn) (*huma.StreamResponse, error) {
		o, err := s.Shop.Order(ctx, scopeOf(ctx), in.ID)
		if err != nil {
			return nil, err
		}
		if !o.State.Sold() {
			return nil, ErrUnpaid
		}
		write, done, err := s.Receipts.Receipt(ctx, o)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			defer done()
			c.SetHeader("Content-Type", "application/zip")
			c.SetHeader("Content-Disposition", `attachment; filename="receipt-`+o.ID+`.zip"`)
			if err := write(c.BodyWriter()); err != nil {
				s.Log.Warn("send a receipt", "error", err)
			}
		}}, nil
	})
}
