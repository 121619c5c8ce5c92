package whep_test

import (
	"bufio"
	"net/http"
	"testing"
)

func TestEventsTellAViewerWhatHappens(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(10)
	p.stream()
	v := watch(h, "show", nil)
	next(t, v.packets)
	for _, c := range []struct {
		body, contentType string
		status            int
	}{{"{}", "application/json", 400}, {`["active"]`, "text/plain", 415}, {`["x","reconnect","active","inactive","viewercount"]`, "application/json", 201}} {
		res := h.do(http.MethodPost, v.location+"/events", c.contentType, c.body, nil)
		if res.StatusCode != c.status {
			t.Errorf("%s as %s: %s", c.body, c.contentType, res.Status)
		}
		if c.status == 201 && res.Header.Get("Location") != v.location+"/events?types=reconnect,active,inactive,viewercount" {
			t.Errorf("Location is %q", res.Header.Get("Location"))
		}
	}
	if res := h.do(http.MethodGet, "/whep/show/0123/events", "", "", nil); res.StatusCode != 404 {
		t.Errorf("events of no session: %s", res.Status)
	}
	f := h.follow(v)
	f.expect("event: active")
	f.expect("event: viewercount")
	f.expect(`data: {"viewercount":1}`)
	f.expect("event: layers")
	h.hub.End("show")
	f.expect("event: reconnect")
	f.expect(`data: {"reason":"ended"}`)
	if f.lines.Scan() && f.lines.Text() != "" || f.lines.Scan() {
		t.Errorf("after the end: %q", f.lines.Text())
	}
}

// following reads a session's events.
type following struct {
	t     *testing.T
	lines *bufio.Scanner
}

func (h *house) follow(v *viewer) *following {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+v.location+"/events", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { res.Body.Close() })
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		h.t.Fatalf("Content-Type is %q", got)
	}
	return &following{h.t, bufio.NewScanner(res.Body)}
}

// expect waits for a line. Events of other kinds may come before it.
func (f *following) expect(want string) {
	f.t.Helper()
	for f.lines.Scan() {
		if f.lines.Text() == want {
			return
		}
	}
	f.t.Fatalf("the stream ended before %q", want)
}
