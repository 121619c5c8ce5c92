package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/account/accounttest"
)

const password = "correct horse"

// lines is a log that tests read.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

// open is a server with the real account service on the model.
func open(t *testing.T) (*Server, *lines) {
	t.Helper()
	sealer, err := account.NewSealer(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{}
	l := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	rows := &accounttest.Model{}
	ring := &account.Ring{Store: rows, Sealer: sealer, Log: l}
	if err := ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &Server{
		Log: l, PublicURL: "https://shop.example",
		Accounts: &account.Service{
			Store: rows, Sealer: sealer, Log: l, Passwords: account.Passwords{MemoryKiB: 8, Passes: 1}, PublishSigner: ring.For(account.PurposePublish),
		},
	}, log
}

// ask sends JSON and wants a status.
func ask(t *testing.T, s *Server, status int, method, path string, body any, headers ...string) map[string]any {
	t.Helper()
	var b []byte
	if body != nil {
		var err error
		if b, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
		headers = append(headers, "Content-Type", "application/json")
	}
	w := send(s, method, path, string(b), headers...)
	if w.Code != status {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	out := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s %s: %s", method, path, w.Body)
		}
	}
	return out
}

type object = map[string]any

// join signs up and logs in, and returns the header that shows it.
func join(t *testing.T, s *Server, email string) (bearer []string, id string) {
	t.Helper()
	id = ask(t, s, 201, "POST", "/v1/accounts", object{"email": email, "password": password, "name": "Nour", "locale": "ar"})["id"].(string)
	token := ask(t, s, 201, "POST", "/v1/sessions", object{"email": email, "password": password})["token"].(string)
	return []string{"Authorization", "Bearer " + token}, id
}

func TestFromSignUpToAStreamKey(t *testing.T) {
	t.Parallel()
	s, log := open(t)
	owner, id := join(t, s, "owner@example.com")
	me := ask(t, s, 200, "GET", "/v1/me", nil, owner...)
	if me["id"] != id || me["email"] != "owner@example.com" || me["locale"] != "ar" || me["admin"] != false {
		t.Errorf("I am %v", me)
	}
	shop := ask(t, s, 201, "POST", "/v1/shops", object{"name": "Souk", "currency": "EUR", "time_zone": "Europe/Berlin", "locale": "ar"}, owner...)["id"].(string)
	channel := ask(t, s, 201, "POST", "/v1/shops/"+shop+"/channels", object{"name": "Live", "handle": "souk"}, owner...)["id"].(string)
	if w := send(s, "POST", "/v1/shops/"+shop+"/channels", `{"name":"Live","handle":"souk"}`, owner...); code(t, w) != "handle-taken" {
		t.Errorf("a second channel of the handle: %s", w.Body)
	}
	if c := ask(t, s, 200, "GET", "/v1/channels/souk", nil); c["id"] != channel || c["shop_name"] != "Souk" {
		t.Errorf("the channel is %v", c)
	}
	key := ask(t, s, 201, "POST", "/v1/channels/souk/stream-key", nil, owner...)["stream_key"].(string)
	if g, err := s.Accounts.AuthorizePublish(t.Context(), key, ""); err != nil || g.ChannelID != channel {
		t.Errorf("the key opens %+v, %v", g, err)
	}
	creator, creatorID := join(t, s, "creator@example.com")
	if w := send(s, "POST", "/v1/channels/"+channel+"/stream-key", "", creator...); code(t, w) != "not-found" {
		t.Errorf("a stranger: %s", w.Body)
	}
	ask(t, s, 204, "PUT", "/v1/channels/"+channel+"/members/"+creatorID, object{"role": "creator"}, owner...)
	ask(t, s, 201, "POST", "/v1/channels/"+channel+"/stream-key", nil, creator...)
	if w := send(s, "GET", "/v1/shops/"+shop+"/members", "", creator...); code(t, w) != "forbidden" {
		t.Errorf("a creator at the shop: %s", w.Body)
	}
	if m := ask(t, s, 200, "GET", "/v1/channels/"+channel+"/members", nil, creator...)["items"].([]any); len(m) != 1 {
		t.Errorf("the members are %v", m)
	}
	for name, secret := range map[string]string{"stream key": key, "bearer token": owner[1][len("Bearer "):], "password": password, "e-mail": "owner@example.com"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds a %s", name)
		}
	}
	if !strings.Contains(log.String(), "route=/v1/channels/:id/stream-key") {
		t.Error("the log does not tell the route")
	}
}

