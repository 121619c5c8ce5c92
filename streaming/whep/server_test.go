package whep_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/whep"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everybody may watch.
type everybody struct{}

func (everybody) MayWatch(context.Context, *http.Request, string) error { return nil }

// house is a running server with its hub.
type house struct {
	t      *testing.T
	hub    *streaming.Hub
	server *whep.Server
	url    string
	events chan whep.ViewerEvent
	ahead  atomic.Int64 // added to the server's clock
}

func run(t *testing.T, change func(s *whep.Server)) *house {
	t.Helper()
	h := &house{t: t, hub: &streaming.Hub{}, events: make(chan whep.ViewerEvent, 1024)}
	s := &whep.Server{
		Hub: h.hub, Access: everybody{}, Config: whep.Config{Listen: "127.0.0.1:0"}, Sound: passThrough,
		OnViewer: func(e whep.ViewerEvent) { h.events <- e },
		Now:      func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) },
	}
	if change != nil {
		change(s)
	}
	h.server = s
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	web := httptest.NewServer(s)
	h.url = web.URL
	t.Cleanup(func() {
		web.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		h.hub.Close()
	})
	// Run is open as soon as it refuses a broadcast that is not live, in place of everything.
	await(t, "the server is open", func() bool {
		return h.do(http.MethodPost, "/whep/nobody", "application/sdp", minimalOffer, nil).StatusCode != 503
	})
	return h
}

// await waits until a condition holds, for a minute at most.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

type reply struct {
	*http.Response
	body string
}

func (h *house) do(method, path, contentType, body string, header map[string]string) reply {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return reply{res, string(b)}
}

// minimalOffer is the least that is accepted.
const minimalOffer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n" +
	"a=setup:actpass\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n" +
	"a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n" +
	"a=setup:actpass\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"

func itoa(n int) string { return strconv.Itoa(n) }

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// event waits for what the hook is told next.
func event(t *testing.T, h *house) whep.ViewerEvent {
	t.Helper()
	timeout := time.NewTimer(10 * time.Second)
	defer timeout.Stop()
	select {
	case e := <-h.events:
		return e
	case <-timeout.C:
		t.Fatal("the hook was not called")
		return whep.ViewerEvent{}
	}
}
