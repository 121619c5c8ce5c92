package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

type tokenIn struct {
	Body struct {
		Name    string   `json:"name" maxLength:"320"`
		Scopes  []string `json:"scopes" maxItems:"64" nullable:"false"`
		Shop    string   `json:"shop,omitempty" doc:"Binds the token to this shop."`
		Channel string   `json:"channel,omitempty" doc:"Binds the token to this channel."`
	}
}

type tokenOut struct {
	Body struct {
		ID    string `json:"id"`
		Token string `json:"token" doc:"Shown once."`
	}
}

func (s *Server) routesTokens(r *router) {
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"tokens"}}
	}
	made := op(http.MethodPost, "/v1/tokens", "Make an API token")
	made.DefaultStatus = http.StatusCreated
	made.Description = "A token may at most what its account may, less what its scopes leave out. It cannot make tokens, change members or touch the person."
	register(r, made, Needs{Action: account.TokenWrite}, func(ctx context.Context, in *tokenIn) (*tokenOut, error) {
		b := in.Body
		t, secret, err := s.Accounts.CreateToken(ctx, caller(ctx), account.Token{Name: b.Name, Scopes: b.Scopes, Shop: b.Shop, Channel: b.Channel})
		out := &tokenOut{}
		out.Body.ID, out.Body.Token = t.ID, secret
		return out, err
	})
	register(r, op(http.MethodGet, "/v1/tokens", "My API tokens"), Needs{Action: account.TokenWrite}, func(ctx context.Context, _ *struct{}) (*pageOut[account.Token], error) {
		all, err := s.Accounts.Tokens(ctx, caller(ctx).AccountID)
		return whole(all, func(t account.Token) account.Token { return t }), err
	})
	register(r, op(http.MethodDelete, "/v1/tokens/{id}", "Revoke an API token"), Needs{Action: account.TokenWrite, Also: []Of{{KindToken, "id"}}}, func(ctx context.Context, in *idIn) (*struct{}, error) {
		return nil, s.Accounts.DeleteToken(ctx, caller(ctx).AccountID, in.ID)
	})
}
