package vod_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(withServers{m})
}

// withServers stops what the tests started before the leaks are counted.
type withServers struct{ m *testing.M }

func (w withServers) Run() int { return storetest.Main(w.m) }

var firstWall = time.Date(2026, 11, 20, 12, 0, 0, 123_456_000, time.UTC)

// books says what there is to know of any broadcast.
type books struct{ ended, rehearsal atomic.Bool }

func (b *books) BroadcastFacts(_ context.Context, id string) (vod.Facts, error) {
	if id != "show" {
		return vod.Facts{}, vod.ErrNotFound
	}
	return vod.Facts{Shop: "shop", Recorded: !b.rehearsal.Load(), Ended: b.ended.Load()}, nil
}

// house is a hub with a packager, a recorder and all that they need, in a folder that outlives it.
type house struct {
	hub      *streaming.Hub
	hls      *hls.Server
	recorder *vod.Recorder
	store    *vodsql.Store
	blobs    *store.Blobs
	books    *books
	wall     atomic.Int64 // microseconds since firstWall
	stop     func() error
}

// build makes one. change may alter the recorder before it runs.
func build(dir string, change func(*house)) (*house, error) {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Config{Dir: dir}, store.Activity)
	if err != nil {
		return nil, err
	}
	h := &house{store: &vodsql.Store{DB: db}, books: &books{}}
	if h.blobs, err = store.OpenBlobs(ctx, store.BlobConfig{Dir: filepath.Join(dir, "blobs")}); err != nil {
		return nil, err
	}
	h.hub = &streaming.Hub{Config: streaming.Config{RingTime: time.Minute}, Log: slog.New(slog.DiscardHandler), Wall: h.now}
	h.hls = &hls.Server{Hub: h.hub}
	h.recorder = &vod.Recorder{
		Dir: filepath.Join(dir, "spool"), Hub: h.hub, Packagers: h.hls, Broadcasts: h.books, Store: h.store, Blobs: h.blobs,
		Free: func(string) (int64, error) { return 1 << 40, nil },
	}
	h.hls.Record = h.recorder
	if change != nil {
		change(h)
	}
	running, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() { _ = h.hls.Run(running) })
	wg.Go(func() { failed = h.recorder.Run(running) })
	h.stop = sync.OnceValue(func() error {
		cancel()
		wg.Wait()
		h.hub.Close()
		return errors.Join(failed, h.blobs.Close(), db.Close())
	})
	return h, nil
}

func open(t *testing.T, dir string, change func(*house)) *house {
	t.Helper()
	h, err := build(dir, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *house) now() time.Time {
	return firstWall.Add(time.Duration(h.wall.Load()) * time.Microsecond)
}

// write publishes units whose stamps begin at the wall's present.
func (h *house) write(tracks []streaming.Track, units []*streaming.Unit, after func(n int)) error {
	pub, err := h.hub.Publish(context.Background(), "show", tracks)
	if err != nil {
		return err
	}
	defer pub.Close()
	start := h.wall.Load()
	for n, u := range units {
		if u.Track == 1 {
			h.wall.Store(start + u.DTS*1_000_000/streaming.VideoClockRate)
		}
		mine := *u // the film is shown more than once
		if err := pub.Write(&mine); err != nil {
			return err
		}
		if after != nil {
			after(n)
		}
	}
	return nil
}

// packaged waits until the packager that the recorder started takes the stream.
func (h *house) packaged(t *testing.T) {
	t.Helper()
	eventually(t, "the recorder to have the broadcast packaged", func() bool { _, ok := h.hls.Stats("show"); return ok })
}

// end takes the show off the air and waits for its recording.
func (h *house) end(t *testing.T) {
	t.Helper()
	h.books.ended.Store(true)
	h.hub.End("show")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.recorder.Settled(ctx, "show"); err != nil {
		t.Fatal(err)
	}
}

func (h *house) lines(t *testing.T) []vod.Line {
	t.Helper()
	_, lines, err := h.store.Timeline(t.Context(), vod.Video{Source: "show"})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func (h *house) blob(t *testing.T, key string) []byte {
	t.Helper()
	r, err := h.blobs.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

var filmOnce = struct {
	sync.Once
	tracks []streaming.Track
	units  []*streaming.Unit
}{}

// film is eight seconds long, made once.
func film(t *testing.T) ([]streaming.Track, []*streaming.Unit) {
	t.Helper()
	filmOnce.Do(func() { filmOnce.tracks, filmOnce.units = hlstest.Film(t, hlstest.FilmFor("8")...) })
	return filmOnce.tracks, filmOnce.units
}

func total(lines []vod.Line) (d time.Duration) {
	for _, l := range lines {
		d += l.Duration
	}
	return d
}

func of(d time.Duration) mediatime.Time { return mediatime.Of(d) }