func TestACookieWorksOnlyFromOurPages(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	join(t, s, "nour@example.com")
	w := send(s, "POST", "/v1/sessions", `{"email":"nour@example.com","password":"correct horse"}`)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-hawker" || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Path != "/" || cookies[0].Domain != "" {
		t.Fatalf("the cookie is %+v", cookies)
	}
	cookie := "__Host-hawker=" + cookies[0].Value
	for _, c := range []struct {
		name, method string
		headers      []string
		status       int
	}{
		{"reading", "GET", nil, 200},
		{"changing from nowhere", "PATCH", nil, 403},
		{"changing from our page", "PATCH", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"changing from our origin", "PATCH", []string{"Origin", "https://shop.example"}, 200},
		{"changing from the host that was asked", "PATCH", []string{"Origin", "http://example.com"}, 200},
		{"changing from a neighbour", "PATCH", []string{"Sec-Fetch-Site", "same-site", "Origin", "https://shop.example"}, 403},
		{"changing from another site", "PATCH", []string{"Origin", "https://evil.example"}, 403},
		{"changing from a sandbox", "PATCH", []string{"Origin", "null"}, 403},
		{"reading with an upgrade from another site", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, 403},
	} {
		body := ""
		if c.method == "PATCH" {
			body = `{"name":"Nour"}`
		}
		w := send(s, c.method, "/v1/me", body, append(c.headers, "Cookie", cookie)...)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	if w := send(s, "GET", "/v1/me", "", "Cookie", cookie+"; "+cookie); code(t, w) != "unauthenticated" {
		t.Errorf("two cookies: %s", w.Body)
	}
	// An old cookie does not lock what everybody may do, and a log-in from another site leaves no cookie.
	if w := send(s, "POST", "/v1/sessions", `{"email":"nour@example.com","password":"correct horse"}`, "Cookie", "__Host-hawker=hk_ses_old", "Sec-Fetch-Site", "cross-site"); w.Code != 201 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a log-in from another site: %d, cookie %q", w.Code, w.Header().Get("Set-Cookie"))
	}
	w = send(s, "DELETE", "/v1/sessions/current", "", "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	if w.Code != 204 || !strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("a log-out: %d %q", w.Code, w.Header().Get("Set-Cookie"))
	}
	if w := send(s, "GET", "/v1/me", "", "Cookie", cookie); code(t, w) != "unauthenticated" {
		t.Errorf("after the log-out: %s", w.Body)
	}
}

func TestGuessingIsLimitedPerAddress(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	s.Limits = Limits{FailedLogins: 3}
	s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's client
	join(t, s, "nour@example.com")
	try := func(password, from string) *httptest.ResponseRecorder {
		return send(s, "POST", "/v1/sessions", `{"email":"nour@example.com","password":"`+password+`"}`, "X-Forwarded-For", from)
	}
	for range 10 { // good ones cost nothing
		if w := try(password, "198.51.100.1"); w.Code != 201 {
			t.Fatalf("a good log-in: %s", w.Body)
		}
	}
	for i := range 3 {
		if w := try("wrong horse", "198.51.100.1"); code(t, w) != "bad-credentials" {
			t.Fatalf("guess %d: %s", i, w.Body)
		}
	}
	w := try(password, "198.51.100.1")
	if code(t, w) != "limited" || w.Header().Get("Retry-After") == "" {
		t.Errorf("after three guesses: %s", w.Body)
	}
	if w := try(password, "8.8.8.8, 198.51.100.1, 192.0.2.7"); code(t, w) != "limited" {
		t.Errorf("an invented first hop helps: %s", w.Body)
	}
	if w := try(password, "198.51.100.2"); w.Code != 201 {
		t.Errorf("another address: %s", w.Body)
	}
	for i := range 3 {
		try("wrong horse", fmt.Sprintf("2001:db8:1:2::%d", i+1))
	}
	if w := try(password, "2001:db8:1:2:ffff::9"); code(t, w) != "limited" {
		t.Errorf("a neighbour in the /64: %s", w.Body)
	}
	if w := try(password, "2001:db8:1:3::1"); w.Code != 201 {
		t.Errorf("another /64: %s", w.Body)
	}
}

