package hls

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// layer is a further picture that a test publishes.
type layer struct {
	name    string
	bitrate int
	joins   time.Duration // after the broadcast
	lag     time.Duration // behind the publisher's own picture
	leaves  time.Duration // 0: never
	clip    clip
	sets    func(at time.Duration) [][]byte
}

// layered publishes a broadcast with further pictures, for as long as the clip is.
func (a *air) layered(main clip, layers ...layer) (wait func()) {
	a.publish(videoTrack(), aacTrack(48000))
	own := a.background(main)
	var all sync.WaitGroup
	time.Sleep(time.Millisecond)
	s, err := a.hub.Stream("b")
	if err != nil {
		a.t.Fatal(err)
	}
	began := time.Now()
	for _, l := range layers {
		all.Go(func() {
			time.Sleep(l.joins)
			p, err := s.AddRendition(streaming.RenditionInfo{Name: l.name, Bitrate: l.bitrate})
			if err == nil {
				err = p.Begin(1, videoTrack())
			}
			if err != nil {
				a.t.Error(err)
				return
			}
			c := l.clip
			c.rate, c.seconds = 0, main.seconds
			for _, u := range c.units() {
				at := time.Duration(u.DTS) * time.Second / 90000
				if l.joins > 0 && at < l.joins {
					continue
				}
				time.Sleep(time.Until(began.Add(at + l.lag)))
				if l.leaves > 0 && at >= l.leaves {
					p.Remove()
					return
				}
				if l.sets != nil && u.Key {
					sets := l.sets(at)
					u.Payload = append([][]byte{sets[0], sets[1]}, u.Payload[2:]...)
				}
				if err := p.Write(u); err != nil {
					return
				}
			}
		})
	}
	return func() { own(); all.Wait() }
}

// watcher follows one rendition as a player does, and judges all of it.
type watcher struct {
	name      string
	validator *hlstest.Validator
	seen      map[int64]hlstest.Segment // by media sequence number
	playlists int
	last      *hlstest.Playlist
	gone      bool
}

func (a *air) watch(name string, until time.Time, others ...string) *watcher {
	w := &watcher{name: name, seen: map[int64]hlstest.Segment{}, validator: &hlstest.Validator{Others: others, Keyless: a.keyless}}
	w.validator.Get = func(uri string) ([]byte, error) {
		got := a.get("/hls/b/" + uri)
		if got.Code != http.StatusOK {
			return nil, fmt.Errorf("%s: %d", uri, got.Code)
		}
		return io.ReadAll(got.Body)
	}
	query := ""
	for time.Now().Before(until) {
		got := a.get("/hls/b/" + name + ".m3u8" + query)
		if got.Code == http.StatusNotFound {
			w.gone = true
			return w
		}
		if got.Code != http.StatusOK {
			a.t.Errorf("%s: %d %s", name, got.Code, got.Body)
			return w
		}
		text := got.Body.String()
		p, err := hlstest.Parse(text)
		if err != nil {
			a.t.Errorf("%v\n%s", err, text)
			return w
		}
		w.playlists++
		w.last = p
		if err := w.validator.Playlist(text); err != nil {
			a.t.Errorf("%s: %v\n%s", name, err, text)
			return w
		}
		for _, s := range p.Segments {
			if s.URI != "" {
				w.seen[s.Number] = s
			}
		}
		msn, parts := where(p)
		query = "?_HLS_msn=" + itoa(msn+1) + "&_HLS_part=" + itoa(int64(parts))
	}
	return w
}

func (w *watcher) finish(t *testing.T) {
	t.Helper()
	if _, err := w.validator.Finish(); err != nil {
		t.Errorf("%s: %v", w.name, err)
	}
}

var wide = clip{fps: 30, gop: 60, sets: setsWide}

