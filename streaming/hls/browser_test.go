package hls

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

const browserPage = `<!doctype html><video muted playsinline width=200></video><script src=/hls.js></script><script>
const video = document.querySelector('video');
const hls = new Hls({ lowLatencyMode: true, enableWorker: false, backBufferLength: 20 });
const eye = { video, frames: 0, longest: 0, last: 0, errors: [], tracks: 0 };
eye.reset = () => { eye.frames = 0; eye.longest = 0; eye.last = performance.now(); };
eye.state = () => ({ frames: eye.frames, longest: eye.longest, errors: eye.errors, sound: video.webkitAudioDecodedByteCount,
  tracks: hls.audioTracks.length, levels: hls.levels.map((l) => l.height), codecs: hls.levels.map((l) => l.attrs.CODECS) });
const seen = () => { const now = performance.now(); eye.frames++; eye.longest = Math.max(eye.longest, now - eye.last); eye.last = now;
  video.requestVideoFrameCallback(seen); };
video.requestVideoFrameCallback(seen);
hls.on(Hls.Events.ERROR, (_, e) => { if (e.fatal) eye.errors.push(e.details); });
hls.on(Hls.Events.LEVEL_UPDATED, (_, e) => {
  const known = new Set(hls.levels.concat(hls.audioTracks).map((l) => new URL([].concat(l.url)[0], location).pathname.split('/').pop()));
  const reports = (e.details.renditionReports ?? []).map((r) => r.URI);
  if (reports.some((uri) => !known.has(uri)) && !eye.reloaded) { eye.reloaded = true; hls.loadSource(location.search.slice(1)); }
});
hls.loadSource(location.search.slice(1));
hls.attachMedia(video);
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
</script>`

// stage is a server for a browser, with broadcasts that go on and on.
type stage struct {
	t    *testing.T
	hub  *streaming.Hub
	past *memory
	join chan struct{}
	ctx  context.Context
	all  sync.WaitGroup
	now  atomic.Pointer[func() time.Time]
}

// round is a film that is shown again and again.
type round struct {
	tracks []streaming.Track
	units  []*streaming.Unit
	length time.Duration
}

func roundOf(t *testing.T, args ...string) round {
	tracks, units := hlstest.Film(t, append(hlstest.FilmFor("8"), args...)...)
	return round{tracks, units, 8 * time.Second}
}

// show writes a round in its own time from a moment on, for as long as write takes it.
func (s *stage) show(r round, track int, from time.Time, write func(u *streaming.Unit) error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := time.Duration(0); ; n++ {
		for _, u := range r.units {
			if track != 0 && u.Track != track {
				continue
			}
			rate := int64(streaming.VideoClockRate)
			if u.Track == 2 {
				rate = int64(r.tracks[1].ClockRate)
			}
			at := time.Duration(u.DTS) * time.Second / time.Duration(rate)
			if at >= r.length {
				continue // the last frame of sound overlaps the first
			}
			shift := int64(n*r.length/time.Second) * rate
			if wait := time.Until(from.Add(n*r.length + at)); wait > 0 {
				timer.Reset(wait)
				select {
				case <-timer.C:
				case <-s.ctx.Done():
					return
				}
			}
			mine := *u
			mine.DTS, mine.PTS = u.DTS+shift, u.PTS+shift
			if write(&mine) != nil {
				return
			}
		}
	}
}

// air publishes a broadcast with further pictures.
func (s *stage) air(id string, main round, others map[string]round, wait <-chan struct{}) {
	pub, err := s.hub.Publish(s.ctx, id, main.tracks)
	if err != nil {
		s.t.Fatal(err)
	}
	began := time.Now()
	first := make(chan struct{})
	var once sync.Once
	s.all.Go(func() {
		s.show(main, 0, began, func(u *streaming.Unit) error {
			defer once.Do(func() { close(first) })
			return pub.Write(u)
		})
	})
	bitrate := 900_000
	for _, name := range []string{"284p", "142p"} {
		r, ok := others[name]
		bitrate /= 2
		if !ok {
			continue
		}
		s.all.Go(func() {
			<-first
			if wait != nil {
				select {
				case <-wait:
				case <-s.ctx.Done():
					return
				}
			}
			stream, err := s.hub.Stream(id)
			if err != nil {
				s.t.Error(err)
				return
			}
			p, err := stream.AddRendition(streaming.RenditionInfo{Name: name, Bitrate: bitrate})
			if err == nil {
				err = p.Begin(1, r.tracks[0])
			}
			if err != nil {
				s.t.Error(err)
				return
			}
			from := time.Now()
			s.show(r, 1, began, func(u *streaming.Unit) error {
				if began.Add(time.Duration(u.DTS) * time.Second / 90000).Before(from.Add(-time.Second)) {
					return nil // what was shown before it came
				}
				return p.Write(u)
			})
		})
	}
}

// fill begins a broadcast that has been on air for so long.
func (s *stage) fill(id string, r round, length time.Duration, server *Server) {
	began := time.Now().Add(-length)
	wall := began
	var mu sync.Mutex
	past := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return wall
	}
	s.now.Store(&past)
	pub, err := s.hub.Publish(s.ctx, id, r.tracks)
	if err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan struct{})
	var reached sync.Once
	s.all.Go(func() {
		n := 0
		s.show(r, 0, began, func(u *streaming.Unit) error {
			mu.Lock()
			if u.Track == 1 {
				wall = began.Add(time.Duration(u.DTS) * time.Second / 90000)
			}
			live := time.Since(wall) < time.Second
			if live {
				wall = time.Now()
			}
			mu.Unlock()
			err := pub.Write(u)
			if n++; n == 1 {
				if err := server.Start(id); err != nil {
					s.t.Error(err)
				}
			}
			if live {
				reached.Do(func() { close(ready) })
			}
			return err
		})
	})
	<-ready
	s.now.Store(nil)
}

