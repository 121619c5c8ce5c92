package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/shop/checkout"
)

// turned is a market whose HTTP port has a turnstile, and an integrator's token for it.
type turned struct {
	*market
	turnstile      *api.Turnstile
	address        string
	token, variant string
	stop           func()
}

func openTurned(t *testing.T) *turned {
	t.Helper()
	m := newMarket(t)
	turnstile := &api.Turnstile{Log: m.Server.Log}
	if err := turnstile.Listen(); err != nil {
		t.Fatal(err)
	}
	m.Server.Turnstile = turnstile
	seller, shop, _, variant := m.open(1 << 20)
	made := m.ask(201, http.MethodPost, "/v1/tokens", seller, object{"name": "till", "scopes": []string{string(account.ScopeOrdersWriteAny)}, "shop": shop})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: m.Server.Handler(), ConnContext: turnstile.ConnContext}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- turnstile.Run(ctx) }()
	go func() { ended <- s.Serve(l) }()
	go func() { ended <- s.Serve(turnstile) }()
	t.Cleanup(func() {
		stop()
		_ = s.Close()
		for range 3 {
			<-ended
		}
	})
	return &turned{market: m, turnstile: turnstile, address: l.Addr().String(), token: made["token"].(string), variant: variant, stop: stop}
}

// line is a connection to the port.
type line struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (d *turned) dial(t *testing.T) *line {
	t.Helper()
	conn, err := net.Dial("tcp", d.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &line{t, conn, bufio.NewReader(conn)}
}

func (d *turned) order(key, more string) string {
	body := fmt.Sprintf(`{"lines":[{"variant":%q,"quantity":1}],"instrument":"sandbox_approved","buyer_ref":%q}`, d.variant, key)
	return d.text(http.MethodPost, "/v1/checkout", more+"Idempotency-Key: "+key+"\r\n", body)
}

func (d *turned) text(method, path, headers, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", method, path, d.token, headers, len(body), body)
}

func (l *line) write(text string) {
	l.t.Helper()
	if _, err := l.conn.Write([]byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

// want reads an answer.
func (l *line) want(status int) (http.Header, string) {
	l.t.Helper()
	r, err := http.ReadResponse(l.in, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	defer r.Body.Close()
	var body strings.Builder
	if _, err := bufio.NewReader(r.Body).WriteTo(&body); err != nil {
		l.t.Fatal(err)
	}
	if r.StatusCode != status {
		l.t.Fatalf("%d %s, want %d", r.StatusCode, body.String(), status)
	}
	return r.Header, body.String()
}

// until waits for a count of kept connections: a connection is kept a moment after its answer.
func (d *turned) until(t *testing.T, kept int64) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); d.turnstile.Kept() != kept; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%d connections are kept, not %d", d.turnstile.Kept(), kept)
		}
	}
}

func TestAnIntegratorsConnectionStaysAtTheTurnstile(t *testing.T) {
	t.Parallel()
	d := openTurned(t)
	l := d.dial(t)
	l.write(d.order("one", ""))
	h, first := l.want(201)
	d.until(t, 1)
	l.write(d.order("one", ""))
	again, second := l.want(201)
	if id := func(s string) string { return strings.SplitN(s, `"`, 5)[3] }; id(first) != id(second) {
		t.Fatalf("the same key made another order:\n%s\n%s", first, second)
	}
	for name := range h {
		if again.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	text := d.order("two", "")
	for _, piece := range []string{text[:7], text[7:100], text[100 : len(text)-3], text[len(text)-3:]} { // as small segments bring it
		l.write(piece)
	}
	l.want(201)
	l.write(strings.Replace(d.order("three", ""), `"quantity":1`, `"quantity":0`, 1))
	if _, body := l.want(422); !strings.Contains(body, `"request"`) {
		t.Fatal(body)
	}
	d.until(t, 1)
	l.write(d.text(http.MethodPost, "/v1/checkout", "", `{"lines":`))
	l.want(400)
	d.until(t, 0) // what it does not read goes back, and stays
	l.write(d.order("four", ""))
	l.want(201)
	l.write(d.text(http.MethodGet, "/v1/orders", "", ""))
	l.want(403)
	d.until(t, 0)
}

func TestWhatIsNoCheckoutGoesBackWithAllThatWasRead(t *testing.T) {
	t.Parallel()
	d := openTurned(t)
	for what, text := range map[string]string{
		"another route":     d.text(http.MethodGet, "/v1/tokens", "", ""),
		"a chunked body":    strings.Replace(d.order("c", "Transfer-Encoding: chunked\r\n"), "Content-Length", "X-Length", 1),
		"two lengths":       d.order("d", "Content-Length: 3\r\n"),
		"a folded line":     d.order("f", "X-Folded: a\r\n b\r\n"),
		"two requests":      d.order("p", "") + d.order("q", ""),
		"rubbish":           "EHLO shop.example\r\n\r\n",
		"no token any more": strings.Replace(d.order("n", ""), "Bearer "+d.token, "Basic eDp5", 1),
	} {
		l := d.dial(t)
		l.write(d.order("first of "+what, ""))
		l.want(201)
		d.until(t, 1)
		l.write(text)
		r, err := http.ReadResponse(l.in, nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if want := map[string]int{"another route": 403, "two lengths": 400, "rubbish": 400, "two requests": 201, "no token any more": 401}[what]; want != 0 && r.StatusCode != want {
			t.Errorf("%s: %d, want %d", what, r.StatusCode, want)
		}
		d.until(t, 0)
		_ = l.conn.Close()
	}
}

func TestABusyCheckoutTurnsAwayAtTheTurnstile(t *testing.T) {
	t.Parallel()
	d := openTurned(t)
	l := d.dial(t)
	l.write(d.order("one", ""))
	l.want(201)
	d.until(t, 1)
	ahead := make([]checkout.Ticket, 1_000_000) // requests that came before
	for i := range ahead {
		ahead[i] = d.Checkout.Enter()
	}
	for range 3 {
		l.write(d.order("two", ""))
		h, body := l.want(503)
		if h.Get("Retry-After") != "1" || !strings.Contains(body, `"code":"busy"`) || h.Get("X-Request-Id") == "" || h.Get("Date") == "" {
			t.Fatalf("%v %s", h, body)
		}
	}
	slow := d.dial(t)
	slow.write(d.order("two", "Accept: application/json\r\n"))
	if h, body := slow.want(503); h.Get("Retry-After") != "1" || !strings.Contains(body, `"code":"busy"`) {
		t.Fatalf("%v %s", h, body)
	}
	for i := range ahead {
		ahead[i].Leave()
	}
	l.write(d.order("two", ""))
	l.want(201)
	d.until(t, 2)
}

func TestTheTurnstileClosesWhatRestsAtTheEnd(t *testing.T) {
	t.Parallel()
	d := openTurned(t)
	l := d.dial(t)
	l.write(d.order("one", ""))
	l.want(201)
	d.until(t, 1)
	d.stop()
	if _, err := l.in.ReadByte(); err == nil {
		t.Fatal("there is more")
	}
	d.until(t, 0)
}
