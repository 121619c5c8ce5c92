package vod_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// net serves the house's replays.
func (h *house) net(t *testing.T, pins []hls.DateRange) (string, *http.Client) {
	t.Helper()
	s := &vod.Server{Store: h.store, Blobs: h.blobs, Broadcasts: h.books, Settled: h.recorder.Settled}
	if pins != nil {
		s.Pins = func(context.Context, string) ([]hls.DateRange, error) { return pins, nil }
	}
	return serve(t, s)
}

func serve(t *testing.T, s *vod.Server) (string, *http.Client) {
	t.Helper()
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return web.URL + "/vod/show/", web.Client()
}

func get(t *testing.T, c *http.Client, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a, string(body)
}

// plays has the second judge play a replay from its beginning to its end.
func plays(t *testing.T, h *house, length time.Duration, stretches int) {
	t.Helper()
	base, client := h.net(t, nil)
	_, text := get(t, client, base+"main.m3u8")
	if n := strings.Count(text, "#EXT-X-DISCONTINUITY\n"); n != stretches-1 {
		t.Errorf("%d discontinuities between %d stretches\n%s", n, stretches, text)
	}
	if !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") || !strings.Contains(text, "#EXT-X-PLAYLIST-TYPE:VOD\n") {
		t.Errorf("not a whole playlist:\n%s", text)
	}
	if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", base+"index.m3u8", "-f", "null", "-"); out != "" {
		t.Errorf("ffmpeg says:\n%s", out)
	}
	packets := hlstest.Run(t, "ffprobe", "-v", "error", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", base+"index.m3u8")
	want := int(length.Seconds()*30 + 0.5)
	n, err := strconv.Atoi(strings.TrimSpace(strings.Split(packets, "\n")[0]))
	if err != nil || n < want-stretches || n > want+stretches {
		t.Errorf("%d of %d pictures arrived: %v", n, want, err)
	}
}

// A show of two generations, packaged without a viewer, then played again.
func TestAReplayPlays(t *testing.T) {
	tracks, units := film(t)
	h := open(t, t.TempDir(), nil)
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.packaged(t)
	h.wall.Add((5 * time.Second).Microseconds()) // the publisher was away
	base, client := h.net(t, []hls.DateRange{{ID: "pin-1", Class: "live.hawker.pin", From: 1_500_000, Until: 4_000_000}})
	if a, text := get(t, client, base+"index.m3u8"); a.StatusCode != http.StatusNotFound || !strings.Contains(text, `"code":"not-`) {
		t.Errorf("while the show is on: %d %s", a.StatusCode, text)
	}
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.books.ended.Store(true)
	h.hub.End("show")
	a, text := get(t, client, base+"main.m3u8") // it waits for the last segment
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" {
		t.Fatalf("%d %s\n%s", a.StatusCode, a.Header.Get("Content-Type"), text)
	}
	list, err := hlstest.Parse(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(list.Segments) != 8 || strings.Count(text, "#EXT-X-DISCONTINUITY\n") != 1 || strings.Count(text, "#EXT-X-MAP:") != 2 {
		t.Errorf("%d segments\n%s", len(list.Segments), text)
	}
	for _, want := range []string{
		"#EXT-X-PROGRAM-DATE-TIME:2026-11-20T12:00:00.123Z", `ID="g1",CLASS="live.hawker.anchor"`, `ID="g2",CLASS="live.hawker.anchor"`,
		`ID="pin-1",CLASS="live.hawker.pin",START-DATE="2026-11-20T12:00:01.623Z",END-DATE="2026-11-20T12:00:04.123Z",X-MEDIA-TIME="1500000"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	plays(t, h, 16*time.Second, 2)
}

func TestSegmentsAreServedInRangesAndForEver(t *testing.T) {
	tracks, units := film(t)
	h := open(t, t.TempDir(), nil)
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.packaged(t)
	h.end(t)
	base, client := h.net(t, nil)
	_, text := get(t, client, base+"main.m3u8")
	name := regexp.MustCompile(`(?m)^main_.*\.m4s$`).FindString(text)
	whole, all := get(t, client, base+name)
	if whole.StatusCode != http.StatusOK || all != string(h.blob(t, h.lines(t)[0].Key)) || !strings.Contains(whole.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%d, %d bytes, %s", whole.StatusCode, len(all), whole.Header.Get("Cache-Control"))
	}
	part, some := get(t, client, base+name, "Range", "bytes=100-299")
	if part.StatusCode != http.StatusPartialContent || some != all[100:300] {
		t.Errorf("a range: %d, %d bytes", part.StatusCode, len(some))
	}
	if a, _ := get(t, client, base+name, "If-None-Match", whole.Header.Get("ETag")); a.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %d", a.StatusCode)
	}
	for _, path := range []string{"", "nothing.m3u8", "../show/main.m3u8", "~/main.m3u8", "a/b/c", strings.Repeat("x", 300)} {
		if a, _ := get(t, client, base+path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d", path, a.StatusCode)
		}
	}
	if a, _ := get(t, client, strings.Replace(base, "show", "other", 1)+"index.m3u8"); a.StatusCode != http.StatusNotFound {
		t.Errorf("another video: %d", a.StatusCode)
	}
	all += some + text
	counted := prometheus.NewRegistry()
	direct := &vod.Server{Store: h.store, Blobs: h.blobs, Broadcasts: h.books, Metrics: vod.NewMetrics(counted)}
	for _, file := range []struct{ name, part string }{{name, ""}, {name, "bytes=100-299"}, {"main.m3u8", ""}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/vod/show/"+file.name, nil)
		r.Header.Set("Range", file.part)
		direct.ServeHTTP(httptest.NewRecorder(), r)
	}
	families, err := counted.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hawker_vod_sent_bytes_total" && f.GetMetric()[0].GetCounter().GetValue() != float64(len(all)) {
			t.Errorf("%v, sent were %d bytes", f, len(all))
		}
	}
}
