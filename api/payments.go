package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/payment"
)

// KindInstrument is a saved way to pay; it belongs to one account and is found only through it.
const KindInstrument Kind = "instrument"

type instrumentBody struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"`
	Brand     string    `json:"brand"`
	Last4     string    `json:"last4"`
	CreatedAt time.Time `json:"created_at"`
}

func instrumentOf(i shop.Instrument) instrumentBody {
	return instrumentBody{i.ID, i.Provider, i.Brand, i.Last4, i.CreatedAt}
}

func (s *Server) routesPayments(r *router) {
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"payments"}}
	}
	save := op(http.MethodPost, "/v1/me/instruments", "Save a way to pay")
	save.DefaultStatus = http.StatusCreated
	save.Description = "Only the provider's opaque token. The sandbox knows sandbox_approved, sandbox_declined, sandbox_requires_action, sandbox_slow and sandbox_late."
	register(r, save, Needs{Action: account.MeWrite}, func(ctx context.Context, in *struct {
		Body struct {
			Provider string `json:"provider" maxLength:"32"`
			Token    string `json:"token" maxLength:"255"`
		}
	}) (*struct{ Body instrumentBody }, error) {
		i, err := s.Instruments.Save(ctx, caller(ctx).AccountID, in.Body.Provider, in.Body.Token)
		return &struct{ Body instrumentBody }{instrumentOf(i)}, err
	})
	register(r, op(http.MethodGet, "/v1/me/instruments", "My ways to pay"), Needs{Action: account.MeWrite}, func(ctx context.Context, _ *struct{}) (*pageOut[instrumentBody], error) {
		all, err := s.Instruments.List(ctx, caller(ctx).AccountID)
		return whole(all, instrumentOf), err
	})
	register(r, op(http.MethodDelete, "/v1/me/instruments/{id}", "Forget a way to pay"), Needs{Action: account.MeWrite, Also: []Of{{KindInstrument, "id"}}}, func(ctx context.Context, in *idIn) (*struct{}, error) {
		err := s.Instruments.Delete(ctx, caller(ctx).AccountID, in.ID)
		if errors.Is(err, shop.ErrInstrument) {
			err = shop.ErrNotFound // here it is what the path names
		}
		return nil, err
	})
	webhook := op(http.MethodPost, "/v1/payments/webhooks/{provider}", "A payment provider's news")
	webhook.DefaultStatus, webhook.MaxBodyBytes = http.StatusNoContent, payment.WebhookBytesMax
	webhook.Description = "Signed by the provider; the sandbox signs as Standard Webhooks say. 204 once the news is durable."
	register(r, webhook, Needs{Public: true}, func(ctx context.Context, in *struct {
		Provider string `path:"provider" maxLength:"32"`
		RawBody  []byte
	}) (*struct{}, error) {
		return nil, s.Checkout.Webhook(ctx, in.Provider, requestOf(ctx).raw.Header, in.RawBody)
	})
}
