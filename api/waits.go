package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop"
)

// waitBody is how a buyer's wait for something sold out stands.
type waitBody struct {
	Variant  string     `json:"variant"`
	State    string     `json:"state" enum:"none,waiting,offered,taken,passed,left" doc:"none: the buyer has not asked for it. offered: one unit is kept for the buyer until a time; the usual checkout takes it. taken: it was ordered. passed: the time ran out, or the buyer has as many as one may."`
	Number   int64      `json:"number,omitempty" doc:"Rises with everybody who joins. wait.called in the feed tells up to which number units were offered."`
	Position int64      `json:"position,omitempty" doc:"How many come first, and one, while the state is waiting."`
	Until    *time.Time `json:"until,omitempty" doc:"Until when the unit is kept."`
	JoinedAt *time.Time `json:"joined_at,omitempty"`
}

// waited answers a buyer; who never asked has no wait.
func waited(variant string, w shop.Wait, err error) (*waitOut, error) {
	if errors.Is(err, shop.ErrNotFound) {
		return &waitOut{waitBody{Variant: variant, State: "none"}}, nil
	}
	return &waitOut{waitOf(w)}, err
}

func waitOf(w shop.Wait) waitBody {
	out := waitBody{Variant: w.Variant, State: string(w.State), Number: w.Number, JoinedAt: moment(w.JoinedAt)}
	switch w.State {
	case shop.WaitWaiting:
		out.Position = w.Ahead + 1
	case shop.WaitOffered:
		out.Until = moment(w.Until)
	}
	return out
}

type waitOut struct{ Body waitBody }

func (s *Server) routesWaits(r *router) {
	op := func(method, path, summary, about string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"checkout"}, Description: about, DefaultStatus: status}
	}
	wait := Needs{Action: account.WaitWrite, Owner: Of{KindVariant, "id"}}
	register(r, op(http.MethodPut, "/v1/variants/{id}/wait", "Wait for something that is sold out",
		"One unit, first in, first out. When units come back, who has waited longest is offered one for a while, and then the next. Asking again keeps the place. 409 while it is in stock, or when as many wait as may.", http.StatusOK),
		wait, func(ctx context.Context, in *idIn) (*waitOut, error) {
			w, err := s.Checkout.JoinWaitlist(ctx, in.ID, caller(ctx).AccountID)
			if err == nil && w.State == shop.WaitWaiting { // the place is durable; how many come first is read after it
				w, err = s.Shop.Wait(ctx, in.ID, caller(ctx).AccountID)
			}
			return &waitOut{waitOf(w)}, err
		})
	register(r, op(http.MethodGet, "/v1/variants/{id}/wait", "How my wait stands", "", 0), wait, func(ctx context.Context, in *idIn) (*waitOut, error) {
		w, err := s.Shop.Wait(ctx, in.ID, caller(ctx).AccountID)
		return waited(in.ID, w, err)
	})
	register(r, op(http.MethodDelete, "/v1/variants/{id}/wait", "Wait no longer", "A unit that was kept goes to the next.", http.StatusOK), wait, func(ctx context.Context, in *idIn) (*waitOut, error) {
		w, err := s.Checkout.LeaveWaitlist(ctx, in.ID, caller(ctx).AccountID)
		return waited(in.ID, w, err)
	})
	register(r, op(http.MethodGet, "/v1/me/waits", "What I wait for", "The newest first, with what ended in the last 30 days. Positions are told by each wait alone.", 0), Needs{Action: account.WaitWrite}, s.waits)
}

func (s *Server) waits(ctx context.Context, _ *struct{}) (*pageOut[waitBody], error) {
	all, err := s.Shop.WaitsOf(ctx, caller(ctx).AccountID)
	if err != nil {
		return nil, err
	}
	items := make([]waitBody, len(all))
	for i, w := range all {
		items[i] = waitOf(w)
		items[i].Position = 0
	}
	return &pageOut[waitBody]{Page[waitBody]{Items: items}}, nil
}
