package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// archive is a server of past shows: in its lists, on its pages, and as playlists and segments of a second each.
type archive struct {
	mu      sync.Mutex
	asked   []string
	pages   map[string]string // a broadcast's transports
	ended   string            // items of the list
	leave   string            // bearer without which nothing is told
	pieces  int
	length  float64
	segment http.HandlerFunc // nil: eight bytes at once
	growing bool
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.Path)
	a.mu.Unlock()
	broadcast, page := strings.CutPrefix(r.URL.Path, "/v1/broadcasts/")
	switch at := r.URL.Path; {
	case (page || at == "/v1/broadcasts") && a.leave != "" && r.Header.Get("Authorization") != "Bearer "+a.leave:
		w.WriteHeader(http.StatusNotFound)
	case at == "/v1/broadcasts":
		if r.URL.Query().Get("channel") != "c" || r.URL.Query().Get("state") != "ended" {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprintf(w, `{"items":[%s]}`, a.ended)
	case page && a.pages[broadcast] != "":
		fmt.Fprintf(w, `{"channel":"c","transports":%s}`, a.pages[broadcast])
	case strings.HasSuffix(at, "/index.m3u8"), strings.HasSuffix(at, "/dvr.m3u8"):
		fmt.Fprint(w, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmain.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsmall.m3u8\n")
	case strings.HasSuffix(at, "/main.m3u8"):
		fmt.Fprintf(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"init.mp4\"\n")
		for n := range a.pieces {
			fmt.Fprintf(w, "#EXTINF:%g,\nsegment-%d.m4s\n", a.length, n)
		}
		if !a.growing {
			fmt.Fprint(w, "#EXT-X-ENDLIST\n")
		}
	case strings.HasSuffix(at, "/init.mp4"):
		fmt.Fprint(w, "init")
	case strings.Contains(at, "/segment-") && a.segment != nil:
		a.segment(w, r)
	case strings.Contains(at, "/segment-"):
		fmt.Fprint(w, "pictures")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// got counts requests with a text in their path.
func (a *archive) got(part string) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, path := range a.asked {
		if strings.Contains(path, part) {
			n++
		}
	}
	return n
}

// TestReplayViewersFindWhatIsThere: past shows that have a recording, or the one that is named, or the show on air from
// its beginning; and who is told of none says so.
func TestReplayViewersFindWhatIsThere(t *testing.T) {
	t.Parallel()
	live := `[{"kind":"whep","url":"/whep/b"},{"kind":"hls","url":"/hls/b/index.m3u8"}]`
	wound := `[{"kind":"hls","url":"/hls/b/index.m3u8","rewind":"/hls/b/~g/dvr.m3u8"}]`
	past := func(id string) string { return `[{"kind":"hls","url":"/vod/` + id + `/~g/index.m3u8"}]` }
	for name, c := range map[string]struct {
		pages         map[string]string
		ended, replay string
		want          []string
		says          string
	}{
		"past shows":             {map[string]string{"b": wound, "one": past("one"), "two": `[]`, "three": past("three")}, `{"id":"one"},{"id":"two"},{"id":"three"}`, "", []string{"/vod/one/~g/index.m3u8", "/vod/three/~g/index.m3u8"}, "watched 2 recordings"},
		"one is named":           {map[string]string{"b": wound, "one": past("one"), "two": past("two")}, `{"id":"one"}`, "two", []string{"/vod/two/~g/index.m3u8"}, "watched one recording"},
		"the show on air":        {map[string]string{"b": wound, "one": `[]`}, `{"id":"one"}`, "", []string{"/hls/b/~g/dvr.m3u8"}, "wound the show on air back"},
		"nothing":                {map[string]string{"b": live}, "", "", nil, ""},
		"the named one has none": {map[string]string{"b": wound, "one": `[]`}, "", "one", nil, ""},
		"nobody knows it":        {map[string]string{"b": wound}, "", "one", nil, ""},
	} {
		a := &archive{pages: c.pages, ended: c.ended, leave: "the team's"}
		s := httptest.NewServer(a)
		r := &rehearsal{rehearseCommand: &rehearseCommand{target: target{URL: s.URL, Broadcast: "b"}, Team: "the team's", Replay: c.replay}, plan: crowd{Replays: 3}}
		err := r.findReplays(t.Context())
		for i := range c.want {
			c.want[i] = s.URL + c.want[i]
		}
		if !slices.Equal(r.replays, c.want) || (err == nil) != (c.want != nil) || !strings.Contains(r.again(), c.says) {
			t.Errorf("%s: %v %v %q", name, r.replays, err, r.again())
		}
		if name == "nothing" && !errors.Is(err, errNoReplay) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
	if err := (&rehearsal{}).findReplays(t.Context()); err != nil { // nobody comes for it, nobody is asked
		t.Error(err)
	}
}

// TestReplayViewersPlayAtTheirPace: they load a list once and never more than they will show soon.
func TestReplayViewersPlayAtTheirPace(t *testing.T) {
	t.Parallel()
	a := &archive{pieces: 400, length: 1}
	s := httptest.NewServer(a)
	defer s.Close()
	const viewers, stay = 5, 4 * time.Second
	r := &rehearsal{rehearseCommand: &rehearseCommand{}, replays: []string{s.URL + "/vod/one/~g/index.m3u8"}}
	if faults := r.come(t.Context(), crowd{Replays: viewers}, stay); len(faults) > 0 {
		t.Fatal(faults)
	}
	seeks := a.got("/init.mp4") - viewers
	if n, most := a.got("/vod/one/~g/segment-"), (viewers+max(0, seeks))*int((aheadMost+stay)/time.Second+1); n < viewers || n > most {
		t.Errorf("%d segments, of which %d are shown or soon are", n, most)
	}
	if n := a.got("main.m3u8"); n < 1 || n > viewers {
		t.Errorf("a list that has an end was loaded %d times by %d viewers", n, viewers)
	}
}

// TestAPictureThatStandsStillIsSeen: pieces of a tenth of a second that take three of them come too late.
func TestAPictureThatStandsStillIsSeen(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		pause(r.Context(), 300*time.Millisecond)
		fmt.Fprint(w, "pictures")
	}
	a := &archive{pieces: 4, length: .1, segment: slow}
	s := httptest.NewServer(a)
	defer s.Close()
	w := &rewatched{}
	c := &http.Client{}
	defer c.CloseIdleConnections()
	p := player{w: w, c: c}
	for w.stalls.Load() == 0 && t.Context().Err() == nil { // who begins at the end sees it come in time
		if err := p.watch(t.Context(), s.URL+"/vod/one/index.m3u8", false); err != nil {
			t.Fatal(err)
		}
	}
	if text := w.fault(1); w.starts.at(0) < 250*time.Millisecond || !strings.Contains(text, "stood still") {
		t.Errorf("%v: %q", w.starts.at(0), text)
	}
	if text := w.fault(100_000); text != "" {
		t.Errorf("one of many: %q", text)
	}
}

// TestARecordingThatDoesNotComeIsAFault, wherever it breaks off.
func TestARecordingThatDoesNotComeIsAFault(t *testing.T) {
	t.Parallel()
	a := &archive{pieces: 400, length: 1, segment: http.NotFound}
	s := httptest.NewServer(a)
	defer s.Close()
	for _, at := range []string{"/vod/one/index.m3u8", "/vod/nowhere.m3u8"} {
		ctx, leave := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		if w := rewatch(ctx, []string{s.URL + at}, 3); w.failed.Load() == 0 || w.fault(3) == "" {
			t.Errorf("%s: %d failed", at, w.failed.Load())
		}
		leave()
	}
}

// TestWhoComesToNowGoesBack: a list that goes on is loaded again, and who comes to its end goes back.
func TestWhoComesToNowGoesBack(t *testing.T) {
	t.Parallel()
	a := &archive{pieces: 2, length: .2, growing: true}
	s := httptest.NewServer(a)
	defer s.Close()
	ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
	defer leave()
	w := &rewatched{}
	c := &http.Client{}
	defer c.CloseIdleConnections()
	p := player{w: w, c: c}
	if err := p.watch(ctx, s.URL+"/hls/b/dvr.m3u8", false); err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	if seeks, lists := w.seeks.Load(), a.got("main.m3u8"); seeks < 2 || lists < 2 || w.failed.Load() > 0 || w.stalls.Load() > 0 {
		t.Errorf("%d times back, the list %d times, %d stalls", seeks, lists, w.stalls.Load())
	}
}

// TestThePaceOfAnHour plays a long show by a clock of its own: as much is loaded as is shown, and what seeks throw away.
func TestThePaceOfAnHour(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &archive{pieces: 1800, length: 2}
		w := &rewatched{}
		ctx, leave := context.WithTimeout(t.Context(), time.Hour)
		defer leave()
		p := player{w: w, c: &http.Client{Transport: direct{a}}}
		for ctx.Err() == nil {
			if err := p.watch(ctx, "http://archive/vod/one/index.m3u8", false); err != nil {
				t.Fatal(err)
			}
		}
		seeks, loaded := int(w.seeks.Load()), time.Duration(w.segments.Load())*2*time.Second
		if least, most := time.Hour-time.Minute, time.Hour+time.Duration(seeks+10)*(aheadMost+4*time.Second); loaded < least || loaded > most {
			t.Errorf("%v were loaded in an hour with %d seeks", loaded, seeks)
		}
		if seeks < 60 || seeks > 300 || w.stalls.Load() > 0 {
			t.Errorf("%d seeks, %d stalls", seeks, w.stalls.Load())
		}
	})
}

