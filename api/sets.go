package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// KindSet is a saved set of products.
const KindSet Kind = "product set"

type setFields struct {
	Name     string   `json:"name" maxLength:"400" doc:"At most 80 characters."`
	Products []string `json:"products" maxItems:"100" doc:"Ids of the channel's shop, in the order in which they are shown."`
}

type setIn struct {
	IDIn
	Body setFields
}

// SetPath names a set behind its channel or its broadcast.
type SetPath struct {
	IDIn
	Set string `path:"set"`
}

type setChange struct {
	SetPath
	Body setFields
}

type setPin struct {
	SetPath
	MediaTime int64 `query:"media_time" minimum:"-1" default:"-1" doc:"Where a body does not fit; -1: the frame that enters the server now."`
	Body      *struct {
		MediaTime *mediatime.Time `json:"media_time,omitempty" minimum:"0" doc:"The frame that the creator was looking at, µs. Without it: the one that enters the server now."`
	}
}

func (in *setPin) at() *mediatime.Time {
	return (&pinIn{MediaTime: in.MediaTime, Body: in.Body}).at()
}

type setOut struct{ Body overlay.Set }

func (s *Server) routesSets(r *router) {
	r.owns(KindSet, func(ctx context.Context, id string) (account.Owner, error) {
		set, err := s.Overlay.Sets.Set(ctx, id)
		if err != nil {
			return account.Owner{}, err
		}
		return r.owners[KindChannel](ctx, set.Channel)
	})
	op := func(method, path, summary string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"overlay"}, DefaultStatus: status}
	}
	write := Needs{Action: account.PinWrite, Owner: Of{KindChannel, "id"}}
	one := Needs{Action: account.PinWrite, Owner: Of{KindChannel, "id"}, Also: []Of{{KindSet, "set"}}}
	register(r, op(http.MethodGet, "/v1/channels/{id}/sets", "A channel's sets of products, by name", 0), write, func(ctx context.Context, in *IDIn) (*pageOut[overlay.Set], error) {
		found, err := s.Overlay.Sets.Sets(ctx, in.ID)
		return whole(found, func(o overlay.Set) overlay.Set { return o }), err
	})
	make := op(http.MethodPost, "/v1/channels/{id}/sets", "Keep a set of products", http.StatusCreated)
	make.Description = "1 to 100 products under a name, at most 50 sets. It is pinned, or added to a bag, with one call."
	register(r, make, write, func(ctx context.Context, in *setIn) (*setOut, error) {
		set, err := s.Overlay.MakeSet(ctx, s.setPlace(ctx), in.Body.Name, in.Body.Products, caller(ctx).AccountID)
		return &setOut{set}, err
	})
	register(r, op(http.MethodPut, "/v1/channels/{id}/sets/{set}", "Change a set of products", http.StatusOK), one, func(ctx context.Context, in *setChange) (*setOut, error) {
		set, err := s.Overlay.ChangeSet(ctx, s.setPlace(ctx), in.Set, in.Body.Name, in.Body.Products, caller(ctx).AccountID)
		return &setOut{set}, err
	})
	register(r, op(http.MethodDelete, "/v1/channels/{id}/sets/{set}", "Forget a set of products", http.StatusNoContent), one, func(ctx context.Context, in *SetPath) (*struct{}, error) {
		return nil, s.Overlay.Sets.RemoveSet(ctx, in.ID, in.Set)
	})
	show := Needs{Action: account.PinWrite, Owner: Of{KindBroadcast, "id"}, Also: []Of{{KindSet, "set"}}}
	pin := op(http.MethodPut, "/v1/broadcasts/{id}/sets/{set}", "Pin a set of products to a frame", http.StatusOK)
	pin.Description = "One card for all of them; it counts as one of the three pins. The set stays as it was at that moment."
	register(r, pin, show, func(ctx context.Context, in *setPin) (*pinOut, error) {
		card, err := s.Overlay.PinSet(ctx, in.ID, in.Set, in.at(), caller(ctx).AccountID)
		return &pinOut{card}, err
	})
	register(r, op(http.MethodDelete, "/v1/broadcasts/{id}/sets/{set}", "Unpin a set of products at a frame", http.StatusOK), show, func(ctx context.Context, in *setPin) (*pinOut, error) {
		card, err := s.Overlay.Unpin(ctx, in.ID, in.Set, in.at(), caller(ctx).AccountID)
		return &pinOut{card}, err
	})
	register(r, op(http.MethodPut, "/v1/broadcasts/{id}/bag/sets/{set}", "Add all products of a set to the bag", http.StatusOK), show, func(ctx context.Context, in *SetPath) (*struct{ Body bagBody }, error) {
		cards, err := s.Overlay.AddSetToBag(ctx, in.ID, in.Set, caller(ctx).AccountID)
		return &struct{ Body bagBody }{bagBody{cards}}, err
	})
}

func (s *Server) setPlace(ctx context.Context) overlay.SetPlace {
	o := ownerOf(ctx)
	return overlay.SetPlace{Shop: o.Shop, Channel: o.Channel}
}
