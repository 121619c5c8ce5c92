package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

type membershipBody struct {
	Shop    string       `json:"shop,omitempty"`
	Channel string       `json:"channel,omitempty" doc:"Absent for a role at the shop itself."`
	Role    account.Role `json:"role" enum:"owner,seller,finance,creator,moderator"`
	Name    string       `json:"name" doc:"Of the shop or channel."`
}

type meBody struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Email       string           `json:"email"`
	Locale      string           `json:"locale"`
	Admin       bool             `json:"admin"`
	Memberships []membershipBody `json:"memberships" nullable:"false"`
}

type meOut struct{ Body meBody }

type mePatch struct {
	Body struct {
		Name     *string `json:"name,omitempty" maxLength:"320"`
		Locale   *string `json:"locale,omitempty" maxLength:"35"`
		Password *struct {
			Old string `json:"old" maxLength:"256"`
			New string `json:"new" maxLength:"256"`
		} `json:"password,omitempty" doc:"All other sessions end."`
	}
}

type eraseIn struct {
	Body struct {
		Password string `json:"password" maxLength:"256"`
	}
}

// AddressBody is where somebody receives parcels.
type AddressBody struct {
	Name    string `json:"name" maxLength:"320"`
	Line1   string `json:"line1" maxLength:"480"`
	Line2   string `json:"line2,omitempty" maxLength:"480"`
	City    string `json:"city" maxLength:"320"`
	Zip     string `json:"zip" maxLength:"64"`
	Country string `json:"country" minLength:"2" maxLength:"2" doc:"ISO 3166, two capital letters."`
	Phone   string `json:"phone,omitempty" maxLength:"32"`
}

type addressOutBody struct {
	ID string `json:"id"`
	AddressBody
}

type addressIn struct{ Body AddressBody }
type addressOut struct{ Body addressOutBody }

// idIn is the same, for inputs that hold nothing else. Embedded it would be left out: its name is not exported.
type idIn = IDIn

type exportOut struct {
	Disposition string `header:"Content-Disposition"`
	Body        account.Export
}

// The kinds of things that belong to one account and are found only through it.
const (
	KindAddress Kind = "address"
	KindToken   Kind = "token"
)

func (s *Server) routesMe(r *router) {
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"accounts"}}
	}
	register(r, op(http.MethodGet, "/v1/me", "Who am I"), Needs{Action: account.MeRead}, func(ctx context.Context, _ *struct{}) (*meOut, error) {
		body, err := s.meOf(ctx, caller(ctx))
		return &meOut{body}, err
	})
	register(r, op(http.MethodPatch, "/v1/me", "Change name, locale or password"), Needs{Action: account.MeWrite}, s.patchMe)
	register(r, op(http.MethodDelete, "/v1/me", "Erase my person"), Needs{Action: account.MeWrite}, s.eraseMe)
	register(r, op(http.MethodGet, "/v1/me/export", "Everything that is kept of me"), Needs{Action: account.MeWrite}, func(ctx context.Context, _ *struct{}) (*exportOut, error) {
		e, err := s.Accounts.Export(ctx, caller(ctx).AccountID)
		return &exportOut{`attachment; filename="hawker-export.json"`, e}, err
	})
	created := op(http.MethodPost, "/v1/me/addresses", "Save an address")
	created.DefaultStatus = http.StatusCreated
	register(r, created, Needs{Action: account.MeWrite}, func(ctx context.Context, in *addressIn) (*addressOut, error) {
		b := in.Body
		a, err := s.Accounts.AddAddress(ctx, caller(ctx).AccountID, account.Address{Name: b.Name, Line1: b.Line1, Line2: b.Line2, City: b.City, Zip: b.Zip, Country: b.Country, Phone: b.Phone})
		return &addressOut{addressOf(a)}, err
	})
	register(r, op(http.MethodGet, "/v1/me/addresses", "My addresses"), Needs{Action: account.MeWrite}, func(ctx context.Context, _ *struct{}) (*pageOut[addressOutBody], error) {
		all, err := s.Accounts.Addresses(ctx, caller(ctx).AccountID)
		return whole(all, addressOf), err
	})
	register(r, op(http.MethodDelete, "/v1/me/addresses/{id}", "Forget an address"), Needs{Action: account.MeWrite, Also: []Of{{KindAddress, "id"}}}, func(ctx context.Context, in *idIn) (*struct{}, error) {
		return nil, s.Accounts.DeleteAddress(ctx, caller(ctx).AccountID, in.ID)
	})
}

func (s *Server) meOf(ctx context.Context, p *account.Principal) (meBody, error) {
	person, err := s.Accounts.Person(ctx, p.AccountID)
	if err != nil {
		return meBody{}, err
	}
	b := meBody{ID: person.Account, Name: person.Name, Email: person.Email, Locale: person.Locale, Admin: person.Admin, Memberships: []membershipBody{}}
	for _, m := range p.Memberships {
		b.Memberships = append(b.Memberships, membershipBody{m.Shop, m.Channel, m.Role, m.Name})
	}
	return b, nil
}

func (s *Server) patchMe(ctx context.Context, in *mePatch) (*meOut, error) {
	p := caller(ctx)
	if in.Body.Password != nil {
		err := s.guess(ctx, func() error {
			return s.Accounts.ChangePassword(ctx, p, in.Body.Password.Old, in.Body.Password.New)
		})
		if err != nil {
			return nil, err
		}
	}
	if _, err := s.Accounts.UpdatePerson(ctx, p.AccountID, account.PersonChange{Name: in.Body.Name, Locale: in.Body.Locale}); err != nil {
		return nil, err
	}
	body, err := s.meOf(ctx, p)
	return &meOut{body}, err
}

func (s *Server) eraseMe(ctx context.Context, in *eraseIn) (*cookieOut, error) {
	err := s.guess(ctx, func() error { return s.Accounts.Erase(ctx, caller(ctx).AccountID, in.Body.Password) })
	if err != nil {
		return nil, err
	}
	return &cookieOut{SetCookie: s.cookie("", time.Time{})}, nil
}

func addressOf(a account.Address) addressOutBody {
	return addressOutBody{a.ID, AddressBody{a.Name, a.Line1, a.Line2, a.City, a.Zip, a.Country, a.Phone}}
}

// whole is the answer of a list that is bounded anyway and comes whole.
func whole[D, T any](all []D, body func(D) T) *pageOut[T] {
	out := &pageOut[T]{Body: Page[T]{Items: make([]T, 0, len(all))}}
	for _, d := range all {
		out.Body.Items = append(out.Body.Items, body(d))
	}
	return out
}