// memory is a recorder whose disk is a map.
type memory struct {
	mu   sync.Mutex
	kept map[string][]byte
}

type memoryLine struct {
	*memory
	name   func(number int64) string
	number int64
	data   []byte
}

func (m *memory) Record(broadcast, rendition, life string) Recording {
	return &memoryLine{memory: m, name: func(n int64) string { return broadcast + "/" + SegmentName(rendition, life, n) }}
}
func (l *memoryLine) Open(o Opening) { l.number, l.data = o.Number, nil }
func (l *memoryLine) Add(p *Part)    { l.data = append(l.data, p.Data...) }
func (l *memoryLine) Written()       {}
func (l *memoryLine) End()           {}
func (l *memoryLine) Shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept[l.name(l.number)] = l.data
}

func (m *memory) Recorded(broadcast, rendition, life string, number int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[broadcast+"/"+SegmentName(rendition, life, number)] != nil
}

func (m *memory) Segment(_ context.Context, broadcast, rendition, life string, number int64) (io.ReadSeekCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return nopSeekCloser{bytes.NewReader(m.kept[broadcast+"/"+SegmentName(rendition, life, number)])}, nil
}

func (m *memory) Forget(string, string, string) {}

type nopSeekCloser struct{ io.ReadSeeker }

func (nopSeekCloser) Close() error { return nil }

// A real hls.js in a real browser.
func TestBrowserPlaysEverything(t *testing.T) {
	library, err := os.ReadFile("../../web/node_modules/hls.js/dist/hls.min.js")
	if err != nil {
		t.Fatal("hls.js is not there: make web")
	}
	big := roundOf(t)
	middle, little := roundOf(t, "-s", "160x284"), roundOf(t, "-s", "80x142")
	av1 := roundOf(t, "-s", "160x284", "-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-keyint_min", "60", "-b:v", "200k")

	s := &stage{t: t, join: make(chan struct{}), past: &memory{kept: map[string][]byte{}}}
	ctx, cancel := context.WithCancel(t.Context())
	s.ctx = ctx
	server := &Server{Config: Config{Window: 14 * time.Second}, Record: s.past, Past: s.past}
	s.hub = &streaming.Hub{Config: streaming.Config{RingTime: 4 * time.Minute, RingBytes: 256 << 20}, Wall: func() time.Time {
		if now := s.now.Load(); now != nil {
			return (*now)()
		}
		return time.Now()
	}}
	server.Hub = s.hub
	s.all.Go(func() { _ = server.Run(ctx) })
	for runs := false; !runs; runtime.Gosched() {
		server.mu.Lock()
		runs = server.ctx != nil
		server.mu.Unlock()
	}
	var joined sync.Once
	mux := http.NewServeMux()
	mux.Handle("/hls/", server)
	mux.HandleFunc("/hls.js", func(w http.ResponseWriter, _ *http.Request) { w.Write(library) })
	mux.HandleFunc("POST /join", func(http.ResponseWriter, *http.Request) { joined.Do(func() { close(s.join) }) })
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, browserPage)
	})
	web := serve(t, mux)
	defer func() {
		cancel()
		s.hub.Close()
		s.all.Wait()
	}()
	s.fill("past", big, 2*time.Minute, server)
	s.air("muxed", big, map[string]round{"284p": middle}, nil)
	s.air("grouped", big, map[string]round{"284p": middle, "142p": little}, nil)
	s.air("late", big, map[string]round{"284p": middle}, s.join)
	s.air("av1", av1, nil, nil)

	ready := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(ready, []byte(`{"http":"`+strings.TrimPrefix(web, "http://")+`","demo":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	limit, stop := context.WithTimeout(ctx, 5*time.Minute)
	defer stop()
	node := exec.CommandContext(limit, "node", "../../web/e2e/hls.mjs", ready)
	var said bytes.Buffer
	node.Stderr = &said
	out, err := node.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.Bytes())
	}
	judgeBrowser(t, out)
}

type watched struct {
	Heights, Levels     []int
	Frames, Tracks      int
	Longest             float64
	Before              int
	Sound               int
	Errors, Codecs      []string
	Window, Back, Forth float64
}

func judgeBrowser(t *testing.T, out []byte) {
	t.Helper()
	var all struct{ Muxed, Grouped, Late, AV1, Past watched }
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%s", out)
	for name, w := range map[string]watched{"muxed": all.Muxed, "grouped": all.Grouped, "late": all.Late, "av1": all.AV1, "past": all.Past} {
		if len(w.Errors) > 0 || w.Sound == 0 || w.Frames <= 30 {
			t.Errorf("%s: %+v", name, w)
		}
	}
	if len(all.Muxed.Heights) != 2 || all.Muxed.Tracks != 0 {
		t.Errorf("muxed: %+v", all.Muxed)
	}
	if len(all.Grouped.Heights) != 3 || all.Grouped.Tracks != 1 {
		t.Errorf("grouped: %+v", all.Grouped)
	}
	if all.Late.Before != 1 || len(all.Late.Levels) != 2 {
		t.Errorf("late: %+v", all.Late)
	}
	if !strings.HasPrefix(strings.Join(all.AV1.Codecs, " "), "av01.") {
		t.Errorf("av1: %+v", all.AV1)
	}
	if p := all.Past; p.Window < 100 || p.Back < 90 || p.Forth < 90 {
		t.Errorf("past: %+v", p)
	}
}
