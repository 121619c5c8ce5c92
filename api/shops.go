package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// The kinds of places that own things.
const (
	KindShop    Kind = "shop"
	KindChannel Kind = "channel"
)

type shopIn struct {
	Body struct {
		Name     string `json:"name" maxLength:"320"`
		Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217; it cannot be changed."`
		TimeZone string `json:"time_zone" maxLength:"64" doc:"IANA, such as Europe/Berlin."`
		Locale   string `json:"locale" maxLength:"35" doc:"BCP 47."`
	}
}

type shopBody struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Currency string `json:"currency"`
	TimeZone string `json:"time_zone"`
	Locale   string `json:"locale"`
}

type shopOut struct{ Body shopBody }

type shopPatch struct {
	IDIn
	Body struct {
		Name     *string `json:"name,omitempty" maxLength:"320"`
		TimeZone *string `json:"time_zone,omitempty" maxLength:"64"`
		Locale   *string `json:"locale,omitempty" maxLength:"35"`
	}
}

func (s *Server) routesShops(r *router) {
	r.owns(KindShop, func(ctx context.Context, id string) (account.Owner, error) { return s.Accounts.ShopOwner(ctx, id) })
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"shops"}}
	}
	made := op(http.MethodPost, "/v1/shops", "Open a shop")
	made.DefaultStatus = http.StatusCreated
	register(r, made, Needs{Action: account.ShopCreate}, func(ctx context.Context, in *shopIn) (*idOut, error) {
		b := in.Body
		shop, err := s.Accounts.CreateShop(ctx, caller(ctx).AccountID, account.Shop{Name: b.Name, Currency: b.Currency, TimeZone: b.TimeZone, Locale: b.Locale})
		return madeID(shop.ID), err
	})
	register(r, op(http.MethodGet, "/v1/shops/{id}", "A shop"), Needs{Public: true}, func(ctx context.Context, in *idIn) (*shopOut, error) {
		shop, err := s.Accounts.Shop(ctx, in.ID)
		return shopOf(shop), err
	})
	register(r, op(http.MethodPatch, "/v1/shops/{id}", "Change a shop"), Needs{Action: account.ShopWrite, Owner: Of{KindShop, "id"}}, func(ctx context.Context, in *shopPatch) (*shopOut, error) {
		shop, err := s.Accounts.UpdateShop(ctx, ownerOf(ctx).Shop, account.ShopChange{Name: in.Body.Name, TimeZone: in.Body.TimeZone, Locale: in.Body.Locale})
		return shopOf(shop), err
	})
	register(r, op(http.MethodGet, "/v1/shops/{id}/channels", "A shop's channels"), Needs{Public: true}, func(ctx context.Context, in *idIn) (*pageOut[channelBody], error) {
		if _, err := s.Accounts.Shop(ctx, in.ID); err != nil {
			return nil, err
		}
		all, err := s.Accounts.Channels(ctx, in.ID)
		return whole(all, channelOf), err
	})
	made = op(http.MethodPost, "/v1/shops/{id}/channels", "Add a channel")
	made.DefaultStatus = http.StatusCreated
	register(r, made, Needs{Action: account.ChannelWrite, Owner: Of{KindShop, "id"}}, func(ctx context.Context, in *channelIn) (*idOut, error) {
		c, err := s.Accounts.CreateChannel(ctx, ownerOf(ctx).Shop, in.Body.Name, in.Body.Handle)
		return madeID(c.ID), err
	})
}

func shopOf(s account.Shop) *shopOut {
	return &shopOut{shopBody{s.ID, s.Name, s.Currency, s.TimeZone, s.Locale}}
}
