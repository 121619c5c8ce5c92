package hls

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// air is a hub with one broadcast, and a server over it, in a bubble of fake time.
type air struct {
	t      *testing.T
	hub    *streaming.Hub
	server *Server
	pub    *streaming.Publication
	stop   context.CancelFunc
	done   chan struct{}

	keyless bool // renditions may begin without a key picture
}

func newAir(t *testing.T, s *Server) *air {
	t.Helper()
	a := &air{t: t, hub: &streaming.Hub{}, server: s, done: make(chan struct{})}
	s.Hub = a.hub
	ctx, cancel := context.WithCancel(t.Context())
	a.stop = cancel
	go func() {
		defer close(a.done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	synctest.Wait()
	return a
}

func (a *air) close() {
	a.hub.Close()
	a.stop()
	<-a.done
}

// publish begins a generation of the broadcast "b".
func (a *air) publish(tracks ...streaming.Track) {
	a.t.Helper()
	pub, err := a.hub.Publish(a.t.Context(), "b", tracks)
	if err != nil {
		a.t.Fatal(err)
	}
	a.pub = pub
}

// play writes a clip in its own time, and returns when it is over.
func (a *air) play(c clip) {
	began := time.Now()
	for _, u := range c.units() {
		t := float64(u.DTS) / 90000
		if u.Track == 2 {
			t = float64(u.DTS) / float64(c.rate)
		}
		time.Sleep(time.Until(began.Add(time.Duration((t - c.from) * 1e9))))
		if err := a.pub.Write(u); err != nil {
			return // the test is over
		}
	}
}

// background plays until the bubble's test is over with it.
func (a *air) background(c clip) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.play(c)
	}()
	return func() { <-done }
}

func (a *air) get(path string, header ...string) *httptest.ResponseRecorder {
	return a.do(http.MethodGet, path, header...)
}

func (a *air) do(method, path string, header ...string) *httptest.ResponseRecorder {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.server.ServeHTTP(w, r)
	return w
}

// playlist fetches and parses the media playlist.
func (a *air) playlist(query string) (*hlstest.Playlist, string) {
	a.t.Helper()
	w := a.get("/hls/b/main.m3u8" + query)
	if w.Code != http.StatusOK {
		a.t.Fatalf("%d %s", w.Code, w.Body)
	}
	text := w.Body.String()
	p, err := hlstest.Parse(text)
	if err != nil {
		a.t.Fatalf("%v\n%s", err, text)
	}
	return p, text
}

// where is the last whole segment of a playlist and the number of parts after it.
func where(p *hlstest.Playlist) (msn int64, parts int) {
	last := p.Segments[len(p.Segments)-1]
	if last.URI == "" {
		return last.Number - 1, len(last.Parts)
	}
	return last.Number, 0
}

func isProblem(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Code != code || w.Header().Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(p.Type, problemBase) {
		t.Errorf("%d %s, want %d %s", w.Code, w.Body, status, code)
	}
}

var live = clip{fps: 30, gop: 60, rate: 48000}

func (c clip) lasting(d time.Duration) clip {
	c.seconds = d.Seconds()
	return c
}

