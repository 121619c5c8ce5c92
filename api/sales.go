package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/dashboard"
)

func (s *Server) routesSales(r *router) {
	register(r, huma.Operation{
		Method: http.MethodGet, Path: "/v1/broadcasts/{id}/sales", Summary: "The seller's numbers", Tags: []string{"sales"},
		Description: "Amounts are minor units of currency. Follow the shop's feed and ask again when orders come. " +
			"Creators see the figures of their channel's broadcasts; single orders (latest) are the shop's.",
	}, Needs{Action: account.SalesRead, Owner: Of{KindBroadcast, "id"}}, func(ctx context.Context, in *idIn) (*struct{ Body dashboard.Sales }, error) {
		sales, err := s.Sales.Sales(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		if sales.Currency == "" {
			shop, err := s.Accounts.Shop(ctx, ownerOf(ctx).Shop)
			if err != nil {
				return nil, err
			}
			sales.Currency = shop.Currency
		}
		if errors.Is(caller(ctx).May(account.OrderList, ownerOf(ctx)), account.ErrForbidden) {
			sales.Latest = []dashboard.SalesOrder{}
		}
		return &struct{ Body dashboard.Sales }{sales}, nil
	})
}
