package vod_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// tap hands on what is recorded and keeps a copy.
type tap struct {
	hls.Recorder
	mu    sync.Mutex
	bytes []byte
	parts int
	time  time.Duration
}

func (t *tap) Record(broadcast, rendition, life string) hls.Recording {
	r := t.Recorder.Record(broadcast, rendition, life)
	if r == nil {
		return nil
	}
	return tapped{r, t}
}

type tapped struct {
	hls.Recording
	tap *tap
}

func (t tapped) Add(p *hls.Part) {
	t.tap.mu.Lock()
	t.tap.bytes = append(t.tap.bytes, p.Data...)
	t.tap.parts++
	t.tap.time += p.Duration
	t.tap.mu.Unlock()
	t.Recording.Add(p)
}

func TestARecordingIsTheSameBytes(t *testing.T) {
	tracks, units := film(t)
	var seen *tap
	h := open(t, t.TempDir(), func(h *house) {
		seen = &tap{Recorder: h.recorder}
		h.hls.Record = seen
	})
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	h.packaged(t) // without any viewer
	h.end(t)
	lines := h.lines(t)
	var got []byte
	for i, l := range lines {
		b := h.blob(t, l.Key)
		if int64(len(b)) != l.Bytes {
			t.Errorf("line %d says %d bytes, the blob has %d", i, l.Bytes, len(b))
		}
		got = append(got, b...)
		if i > 0 && lines[i-1].Until() != l.From {
			t.Errorf("line %d ends at %d, the next begins at %d", i-1, lines[i-1].Until(), l.From)
		}
	}
	if len(lines) != 4 || !bytes.Equal(got, seen.bytes) {
		t.Fatalf("%d lines with %d bytes of %d", len(lines), len(got), len(seen.bytes))
	}
	if d := total(lines); d != seen.time || d < 7900*time.Millisecond {
		t.Errorf("%v are recorded, %v were packaged", d, seen.time)
	}
	v, err := h.store.Video(t.Context(), "show")
	if err != nil || v.Kind != vod.KindReplay || v.Shop != "shop" {
		t.Errorf("the replay is %+v, %v", v, err)
	}
	left, err := os.ReadDir(h.recorder.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%d files are left in the spool, %v", len(left), err)
	}
}

func TestARehearsalIsNotRecorded(t *testing.T) {
	tracks, units := film(t)
	h := open(t, t.TempDir(), func(h *house) { h.books.rehearsal.Store(true) })
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a viewer of the team to have it packaged", func() bool { return h.hls.Start("show") == nil })
	eventually(t, "the packager", func() bool { s, ok := h.hls.Stats("show"); return ok && s.Bandwidth > 0 })
	h.end(t)
	if lines := h.lines(t); len(lines) != 0 {
		t.Errorf("%d lines of a rehearsal", len(lines))
	}
}

func TestAFullDiskStopsTheRecordingAndNotTheShow(t *testing.T) {
	tracks, units := film(t)
	var full atomic.Bool
	full.Store(true)
	h := open(t, t.TempDir(), func(h *house) {
		h.recorder.Free = func(string) (int64, error) {
			if full.Load() {
				return 1 << 20, nil
			}
			return 1 << 40, nil
		}
	})
	err := h.write(tracks, units[:len(units)*5/8], nil)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the packager to go on", func() bool { s, ok := h.hls.Stats("show"); return ok && s.Bandwidth > 0 })
	eventually(t, "the recorder to stop", func() bool { return errors.Is(h.recorder.Trouble(), vod.ErrDiskFull) })
	full.Store(false)
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the recorder to go on", func() bool { return h.recorder.Trouble() == nil })
	h.end(t)
	if lines := h.lines(t); len(lines) != 4 || lines[0].From < 4_000_000 {
		t.Errorf("%d lines, beginning at %v", len(lines), lines[0].From)
	}
}

// stuckBlobs takes nothing until it is let go.
type stuckBlobs struct {
	*store.Blobs
	free atomic.Bool
}

func (b *stuckBlobs) Put(ctx context.Context, key, contentType string, body io.Reader) error {
	if !b.free.Load() {
		return errors.New("no bucket")
	}
	return b.Blobs.Put(ctx, key, contentType, body)
}

func TestTheSpoolIsBoundedAndCarriedOverARestart(t *testing.T) {
	tracks, units := film(t)
	dir := t.TempDir()
	h := open(t, dir, func(h *house) {
		h.recorder.Blobs = &stuckBlobs{Blobs: h.blobs}
		h.recorder.Config.SpoolBytes = 1 // room for one segment at a time
	})
	if err := h.write(tracks, units, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the spool to be full", func() bool { return errors.Is(h.recorder.Trouble(), vod.ErrSpoolFull) })
	h.hub.End("show")
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "spool"))
	if err != nil || len(left) != 1 {
		t.Fatalf("%d files in the spool, %v", len(left), err)
	}
	again := open(t, dir, nil)
	eventually(t, "the line", func() bool { return len(again.lines(t)) == 1 })
}