// direct asks a handler without a network.
type direct struct{ to http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	d.to.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestTheReportNamesWhatWasWatchedAgain(t *testing.T) {
	t.Parallel()
	r := &rehearsal{rehearseCommand: &rehearseCommand{}, replays: []string{"one"}, wound: true, plan: crowd{Replays: 40},
		steps: []seen{{crowd{Replays: 10}, use{CPU: .2}}}, limits: use{CPU: 2}}
	var text bytes.Buffer
	r.print(&text)
	for _, out := range []string{text.String(), string(r.page())} {
		if !strings.Contains(out, "40.00 replay viewers") || !strings.Contains(out, "wound the show on air back") {
			t.Errorf("it says\n%s", out)
		}
	}
	if !strings.Contains(text.String(), "one of the replay viewers") {
		t.Error(text.String())
	}
}

func FuzzReels(f *testing.F) {
	f.Add("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2.0,\na.m4s\n#EXT-X-ENDLIST\n")
	f.Add("#EXTINF:NaN,\na\n#EXTINF:1e9,\n#EXT-X-MEDIA-SEQUENCE:-1\n")
	f.Add("#EXTINF:1,\nhttp://elsewhere/a\n#EXTINF:1,\n//elsewhere/b\n%zz\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := threaded("http://here/hls/main.m3u8", text)
		if err == nil {
			if _, ok := l.at(l.anywhere()); !ok || l.target < 0 {
				t.Fatalf("%+v", l)
			}
			for _, p := range l.pieces {
				if !strings.HasPrefix(p.url, "http://here") || p.duration <= 0 {
					t.Fatalf("%+v", p)
				}
			}
		}
		if at, err := variant("http://here/hls/index.m3u8", text); err == nil && !strings.HasPrefix(at, "http://here") {
			t.Fatal(at)
		}
	})
}
