package api_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
)

// shelf keeps whose things are whose.
type shelf[T any] struct {
	mu     sync.Mutex
	owners map[string]account.Owner
	things map[string]T
}

func (s *shelf[T]) put(o account.Owner, make func(id string) T) T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners == nil {
		s.owners, s.things = map[string]account.Owner{}, map[string]T{}
	}
	id := uuid.NewString()
	s.owners[id], s.things[id] = account.Owner{Shop: o.Shop, Channel: o.Channel}, make(id)
	return s.things[id]
}

func (s *shelf[T]) owner(id string) (account.Owner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.owners[id]
	if !ok {
		return o, api.ErrWayUnknown
	}
	return o, nil
}

func (s *shelf[T]) get(id string) (T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.things[id]
	if !ok {
		return one, api.ErrWayUnknown
	}
	return one, nil
}

func (s *shelf[T]) of(channel string) (out []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, o := range s.owners {
		if one, ok := s.things[id]; ok && o.Channel == channel {
			out = append(out, one)
		}
	}
	return out
}

func (s *shelf[T]) drop(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.things, id)
	return nil
}

type someSources struct{ shelf[api.PullSource] }

func (s *someSources) SourceOwner(_ context.Context, id string) (account.Owner, error) {
	return s.owner(id)
}

func (s *someSources) SourcesOf(_ context.Context, channel string) ([]api.PullSource, error) {
	return s.of(channel), nil
}

func (s *someSources) MakeSource(_ context.Context, o account.Owner, name, address string) (api.PullSource, error) {
	if strings.Contains(address, "127.0.0.1") {
		return api.PullSource{}, api.ErrWayForbidden
	}
	return s.put(o, func(id string) api.PullSource { return api.PullSource{ID: id, Name: name, State: "stopped"} }), nil
}

func (s *someSources) RunSource(_ context.Context, id string, on bool) (api.PullSource, error) {
	one, err := s.get(id)
	one.Running = on
	return one, err
}

func (s *someSources) DeleteSource(_ context.Context, id string) error { return s.drop(id) }

type someTargets struct{ shelf[api.PushTarget] }

func (s *someTargets) TargetOwner(_ context.Context, id string) (account.Owner, error) {
	return s.owner(id)
}

func (s *someTargets) TargetsOf(_ context.Context, channel string) ([]api.PushTarget, error) {
	return s.of(channel), nil
}

func (s *someTargets) MakeTarget(_ context.Context, o account.Owner, name, _, _ string) (api.PushTarget, error) {
	return s.put(o, func(id string) api.PushTarget { return api.PushTarget{ID: id, Name: name, State: "waiting"} }), nil
}

func (s *someTargets) EnableTarget(_ context.Context, id string, on bool) (api.PushTarget, error) {
	one, err := s.get(id)
	one.Enabled = on
	return one, err
}

func (s *someTargets) DeleteTarget(_ context.Context, id string) error { return s.drop(id) }

func TestWhatASourceIsRefusedFor(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		api.ErrWayUnknown: 404, api.ErrWayAddress: 422, api.ErrWayForbidden: 422, api.ErrWayName: 422, api.ErrWayTooMany: 422,
	} {
		s := &api.Server{}
		w := answered(s, http.MethodPost, "/v1/channels/c/sources", err)
		if w.Code != want {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
}
