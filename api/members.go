package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// KindAccount is an account that has a role somewhere.
const KindAccount Kind = "account"

type memberBody struct {
	Account string       `json:"account"`
	Name    string       `json:"name"`
	Role    account.Role `json:"role" enum:"owner,seller,finance,creator,moderator"`
}

type memberIn struct {
	IDIn
	Account string `path:"account"`
	Body    struct {
		Role account.Role `json:"role" enum:"owner,seller,finance,creator,moderator"`
	}
}

type memberByEmail struct {
	IDIn
	Body struct {
		Email string       `json:"email" maxLength:"254"`
		Role  account.Role `json:"role" enum:"owner,seller,finance,creator,moderator"`
	}
}

type memberID struct {
	IDIn
	Account string `path:"account"`
}

// routesMembers are the same at shops and at channels.
func (s *Server) routesMembers(r *router) {
	for _, place := range []struct {
		path, noun string
		of         Of
	}{{"/v1/shops/{id}/members", "shop", Of{KindShop, "id"}}, {"/v1/channels/{id}/members", "channel", Of{KindChannel, "id"}}} {
		op := func(method, path, summary string) huma.Operation {
			return huma.Operation{Method: method, Path: path, Summary: summary + " " + place.noun, Tags: []string{place.noun + "s"}}
		}
		register(r, op(http.MethodGet, place.path, "Who has a role at a"), Needs{Action: account.MemberRead, Owner: place.of}, func(ctx context.Context, _ *idIn) (*pageOut[memberBody], error) {
			all, err := s.Accounts.Members(ctx, ownerOf(ctx))
			return whole(all, func(m account.Member) memberBody { return memberBody(m) }), err
		})
		put := op(http.MethodPut, place.path+"/{account}", "Give a role at a")
		put.DefaultStatus = http.StatusNoContent
		register(r, put, Needs{Action: account.MemberWrite, Owner: place.of, Also: []Of{{KindAccount, "account"}}}, func(ctx context.Context, in *memberIn) (*struct{}, error) {
			return nil, s.Accounts.SetMember(ctx, ownerOf(ctx), in.Account, in.Body.Role)
		})
		found := op(http.MethodPut, place.path+"/by-email", "Give somebody whose e-mail address is known a role at a")
		found.DefaultStatus = http.StatusNoContent
		found.Description = "They must have signed up. How often an address may ask is limited."
		register(r, found, Needs{Action: account.MemberWrite, Owner: place.of}, func(ctx context.Context, in *memberByEmail) (*struct{}, error) {
			if err := s.attempt(ctx, s.door.members); err != nil {
				return nil, err
			}
			_, err := s.Accounts.SetMemberByEmail(ctx, ownerOf(ctx), in.Body.Email, in.Body.Role)
			return nil, err
		})
		register(r, op(http.MethodDelete, place.path+"/{account}", "Take a role away at a"), Needs{Action: account.MemberWrite, Owner: place.of, Also: []Of{{KindAccount, "account"}}}, func(ctx context.Context, in *memberID) (*struct{}, error) {
			return nil, s.Accounts.RemoveMember(ctx, ownerOf(ctx), in.Account)
		})
	}
}
