package vod_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
)

// A broadcast that is on air can be wound back to its beginning: what has left the packager's memory comes out of the
// recording, in the same bytes, under the same names.
func TestABroadcastIsWoundBackWhileItIsOnAir(t *testing.T) {
	h := open(t, t.TempDir(), func(h *house) {
		h.hls.Config = hls.Config{Window: time.Second, Linger: time.Millisecond}
		h.hls.Past = h.recorder
	})
	tracks, units := film(t)
	pub, err := h.hub.Publish(t.Context(), "show", tracks)
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/hls/show/"+name, nil)
		if len(header) > 0 {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		h.hls.ServeHTTP(w, r)
		return w
	}
	first := true
	for range 6 {
		err := h.write(tracks, units, func(int) {
			if first {
				h.packaged(t)
				first = false
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	pub.Close()
	eventually(t, "the last show to be packaged", func() bool {
		p, err := hlstest.Parse(get("main.m3u8").Body.String())
		return err == nil && p.Segments[len(p.Segments)-1].Domain == 5
	})
	eventually(t, "the recording to be in the blob store", func() bool { return len(h.lines(t)) >= 20 })

	index := get("dvr.m3u8").Body.String()
	if err := hlstest.Multivariant(index); err != nil || !strings.Contains(index, "\nmain-dvr.m3u8\n") {
		t.Fatalf("%v\n%s", err, index)
	}
	text := get("main-dvr.m3u8").Body.String()
	v := &hlstest.Validator{}
	if err := v.Playlist(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	long, _ := hlstest.Parse(text)
	live, _ := hlstest.Parse(get("main.m3u8").Body.String())
	if len(long.Segments) < 22 || len(live.Segments) > 9 || long.Discontinued != 0 {
		t.Errorf("%d segments, %d of them live, from discontinuity %d on", len(long.Segments), len(live.Segments), long.Discontinued)
	}
	old := 0
	for _, line := range h.lines(t) {
		name := hls.SegmentName(line.Rendition, line.Life, line.Number)
		if !strings.Contains(text, "\n"+name+"\n") {
			t.Errorf("%s is recorded and not listed", name)
		}
		got, want := get(name), h.blob(t, line.Key)
		if got.Code != http.StatusOK || !bytes.Equal(got.Body.Bytes(), want) || !strings.Contains(got.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %d bytes of %d", name, got.Code, got.Body.Len(), len(want))
		}
		part := get(name, "Range", "bytes=10-19")
		if b, _ := io.ReadAll(part.Body); part.Code != http.StatusPartialContent || !bytes.Equal(b, want[10:20]) {
			t.Errorf("%s: %d, a range of %d bytes", name, part.Code, len(b))
		}
		old++
	}
	for _, s := range long.Segments {
		if w := get(s.Map); w.Code != http.StatusOK {
			t.Errorf("%s: %d", s.Map, w.Code)
		}
	}
	if delta, err := hlstest.Parse(get("main-dvr.m3u8?_HLS_skip=v2").Body.String()); err != nil || delta.Skipped < 14 {
		t.Errorf("an update skips %d: %v", delta.Skipped, err)
	}
	if old < 20 {
		t.Errorf("%d recorded segments", old)
	}
	h.end(t)
}