// A client as the protocol wants it: blocked reloads, delta updates, every part as soon as it is named.
func TestClientFollowsALiveBroadcast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(64 * time.Second))
		v := &hlstest.Validator{Get: func(uri string) ([]byte, error) {
			w := a.get("/hls/b/" + uri)
			if w.Code != http.StatusOK {
				t.Errorf("%s: %d", uri, w.Code)
			}
			return io.ReadAll(w.Body)
		}}
		time.Sleep(time.Millisecond)
		p, text := a.playlist("")
		began := time.Now()
		for range 170 {
			if err := v.Playlist(text); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			msn, parts := where(p)
			p, text = a.playlist("?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts)))
			if m, n := where(p); m == msn && n != parts+1 {
				t.Fatalf("asked for part %d, got %d", parts, n)
			}
			delta, delta2 := a.get("/hls/b/main.m3u8?_HLS_skip=YES"), a.get("/hls/b/main.m3u8?_HLS_skip=v2")
			if err := v.Playlist(text); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(v.Delta(delta.Body.String()), v.DeltaV2(delta2.Body.String())); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d < 55*time.Second || d > 58*time.Second {
			t.Errorf("170 parts took %v", d)
		}
		wait()
		a.hub.End("b")
		synctest.Wait()
		p, text = a.playlist("")
		if err := v.Playlist(text); err != nil || !p.Ended {
			t.Errorf("ended %v: %v", p.Ended, err)
		}
		result, err := v.Finish()
		if err != nil {
			t.Error(err)
		}
		if result.Parts < 170 {
			t.Errorf("%+v", result)
		}
	})
}

func TestBlockedReload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(300 * time.Second))
		defer wait()
		time.Sleep(20 * time.Second)
		a.playlist("")
		const atOnce, soon = 0, 1100 * time.Millisecond
		for name, c := range map[string]struct {
			msn, part func(msn, parts int64) string // relative to what is there; "" leaves it out
			status    int
			least     time.Duration
			most      time.Duration
		}{
			"no directive":                             {nil, nil, 200, 0, atOnce},
			"an old segment":                           {at(-3), nil, 200, 0, atOnce},
			"a segment long gone":                      {fixed("0"), nil, 200, 0, atOnce},
			"the last segment":                         {at(0), nil, 200, 0, atOnce},
			"a part of the last segment":               {at(0), fixed("2"), 200, 0, atOnce},
			"a part past the last segment's end":       {at(0), fixed("8"), 200, 0, 350 * time.Millisecond},
			"a part that is there":                     {at(1), part(-1), 200, 0, atOnce},
			"the next part":                            {at(1), part(0), 200, 1, 350 * time.Millisecond},
			"the part after the next":                  {at(1), part(1), 200, 1, 700 * time.Millisecond},
			"the next segment":                         {at(1), nil, 200, 1, soon},
			"the segment after the next":               {at(2), nil, 200, 900 * time.Millisecond, soon},
			"three segments ahead":                     {at(3), nil, 400, 0, atOnce},
			"a huge segment number":                    {fixed("999999999999999999"), nil, 400, 0, atOnce},
			"a number beyond 64 bits":                  {fixed("99999999999999999999"), nil, 400, 0, atOnce},
			"a negative segment":                       {fixed("-1"), nil, 400, 0, atOnce},
			"a segment that is no number":              {fixed("1x"), nil, 400, 0, atOnce},
			"an empty segment":                         {fixed(""), nil, 400, 0, atOnce},
			"a part without a segment":                 {nil, fixed("0"), 400, 0, atOnce},
			"a part that is no number":                 {at(1), fixed("0x1"), 400, 0, atOnce},
			"a part beyond the advance limit":          {at(1), part(9), 400, 0, atOnce},
			"a part at the advance limit":              {at(1), part(8), 200, 1, soon},
			"a far part of the last segment":           {at(0), fixed("20"), 400, 0, atOnce},
			"a far part of the segment after the next": {at(2), fixed("10"), 400, 0, atOnce},
		} {
			p, _ := a.playlist("")
			msn, parts := where(p)
			for parts < 2 {
				p, _ = a.playlist("?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts)))
				msn, parts = where(p)
			}
			var q []string
			if c.msn != nil {
				q = append(q, "_HLS_msn="+c.msn(msn, int64(parts)))
			}
			if c.part != nil {
				q = append(q, "_HLS_part="+c.part(msn, int64(parts)))
			}
			began := time.Now()
			w := a.get("/hls/b/main.m3u8?" + strings.Join(q, "&"))
			took := time.Since(began)
			if w.Code != c.status || took < c.least || took > c.most {
				t.Errorf("%s: %d after %v: %s", name, w.Code, took, q)
			}
			if w.Code == 400 {
				isProblem(t, w, 400, "delivery-directive")
			}
			synctest.Wait()
		}
	})
}