func TestARepeatedPOSTMakesOneThing(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	owner, _ := join(t, s, "owner@example.com")
	key := append([]string{"Idempotency-Key", "one"}, owner...)
	body := object{"name": "Souk", "currency": "EUR", "time_zone": "UTC", "locale": "ar"}
	first := ask(t, s, 201, "POST", "/v1/shops", body, key...)["id"]
	if again := ask(t, s, 201, "POST", "/v1/shops", body, key...)["id"]; again != first {
		t.Errorf("the second answer is %v, not %v", again, first)
	}
	if w := send(s, "POST", "/v1/shops", `{"name":"Bazaar","currency":"EUR","time_zone":"UTC","locale":"ar"}`, key...); code(t, w) != "key-reused" {
		t.Errorf("another body: %s", w.Body)
	}
	bad := append([]string{"Idempotency-Key", "two"}, owner...)
	if w := send(s, "POST", "/v1/shops", `{"name":"Souk","currency":"XYZ","time_zone":"UTC","locale":"ar"}`, bad...); code(t, w) != "bad-currency" {
		t.Errorf("a wrong body: %s", w.Body)
	}
	if w := send(s, "POST", "/v1/shops", `{"name":"Souk","currency":"USD","time_zone":"UTC","locale":"ar"}`, bad...); w.Code != 201 {
		t.Errorf("after a failure the key is spent: %s", w.Body)
	}
	for _, wrong := range []string{"a b", "ü", strings.Repeat("k", 129)} {
		if w := send(s, "POST", "/v1/shops", `{"name":"Souk","currency":"USD","time_zone":"UTC","locale":"ar"}`, append([]string{"Idempotency-Key", wrong}, owner...)...); code(t, w) != "bad-key" {
			t.Errorf("key %q: %s", wrong, w.Body)
		}
	}
	if n := len(ask(t, s, 200, "GET", "/v1/me", nil, owner...)["memberships"].([]any)); n != 2 {
		t.Errorf("%d shops were made", n)
	}
	elsewhere := ask(t, s, 201, "POST", "/v1/shops", object{"name": "Bazaar", "currency": "EUR", "time_zone": "UTC", "locale": "ar"}, owner...)["id"].(string)
	channel := append([]string{"Idempotency-Key", "four"}, owner...)
	ask(t, s, 201, "POST", "/v1/shops/"+first.(string)+"/channels", object{"name": "Live", "handle": "souk"}, channel...)
	if w := send(s, "POST", "/v1/shops/"+elsewhere+"/channels", `{"name":"Live","handle":"souk"}`, channel...); code(t, w) != "key-reused" {
		t.Errorf("the same body at another shop: %s", w.Body)
	}
	tokens := append([]string{"Idempotency-Key", "three"}, owner...)
	one := ask(t, s, 201, "POST", "/v1/tokens", object{"name": "till", "scopes": []string{"sales:read"}}, tokens...)
	two := ask(t, s, 201, "POST", "/v1/tokens", object{"name": "till", "scopes": []string{"sales:read"}}, tokens...)
	if one["token"] != two["token"] || len(ask(t, s, 200, "GET", "/v1/tokens", nil, owner...)["items"].([]any)) != 1 {
		t.Errorf("two tokens of one key: %v %v", one, two)
	}
}

