package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// KindDeal is a deal's id.
const KindDeal Kind = "deal"

type dealIn struct {
	IDIn
	Body struct {
		Product   string     `json:"product" maxLength:"64"`
		Variants  []string   `json:"variants,omitempty" maxItems:"100" doc:"What it is about; all of the product's where there is none."`
		Price     Money      `json:"price" doc:"Below every price of what it is about."`
		Quantity  int64      `json:"quantity" doc:"Units at this price, 1 to 1,000,000."`
		PerBuyer  int64      `json:"per_buyer,omitempty" doc:"Most that one buyer may have; 0: no limit."`
		Countdown int64      `json:"countdown_s,omitempty" doc:"10 to 300; 30 by default."`
		Duration  int64      `json:"duration_s,omitempty" doc:"60 to 1200; 300 by default."`
		StartsAt  *time.Time `json:"starts_at,omitempty" doc:"When the countdown begins by itself; without it somebody starts it."`
		Fair      bool       `json:"fair,omitempty" doc:"Claims of the first moments are served together, in an order that is drawn."`
		Window    int64      `json:"window_s,omitempty" doc:"How long after the opening claims take part in the draw, 4 to 30; 4 by default."`
	}
}

// secondsMax keeps absurd numbers of seconds from wrapping around; the domain refuses them.
const secondsMax = 1 << 31

func duration(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, -1), secondsMax)) * time.Second
}

type dealPath struct {
	IDIn
	Deal string `path:"deal"`
	Body *struct {
		MediaTime *mediatime.Time `json:"media_time,omitempty" minimum:"0" doc:"The frame that the creator was looking at, µs. Without it: the one that enters the server now."`
	}
}

func (in *dealPath) at() *mediatime.Time {
	if in.Body == nil {
		return nil
	}
	return in.Body.MediaTime
}

type dealOut struct{ Body overlay.DealRecord }

func (s *Server) routesDeals(r *router) {
	r.owns(KindDeal, func(ctx context.Context, id string) (account.Owner, error) {
		d, err := s.Overlay.Deals.Deal(ctx, id)
		if err != nil {
			return account.Owner{}, err
		}
		return r.owners[KindBroadcast](ctx, d.Broadcast)
	})
	op := func(method, path, summary string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"overlay"}, DefaultStatus: status}
	}
	write := Needs{Action: account.PinWrite, Owner: Of{KindBroadcast, "id"}}
	one := Needs{Action: account.PinWrite, Owner: Of{KindBroadcast, "id"}, Also: []Of{{KindDeal, "deal"}}}
	make := op(http.MethodPost, "/v1/broadcasts/{id}/deals", "Prepare a deal", http.StatusCreated)
	make.Description = "A lower price for some units of a product, in this broadcast, for a while. Nobody sees it before its countdown."
	register(r, make, write, s.prepareDeal)
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/deals", "A broadcast's deals, oldest first", 0), write, func(ctx context.Context, in *IDIn) (*pageOut[overlay.DealRecord], error) {
		found, err := s.Overlay.ListDeals(ctx, in.ID)
		return &pageOut[overlay.DealRecord]{Page[overlay.DealRecord]{Items: found}}, err
	})
	register(r, op(http.MethodPost, "/v1/broadcasts/{id}/deals/{deal}/start", "Begin a deal's countdown", http.StatusOK), one, func(ctx context.Context, in *dealPath) (*dealOut, error) {
		d, err := s.Overlay.StartDeal(ctx, in.ID, in.Deal, in.at(), caller(ctx).AccountID)
		return &dealOut{d}, err
	})
	end := op(http.MethodPost, "/v1/broadcasts/{id}/deals/{deal}/end", "End or cancel a deal", http.StatusOK)
	end.Description = "Before it opened it is cancelled. The price is still taken for some seconds from who saw it in time."
	register(r, end, one, func(ctx context.Context, in *dealPath) (*dealOut, error) {
		d, err := s.Overlay.EndDeal(ctx, in.ID, in.Deal, in.at())
		return &dealOut{d}, err
	})
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/deals/{deal}/draw", "A fair deal's draw, for anybody to verify", 0), Needs{Public: true}, func(ctx context.Context, in *struct {
		IDIn
		GrantIn
		Deal  string `path:"deal"`
		After string `query:"after" maxLength:"64"`
	}) (*struct{ Body overlay.Draw }, error) {
		if err := s.visible(ctx, in.ID, in.Grant); err != nil {
			return nil, err
		}
		d, err := s.Overlay.ReadDraw(ctx, in.ID, in.Deal, in.After)
		return &struct{ Body overlay.Draw }{d}, err
	})
}

func (s *Server) prepareDeal(ctx context.Context, in *dealIn) (*dealOut, error) {
	b := &in.Body
	w := overlay.DealWish{
		Product: b.Product, Variants: b.Variants, Price: shop.Money(b.Price), Quantity: b.Quantity, PerBuyer: b.PerBuyer,
		Countdown: duration(b.Countdown), Duration: duration(b.Duration), Fair: b.Fair, Window: duration(b.Window),
	}
	if b.StartsAt != nil {
		w.StartsAt = *b.StartsAt
	}
	d, err := s.Overlay.PrepareDeal(ctx, in.ID, w, caller(ctx).AccountID)
	return &dealOut{d}, err
}

// claimOf finds a claim that waits for a draw, or was not drawn, where there is no order of its id.
func (s *Server) claimOf(ctx context.Context, scope shop.Scope, id string) (shop.Order, error) {
	if s.Claims == nil {
		return shop.Order{}, shop.ErrNotFound
	}
	c, err := s.Claims.DealClaim(ctx, scope, id)
	if err != nil {
		return shop.Order{}, err
	}
	return s.claimOrder(ctx, c), nil
}

func (s *Server) claimOrder(ctx context.Context, c shop.DealClaim) shop.Order {
	o := c.Order()
	if d, err := s.Overlay.Deals.Deal(ctx, c.Deal); err == nil {
		if p, err := s.Shop.Product(ctx, d.Product); err == nil {
			for i := range o.Lines {
				o.Lines[i].Product, o.Lines[i].Title, o.Lines[i].Picture = p.ID, p.Title, p.Picture
			}
		}
	}
	return o
}

// orderOrClaim finds an order, or what waits to become one.
func (s *Server) orderOrClaim(ctx context.Context, scope shop.Scope, id string) (shop.Order, error) {
	o, err := s.Shop.Order(ctx, scope, id)
	if errors.Is(err, shop.ErrNotFound) {
		return s.claimOf(ctx, scope, id)
	}
	return o, err
}

// DealClaims finds claims of fair deals.
type DealClaims interface {
	DealClaim(ctx context.Context, s shop.Scope, id string) (shop.DealClaim, error)
}
