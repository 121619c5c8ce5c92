package poster_test

import (
	"bytes"
	"context"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/poster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// door lets those see what is private who bring the grant.
type door struct{}

func (door) MaySee(_ context.Context, broadcast, grant string) (bool, error) {
	switch {
	case broadcast == "hidden":
		return false, poster.ErrNotFound
	case broadcast == "private" && grant != "good":
		return true, poster.ErrForbidden
	}
	return broadcast == "private", nil
}

// house serves pictures of what is on air in it.
type house struct {
	*poster.Server
	mux   *http.ServeMux
	clock atomic.Int64
}

func furnish(t *testing.T, broadcasts ...string) *house {
	t.Helper()
	h := &house{mux: http.NewServeMux()}
	h.clock.Store(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano())
	now := func() time.Time { return time.Unix(0, h.clock.Load()) }
	hub := &streaming.Hub{Wall: now}
	h.Server = &poster.Server{Hub: hub, Access: door{}, Now: now}
	h.mux.Handle("GET /v1/broadcasts/{id}/poster.jpg", h.Server)
	h.mux.Handle("GET /v1/broadcasts/{id}/previews/{picture}", h.Server)
	for _, broadcast := range broadcasts {
		tracks, units := hlstest.Film(t, hlstest.FilmFor("1")...)
		p, err := hub.Publish(t.Context(), broadcast, tracks)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range units {
			if err := p.Write(u); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

func (h *house) get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/v1/broadcasts/"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.mux.ServeHTTP(w, r)
	return w
}

func TestAPictureOfWhatIsOnAir(t *testing.T) {
	t.Parallel()
	h := furnish(t, "show", "private")
	w := h.get("show/poster.jpg")
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Cache-Control") != "public, max-age=5" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	picture, err := jpeg.DecodeConfig(bytes.NewReader(w.Body.Bytes()))
	if err != nil || picture.Height != 480 || picture.Width < 268 || picture.Width > 272 {
		t.Errorf("a picture of 320x568 has become %+v %v", picture, err)
	}
	if w := h.get("show/poster.jpg", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("the same again: %d", w.Code)
	}
	if w := h.get("show/previews/1.jpg"); w.Code != 404 {
		t.Errorf("one before the first: %d", w.Code)
	}
	h.clock.Add(int64(11 * time.Second))
	for path, want := range map[string]int{
		"show/previews/0.jpg": 200, "show/previews/1.jpg": 200, "show/previews/2.jpg": 404, "show/previews/x.jpg": 404, "show/previews/-1.jpg": 404,
		"hidden/poster.jpg": 404, "elsewhere/poster.jpg": 404, "private/poster.jpg": 403, "private/poster.jpg?grant=good": 200,
	} {
		if path == "show/previews/1.jpg" {
			h.get("show/poster.jpg") // makes the second
		}
		if w := h.get(path); w.Code != want {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if got := h.get("private/poster.jpg?grant=good").Header().Get("Cache-Control"); got != "private, max-age=5" {
		t.Errorf("a private one may be kept: %q", got)
	}
}

// Every codec that viewers can have makes a picture, and so does a recording; that one is made once.
func TestPicturesOfEveryCodecAndOfARecording(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"H.265": {"-c:v", "libx265", "-tag:v", "hvc1", "-x265-params", "log-level=none:keyint=30:bframes=0"},
		"AV1":   {"-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-keyint_min", "60", "-b:v", "200k"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := furnish(t)
			h.Within = time.Minute // a machine may be busy
			tracks, units := hlstest.Film(t, append(hlstest.FilmFor("0.2"), args...)...)
			p, err := h.Hub.Publish(t.Context(), "show", tracks)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range units {
				if err := p.Write(u); err != nil {
					t.Fatal(err)
				}
			}
			if picture, err := jpeg.DecodeConfig(h.get("show/poster.jpg").Body); err != nil || picture.Height != 480 {
				t.Errorf("%+v %v", picture, err)
			}
		})
	}
	t.Run("recording", func(t *testing.T) {
		t.Parallel()
		h := furnish(t)
		h.Within = time.Minute
		file := filepath.Join(t.TempDir(), "piece.mp4")
		hlstest.Run(t, "ffmpeg", append(hlstest.FilmFor("1"), "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-y", file)...)
		piece, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reads := 0
		h.Past = func(_ context.Context, broadcast string) ([]byte, error) {
			if broadcast != "over" {
				return nil, poster.ErrNotFound
			}
			reads++
			return piece, nil
		}
		for range 3 {
			if picture, err := jpeg.DecodeConfig(h.get("over/poster.jpg").Body); err != nil || picture.Height != 480 {
				t.Fatalf("%+v %v", picture, err)
			}
			h.clock.Add(int64(time.Hour))
		}
		if w := h.get("nothing/poster.jpg"); reads != 1 || w.Code != 404 {
			t.Errorf("it was read %d times; of what was not recorded: %d", reads, w.Code)
		}
	})
}

func TestWithoutFFmpegItSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	h := furnish(t, "show")
	h.Program = "no-such-ffmpeg"
	w := h.get("show/poster.jpg")
	if w.Code != 503 || !strings.Contains(w.Body.String(), "install the package ffmpeg") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestOneAtATime lets many ask for several broadcasts at once, of a program that notices company.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	h := furnish(t, "a", "b", "c")
	dir := t.TempDir()
	h.Program = script(t, dir, "mkdir "+dir+"/running || touch "+dir+"/company\necho x >> "+dir+"/runs\ncat > /dev/null\nprintf picture\nrmdir "+dir+"/running\n")
	var asking sync.WaitGroup
	for _, broadcast := range []string{"a", "b", "c", "a", "b", "c", "a", "b", "c"} {
		asking.Go(func() {
			if w := h.get(broadcast + "/poster.jpg"); w.Code != 200 || w.Body.String() != "picture" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	asking.Wait()
	if _, err := os.Stat(filepath.Join(dir, "company")); err == nil {
		t.Error("two ran at the same time")
	}
	if runs, err := os.ReadFile(filepath.Join(dir, "runs")); err != nil || len(runs) != 6 {
		t.Errorf("it ran %d times: %v", len(runs)/2, err)
	}
}

func TestAProgramThatHangsIsEndedWithItsChildren(t *testing.T) {
	t.Parallel()
	h := furnish(t, "show")
	h.Within = 300 * time.Millisecond
	h.Program = script(t, t.TempDir(), "sleep 300 & wait\n")
	began := time.Now()
	if w := h.get("show/poster.jpg"); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
}

func script(t *testing.T, dir, text string) string {
	t.Helper()
	path := filepath.Join(dir, "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}
