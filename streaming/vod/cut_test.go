package vod_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// stamp signs with one key.
type stamp struct{}

func (stamp) Sign(m []byte) (string, []byte, error) {
	h := hmac.New(sha256.New, []byte("key"))
	h.Write(m)
	return "k1", h.Sum(nil), nil
}

func (s stamp) Verify(key string, m, mac []byte) bool {
	_, want, _ := s.Sign(m)
	return key == "k1" && hmac.Equal(want, mac)
}

// shown is a show of two generations with a gap between them, from 0 to 8 s and from about 13 s on. change may alter where
// and how it is recorded.
func shown(t *testing.T, change ...func(*house)) (*house, *vod.Files) {
	t.Helper()
	tracks, units := film(t)
	h := open(t, t.TempDir(), func(h *house) {
		for _, f := range change {
			f(h)
		}
	})
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.packaged(t)
	h.wall.Add((5 * time.Second).Microseconds())
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.end(t)
	return h, vod.NewFiles(h.store, h.store, h.blobs, stamp{})
}

// ask downloads a range of the show.
func ask(t *testing.T, s *vod.Server, from, until time.Duration) (file string, length time.Duration) {
	t.Helper()
	url, length, size, _, err := s.Files.Address(t.Context(), vod.Download{Video: "show", From: mediatime.Of(from), Until: mediatime.Of(until)})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	if w.Code != http.StatusOK || int64(w.Body.Len()) != size {
		t.Fatalf("%d, %d of %d bytes", w.Code, w.Body.Len(), size)
	}
	// Any part of it is the same as that part of the whole.
	for _, r := range [][2]int64{{0, 10}, {size / 3, size/3 + 70_000}, {size - 1, size - 1}} {
		part := httptest.NewRecorder()
		req := httptest.NewRequest("GET", url, nil)
		req.Header.Set("Range", "bytes="+strconv.FormatInt(r[0], 10)+"-"+strconv.FormatInt(r[1], 10))
		s.ServeHTTP(part, req)
		if part.Code != http.StatusPartialContent || !bytes.Equal(part.Body.Bytes(), w.Body.Bytes()[r[0]:r[1]+1]) {
			t.Fatalf("bytes %d to %d: %d, %d of them", r[0], r[1], part.Code, part.Body.Len())
		}
	}
	file = filepath.Join(t.TempDir(), "cut.mp4")
	if err := os.WriteFile(file, w.Body.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, length
}

func probe(t *testing.T, file, stream, entry string) string {
	t.Helper()
	return strings.TrimSpace(hlstest.Run(t, "ffprobe", "-v", "error", "-count_frames", "-select_streams", stream, "-show_entries", entry, "-of", "csv=p=0", file))
}

// A range comes as an MP4 of its very frames, without an error in it, over a gap as well, and where the sound lies in a
// rendition of its own.
func TestARangeIsAFileOfItsFrames(t *testing.T) {
	for _, layout := range []hls.Layout{hls.Muxed, hls.Grouped} {
		t.Run(string(layout), func(t *testing.T) { rangesAreFiles(t, layout) })
	}
}

func rangesAreFiles(t *testing.T, layout hls.Layout) {
	h, files := shown(t, func(h *house) { h.hls.Config.Layout = layout })
	if _, renditions, err := files.Recorded(t.Context(), "show"); err != nil || slices.Contains(renditions, "audio") {
		t.Errorf("pictures to choose from: %v %v", renditions, err)
	}
	if separate := slices.ContainsFunc(h.lines(t), func(l vod.Line) bool { return l.Rendition == "audio" }); separate != (layout == hls.Grouped) {
		t.Fatalf("sound by itself: %v", separate)
	}
	s := &vod.Server{Store: h.store, Blobs: h.blobs, Broadcasts: h.books, Files: files}
	for name, c := range map[string]struct{ from, until, wanted time.Duration }{
		"from a key picture":      {2 * time.Second, 4 * time.Second, 2 * time.Second},
		"from within":             {1500 * time.Millisecond, 4200 * time.Millisecond, 2700 * time.Millisecond},
		"one second":              {3100 * time.Millisecond, 4100 * time.Millisecond, time.Second},
		"from the beginning":      {0, 8 * time.Second, 8 * time.Second},
		"over the gap":            {7 * time.Second, 14 * time.Second, 0},
		"all of it":               {0, 0, 16 * time.Second},
		"beginning inside a gap":  {9 * time.Second, 14 * time.Second, 0},
		"more than there is left": {12 * time.Second, time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			file, length := ask(t, s, c.from, c.until)
			if c.wanted > 0 && (length-c.wanted).Abs() > 40*time.Millisecond {
				t.Errorf("it plays %v, not %v", length, c.wanted)
			}
			if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "null", "-"); out != "" {
				t.Errorf("ffmpeg says\n%s", out)
			}
			frames, err := strconv.Atoi(probe(t, file, "v", "stream=nb_read_frames"))
			if want := int(length.Seconds()*30 + 0.5); err != nil || frames < want-2 || frames > want+2 {
				t.Errorf("%d pictures in %v, %v", frames, length, err)
			}
			for _, stream := range []string{"v", "a"} {
				seconds, err := strconv.ParseFloat(probe(t, file, stream, "stream=duration"), 64)
				if err != nil || seconds < length.Seconds()-0.08 {
					t.Errorf("%s lasts %v s of %v, %v", stream, seconds, length, err)
				}
			}
		})
	}
}

