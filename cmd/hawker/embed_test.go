package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOtherPagesMayWatchAndNothingElse(t *testing.T) {
	t.Parallel()
	h := forOtherPages(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	ask := func(method, path, origin string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "POST")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	for _, path := range []string{
		"/v1/broadcasts/b", "/v1/broadcasts/b/watch", "/v1/broadcasts/b/scene", "/v1/broadcasts/b/feed", "/v1/broadcasts/b/pins", "/v1/broadcasts/b/signals", "/v1/pictures/p",
	} {
		res := ask("GET", path, "https://shop.example")
		if res.StatusCode != http.StatusTeapot || res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d, %v", path, res.StatusCode, res.Header)
		}
		if res = ask("OPTIONS", path, "https://shop.example"); res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Headers") == "" {
			t.Errorf("preflight of %s: %d, %v", path, res.StatusCode, res.Header)
		}
		if res = ask("GET", path, ""); res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s without an origin: %v", path, res.Header)
		}
	}
	for _, path := range []string{
		"/v1/checkout", "/v1/sessions", "/v1/orders", "/v1/me", "/v1/broadcasts", "/v1/broadcasts/b/end", "/v1/broadcasts/b/pins/p", "/v1/broadcasts/b/sales", "/v1/broadcasts/b/viewing-tokens", "/v1/broadcasts/b/watch/x",
	} {
		for _, method := range []string{"GET", "OPTIONS"} {
			if res := ask(method, path, "https://shop.example"); res.StatusCode != http.StatusTeapot || res.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: %d, %v", method, path, res.StatusCode, res.Header)
			}
		}
	}
}