// Every rendition has the segments of the publisher's own picture: the same numbers, dates and lengths, whenever it
// came and however late its pictures are.
func TestRenditionsLieSideBySide(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config Config
		layers []layer
		want   []string // in the order of the multivariant playlist
	}{
		"two pictures, muxed":                 {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: wide}}, []string{"main", "360p"}},
		"a late one":                          {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: wide, joins: 9 * time.Second}}, []string{"main", "360p"}},
		"one that comes a second later":       {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: wide, lag: 1100 * time.Millisecond}}, []string{"main", "360p"}},
		"half as many pictures":               {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: clip{fps: 15, gop: 30, sets: setsWide}}}, []string{"main", "360p"}},
		"three pictures, the sound beside":    {Config{}, []layer{{name: "180p", bitrate: 2e5, clip: wide}, {name: "360p", bitrate: 4e5, clip: wide}}, []string{"main", "360p", "180p", "audio"}},
		"one picture, the sound beside":       {Config{Layout: Grouped}, nil, []string{"main", "audio"}},
		"three pictures, muxed by setting":    {Config{Layout: Muxed}, []layer{{name: "180p", bitrate: 2e5, clip: wide}, {name: "360p", bitrate: 4e5, clip: wide}}, []string{"main", "360p", "180p"}},
		"the sound beside, a late third":      {Config{Layout: Grouped}, []layer{{name: "180p", bitrate: 2e5, clip: wide}, {name: "360p", bitrate: 4e5, clip: wide, joins: 7 * time.Second}}, []string{"main", "360p", "180p", "audio"}},
		"reordered pictures beside plain":     {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: clip{fps: 30, gop: 60, bframes: 2, from: -1.0 / 30, sets: setsWide}}}, []string{"main", "360p"}},
		"key pictures that lie elsewhere":     {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: clip{fps: 30, gop: 60, sets: setsWide, keys: func(i int) bool { return i%60 == 17 }}}}, []string{"main", "360p"}},
		"the publisher's own picture reorder": {Config{}, []layer{{name: "360p", bitrate: 4e5, clip: clip{fps: 30, gop: 60, from: 1.0 / 30, sets: setsWide}}}, []string{"main", "360p"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAir(t, &Server{Config: c.config})
				defer a.close()
				a.keyless = strings.Contains(name, "lie elsewhere")
				main := live
				if strings.Contains(name, "own picture reorder") {
					main.bframes = 2
				}
				wait := a.layered(main.lasting(40*time.Second), c.layers...)
				a.get("/hls/b/index.m3u8")
				time.Sleep(16 * time.Second)
				index := a.get("/hls/b/index.m3u8").Body.String()
				sideBySide(t, a, index, c.want)
				a.oldPlayersHear(strings.Contains(name, "reorder"))
				wait()
				a.hub.End("b")
				synctest.Wait()
				for _, name := range c.want {
					if w := a.get("/hls/b/" + name + ".m3u8"); w.Code != 200 || !strings.HasSuffix(w.Body.String(), "#EXT-X-ENDLIST\n") {
						t.Errorf("%s after the end: %d\n%s", name, w.Code, w.Body)
					}
				}
			})
		})
	}
}

// oldPlayersHear takes a segment of MPEG-TS apart: picture and sound are in it, in whatever layout.
func (a *air) oldPlayersHear(reordered bool) {
	a.t.Helper()
	text := a.get("/hls/b/ts/index.m3u8").Body.String()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	w := a.get("/hls/b/ts/" + lines[len(lines)-1])
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != typeTS {
		a.t.Fatalf("%d\n%s", w.Code, text)
	}
	r := &mpegts.Reader{R: w.Body}
	if err := r.Initialize(); err != nil {
		a.t.Fatal(err)
	}
	pictures, frames := 0, 0
	for _, track := range r.Tracks() {
		switch track.Codec.(type) {
		case *tscodecs.H264:
			r.OnDataH264(track, func(pts, dts int64, _ [][]byte) error {
				if pictures++; reordered != (pts != dts) && !reordered {
					a.t.Errorf("picture at %d, decoded at %d", pts, dts)
				}
				return nil
			})
		case *tscodecs.MPEG4Audio:
			r.OnDataMPEG4Audio(track, func(_ int64, aus [][]byte) error {
				frames += len(aus)
				return nil
			})
		}
	}
	for r.Read() == nil {
	}
	if pictures != 60 || frames < 93 || frames > 95 {
		a.t.Errorf("%d pictures, %d frames of sound", pictures, frames)
	}
}

