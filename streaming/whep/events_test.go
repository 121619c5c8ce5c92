package whep_test

import (
	"bufio"
	"net/http"
	"strings"
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
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+v.location+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("Content-Type is %q", got)
	}
	lines := bufio.NewScanner(res.Body)
	expect := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
			if strings.HasPrefix(lines.Text(), "event: ") {
				t.Fatalf("got %q, want %q", lines.Text(), want)
			}
		}
		t.Fatalf("the stream ended before %q", want)
	}
	expect("event: active")
	expect("event: viewercount")
	expect(`data: {"viewercount":1}`)
	expect("event: layers")
	h.hub.End("show")
	expect("event: reconnect")
	expect(`data: {"reason":"ended"}`)
	if lines.Scan() && lines.Text() != "" || lines.Scan() {
		t.Errorf("after the end: %q", lines.Text())
	}
}
