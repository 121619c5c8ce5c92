package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

type tokens map[string]*account.Principal

func (t tokens) Authenticate(_ context.Context, bearer string) (*account.Principal, error) {
	if p := t[bearer]; p != nil {
		return p, nil
	}
	return nil, account.ErrUnauthenticated
}

type thing struct {
	ID   string `path:"id"`
	Body struct {
		Name string `json:"name" maxLength:"20"`
	}
}

type answer struct {
	Body struct {
		Name  string `json:"name"`
		Owner string `json:"owner"`
	}
}

const kindThing Kind = "thing"

// tiny is a server with one resource of its own.
func tiny(t *testing.T, declare func(*router)) *Server {
	t.Helper()
	s := &Server{
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Auth: tokens{
			"seller":   {AccountID: "s", Memberships: []account.Membership{{Shop: "mine", Role: account.RoleSeller}}},
			"finance":  {AccountID: "f", Memberships: []account.Membership{{Shop: "mine", Role: account.RoleFinance}}},
			"stranger": {AccountID: "x"},
		},
		PublicURL: "https://shop.example",
	}
	s.declare = func(r *router) {
		r.owns(kindThing, func(_ context.Context, id string) (account.Owner, error) {
			if id != "mine" && id != "yours" {
				return account.Owner{}, account.ErrNotFound
			}
			return account.Owner{Shop: id}, nil
		})
		register(r, huma.Operation{Method: http.MethodPatch, Path: "/v1/things/{id}"},
			Needs{Action: account.ProductWrite, Owner: Of{kindThing, "id"}},
			func(ctx context.Context, in *thing) (*answer, error) {
				var out answer
				if in.Body.Name == "panic" {
					panic("secret detail")
				}
				out.Body.Name, out.Body.Owner = in.Body.Name, ownerOf(ctx).Shop
				return &out, nil
			})
		if declare != nil {
			declare(r)
		}
	}
	return s
}

func send(s *Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("a problem came as %q: %s", ct, w.Body)
	}
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != w.Code || p.Type != problemBase+p.Code || p.Title == "" || p.Request == "" {
		t.Fatalf("the problem is not whole: %s", w.Body)
	}
	return p.Code
}

func TestAdmissionComesBeforeTheBody(t *testing.T) {
	t.Parallel()
	s := tiny(t, nil)
	for _, c := range []struct {
		name, path, token, body string
		status                  int
		code                    string
	}{
		{"nobody", "/v1/things/mine", "", `{`, 401, "unauthenticated"},
		{"a token that is none", "/v1/things/mine", "wrong", `{`, 401, "unauthenticated"},
		{"a stranger", "/v1/things/mine", "stranger", `{`, 404, "not-found"},
		{"a member without the role", "/v1/things/mine", "finance", `{`, 403, "forbidden"},
		{"another's thing", "/v1/things/yours", "seller", `{`, 404, "not-found"},
		{"no such thing", "/v1/things/none", "seller", `{`, 404, "not-found"},
		{"half a body", "/v1/things/mine", "seller", `{`, 400, "invalid"},
		{"an unknown field", "/v1/things/mine", "seller", `{"name":"a","nome":"b"}`, 422, "invalid"},
		{"a long name", "/v1/things/mine", "seller", `{"name":"012345678901234567890"}`, 422, "invalid"},
		{"a panic", "/v1/things/mine", "seller", `{"name":"panic"}`, 500, "internal"},
	} {
		headers := []string{}
		if c.token != "" {
			headers = []string{"Authorization", "Bearer " + c.token}
		}
		w := send(s, http.MethodPatch, c.path, c.body, headers...)
		if w.Code != c.status || code(t, w) != c.code {
			t.Errorf("%s: got %d %s", c.name, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "secret detail") {
			t.Errorf("%s: the answer tells what went wrong inside", c.name)
		}
	}
	w := send(s, http.MethodPatch, "/v1/things/mine", `{"name":"a"}`, "Authorization", "Bearer seller")
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"owner":"mine"`) {
		t.Errorf("the seller got %d %s", w.Code, w.Body)
	}
}
