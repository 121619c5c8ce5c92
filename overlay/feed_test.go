package overlay_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
	"github.com/hawkerlive/hawker/overlay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 15 * time.Second

var discard = slog.New(slog.DiscardHandler)

// everybody may follow every broadcast, and shops by cookie only.
type everybody struct{}

func (everybody) MayFollow(r *http.Request, topic string) (bool, error) {
	if strings.HasSuffix(topic, "/unknown") {
		return false, overlay.ErrNotFound
	}
	return strings.HasPrefix(topic, "shop/") && r.Header.Get("Authorization") == "", nil
}

// heard collects what came up.
type heard struct {
	mu       sync.Mutex
	messages []string
	from     []string
	some     chan struct{}
}

func (h *heard) Hear(topic, session string, message []byte) error {
	h.mu.Lock()
	h.messages = append(h.messages, string(message))
	h.from = append(h.from, topic+" "+session)
	h.mu.Unlock()
	select {
	case h.some <- struct{}{}:
	default:
	}
	if !json.Valid(message) {
		return errors.New("not a message")
	}
	return nil
}

type stage struct {
	t     *testing.T
	bus   *event.Memory
	feed  *overlay.Feed
	heard *heard
	url   string
	web   *http.Client
	stop  func()
}

// serve runs a feed behind a real HTTP server.
func serve(t *testing.T, change func(*overlay.Feed, *event.MemoryConfig)) *stage {
	t.Helper()
	return serveBy(t, httptest.NewServer, change)
}

// serveBy runs it behind the server that open makes.
func serveBy(t *testing.T, open func(http.Handler) *httptest.Server, change func(*overlay.Feed, *event.MemoryConfig)) *stage {
	t.Helper()
	s := &stage{t: t, heard: &heard{some: make(chan struct{}, 1)}}
	s.feed = &overlay.Feed{Access: everybody{}, Log: discard, Upstream: s.heard, PublicURL: "https://hawker.test/"}
	c := event.MemoryConfig{}
	if change != nil {
		change(s.feed, &c)
	}
	s.bus = event.NewMemory(c)
	s.feed.Bus = s.bus
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.feed.Run(ctx) }()
	server := open(s.feed)
	s.url, s.web = server.URL, server.Client()
	var once sync.Once
	s.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(patience):
				t.Error("the feed does not end")
			}
			server.Close()
		})
	}
	t.Cleanup(s.stop)
	for deadline := time.Now().Add(patience); ; { // Run has begun
		resp, err := s.web.Get(s.url + "/v1/broadcasts/x/feed")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return s
		}
	}
}

type message struct {
	From, To string
	Gap      bool
	Position string
	Events   []event.Event
}

type client struct {
	t    *testing.T
	conn net.Conn
	at   string
}

func (s *stage) dial(path string, header http.Header) (*client, error) {
	d := ws.Dialer{Header: ws.HandshakeHeaderHTTP(header), Timeout: patience}
	conn, buffered, _, err := d.Dial(context.Background(), "ws"+strings.TrimPrefix(s.url, "http")+path)
	if err != nil {
		return nil, err
	}
	c := &client{t: s.t, conn: conn}
	if buffered != nil {
		c.conn = &bufferedConn{conn, buffered}
	}
	s.t.Cleanup(func() { conn.Close() })
	return c, nil
}

type bufferedConn struct {
	net.Conn
	r *bufio.Reader
}

func (b *bufferedConn) Read(p []byte) (int, error) { return b.r.Read(p) }

func (s *stage) follow(path string) *client {
	s.t.Helper()
	c, err := s.dial(path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (c *client) next() message {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	raw, op, err := wsutil.ReadServerData(c.conn)
	if err != nil || op != ws.OpText {
		c.t.Fatalf("op %v, %v", op, err)
	}
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		c.t.Fatalf("%s: %v", raw, err)
	}
	if m.Gap {
		c.at = m.Position
		return m
	}
	if c.at != "" && m.From != c.at {
		c.t.Fatalf("a frame from %s after one to %s", m.From, c.at)
	}
	c.at = m.To
	return m
}

// read collects events until there are n.
func (c *client) read(n int) (out []event.Event) {
	c.t.Helper()
	for len(out) < n {
		m := c.next()
		if m.Gap {
			c.t.Fatalf("a gap after %d of %d events", len(out), n)
		}
		out = append(out, m.Events...)
	}
	return out
}

// closed waits for the server's goodbye.
func (c *client) closed() ws.StatusCode {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		_, err := wsutil.ReadServerText(c.conn)
		var end wsutil.ClosedError
		switch {
		case errors.As(err, &end):
			return end.Code
		case err != nil:
			c.t.Fatalf("the connection ended without a goodbye: %v", err)
		}
	}
}