// What cannot be had is refused, and so is an address that somebody made up.
func TestAFileNeedsARangeAndAnAddressOfOurs(t *testing.T) {
	h, files := shown(t)
	s := &vod.Server{Store: h.store, Blobs: h.blobs, Broadcasts: h.books, Files: files}
	for _, d := range []vod.Download{
		{Video: "show", From: mediatime.Of(time.Hour)}, {Video: "show", From: 5, Until: 5}, {Video: "show", Rendition: "4320p"},
		{Video: "show", From: mediatime.Of(8100 * time.Millisecond), Until: mediatime.Of(9 * time.Second)},
	} {
		if _, _, _, _, err := files.Address(t.Context(), d); !errors.Is(err, vod.ErrRange) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if _, _, _, _, err := files.Address(t.Context(), vod.Download{Video: "other"}); !errors.Is(err, vod.ErrNotFound) {
		t.Error(err)
	}
	url, _, _, expires, err := files.Address(t.Context(), vod.Download{Video: "show", From: 0, Until: 2_000_000})
	if err != nil {
		t.Fatal(err)
	}
	code := func(url string) int {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		return w.Code
	}
	mac := []byte(url) // with another first letter of what signs it
	at := strings.Index(url, ".k1.") + len(".k1.")
	mac[at] = 'A' + (mac[at]-'A'+1)%26
	for _, bad := range []string{
		strings.Replace(url, "/0.2000000.", "/0.4000000.", 1), strings.Replace(url, ".main.", ".audio.", 1), strings.Replace(url, "show", "shop", 1),
		strings.Replace(url, ".k1.", ".k2.", 1), string(mac),
	} {
		if got := code(bad); got != http.StatusForbidden {
			t.Errorf("%s: %d", bad, got)
		}
	}
	if got := code(url); got != http.StatusOK {
		t.Error(got)
	}
	files.Now = func() time.Time { return expires.Add(time.Second) }
	if got := code(url); got != http.StatusForbidden {
		t.Error("an old address:", got)
	}
}

// A moment becomes a clip, once: it begins with the key picture at or before it, plays the recording's own segments, and
// costs next to nothing.
func TestAMomentBecomesAClip(t *testing.T) {
	h, _ := shown(t)
	now := firstWall.Add(time.Minute)
	moments := []vod.Moment{
		{ID: "pin-1", Broadcast: "show", Shop: "shop", Channel: "c", Access: "public", Product: "linen", Title: "Linen shirt", From: 2_700_000, Until: 7_700_000},
		{ID: "pin-2", Broadcast: "show", Shop: "shop", Channel: "c", Access: "public", Product: "linen", From: 1_000_000, Until: 5_900_000},
		{ID: "pin-3", Broadcast: "show", Shop: "shop", Channel: "c", Access: "public", Product: "tea", From: 900_000_000, Until: 990_000_000},
	}
	c := &vod.Clipper{
		Clips: h.store, Store: h.store, Blobs: h.blobs, Library: &vod.Library{Videos: h.store, Blobs: h.blobs}, Now: func() time.Time { return now },
		Moments: func(context.Context, func(string) bool) ([]vod.Moment, error) { return moments, nil },
		Poster:  func(context.Context, []byte) ([]byte, int, int, error) { return []byte("picture"), 320, 568, nil },
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	list := func() []vod.Video {
		found, err := c.Library.List(t.Context(), vod.VideoQuery{Channel: "c"})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	eventually(t, "the clip and its poster", func() bool { found := list(); return len(found) > 0 && found[0].Poster != nil })
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := c.Look(t.Context()); err != nil { // nothing new
		t.Fatal(err)
	}
	found := list()
	if len(found) != 1 {
		t.Fatalf("%d clips", len(found))
	}
	v := found[0]
	if v.Kind != vod.KindClip || v.State != vod.StateDraft || v.Source != "show" || v.Title != "Linen shirt" || v.From.Duration().Round(time.Millisecond) != 2*time.Second ||
		v.Until != 7_700_000 {
		t.Errorf("%+v", v)
	}
	if tags, err := c.Library.Tags(t.Context(), v.ID); err != nil || len(tags) != 1 || tags[0].Product != "linen" {
		t.Error(tags, err)
	}
	s := &vod.Server{Store: h.store, Blobs: h.blobs, Broadcasts: h.books, Videos: h.store, Preview: func(*http.Request, vod.Video) bool { return true }}
	host := httptest.NewServer(s)
	defer host.Close()
	if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", host.URL+"/hls/v/"+v.ID+"/index.m3u8", "-f", "null", "-"); out != "" {
		t.Errorf("ffmpeg says\n%s", out)
	}
	// Another life knows what was made, even where the clip is gone.
	if err := c.Library.Delete(t.Context(), v.ID); err != nil {
		t.Fatal(err)
	}
	again := &vod.Clipper{Clips: c.Clips, Store: c.Store, Blobs: c.Blobs, Library: c.Library, Moments: c.Moments, Now: c.Now}
	if err := again.Look(t.Context()); err != nil || len(list()) != 0 {
		t.Errorf("it is made again, %v", err)
	}
	// A channel may have them published, or not made.
	for mode, want := range map[vod.ClipMode]vod.State{vod.ClipPublish: vod.StatePublished, vod.ClipOff: ""} {
		if err := h.store.SetClipMode(t.Context(), "c", mode, now); err != nil {
			t.Fatal(err)
		}
		moments[0].ID = "pin-" + string(mode)
		if err := again.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		var state vod.State
		for _, v := range list() {
			state = v.State
			if err := c.Library.Delete(t.Context(), v.ID); err != nil {
				t.Fatal(err)
			}
		}
		if state != want {
			t.Errorf("with %s it is %q", mode, state)
		}
	}
	if err := h.store.SetClipMode(t.Context(), "c", "sometimes", now); !errors.Is(err, vod.ErrClipMode) {
		t.Error(err)
	}
	cpu := cpuTime(t)
	const n = 20
	for range n {
		if _, err := again.Cut(t.Context(), vod.Moment{Broadcast: "show", Shop: "shop", Channel: "c", From: 100_000, Until: 7_900_000}); err != nil {
			t.Fatal(err)
		}
	}
	each := (cpuTime(t) - cpu) / n
	t.Logf("a clip costs %v of CPU", each)
	if each > 50*time.Millisecond && !raceOn {
		t.Errorf("a clip costs %v of CPU", each)
	}
	if _, err := again.Cut(t.Context(), vod.Moment{Broadcast: "show", From: 100_000, Until: 300_000}); !errors.Is(err, vod.ErrClip) {
		t.Error(err)
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