func TestWhatTheDoorRefuses(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	owner, _ := join(t, s, "owner@example.com")
	for _, c := range []struct{ name, method, path, contentType, body, code string }{
		{"an unknown path", "GET", "/v1/nothing", "", "", "not-found"},
		{"an unknown method", "PUT", "/v1/me", "", "", "method-not-allowed"},
		{"a form", "POST", "/v1/shops", "application/x-www-form-urlencoded", "name=x", "media-type"},
		{"plain text", "POST", "/v1/shops", "text/plain", "{}", "media-type"},
		{"NUL in text", "PATCH", "/v1/me", "application/json", `{"name":"a\u0000b"}`, "invalid"},
		{"NUL in an id", "GET", "/v1/shops/a%00b", "", "", "invalid"},
		{"bytes in an id", "GET", "/v1/shops/%ff", "", "", "invalid"},
		{"bytes in a query", "GET", "/v1/shops/x?a=%ff", "", "", "invalid"},
		{"a long id", "GET", "/v1/shops/" + strings.Repeat("a", 300), "", "", "invalid"},
		{"deep JSON", "POST", "/v1/shops", "application/json", strings.Repeat("[", 100_000), "invalid"},
		{"a number for a name", "PATCH", "/v1/me", "application/json", `{"name":7}`, "invalid"},
		{"two documents", "PATCH", "/v1/me", "application/json", `{}{}`, "invalid"},
		{"nothing", "PATCH", "/v1/me", "application/json", ``, "invalid"},
		{"a body just too large", "PATCH", "/v1/me", "application/json", `{"name":"` + strings.Repeat("a", 1<<20) + `"}`, "body-too-large"},
	} {
		headers := append([]string{}, owner...)
		if c.contentType != "" {
			headers = append(headers, "Content-Type", c.contentType)
		}
		w := send(s, c.method, c.path, c.body, headers...)
		if got := code(t, w); got != c.code || w.Code >= 500 {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: the headers are %v", c.name, w.Header())
		}
	}
	if w := send(s, "PATCH", "/v1/me", `{"password":{"old":"my old secret","new":7}}`, owner...); strings.Contains(w.Body.String(), "my old secret") {
		t.Errorf("the problem echoes a password: %s", w.Body)
	}
}

// TestAHundredMegabytesAreCutOffEarly sends a body without a length and counts how much the server lets through.
func TestAHundredMegabytesAreCutOffEarly(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	owner, _ := join(t, s, "owner@example.com")
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	for _, length := range []string{"Content-Length: 104857600", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PATCH /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/json\r\n%s\r\n\r\n", owner[1], length)
		chunk := []byte("8000\r\n" + strings.Repeat("a", 0x8000) + "\r\n")
		sent := 0
		for sent < 100<<20 {
			_ = conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
			n, err := conn.Write(chunk)
			sent += n
			if err != nil {
				break
			}
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		answer, _ := io.ReadAll(conn)
		conn.Close()
		// What fits into the sockets' buffers may be sent; the server itself reads the limit and a little more.
		if sent >= 16<<20 {
			t.Errorf("%s: the server took %d bytes", length, sent)
		}
		if len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 413 ") {
			t.Errorf("%s: the answer is %.200s", length, answer)
		}
	}
	ask(t, s, 200, "GET", "/v1/me", nil, owner...)
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	b, err := s.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string           `json:"operationId"`
			Summary     string           `json:"summary"`
			Responses   map[string]any   `json:"responses"`
			Security    []map[string]any `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, r := range s.Routes() {
		op, ok := spec.Paths[r.Path][strings.ToLower(r.Method)]
		where := r.Method + " " + r.Path
		if !ok {
			t.Errorf("%s is not described", where)
			continue
		}
		if op.Summary == "" || ids[op.OperationID] || op.Responses["default"] == nil || (len(op.Security) > 0) == r.Needs.Public {
			t.Errorf("%s is described as %+v", where, op)
		}
		ids[op.OperationID] = true
	}
	if w := send(s, "GET", "/v1/openapi.json", ""); w.Code != 200 || !json.Valid(w.Body.Bytes()) || strings.Contains(w.Body.String(), "ErrorModel") {
		t.Errorf("the served description: %d %.300s", w.Code, w.Body)
	}
	if again, err := (func() ([]byte, error) { o, _ := open(t); return o.OpenAPI() })(); err != nil || !bytes.Equal(b, again) {
		t.Error("two servers describe themselves differently")
	}
}

func TestTheLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(2, time.Minute)
	now := time.UnixMilli(1_800_000_000_000)
	for i := range limiterMax + 1000 {
		var a [16]byte
		a[0], a[4], a[5], a[6] = 0x20, byte(i), byte(i>>8), byte(i>>16)
		l.take(netip.AddrFrom16(a), now)
	}
	if len(l.owed) > limiterMax {
		t.Errorf("the limiter remembers %d addresses", len(l.owed))
	}
	a := netip.MustParseAddr("198.51.100.1")
	for i, want := range []bool{true, true, false} {
		if _, ok := l.take(a, now); ok != want {
			t.Errorf("attempt %d: %v", i, ok)
		}
	}
	if wait, ok := l.take(a, now); ok || wait <= 0 || wait > 30*time.Second {
		t.Errorf("the wait is %v", wait)
	}
	if _, ok := l.take(a, now.Add(30*time.Second)); !ok {
		t.Error("half a window later nothing is given back")
	}
}
