package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Strangers and fools at the doors of the running program: each gets a clear answer, costs bounded memory, and the
// show goes on. The rooms have the finer tests; these go through the real wiring.
func TestBadRequestsGetProblems(t *testing.T) {
	a, _ := server(t)
	d := a.demoData
	line := func(quantity string) string {
		return fmt.Sprintf(`{"lines":[{"variant":%q,"quantity":%s}],"instrument":%q,"broadcast":%q}`, d.Variant, quantity, d.Instrument, d.Broadcast)
	}
	for name, c := range map[string]struct {
		method, path, who, body string
		status                  int
		code                    string
	}{
		"malformed JSON":                  {"POST", "/v1/sessions", "", `{"email":`, 400, ""},
		"an unknown field":                {"POST", "/v1/sessions", "", `{"email":"a@b.example","password":"x","admin":true}`, 422, ""},
		"no body":                         {"POST", "/v1/sessions", "", ``, 400, ""},
		"a wrong password":                {"POST", "/v1/sessions", "", `{"email":"nobody@example.com","password":"wrong and long"}`, 401, "bad-credentials"},
		"nobody pins":                     {"PUT", "/v1/broadcasts/" + d.Broadcast + "/pins/" + d.Product, "", `{}`, 401, "unauthenticated"},
		"a viewer pins":                   {"PUT", "/v1/broadcasts/" + d.Broadcast + "/pins/" + d.Product, "viewer", `{}`, 404, ""},
		"a product that is not there":     {"PUT", "/v1/broadcasts/" + d.Broadcast + "/pins/nothing", "creator", `{}`, 422, "unknown-product"},
		"a pin in the future":             {"PUT", "/v1/broadcasts/" + d.Broadcast + "/pins/" + d.Product, "creator", `{"media_time":9000000000000}`, 422, ""},
		"quantity zero":                   {"POST", "/v1/checkout", "viewer", line("0"), 422, ""},
		"a negative quantity":             {"POST", "/v1/checkout", "viewer", line("-1"), 422, ""},
		"an absurd quantity":              {"POST", "/v1/checkout", "viewer", line("9223372036854775807"), 422, ""},
		"beyond 63 bits":                  {"POST", "/v1/checkout", "viewer", line("9223372036854775808"), 0, ""},
		"an unknown variant":              {"POST", "/v1/checkout", "viewer", `{"lines":[{"variant":"x","quantity":1}],"instrument":"sandbox_approved"}`, 0, ""},
		"an unknown instrument":           {"POST", "/v1/checkout", "viewer", strings.Replace(line("1"), d.Instrument, "pm_stolen", 1), 422, ""},
		"a forged quote":                  {"POST", "/v1/checkout", "viewer", strings.Replace(line("1"), `"quantity":1`, `"quantity":1,"quote":"hq1.e30.k.AAAA"`, 1), 422, ""},
		"no lines":                        {"POST", "/v1/checkout", "viewer", `{"lines":[],"instrument":"sandbox_approved"}`, 422, ""},
		"a thousand lines":                {"POST", "/v1/checkout", "viewer", `{"lines":[` + strings.Repeat(`{"variant":"x","quantity":1},`, 999) + `{"variant":"x","quantity":1}],"instrument":"sandbox_approved"}`, 422, ""},
		"nobody buys":                     {"POST", "/v1/checkout", "", line("1"), 401, "unauthenticated"},
		"another's product":               {"PATCH", "/v1/products/" + d.Product, "viewer", `{"title":"Mine"}`, 404, ""},
		"negative money":                  {"PATCH", "/v1/products/" + d.Product, "seller", `{"price":{"amount":-1,"currency":"EUR"}}`, 422, ""},
		"another currency":                {"PATCH", "/v1/products/" + d.Product, "seller", `{"price":{"amount":1,"currency":"USD"}}`, 422, ""},
		"a title of a direction override": {"POST", "/v1/channels/" + d.Channel + "/broadcasts", "creator", "{\"title\":\"a\u202eb\"}", 422, ""},
		"an unknown path":                 {"GET", "/v1/nothing", "", "", 404, "not-found"},
		"a foreign event kind":            {"POST", "/v1/broadcasts/" + d.Broadcast + "/events", "integrator", `{"kind":"pin.placed","data":{}}`, 422, ""},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+a.addresses["http"]+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			if token := d.Tokens[c.who]; token != "" {
				req.Header.Set("Authorization", "Bearer "+token)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
			if (c.status != 0 && resp.StatusCode != c.status) || resp.StatusCode < 400 || resp.StatusCode >= 500 {
				t.Errorf("%d, want %d: %.300s", resp.StatusCode, c.status, text)
			}
			if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/problem+json") {
				t.Errorf("answered as %q: %.200s", got, text)
			}
			if c.code != "" && !strings.Contains(string(text), `"code":"`+c.code+`"`) {
				t.Errorf("want code %q: %.300s", c.code, text)
			}
		})
	}
}

func TestABodyOfAHundredMegabytesIsCutOff(t *testing.T) {
	a, _ := server(t)
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+a.addresses["http"]+"/v1/sessions", io.LimitReader(endless{}, 100<<20))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 100 << 20
	req.Header.Set("Content-Type", "application/json")
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatalf("answered %d", resp.StatusCode)
		}
	}
	t.Logf("turned away after %v: %v", time.Since(began).Round(time.Millisecond), err)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestStrangersAtTheMediaDoorsDisturbNobody(t *testing.T) {
	a, _ := server(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 40 {
		for name, bytes := range map[string][]byte{
			"rtmp": bytes.Repeat([]byte{0x03, 0xff, 0x00, 0x7f}, 4096),
			"http": []byte("GET /hls/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
		} {
			c, err := net.Dial("tcp", dialable(a.addresses[name]))
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = c.Write(bytes)
			_, _ = bufio.NewReader(c).ReadString('\n')
			_ = c.Close()
		}
		for _, name := range []string{"webrtc", "webrtc_ingest"} {
			c, err := net.Dial("udp", dialable(a.addresses[name]))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4})
			_, _ = c.Write(bytes.Repeat([]byte{0x16, 0xfe}, 600))
			_ = c.Close()
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 48<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	until(t, "the show to go on", 5*time.Second, func() bool { return stateOf(t, a.demoData.Broadcast) == "live" })
}

func TestTheProgramDescribesItself(t *testing.T) {
	a, _ := server(t)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "# TYPE"} {
		for _, door := range []string{"http", "metrics"} {
			if door == "http" && path == "/metrics" {
				continue // not for the world
			}
			resp, err := http.Get("http://" + a.addresses[door] + path)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 200 || !strings.Contains(string(text), want) {
				t.Errorf("%s%s: %d %.100s", door, path, resp.StatusCode, text)
			}
		}
	}
	resp, err := http.Get("http://" + a.addresses["http"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); strings.Contains(string(text), "# TYPE") {
		t.Error("the metrics are on the public port")
	}
}
