package apitest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
)

// route tests one route as everybody.
func (w *walk) route(t *testing.T, r api.Route) {
	if r.Needs.Public {
		w.public(t, r)
		return
	}
	for _, name := range params(r.Path) {
		if _, ok := declared(r.Needs, name); !ok {
			t.Fatalf("{%s} is neither Owner nor Also in the route's Needs", name)
		}
	}
	rule, _ := account.RuleOf(r.Needs.Action)
	for _, a := range w.actors {
		if r.Needs.Owner == (api.Of{}) {
			o := w.own
			if a.account != "" {
				o.Account = a.account
			}
			w.cell(t, r, rule, a, "own", o)
			w.alsoForeign(t, r, rule, a)
			continue
		}
		w.cell(t, r, rule, a, "own", w.own)
		w.cell(t, r, rule, a, "foreign", w.foreign)
		w.missing(t, r, a)
		w.alsoForeign(t, r, rule, a)
	}
}

// public wants a route that everybody may use not to ask who it is.
func (w *walk) public(t *testing.T, r api.Route) {
	for _, a := range w.actors {
		path := r.Path
		for _, name := range params(r.Path) {
			path = strings.Replace(path, "{"+name+"}", uuid.NewString(), 1)
		}
		got := w.send(r.Method, path, w.bearer(t, a))
		if refused(got) && got.code != "not-found" || got.status >= 500 {
			t.Errorf("%s, public: %d %s", a.name, got.status, got.body)
		}
	}
}

// cell sends one route as one actor on one side, and compares with the expectation.
func (w *walk) cell(t *testing.T, r api.Route, rule account.Rule, a actor, side string, o account.Owner) {
	t.Helper()
	want := expect(a, rule, w.belongs(t, r, o))
	// What may be changed is fresh; what may not be is shared, and must be the same afterwards for the next one.
	fresh := want == "" && r.Method != http.MethodGet
	path := w.fill(t, r, o, fresh)
	got := w.send(r.Method, path, w.bearer(t, a))
	switch {
	case got.status >= 500:
		t.Errorf("%s, %s: %d %s", a.name, side, got.status, got.body)
	case want == "" && refused(got):
		t.Errorf("%s, %s: refused with %d %s, though the policy allows it", a.name, side, got.status, got.code)
	case want != "" && got.code != want:
		t.Errorf("%s, %s: %d %q, want %q", a.name, side, got.status, got.code, want)
	}
}

// missing wants an id that does not exist to look like one that may not be known.
func (w *walk) missing(t *testing.T, r api.Route, a actor) {
	t.Helper()
	path := r.Path
	for _, name := range params(r.Path) {
		path = strings.Replace(path, "{"+name+"}", uuid.NewString(), 1)
	}
	want := "not-found"
	if a.account == "" {
		want = "unauthenticated"
	}
	if got := w.send(r.Method, path, w.bearer(t, a)); got.code != want {
		t.Errorf("%s, missing: %d %q, want %q", a.name, got.status, got.code, want)
	}
}

// alsoForeign lets who may use the route name something foreign further back in the path.
func (w *walk) alsoForeign(t *testing.T, r api.Route, rule account.Rule, a actor) {
	t.Helper()
	o := w.own
	if r.Needs.Owner == (api.Of{}) {
		o.Account = a.account
	}
	for _, also := range r.Needs.Also {
		if also.Kind == api.KindAccount || expect(a, rule, w.belongs(t, r, o)) != "" || a.account == w.foreign.Account {
			continue
		}
		path := r.Path
		for _, name := range params(r.Path) {
			of, _ := declared(r.Needs, name)
			from := o
			if name == also.Param {
				from = w.foreign
			}
			path = strings.Replace(path, "{"+name+"}", w.thing(t, of.Kind).Make(t, from), 1)
		}
		if got := w.send(r.Method, path, w.bearer(t, a)); got.status < 400 || got.status >= 500 {
			t.Errorf("%s, own with a foreign %s: %d %s", a.name, also.Kind, got.status, got.body)
		}
	}
}

// fill puts ids into a path.
func (w *walk) fill(t *testing.T, r api.Route, o account.Owner, fresh bool) string {
	t.Helper()
	path := r.Path
	for _, name := range params(r.Path) {
		of, _ := declared(r.Needs, name)
		key := string(of.Kind) + " " + o.Shop + " " + o.Account
		id := w.shared[key]
		if id == "" || fresh {
			id = w.thing(t, of.Kind).Make(t, o)
			if !fresh {
				w.shared[key] = id
			}
		}
		path = strings.Replace(path, "{"+name+"}", id, 1)
	}
	return path
}

// belongs is whose the thing is that the route's Needs name.
func (w *walk) belongs(t *testing.T, r api.Route, o account.Owner) account.Owner {
	t.Helper()
	if r.Needs.Owner == (api.Of{}) {
		return account.Owner{Account: o.Account}
	}
	return w.thing(t, r.Needs.Owner.Kind).Belongs(o)
}

// expect is the code of the refusal that the policy's row asks for, or "".
func expect(a actor, rule account.Rule, o account.Owner) string {
	if a.account == "" {
		return "unauthenticated"
	}
	bound := a.token == nil || (a.token.Shop == "" || a.token.Shop == o.Shop) && (a.token.Channel == "" || a.token.Channel == o.Channel)
	may := rule.Anyone || rule.Self && a.account == o.Account || bound && a.admin
	knows := a.account == o.Account
	for _, m := range a.members {
		knows = knows || o.Shop != "" && m.Shop == o.Shop
		switch {
		case !bound:
		case m.Channel == "" && m.Shop == o.Shop:
			may = may || slices.Contains(rule.Shop, m.Role)
		case m.Channel != "" && m.Channel == o.Channel:
			may = may || slices.Contains(rule.Channel, m.Role)
		}
	}
	switch {
	case !may && knows:
		return "forbidden"
	case !may:
		return "not-found"
	case rule.TokenOnly && a.token == nil, a.token != nil && (rule.Scope == "" || !slices.Contains(a.token.Scopes, rule.Scope)):
		return "scope-missing"
	}
	return ""
}

// refused tells whether an answer is one of admission's.
func refused(a answer) bool {
	return slices.Contains([]string{"unauthenticated", "forbidden", "not-found", "scope-missing", "foreign-origin"}, a.code)
}
