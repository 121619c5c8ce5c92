package api

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/hawkerlive/hawker/account"
)

// ErrOrigin is returned for a state-changing request that relies on our cookie and does not come from our pages.
var ErrOrigin = errors.New("api: the request relies on a cookie and comes from another site")

const authorizationMax = 512 // characters of a header that we look at

// CookieName is what the session's cookie is called: with the __Host- prefix wherever the browser honours it.
func (s *Server) CookieName() string {
	s.build()
	return s.cookieName()
}

func (s *Server) cookieName() string {
	if s.secure {
		return "__Host-hawker"
	}
	return "hawker"
}

// Principal tells who sent a request to a door outside of this package's routes (feeds, media): nil and no error
// for nobody, an error for a token that is not valid or a cookie that another site made the browser send.
func (s *Server) Principal(r *http.Request) (*account.Principal, error) {
	s.build()
	var q request
	err := s.identify(r, &q)
	return q.principal, err
}

// OwnOrigin tells whether a request comes from our own pages, as far as the browser vouches for it.
func (s *Server) OwnOrigin(r *http.Request) bool {
	s.build()
	return s.ownOrigin(r)
}

// identify finds the principal of a request: the bearer token where there is one, else the cookie.
func (s *Server) identify(r *http.Request, q *request) error {
	if h := r.Header.Get("Authorization"); h != "" {
		token, ok := parseBearer(h)
		if !ok {
			return account.ErrUnauthenticated
		}
		p, err := s.auth().Authenticate(r.Context(), token)
		q.principal = p
		return err
	}
	token := parseCookie(r, s.cookieName())
	if token == "" {
		return nil
	}
	q.cookie = true
	if changes(r) && !s.ownOrigin(r) {
		return ErrOrigin
	}
	p, err := s.auth().Authenticate(r.Context(), token)
	q.principal = p
	return err
}

func (s *Server) auth() Authenticator {
	if s.Auth != nil {
		return s.Auth
	}
	return s.Accounts
}

// parseBearer reads an Authorization header (RFC 6750).
func parseBearer(h string) (string, bool) {
	if len(h) > authorizationMax {
		return "", false
	}
	scheme, token, ok := strings.Cut(h, " ")
	token = strings.TrimLeft(token, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", false
	}
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c >= 0x7f {
			return "", false
		}
	}
	return token, true
}

// parseCookie reads our cookie. Two of one name are none: somebody is trying to push one in.
func parseCookie(r *http.Request, name string) string {
	found := r.CookiesNamed(name)
	if len(found) != 1 || len(found[0].Value) > authorizationMax {
		return ""
	}
	return found[0].Value
}

// changes tells whether the request may change something or keep a connection that may.
func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Header.Get("Upgrade") != ""
	}
	return true
}

// ownOrigin: scripts can forge neither header. The origin may be the one that we are known by, or the one that the
// browser used: a page of another site has neither.
func (s *Server) ownOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == "null" {
		return false
	}
	u, err := url.Parse(origin)
	return origin == s.origin || err == nil && u.Host != "" && u.Host == r.Host
}

// Address is the client's address for doors outside of this package's routes.
func (s *Server) Address(r *http.Request) netip.Addr { return s.address(r) }

// address is the client's, as the nearest proxy that we do not trust, or the client itself, appears to us.
func (s *Server) address(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := ap.Addr().Unmap()
	if !s.trusted(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		if addr = hop.Unmap(); !s.trusted(addr) {
			return addr
		}
	}
	return addr
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
