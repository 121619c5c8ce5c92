package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// ErrBadKey is returned for an Idempotency-Key that we do not take.
var ErrBadKey = errors.New("api: an idempotency key has 1 to 128 visible ASCII characters")

const keyMax = 128 // characters

func keyParameter() *huma.Param {
	return &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: "string"},
		Description: "Any text of your own, at most 128 characters. The same key with the same request answers the first answer again, for a day."}
}

// idempotencyKey is the request's key, checked; "" where there is none.
func idempotencyKey(ctx context.Context) (string, error) {
	key := requestOf(ctx).key
	if len(key) > keyMax {
		return "", ErrBadKey
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] >= 0x7f {
			return "", ErrBadKey
		}
	}
	return key, nil
}

func (s *Server) replays() Replays {
	if s.Replays != nil {
		return s.Replays
	}
	return s.Accounts
}

// once runs a creating handler at most once per caller, route and key: a repeated request is answered from what
// was stored, another request under the same key is refused, and one that comes while the first still runs is
// told to wait. Only good answers are stored: what failed may be tried again.
func once[I, O any](ctx context.Context, s *Server, route string, in *I, handle func(context.Context, *I) (*O, error)) (*O, error) {
	key, err := idempotencyKey(ctx)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return handle(ctx, in)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("read the decoded request: %w", err)
	}
	q := requestOf(ctx)
	// The place counts as a part of the request: the same body at another shop is another request.
	k := account.ReplayKey{Route: route, Key: key, Body: append([]byte(q.raw.URL.RequestURI()+"\n"), body...)}
	if p := q.principal; p != nil {
		k.Account = p.AccountID
	}
	stored, err := s.replays().BeginReplay(ctx, k)
	switch {
	case err != nil:
		s.Metrics.replayed("refused")
		return nil, err
	case stored != nil:
		s.Metrics.replayed("repeated")
		out := new(O)
		if err := json.Unmarshal(stored, out); err != nil {
			return nil, fmt.Errorf("read a stored answer: %w", err)
		}
		return out, nil
	}
	s.Metrics.replayed("first")
	return finish(ctx, s, k, in, handle)
}

func finish[I, O any](ctx context.Context, s *Server, k account.ReplayKey, in *I, handle func(context.Context, *I) (*O, error)) (out *O, err error) {
	// The caller may hang up; what the handler did must be remembered all the same.
	keep := context.WithoutCancel(ctx)
	acted := false
	defer func() {
		if !acted {
			s.replays().DropReplay(keep, k)
		}
	}()
	if out, err = handle(ctx, in); err != nil {
		return nil, err
	}
	acted = true
	answer, err := json.Marshal(out)
	if err == nil {
		err = s.replays().EndReplay(keep, k, answer)
	}
	if err != nil {
		// It was done, and the caller must hear so. A repetition is told to wait until the claim runs out.
		s.Log.Error("store an answer", "request", requestOf(ctx).id, "route", k.Route, "error", err)
	}
	return out, nil
}
