package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func FuzzParseBearer(f *testing.F) {
	for _, s := range []string{"Bearer hk_ses_abc", "bearer  x", "Basic eA==", "Bearer", "Bearer \x00", "", "Bearer a b", strings.Repeat("Bearer ", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, h string) {
		token, ok := parseBearer(h)
		if !ok {
			return
		}
		if token == "" || len(h) > authorizationMax || strings.ContainsAny(token, " \t\r\n\x00") || !strings.HasSuffix(h, token) {
			t.Fatalf("%q gave %q", h, token)
		}
	})
}

func FuzzParseCookie(f *testing.F) {
	for _, s := range []string{"hawker=hk_ses_abc", "hawker=a; hawker=b", "hawker", "=", "hawker=\"a\"", "a=b; hawker=c", ";;;", strings.Repeat("hawker=a;", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, h string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = []string{h}
		token := parseCookie(r, "hawker")
		if len(token) > authorizationMax || strings.ContainsAny(token, "\r\n;\x00") {
			t.Fatalf("%q gave %q", h, token)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", makeCursor("a", "b"), makeCursor("", ""), "====", "AAAA\n", strings.Repeat("A", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts, err := parseCursor(s, 2)
		if err != nil || s == "" {
			return
		}
		if len(parts) != 2 {
			t.Fatalf("%q gave %q", s, parts)
		}
		if again, err := parseCursor(makeCursor(parts...), 2); err != nil || !slices.Equal(parts, again) {
			t.Fatalf("%q gave %q, then %q (%v)", s, parts, again, err)
		}
	})
}

func FuzzAddress(f *testing.F) {
	s := &Server{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.0.0.0/8")}}
	for _, h := range []string{"", "198.51.100.1", "1.2.3.4, 10.0.0.1", "unknown", "::1", "[::1]:80", ",,,", "10.0.0.1,10.0.0.2", "fe80::1%eth0"} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, h string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["X-Forwarded-For"] = []string{h}
		if a := s.address(r); !a.IsValid() || a.Is4In6() {
			t.Fatalf("%q gave %v", h, a)
		}
		r.RemoteAddr = "203.0.113.5:1000"
		if a := s.address(r); a != netip.MustParseAddr("203.0.113.5") {
			t.Fatalf("an untrusted client became %v by %q", a, h)
		}
	})
}
