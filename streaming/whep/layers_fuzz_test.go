package whep_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming/whep"
)

// FuzzPaths asks for anything below /whep/ without a session: no answer but a refusal that can be read, or what every
// browser may ask first.
func FuzzPaths(f *testing.F) {
	for _, path := range []string{"", "show", "show/", "show/0123", "show/0123/events", "show/0123/layer", "show/0123/layer/events", "show//layer", "a/b/c/d"} {
		for _, method := range []string{"GET", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"} {
			f.Add(method, path, "application/json", "{}")
		}
	}
	s := &whep.Server{Access: everybody{}}
	f.Fuzz(func(t *testing.T, method, path, contentType, body string) {
		r, err := http.NewRequest(method, "http://x/", strings.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path = "/whep/" + path
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%s %q: no CORS", method, path)
		}
		if w.Code < 300 {
			return
		}
		var p struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code == "" {
			t.Fatalf("%s %q: %d %q", method, path, w.Code, w.Body.String())
		}
	})
}
