package hls

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/prometheus/client_golang/prometheus"
)

// An answer must be fit for players and for a CDN.
func TestAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{Metrics: NewMetrics(prometheus.NewRegistry())})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(30 * time.Second))
		defer wait()
		time.Sleep(20 * time.Second)
		p, _ := a.playlist("")
		segment, init := "/hls/b/"+p.Segments[1].URI, "/hls/b/"+p.Segments[0].Map
		last := p.Segments[len(p.Segments)-2]
		part := "/hls/b/" + last.Parts[0].URI
		if w := a.get("/hls/b/dvr.m3u8"); w.Code != 404 || a.server.Rewinds("b") {
			t.Errorf("what nobody records can be wound back: %d", w.Code)
		}

		for path, kind := range map[string]string{
			segment: typeMP4, init: typeMP4, part: typeMP4, "/hls/b/main.m3u8": typePlaylist, "/hls/b/index.m3u8": typePlaylist,
		} {
			w := a.get(path)
			h := w.Header()
			if w.Code != 200 || h.Get("Content-Type") != kind || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
				t.Errorf("%s: %d %v", path, w.Code, h)
			}
			want := cacheImmutable
			if kind == typePlaylist {
				want = cacheShort
			}
			if h.Get("Cache-Control") != want {
				t.Errorf("%s: %s", path, h.Get("Cache-Control"))
			}
			head := a.do(http.MethodHead, path)
			if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != h.Get("Content-Length") {
				t.Errorf("HEAD %s: %d %v", path, head.Code, head.Header())
			}
			if tag := h.Get("ETag"); tag != "" {
				if w := a.get(path, "If-None-Match", `"x", `+tag); w.Code != 304 || w.Body.Len() != 0 {
					t.Errorf("%s: %d with its tag", path, w.Code)
				}
			} else {
				t.Errorf("%s has no tag", path)
			}
		}
	})
}

func TestAnswersByHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(30 * time.Second))
		defer wait()
		time.Sleep(20 * time.Second)
		p, text := a.playlist("")
		segment := "/hls/b/" + p.Segments[1].URI

		zipped := a.get("/hls/b/main.m3u8", "Accept-Encoding", "br, gzip")
		r, err := gzip.NewReader(zipped.Body)
		if err != nil || zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Header().Get("Vary") != "Accept-Encoding" {
			t.Fatalf("%v %v", err, zipped.Header())
		}
		if plain, err := io.ReadAll(r); err != nil || string(plain) != text {
			t.Errorf("%v\n%s", err, plain)
		}
		if w := a.get("/hls/b/main.m3u8", "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
			t.Error("gzip in spite of q=0")
		}

		whole := a.get(segment).Body.Bytes()
		ranged := a.get(segment, "Range", "bytes=100-2099")
		if ranged.Code != 206 || !bytes.Equal(ranged.Body.Bytes(), whole[100:2100]) || ranged.Header().Get("Content-Range") != fmt.Sprintf("bytes 100-2099/%d", len(whole)) {
			t.Errorf("%d %v", ranged.Code, ranged.Header())
		}
		if w := a.get(segment, "Range", fmt.Sprintf("bytes=%d-", len(whole))); w.Code != 416 {
			t.Errorf("%d beyond the end", w.Code)
		}

		msn, parts := where(p)
		if w := a.get(fmt.Sprintf("/hls/b/main.m3u8?_HLS_msn=%d&_HLS_part=%d", msn+1, parts)); w.Header().Get("Cache-Control") != "public, max-age=2" {
			t.Errorf("a satisfied reload: %s", w.Header().Get("Cache-Control"))
		}

		if w := a.do(http.MethodOptions, segment); w.Code != 204 || w.Header().Get("Access-Control-Allow-Methods") == "" {
			t.Errorf("OPTIONS: %d", w.Code)
		}
		isProblem(t, a.do(http.MethodPost, segment), 405, "method")
		for _, path := range []string{
			"/hls/b", "/hls/b/", "/hls//index.m3u8", "/hls/b/other.m3u8", "/hls/b/x/index.m3u8", "/hls/b/~/index.m3u8", "/hls/../index.m3u8",
			"/hls/b/main_a_0.mp4", "/hls/b/main_a_i0.mp4", strings.Replace(segment, "main", "low", 1),
			segment[:strings.LastIndex(segment, "_")] + "_9999.m4s", "/hls/b/main.m3u8.gz",
		} {
			isProblem(t, a.get(path), 404, "not-found")
		}
	})
}

