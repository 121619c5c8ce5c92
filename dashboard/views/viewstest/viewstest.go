// Package viewstest holds what a store of view sessions must do: a model, and a suite that compares any store
// with it. Only tests import it.
package viewstest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/event"
)

// Model is views.Store in memory. Any number of goroutines may use it.
type Model struct {
	mu       sync.Mutex
	sessions map[string]views.Session
	facts    []event.Event
	// Fail, if set, is returned by Save.
	Fail error
}

var _ views.Store = (*Model)(nil)

// Facts lists what was appended to the outbox.
func (m *Model) Facts() []event.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.facts)
}

// Break makes Save fail with err; nil mends it.
func (m *Model) Break(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Fail = err
}

// Save is views.Store.
func (m *Model) Save(_ context.Context, sessions []views.Session, facts []event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Fail != nil {
		return m.Fail
	}
	if m.sessions == nil {
		m.sessions = map[string]views.Session{}
	}
	for _, v := range sessions {
		held, ok := m.sessions[v.ID]
		switch {
		case !ok:
			m.sessions[v.ID] = v
		case !v.LastAt.Before(held.LastAt):
			held.Transport, held.LastAt, held.ViewedAt, held.Watched = v.Transport, v.LastAt, v.ViewedAt, v.Watched
			m.sessions[v.ID] = held
		}
	}
	m.facts = append(m.facts, facts...)
	return nil
}

// Sessions is views.Store.
func (m *Model) Sessions(_ context.Context, ids []string) (out []views.Session, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if v, ok := m.sessions[id]; ok {
			out = append(out, v)
		}
	}
	return out, nil
}

// Latest is views.Store.
func (m *Model) Latest(_ context.Context, broadcast, visitor string) (out views.Session, ok bool, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.sessions {
		if v.Broadcast == broadcast && v.Visitor == visitor && (!ok || compare(v, out) > 0) {
			out, ok = v, true
		}
	}
	return out, ok, nil
}

// Purge is views.Store.
func (m *Model) Purge(_ context.Context, before time.Time, limit int) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var old []views.Session
	for _, v := range m.sessions {
		if v.StartedAt.Before(before) {
			old = append(old, v)
		}
	}
	slices.SortFunc(old, compare)
	old = old[:min(limit, len(old))]
	for _, v := range old {
		delete(m.sessions, v.ID)
	}
	return len(old), nil
}

func compare(a, b views.Session) int {
	return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
}

// RunStore makes the same random calls to the store and to the model and compares every answer.
func RunStore(t *testing.T, store views.Store, facts func() []event.Event) {
	t.Helper()
	const calls = 2000
	ctx := context.Background()
	var model Model
	r := rand.New(rand.NewPCG(20261120, 1))
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	session := func(i int) views.Session {
		v := views.Session{
			ID: fmt.Sprintf("s%03d", i), Broadcast: fmt.Sprint("b", i%3), Visitor: fmt.Sprint("v", i%17), Consent: i%2 == 0,
			Language: "ar", Source: "link", StartedAt: start.Add(time.Duration(i%40) * time.Minute),
		}
		if r.IntN(3) > 0 {
			v.Transport, v.LastAt = "whep", v.StartedAt.Add(time.Duration(r.IntN(1000))*time.Second)
			v.Watched = time.Duration(r.IntN(1000)) * time.Second
		}
		if r.IntN(2) > 0 {
			v.ViewedAt = v.LastAt
		}
		return v
	}
	same := func(call string, want, got any, errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatalf("%s: %v", call, err)
			}
		}
		byID := cmpopts.SortSlices(func(a, b views.Session) bool { return a.ID < b.ID })
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), byID); diff != "" {
			t.Fatalf("%s (- model, + store):\n%s", call, diff)
		}
	}
	for i := range calls {
		call := fmt.Sprint("call ", i)
		switch n := r.IntN(100); {
		case n < 50:
			var some []views.Session
			for _, k := range r.Perm(120)[:r.IntN(6)] {
				some = append(some, session(k))
			}
			var fact []event.Event
			if r.IntN(2) == 0 {
				fact = []event.Event{{ID: fmt.Sprintf("%06d", i), Topic: "audience/b", Kind: event.AudienceCounted, V: 1, Data: []byte(`{}`)}}
			}
			same(call+" save", nil, nil, model.Save(ctx, some, fact), store.Save(ctx, some, fact))
		case n < 70:
			ids := []string{fmt.Sprintf("s%03d", r.IntN(130)), fmt.Sprintf("s%03d", 200+r.IntN(100)), "nobody"}
			want, err1 := model.Sessions(ctx, ids)
			got, err2 := store.Sessions(ctx, ids)
			same(call+" sessions", want, got, err1, err2)
		case n < 97:
			b, v := fmt.Sprint("b", r.IntN(4)), fmt.Sprint("v", r.IntN(18))
			want, wantOK, err1 := model.Latest(ctx, b, v)
			got, gotOK, err2 := store.Latest(ctx, b, v)
			same(call+" latest", []any{want, wantOK}, []any{got, gotOK}, err1, err2)
		default:
			before := start.Add(time.Duration(r.IntN(20)) * time.Minute)
			want, err1 := model.Purge(ctx, before, 7)
			got, err2 := store.Purge(ctx, before, 7)
			same(call+" purge", want, got, err1, err2)
		}
	}
	same("facts", model.Facts(), facts())
}