func sideBySide(t *testing.T, a *air, index string, want []string) {
	t.Helper()
	var listed []string
	for _, line := range strings.Split(index, "\n") {
		if name, ok := strings.CutSuffix(line, ".m3u8"); ok {
			listed = append(listed, name)
		}
	}
	if fmt.Sprint(listed) != fmt.Sprint(want) {
		t.Fatalf("%v, want %v:\n%s", listed, want, index)
	}
	if err := hlstest.Multivariant(index); err != nil {
		t.Errorf("%v\n%s", err, index)
	}
	until := time.Now().Add(20 * time.Second)
	watchers := make([]*watcher, len(want))
	var all sync.WaitGroup
	for i, name := range want {
		var others []string
		for _, o := range want {
			if o != name {
				others = append(others, o+".m3u8")
			}
		}
		all.Go(func() { watchers[i] = a.watch(name, until, others...) })
	}
	all.Wait()
	lead := watchers[0]
	for _, w := range watchers {
		w.finish(t)
		if w.playlists < 50 || w.gone {
			t.Errorf("%s: %d playlists, gone %v", w.name, w.playlists, w.gone)
		}
		if w.last.Discontinued != lead.last.Discontinued {
			t.Errorf("%s has EXT-X-DISCONTINUITY-SEQUENCE %d, main has %d", w.name, w.last.Discontinued, lead.last.Discontinued)
		}
		same := 0
		for n, s := range w.seen {
			o, ok := lead.seen[n]
			if !ok {
				continue
			}
			same++
			off := s.Date.Sub(o.Date).Abs()
			if len(s.Parts) != len(o.Parts) && len(s.Parts) > 0 && len(o.Parts) > 0 || s.Domain != o.Domain || off > 34*time.Millisecond {
				t.Errorf("segment %d: %s has %d parts of %v, main %d of %v", n, w.name, len(s.Parts), s.Date, len(o.Parts), o.Date)
			}
			if w.name != renditionAudio && s.Duration != o.Duration {
				t.Errorf("segment %d: %s is %v long, main %v", n, w.name, s.Duration, o.Duration)
			}
		}
		if same < 9 {
			t.Errorf("%s shares %d segments with main", w.name, same)
		}
	}
}

// A rendition that goes is not found any more; what stays is told. One that comes back joins with the numbers of the
// day. Another size of picture is a discontinuity for all.
func TestRenditionsComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAir(t, &Server{})
		defer a.close()
		wait := a.layered(live.lasting(60*time.Second),
			layer{name: "360p", bitrate: 4e5, clip: wide, leaves: 20 * time.Second},
			layer{name: "360p", bitrate: 4e5, clip: wide, joins: 30 * time.Second, sets: func(at time.Duration) [][]byte {
				if at < 45*time.Second {
					return setsWide
				}
				return setsTall
			}})
		a.get("/hls/b/index.m3u8")
		time.Sleep(10 * time.Second)
		w := a.watch("360p", time.Now().Add(30*time.Second))
		if at := time.Now(); !w.gone || w.playlists < 20 {
			t.Errorf("at %v it is still there, after %d playlists", at, w.playlists)
		}
		time.Sleep(time.Second)
		if text := a.get("/hls/b/main.m3u8").Body.String(); strings.Contains(text, "360p") {
			t.Errorf("main still reports it:\n%s", text)
		}
		if text := a.get("/hls/b/index.m3u8").Body.String(); strings.Contains(text, "360p") {
			t.Errorf("it is still listed:\n%s", text)
		}
		time.Sleep(15 * time.Second)
		back := a.watch("360p", time.Now().Add(18*time.Second), "main.m3u8")
		back.finish(t)
		if back.gone || back.last.Segments[len(back.last.Segments)-1].Domain != 1 {
			t.Errorf("gone %v, discontinuities %d", back.gone, back.last.Segments[len(back.last.Segments)-1].Domain)
		}
		main := a.watch("main", time.Now().Add(time.Second), "360p.m3u8")
		maps := map[string]bool{}
		for n, s := range back.seen {
			maps[s.Map] = true
			if o, ok := main.seen[n]; ok && o.Domain != s.Domain {
				t.Errorf("segment %d: domain %d, main has %d", n, s.Domain, o.Domain)
			}
		}
		if len(maps) != 2 {
			t.Errorf("init segments %v", maps)
		}
		wait()
	})
}