func at(d int64) func(msn, parts int64) string {
	return func(msn, _ int64) string { return itoa(msn + d) }
}

func part(d int64) func(msn, parts int64) string {
	return func(_, parts int64) string { return itoa(max(0, parts+d)) }
}

func fixed(s string) func(msn, parts int64) string {
	return func(int64, int64) string { return s }
}

// While the publisher is silent a blocked request is answered unchanged after half a target duration.
func TestSilentPublisher(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(10 * time.Second))
		time.Sleep(time.Second)
		a.playlist("")
		wait()
		p, text := a.playlist("")
		msn, parts := where(p)
		began := time.Now()
		w := a.get("/hls/b/main.m3u8?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts)))
		if took := time.Since(began); w.Code != 200 || w.Body.String() != text || took != time.Second {
			t.Errorf("%d after %v", w.Code, took)
		}
		if c := w.Header().Get("Cache-Control"); c != cacheShort {
			t.Errorf("an unchanged answer may be kept: %s", c)
		}
		// The broadcast comes back: the next answer is the new generation.
		a.publish(videoTrack(), aacTrack(44100))
		c := clip{fps: 25, gop: 50, rate: 44100, seconds: 12, sets: setsWide}
		wait = a.background(c)
		time.Sleep(time.Second)
		p, _ = a.playlist("")
		if last := p.Segments[len(p.Segments)-1]; !last.Discontinuity || !last.Parts[0].Independent {
			t.Errorf("%+v", last)
		}
		wait()
		a.hub.End("b")
		synctest.Wait()
		began = time.Now()
		p, _ = a.playlist("?_HLS_msn=99999")
		if !p.Ended || time.Since(began) != 0 {
			t.Errorf("ended %v after %v", p.Ended, time.Since(began))
		}
		// It can still be read for a while, and then not.
		time.Sleep(30 * time.Second)
		if w := a.get("/hls/b/" + p.Segments[0].URI); w.Code != 200 {
			t.Errorf("%d", w.Code)
		}
		time.Sleep(31 * time.Second)
		isProblem(t, a.get("/hls/b/main.m3u8"), 404, "off-air")
	})
}

func TestPackagerRunsWhileItIsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{Config: Config{PackagersMax: 1}})
		defer a.close()
		w := a.get("/hls/b/index.m3u8")
		isProblem(t, w, 404, "off-air")
		if w.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(100 * time.Second))
		defer wait()
		time.Sleep(10 * time.Second)
		if _, ok := a.server.Stats("b"); ok {
			t.Error("packaged without a viewer")
		}
		isProblem(t, a.get("/hls/b/main_x_0.m4s"), 404, "not-found")
		p, _ := a.playlist("")
		if len(p.Segments) < 5 {
			t.Errorf("the first playlist has %d segments", len(p.Segments))
		}
		if _, ok := a.server.Stats("b"); !ok || a.server.Held() == 0 {
			t.Error("not packaged")
		}
		other, err := a.hub.Publish(t.Context(), "c", []streaming.Track{videoTrack()})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range (clip{fps: 30, gop: 60, seconds: 0.1}).units() {
			if err := other.Write(u); err != nil {
				t.Fatal(err)
			}
		}
		isProblem(t, a.get("/hls/c/index.m3u8"), 503, "busy")
		time.Sleep(32 * time.Second)
		if _, ok := a.server.Stats("b"); ok || a.server.Held() != 0 {
			t.Error("packaged without viewers")
		}
		isProblem(t, a.get("/hls/b/"+p.Segments[0].URI), 404, "not-found")
		q, _ := a.playlist("")
		if q.Sequence <= p.Segments[len(p.Segments)-1].Number {
			t.Errorf("the next life begins at %d, the last ended at %d", q.Sequence, p.Segments[len(p.Segments)-1].Number)
		}
		if q.Segments[0].Map == p.Segments[0].Map {
			t.Error("a name stands for two things")
		}
		if err := a.server.Start("b"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		if _, ok := a.server.Stats("b"); !ok {
			t.Error("a started packager stopped")
		}
		a.server.Stop("b")
		time.Sleep(2 * time.Second)
		if _, ok := a.server.Stats("b"); ok {
			t.Error("a stopped packager goes on")
		}
	})
}

func TestFirstPlaylistIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(3 * time.Second))
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		w := a.get("/hls/b/index.m3u8")
		if took := time.Since(began); w.Code != 200 || took > 2100*time.Millisecond {
			t.Errorf("%d after %v: %s", w.Code, took, w.Body)
		}
		for _, s := range []string{`CODECS="avc1.64001f,mp4a.40.2"`, "RESOLUTION=540x960", "FRAME-RATE=30.000", "\nmain.m3u8\n", "AVERAGE-BANDWIDTH="} {
			if !strings.Contains(w.Body.String(), s) {
				t.Errorf("%s is missing in\n%s", s, w.Body)
			}
		}
		wait()
		// One that never gets a whole group of pictures.
		pub, err := a.hub.Publish(t.Context(), "c", []streaming.Track{videoTrack()})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range (clip{fps: 30, gop: 60, seconds: 0.5}).units() {
			if err := pub.Write(u); err != nil {
				t.Fatal(err)
			}
		}
		began = time.Now()
		w = a.get("/hls/c/main.m3u8")
		isProblem(t, w, 503, "starting")
		if time.Since(began) != 12*time.Second || w.Header().Get("Retry-After") != "1" {
			t.Errorf("after %v", time.Since(began))
		}
		// And one that no player can decode.
		vp8 := videoTrack()
		vp8.Codec = streaming.VP8
		if pub, err = a.hub.Publish(t.Context(), "d", []streaming.Track{vp8}); err != nil {
			t.Fatal(err)
		}
		if err := pub.Write(&streaming.Unit{Track: 1, Key: true, Payload: [][]byte{{1}}}); err != nil {
			t.Fatal(err)
		}
		a.get("/hls/d/main.m3u8")
		isProblem(t, a.get("/hls/d/main.m3u8"), 409, "not-playable")
	})
}

// One part wakes everybody who waits for it; one more than may wait is sent away.
func TestWaitingRequestsAreBoundedAndWokenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 500
		a := newAir(t, &Server{Config: Config{WaitingMax: most}})
		defer a.close()
		a.publish(videoTrack(), aacTrack(48000))
		wait := a.background(live.lasting(60 * time.Second))
		defer wait()
		time.Sleep(20050 * time.Millisecond)
		p, _ := a.playlist("")
		msn, parts := where(p)
		query := "/hls/b/main.m3u8?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts))
		began := time.Now()
		answers := make(chan *httptest.ResponseRecorder, most)
		for range most {
			go func() { answers <- a.get(query) }()
		}
		synctest.Wait()
		isProblem(t, a.get(query), 503, "busy")
		var first string
		for i := range most {
			w := <-answers
			if i == 0 {
				first = w.Body.String()
			}
			if w.Code != 200 || w.Body.String() != first {
				t.Fatalf("%d", w.Code)
			}
		}
		if took := time.Since(began); took > 340*time.Millisecond {
			t.Errorf("after %v", took)
		}
		if st, _ := a.server.Stats("b"); st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// fetch gets and parses the media playlist over the net.
func (a *netAir) fetch(t *testing.T, base, query string) *hlstest.Playlist {
	t.Helper()
	p, err := hlstest.Parse(string(fetch(t, a.web.Client(), base+"/hls/b/main.m3u8"+query)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fetch(t *testing.T, c *http.Client, url string) []byte {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v, %d bytes", url, r.StatusCode, err, len(b))
	}
	return b
}