func (s *stage) publish(events ...event.Event) {
	s.t.Helper()
	if err := s.bus.Publish(context.Background(), events...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) position(topic string) event.Position {
	p, err := s.bus.Position(context.Background(), topic)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func pass(topic string, n int) event.Event {
	return event.New(topic, "x.test", 0, time.Now(), map[string]int{"n": n})
}

func pin(topic string, n int) event.Event {
	return event.New(topic, event.PinPlaced, int64(n), time.Now(), map[string]int{"n": n})
}

const feedPath, topic = "/v1/broadcasts/b/feed", "broadcast/b"

func TestEverybodyGetsEverythingInOneOrder(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	const n, clients = 200, 20
	var all []*client
	for range clients {
		all = append(all, s.follow(feedPath))
	}
	for i := range n {
		if i%10 == 0 {
			s.publish(pin(topic, i))
		} else {
			s.publish(pass(topic, i))
		}
	}
	for _, c := range all {
		for i, e := range c.read(n) {
			if eventtest.Number(t, e) != i {
				t.Fatalf("event %d says %d", i, eventtest.Number(t, e))
			}
		}
		if want := s.position(topic).String(); c.at != want {
			t.Fatalf("a reader is at %s, the topic at %s", c.at, want)
		}
	}
}

// TestAFactDoesNotWaitForTheTick asks the figures which lane each batch took: the machine's pace is no matter.
func TestAFactDoesNotWaitForTheTick(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	figures := prometheus.NewRegistry()
	s := serve(t, func(f *overlay.Feed, _ *event.MemoryConfig) {
		f.Metrics = overlay.NewMetrics(figures)
		f.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	})
	lanes := func() [2]float64 {
		return [2]float64{counter(t, figures, "hawker_feed_batches_total", "urgent"), counter(t, figures, "hawker_feed_batches_total", "tick")}
	}
	c := s.follow(feedPath)
	c.next()
	for i, step := range []struct {
		event event.Event
		after time.Duration // the last
		want  [2]float64
	}{
		{pin(topic, 1), 0, [2]float64{1, 0}},
		{pin(topic, 2), 49 * time.Millisecond, [2]float64{1, 1}},
		{pin(topic, 3), 50 * time.Millisecond, [2]float64{2, 1}},
		{pass(topic, 4), time.Second, [2]float64{2, 2}},
		{pin(topic, 5), time.Second, [2]float64{3, 2}},
	} {
		clock.Add(int64(step.after))
		s.publish(step.event)
		c.read(1)
		if got := lanes(); got != step.want {
			t.Fatalf("step %d: urgent and tick are %v, want %v", i, got, step.want)
		}
	}
}

// counter reads one of the counters of a vector.
func counter(t *testing.T, from prometheus.Gatherer, name, label string) float64 {
	t.Helper()
	all, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestValuesAreMergedPerKey(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := s.follow(feedPath)
	stock := func(variant string, n int) event.Event {
		return event.New(topic, event.StockChanged, 0, time.Now(), map[string]any{"variant": variant, "n": n})
	}
	var burst []event.Event
	for i := range 200 {
		burst = append(burst, stock("a", i), stock("b", i))
	}
	s.publish(burst...)
	to := s.position(topic).String()
	var got []event.Event
	for c.at != to {
		got = append(got, c.next().Events...)
	}
	if len(got) == 0 || len(got) > 20 {
		t.Fatalf("400 values became %d events", len(got))
	}
	last := map[string]int{}
	for _, e := range got {
		last[e.ValueKey()] = eventtest.Number(t, e)
	}
	if len(last) != 2 || last[stock("a", 0).ValueKey()] != 199 || last[stock("b", 0).ValueKey()] != 199 {
		t.Fatalf("the newest values are %v", last)
	}
}

func TestAReaderResumesFromWhereverItWas(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	start := s.position(topic)
	first := s.follow(feedPath)
	first.next()
	const n = 60
	for i := range n {
		s.publish(pass(topic, i))
		if i%20 == 19 {
			first.read(1) // batches of various sizes
		}
	}
	for offset := start.Offset; offset <= start.Offset+n; offset += 7 {
		since := event.Position{Epoch: start.Epoch, Offset: offset}
		c := s.follow(feedPath + "?since=" + since.String())
		c.at = since.String()
		for i, e := range c.read(n - int(offset)) {
			if want := int(offset) + i; eventtest.Number(t, e) != want {
				t.Fatalf("since %v: number %d, want %d", since, eventtest.Number(t, e), want)
			}
		}
	}
}

func TestWhatTheWindowNoLongerHoldsComesFromTheBus(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	start := s.position(topic)
	for i := range 300 { // before the room exists
		s.publish(pass(topic, i))
	}
	c := s.follow(feedPath + "?since=" + start.String())
	c.at = start.String()
	for i, e := range c.read(300) {
		if eventtest.Number(t, e) != i {
			t.Fatalf("event %d says %d", i, eventtest.Number(t, e))
		}
	}
}

func TestAPositionThatCannotBeResumedIsAGap(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ *overlay.Feed, c *event.MemoryConfig) { c.History = 10 })
	start := s.position(topic)
	for i := range 20 {
		s.publish(pass(topic, i))
	}
	now := s.position(topic)
	for name, since := range map[string]string{
		"too old":       start.String(),
		"another epoch": "forged:5",
		"the future":    event.Position{Epoch: now.Epoch, Offset: now.Offset + 100}.String(),
	} {
		c := s.follow(feedPath + "?since=" + since)
		if m := c.next(); !m.Gap || m.Position == "" {
			t.Fatalf("%s: %+v", name, m)
		}
		s.publish(pass(topic, 100))
		got := c.read(1) // it goes on, from not later than any scene that it can get now
		for eventtest.Number(t, got[len(got)-1]) != 100 {
			got = append(got, c.read(1)...)
		}
	}
	if _, err := s.dial(feedPath+"?since=nonsense", nil); err == nil {
		t.Fatal("a position that is none was taken")
	}
}

func TestAnEpochThatEndsIsAGapForEverybody(t *testing.T) {
	t.Parallel()
	s := serve(t, func(_ *overlay.Feed, c *event.MemoryConfig) { c.History = 8 })
	c := s.follow(feedPath)
	c.next()
	var burst []event.Event
	for i := range 600 { // more than the history holds, in one go: the room itself is too slow
		burst = append(burst, pass(topic, i))
	}
	s.publish(burst...)
	s.publish(pin(topic, 1))
	for {
		if m := c.next(); m.Gap {
			break
		}
	}
	s.publish(pin(topic, 2))
	for eventtest.Number(t, c.read(1)[0]) != 2 {
	}
}

func TestWhatViewersSendIsHeard(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := s.follow(feedPath + "?session=view-1")
	if err := wsutil.WriteClientText(c.conn, []byte(`{"kind":"heartbeat"}`)); err != nil {
		t.Fatal(err)
	}
	<-s.heard.some
	s.heard.mu.Lock()
	if s.heard.from[0] != topic+" view-1" || s.heard.messages[0] != `{"kind":"heartbeat"}` {
		t.Errorf("heard %+v %q", s.heard.from, s.heard.messages)
	}
	s.heard.mu.Unlock()
	// Others are not disturbed.
	s.publish(pin(topic, 1))
	c.read(1)
}

func TestFragmentsAndPings(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := s.follow(feedPath)
	c.next()
	for _, f := range []ws.Frame{
		ws.NewFrame(ws.OpText, false, []byte(`{"kind":`)),
		ws.NewPingFrame([]byte("are you there")),
		ws.NewFrame(ws.OpContinuation, true, []byte(`"click"}`)),
	} {
		if err := ws.WriteFrame(c.conn, ws.MaskFrame(f)); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	f, err := ws.ReadFrame(c.conn)
	if err != nil || f.Header.OpCode != ws.OpPong || string(f.Payload) != "are you there" {
		t.Fatalf("%v %q %v", f.Header.OpCode, f.Payload, err)
	}
	<-s.heard.some
	s.heard.mu.Lock()
	defer s.heard.mu.Unlock()
	if len(s.heard.messages) != 1 || s.heard.messages[0] != `{"kind":"click"}` {
		t.Fatalf("heard %q", s.heard.messages)
	}
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	get := func(query string, header http.Header) *bufio.Reader {
		req, err := http.NewRequest(http.MethodGet, s.url+feedPath+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		req.Header.Set("Accept", "text/event-stream")
		resp, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%v, %v", resp, err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return bufio.NewReader(resp.Body)
	}
	next := func(r *bufio.Reader) (id string, m message) {
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			line = strings.TrimSuffix(line, "\n")
			if v, ok := strings.CutPrefix(line, "id: "); ok {
				id = v
			}
			if v, ok := strings.CutPrefix(line, "data: "); ok {
				if err := json.Unmarshal([]byte(v), &m); err != nil {
					t.Fatal(err)
				}
			}
			if line == "" {
				return id, m
			}
		}
	}
	r := get("", http.Header{})
	id, m := next(r)
	if id != m.To || m.From != m.To {
		t.Fatalf("id %q, %+v", id, m)
	}
	s.publish(pin(topic, 1))
	last, m := next(r)
	if len(m.Events) != 1 || eventtest.Number(t, m.Events[0]) != 1 || m.From != id {
		t.Fatalf("%+v", m)
	}
	s.publish(pin(topic, 2))
	_, m = next(get("", http.Header{"Last-Event-Id": {last}}))
	for len(m.Events) == 0 {
		_, m = next(r)
	}
	if eventtest.Number(t, m.Events[0]) != 2 {
		t.Fatalf("%+v", m)
	}
	if _, m = next(get("?since=other:1", http.Header{})); !m.Gap {
		t.Fatalf("%+v", m)
	}
	s.stop() // ends the streams in good order
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatalf("the stream was torn: %v", err)
	}
}

func TestWhoMayNotFollowIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, func(f *overlay.Feed, _ *event.MemoryConfig) {
		f.Limits = overlay.FeedLimits{PerAddress: 3, Connections: 100}
	})
	for name, c := range map[string]struct {
		path   string
		header http.Header
		want   string
	}{
		"no such broadcast":                      {"/v1/broadcasts/unknown/feed", nil, "404"},
		"no such path":                           {"/v1/broadcasts/b/feed/more", nil, "404"},
		"a cookie from another site":             {"/v1/shops/s/feed", http.Header{"Origin": {"https://evil.test"}}, "403"},
		"a cookie without an origin":             {"/v1/shops/s/feed", nil, "403"},
		"a cookie from a page that begins alike": {"/v1/shops/s/feed", http.Header{"Origin": {"https://hawker.test.evil.test"}}, "403"},
	} {
		conn, err := s.dial(c.path, c.header)
		if err == nil {
			conn.conn.Close()
			t.Errorf("%s: followed", name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for name, header := range map[string]http.Header{
		"our own page":       {"Origin": {"https://hawker.test"}},
		"a token of its own": {"Authorization": {"Bearer x"}, "Origin": {"https://elsewhere.test"}},
	} {
		c, err := s.dial("/v1/shops/s/feed", header)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		defer c.conn.Close()
	}
	third := s.follow(feedPath)
	if _, err := s.dial(feedPath, nil); err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("a fourth from one address: %v", err)
	}
	third.conn.Close()
	for deadline := time.Now().Add(patience); ; {
		c, err := s.dial(feedPath, nil)
		if err == nil {
			c.conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place of one who left is not free: %v", err)
		}
	}
	resp, err := http.Get(s.url + feedPath)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("plain GET: %s", resp.Status)
	}
	for name, key := range map[string]string{"no key": "", "a short key": "c2hvcnQ=", "not base64": strings.Repeat("!", 24)} {
		req, _ := http.NewRequest(http.MethodGet, s.url+feedPath, nil)
		req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {key}}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

func TestShuttingDownSaysGoodbye(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	var all []*client
	for range 50 {
		c := s.follow(feedPath)
		c.next()
		all = append(all, c)
	}
	go s.stop()
	for _, c := range all {
		if code := c.closed(); code != ws.StatusGoingAway {
			t.Fatalf("closed with %d", code)
		}
		c.conn.Close()
	}
	s.stop()
}

func TestManyComeAndGoWhileEventsFly(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-pace.C:
				s.publish(pin(topic, n), pass(topic, n))
			}
		}
	})
	for w := range 8 {
		readers.Go(func() {
			for i := range 40 {
				c, err := s.dial(fmt.Sprintf("%s?session=%d-%d", feedPath, w, i), nil)
				if err != nil {
					t.Error(err)
					return
				}
				for range i % 5 {
					c.next()
				}
				c.conn.Close()
			}
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}
