package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/outbound"
)

// names is a resolver that knows what it was told, and says something else the next time where there is more.
type names map[string][][]string

func (n names) LookupNetIP(_ context.Context, network, host string) (out []netip.Addr, err error) {
	said := n[host]
	if len(said) == 0 {
		return nil, &net.DNSError{IsNotFound: true}
	}
	for _, text := range said[0] {
		if a := netip.MustParseAddr(text); (network == "ip4") == a.Is4() {
			out = append(out, a)
		}
	}
	if network == "ip6" && len(said) > 1 {
		n[host] = said[1:]
	}
	if len(out) == 0 {
		return nil, &net.DNSError{IsNotFound: true}
	}
	return out, nil
}

func guard(t *testing.T, n names, allow ...string) *outbound.Guard {
	t.Helper()
	g, err := outbound.New(outbound.Config{Allow: allow}, n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	t.Parallel()
	g := guard(t, nil)
	for _, bad := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.19.0.1", "198.51.100.7", "203.0.113.9",
		"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1",
		"2002:7f00:1::1", "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
	} {
		if err := g.Judge(netip.MustParseAddr(bad)); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("%s: %v", bad, err)
		}
		if _, err := g.DialContext(t.Context(), "tcp", net.JoinHostPort(bad, "80")); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("dial %s: %v", bad, err)
		}
	}
	for _, good := range []string{"1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "2a00:1450::1"} {
		if err := g.Judge(netip.MustParseAddr(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestTheOperatorsNetworksAreAllowed(t *testing.T) {
	t.Parallel()
	g := guard(t, nil, "192.168.7.0/24", "fd00:7::1")
	for address, want := range map[string]bool{
		"192.168.7.20": true, "192.168.8.20": false, "fd00:7::1": true, "fd00:7::2": false, "::ffff:192.168.7.20": false, "127.0.0.1": false,
	} {
		if got := g.Judge(netip.MustParseAddr(address)) == nil; got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	for _, bad := range []string{"camera", "10.0.0.0/99", "::ffff:10.0.0.0/104"} {
		if err := (outbound.Config{Allow: []string{bad}}).Check(); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAName(t *testing.T) {
	t.Parallel()
	g := guard(t, names{
		"camera.example": {{"9.9.9.9", "10.0.0.1"}}, "inside.example": {{"10.0.0.1", "::1"}}, "wrapped.example": {{"::ffff:9.9.9.9", "2002:909:909::"}},
	})
	if all, err := g.Resolve(t.Context(), "camera.example"); err != nil || len(all) != 1 || all[0].String() != "9.9.9.9" {
		t.Errorf("half public: %v %v", all, err)
	}
	for _, host := range []string{"inside.example", "wrapped.example"} {
		if _, err := g.Resolve(t.Context(), host); !errors.Is(err, outbound.ErrForbidden) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := g.Resolve(t.Context(), "nowhere.example"); !errors.Is(err, outbound.ErrUnknown) {
		t.Errorf("nowhere: %v", err)
	}
	for _, port := range []string{"0", "65536", "x", "-1"} {
		if _, err := g.ResolvePort(t.Context(), "9.9.9.9", port); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("port %q: %v", port, err)
		}
	}
}

// A name that answers with a public address first and a private one the next time is asked once per dial, and what
// is dialled is what was judged.
func TestANameThatChangesLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("inside")) }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	n := names{"rebind.example": {{"127.0.0.2"}, {"127.0.0.1"}}}
	g := guard(t, n, "127.0.0.2")
	// The server listens on 127.0.0.1 alone: had the second answer been dialled, it would have said "inside".
	if _, err := g.DialContext(t.Context(), "tcp", "rebind.example:"+u.Port()); err == nil {
		t.Error("it reached what was not judged")
	}
	if _, err := g.DialContext(t.Context(), "tcp", "rebind.example:"+u.Port()); !errors.Is(err, outbound.ErrForbidden) {
		t.Errorf("the second look-up: %v", err)
	}
}

func TestRedirectsAreJudged(t *testing.T) {
	t.Parallel()
	where := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, where, http.StatusFound)
		}
	}))
	defer server.Close()
	g := guard(t, names{"outside.example": {{"127.0.0.1"}}, "inside.example": {{"10.0.0.1"}}}, "127.0.0.1")
	client := g.Client(nil)
	defer client.CloseIdleConnections()
	from := "http://outside.example:" + strings.Split(server.URL, ":")[2]
	for to, want := range map[string]error{
		from + "/there": nil, "http://inside.example/": outbound.ErrForbidden, "http://169.254.169.254/latest": outbound.ErrForbidden,
		"http://[::ffff:127.0.0.1]/": outbound.ErrForbidden, "file:///etc/passwd": outbound.ErrRedirect, from + "/": outbound.ErrRedirect,
	} {
		where = to
		r, err := client.Get(from + "/")
		if err == nil {
			_ = r.Body.Close()
		}
		if want == nil && err != nil || !errors.Is(err, want) {
			t.Errorf("to %s: %v", to, err)
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, host := range []string{"127.0.0.1", "[::1]", "0x7f.1", "2130706433", "::ffff:a00:1", "localhost", "a.example", "fe80::1%lo"} {
		f.Add(host)
	}
	g, err := outbound.New(outbound.Config{}, names{"localhost": {{"127.0.0.1"}}, "0x7f.1": {{"127.0.0.1"}}, "2130706433": {{"127.0.0.1"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, host string) {
		all, err := g.Resolve(t.Context(), host)
		for _, a := range all {
			if err == nil && (!a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.Is4In6()) {
				t.Errorf("%q leads to %s", host, a)
			}
		}
	})
}
