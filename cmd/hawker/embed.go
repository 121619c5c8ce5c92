package main

import (
	"net/http"
	"regexp"
)

// embeddable are the calls that <hawker-player> makes from other people's pages: to watch, and to see what lies over the
// picture. None of them acts for anybody: cookies stay at home, and whoever has a token says so in the header.
var embeddable = regexp.MustCompile(`^/v1/(broadcasts/[^/]+(/(watch|scene|pins|signals|feed))?|pictures/[^/]+)$`)

// forOtherPages lets any page's script call what is embeddable (CORS), without credentials. Everything else of the API
// stays with our own pages.
func forOtherPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") == "" || !embeddable.MatchString(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Retry-After")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
