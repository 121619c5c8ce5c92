// Package outbound dials addresses that other people name: cameras to fetch, platforms to push to. What enters are a
// host and a port that somebody typed; what leaves are connections to addresses of the public internet, and to the
// networks that the operator allows. A name is resolved once and only an address that was judged is dialled, so that
// neither a name that changes between two look-ups nor a redirect leads into our own network. It refuses loopback,
// private, link-local, shared, multicast, documentation and metadata addresses, and IPv4 addresses wrapped in IPv6.
// ingest/pull and streaming/restream import it.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// What the guard refuses.
var (
	ErrForbidden = errors.New("outbound: this address is not on the public internet, and the operator does not allow it")
	ErrAddress   = errors.New("outbound: this is no address")
	ErrRedirect  = errors.New("outbound: redirected too often, or to another protocol")
	ErrUnknown   = errors.New("outbound: there is no such host")
)

// Limits.
const (
	resolveWithin = 5 * time.Second
	dialWithin    = 8 * time.Second
	answerWithin  = 10 * time.Second
	redirectsMax  = 3
	headerMax     = 64 << 10
	addressesMax  = 4 // of one name, that are tried
)

// Config says which networks may be reached beside the public internet.
type Config struct {
	Allow []string `yaml:"allow"` // addresses and networks, such as 192.168.7.0/24 with its cameras
}

// Check tells what cannot be.
func (c Config) Check() error {
	_, err := c.prefixes()
	return err
}

func (c Config) prefixes() (out []netip.Prefix, err error) {
	for _, text := range c.Allow {
		p, err := netip.ParsePrefix(text)
		if !strings.Contains(text, "/") {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil || p.Addr().Is4In6() {
			return nil, fmt.Errorf("%w: %q", ErrAddress, text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Resolver finds the addresses of a name. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Guard judges addresses and dials them. Any number of goroutines may use it.
type Guard struct {
	allow    []netip.Prefix
	resolver Resolver
	dialer   net.Dialer
}

// New makes a guard. Without a resolver the system's is asked.
func New(c Config, r Resolver) (*Guard, error) {
	allow, err := c.prefixes()
	if err != nil {
		return nil, err
	}
	if r == nil {
		r = net.DefaultResolver
	}
	return &Guard{allow: allow, resolver: r, dialer: net.Dialer{Timeout: dialWithin}}, nil
}

// Judge tells whether an address may be dialled: nil or ErrForbidden.
func (g *Guard) Judge(a netip.Addr) error {
	if !a.IsValid() || a.Zone() != "" || a.Is4In6() {
		return ErrForbidden
	}
	for _, p := range g.allow {
		if p.Contains(a) {
			return nil
		}
	}
	special := special6
	if a.Is4() {
		special = special4
	} else if !globalUnicast.Contains(a) {
		return ErrForbidden
	}
	for _, p := range special {
		if p.Contains(a) {
			return ErrForbidden
		}
	}
	return nil
}

// Resolve returns the addresses of a host that may be dialled, at most four. ErrForbidden where it has none of them.
func (g *Guard) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return []netip.Addr{a}, g.Judge(a)
	}
	if host == "" || len(host) > 253 {
		return nil, ErrAddress
	}
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	var good []netip.Addr
	found := false
	for _, network := range []string{"ip4", "ip6"} {
		all, err := g.resolver.LookupNetIP(ctx, network, host)
		if err != nil {
			continue // the other kind may be there
		}
		for _, a := range all {
			if network == "ip4" {
				a = a.Unmap()
			}
			found = true
			if g.Judge(a) == nil && len(good) < addressesMax {
				good = append(good, a)
			}
		}
	}
	switch {
	case len(good) > 0:
		return good, nil
	case found:
		return nil, ErrForbidden
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknown, host)
}

// ResolvePort is Resolve for host:port, with a default port. It returns the first address.
func (g *Guard) ResolvePort(ctx context.Context, address, port string) (netip.AddrPort, error) {
	host := address
	if h, p, err := net.SplitHostPort(address); err == nil {
		host, port = h, p
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return netip.AddrPort{}, fmt.Errorf("%w: port %q", ErrAddress, port)
	}
	all, err := g.Resolve(ctx, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(all[0], uint16(n)), nil
}

// DialContext dials host:port over TCP: only addresses that were judged, one after the other.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrAddress, address)
	}
	all, err := g.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		var c net.Conn
		if c, err = g.dialer.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// DialTLS is DialContext and a TLS handshake with the host by its name.
func (g *Guard) DialTLS(ctx context.Context, network, address string, c *tls.Config) (net.Conn, error) {
	raw, err := g.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.ServerName == "" {
		c = c.Clone()
		c.ServerName, _, _ = net.SplitHostPort(address) // it was dialled: it has a port
	}
	secured := tls.Client(raw, c)
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // the handshake's error says more
		return nil, err
	}
	return secured, nil
}

// Client makes an HTTP client that dials through the guard: no proxy, three redirects at most, none from HTTPS to
// HTTP. Close its idle connections when it is done with.
func (g *Guard) Client(c *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: g.DialContext, TLSClientConfig: c, TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: answerWithin,
			MaxResponseHeaderBytes: headerMax, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > redirectsMax || r.URL.Scheme != "https" && (r.URL.Scheme != "http" || via[0].URL.Scheme == "https") {
				return ErrRedirect
			}
			return nil
		},
	}
}