// A request for the part that the playlist hints at is answered when all of the part is there.
func TestHintedPartIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(22 * time.Second))
		time.Sleep(20*time.Second + 100*time.Millisecond)
		p, _ := a.playlist("")
		began := time.Now()
		w := a.get("/hls/b/" + p.Hint)
		if took := time.Since(began); w.Code != 200 || took < 100*time.Millisecond || took > 400*time.Millisecond {
			t.Errorf("%d after %v", w.Code, took)
		}
		q, _ := a.playlist("")
		last := q.Segments[len(q.Segments)-1]
		if last.Parts[len(last.Parts)-1].URI != p.Hint || q.Hint == p.Hint {
			t.Errorf("%s became %v", p.Hint, last.Parts)
		}
		wait()
		p, _ = a.playlist("")
		began = time.Now()
		isProblem(t, a.get("/hls/b/"+p.Hint), 404, "not-found")
		if time.Since(began) != time.Second {
			t.Errorf("a part that does not come: after %v", time.Since(began))
		}
	})
}

type gate func(broadcast, grant string) error

func (g gate) MayWatch(_ context.Context, _ *http.Request, broadcast, grant string) error {
	return g(broadcast, grant)
}

func TestAccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{Access: gate(func(broadcast, grant string) error {
			return map[string]error{
				"": ErrUnauthenticated, "wrong": fmt.Errorf("revoked: %w", ErrForbidden), "lost": ErrUnknown, "broken": errors.New("x"),
			}[grant]
		})})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(5 * time.Second))
		defer wait()
		time.Sleep(time.Second)
		isProblem(t, a.get("/hls/b/index.m3u8"), 401, "grant-needed")
		isProblem(t, a.get("/hls/b/~wrong/index.m3u8"), 403, "forbidden")
		isProblem(t, a.get("/hls/b/~lost/index.m3u8"), 404, "not-found")
		isProblem(t, a.get("/hls/b/~broken/index.m3u8"), 500, "internal")
		if _, ok := a.server.Stats("b"); ok {
			t.Error("packaged for nobody")
		}
		p, _ := hlstest.Parse(a.get("/hls/b/~good.grant/main.m3u8").Body.String())
		for _, file := range []string{"index.m3u8", "main.m3u8", p.Segments[0].Map, p.Segments[0].Parts[0].URI} {
			w := a.get("/hls/b/~good.grant/" + file)
			if cache := w.Header().Get("Cache-Control"); w.Code != 200 || !strings.HasPrefix(cache, "private, max-age=") {
				t.Errorf("%s with a grant: %d, Cache-Control %s", file, w.Code, cache)
			}
		}
		if w := a.get("/hls/b/~good.grant/index.m3u8"); w.Code != 200 || strings.Contains(w.Body.String(), "grant") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// discreet lets everybody in who knows where to ask, but no shared cache.
type discreet struct{ gate }

func (discreet) Confidential(_ context.Context, broadcast string) bool { return broadcast == "b" }

func TestWhatIsNotForEverybodyIsNotKeptByCaches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{Access: discreet{func(string, string) error { return nil }}})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(5 * time.Second))
		defer wait()
		time.Sleep(time.Second)
		p, _ := a.playlist("")
		for _, file := range []string{"index.m3u8", "main.m3u8", p.Segments[0].Map, p.Segments[0].Parts[0].URI} {
			if cache := a.get("/hls/b/" + file).Header().Get("Cache-Control"); !strings.HasPrefix(cache, "private, max-age=") {
				t.Errorf("%s: Cache-Control %s", file, cache)
			}
		}
	})
}

type pins []DateRange

func (p pins) DateRanges(string, mediatime.Time) []DateRange { return p }

func TestDateRanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{Dates: pins{
			{ID: "p1", Class: "live.hawker.pin", From: 1_500_000, Until: 3_000_000, Attributes: map[string]string{
				"X-PRODUCT": "a\"b\nc", "X-MEDIA-TIME": "0", "bad": "x", "X-bad": "x"}},
			{ID: "p1", From: 5}, {From: 5}, {ID: "p2", From: 2_000_000},
		}})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(5 * time.Second))
		defer wait()
		time.Sleep(time.Second)
		p, text := a.playlist("")
		for _, line := range []string{
			`#EXT-X-DATERANGE:ID="p1",CLASS="live.hawker.pin",START-DATE="2000-01-01T00:00:01.500Z",END-DATE="2000-01-01T00:00:03.000Z",X-MEDIA-TIME="1500000",X-PRODUCT="abc"`,
			`#EXT-X-DATERANGE:ID="p2",START-DATE="2000-01-01T00:00:02.000Z",X-MEDIA-TIME="2000000"`,
		} {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("%s is missing in\n%s", line, text)
			}
		}
		if len(p.DateRanges) != 3 {
			t.Errorf("%v", p.DateRanges)
		}
	})
}

// Real connections: clients that never read hold no more than their sockets, are cut off, and disturb nobody.
func TestClientThatNeverReads(t *testing.T) {
	a, base := onNet(t, &Server{Config: Config{WriteTimeout: 3 * time.Second}, Metrics: NewMetrics(prometheus.NewRegistry())}, false)
	body := strings.Repeat("x", 60_000) // 15 Mbit/s, so that a segment does not fit into the sockets' buffers
	a.fill(t, 20, body)
	p := a.fetch(t, base, "")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const lazy = 40
	for range lazy {
		c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(64 << 10)
		}
		for range 10 {
			if _, err := fmt.Fprintf(c, "GET /hls/b/%s HTTP/1.1\r\nHost: x\r\n\r\n", p.Segments[0].URI); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 20 {
		began := time.Now()
		if b := fetch(t, http.DefaultClient, base+"/hls/b/"+p.Segments[1].URI); len(b) < 1_000_000 {
			t.Fatalf("%d bytes", len(b))
		}
		if d := time.Since(began); d > 3*time.Second {
			t.Errorf("a good client waited %v", d)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > lazy*100_000 {
		t.Errorf("%d clients that never read hold %d bytes", lazy, grown)
	}
	// Each is cut off, though it neither read nor closed.
	for range lazy {
		select {
		case <-a.closed:
		case <-time.After(30 * time.Second):
			t.Fatal("a client that never read is still served")
		}
	}
}

func TestHTTP2(t *testing.T) {
	a, base := onNet(t, &Server{}, true)
	a.fill(t, 20, "")
	p := a.fetch(t, base, "")
	client := a.web.Client()
	r, err := client.Get(base + "/hls/b/" + p.Segments[0].URI)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if b, err := io.ReadAll(r.Body); err != nil || r.ProtoMajor != 2 || len(b) == 0 {
		t.Errorf("%s, %d bytes, %v", r.Proto, len(b), err)
	}
}

// netAir is a broadcast on a real server. Its wall clock is the one of the media written.
type netAir struct {
	hub    *streaming.Hub
	web    *httptest.Server
	wall   time.Time
	closed chan struct{} // one for each connection that the server gave up
}

func onNet(t *testing.T, s *Server, h2 bool) (*netAir, string) {
	t.Helper()
	a := &netAir{wall: epochDate, closed: make(chan struct{}, 1000)}
	a.hub = &streaming.Hub{Wall: func() time.Time { return a.wall }, Config: streaming.Config{RingBytes: 256 << 20, RingTime: time.Minute}}
	s.Hub = a.hub
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	a.web = httptest.NewUnstartedServer(s)
	a.web.EnableHTTP2 = h2
	a.web.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			a.closed <- struct{}{}
		}
	}
	if h2 {
		a.web.StartTLS()
	} else {
		a.web.Start()
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		a.web.CloseClientConnections()
		a.web.Close()
		a.hub.Close()
		cancel()
		<-done
	})
	return a, a.web.URL
}

// fill writes so many seconds at once, each picture with a body.
func (a *netAir) fill(t *testing.T, seconds float64, body string) {
	t.Helper()
	pub, err := a.hub.Publish(t.Context(), "b", []streaming.Track{videoTrack(), aacTrack(48000)})
	if err != nil {
		t.Fatal(err)
	}
	c := live
	c.seconds = seconds
	for _, u := range c.units() {
		if u.Track == 1 {
			a.wall = epochDate.Add(time.Duration(u.DTS) * time.Second / 90000)
			u.Payload = append(u.Payload, append([]byte{6}, body...))
		}
		if err := pub.Write(u); err != nil {
			t.Fatal(err)
		}
	}
}

// serve runs a web server for the length of a test.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL
}
