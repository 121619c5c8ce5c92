package vod_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// A recording that is as old as it may be goes, on every node's clock and from a folder as from a bucket; the clips that
// were cut out of it stay and play, the one over a gap too, and take their bytes with them when they go.
func TestClipsOutliveTheirRecording(t *testing.T) {
	storetest.EachBucket(t, func(t *testing.T, place store.BlobConfig) {
		for _, layout := range []hls.Layout{hls.Muxed, hls.Grouped} {
			t.Run(string(layout), func(t *testing.T) {
				if place.Dir != "" {
					place.Dir = filepath.Join(place.Dir, string(layout))
				}
				outlive(t, place, layout)
			})
		}
	})
}

func outlive(t *testing.T, place store.BlobConfig, layout hls.Layout) {
	h, files := shown(t, func(h *house) {
		h.hls.Config.Layout = layout
		old := h.blobs
		var err error
		if h.blobs, err = store.OpenBlobs(t.Context(), place); err != nil {
			t.Fatal(err)
		}
		h.recorder.Blobs = h.blobs
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
	})
	other, err := store.OpenBlobs(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	clock := firstWall.Add(time.Minute)
	now := func() time.Time { return clock }
	nodes := []*vod.Library{
		{Videos: h.store, Blobs: h.blobs, Keep: time.Hour, Now: now}, {Videos: h.store, Blobs: other, Keep: time.Hour, Now: now},
	}
	c := &vod.Clipper{Clips: h.store, Store: h.store, Blobs: h.blobs, Library: nodes[0], Now: now}
	cut := func(from, until time.Duration) vod.Video {
		t.Helper()
		v, err := c.Cut(t.Context(), vod.Moment{Broadcast: "show", Shop: "shop", Channel: "c", From: of(from), Until: of(until)})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	within, over := cut(2*time.Second, 3500*time.Millisecond), cut(7*time.Second, 14*time.Second)
	whole := len(h.lines(t))
	age := func(d time.Duration) {
		t.Helper()
		clock = firstWall.Add(d)
		var all sync.WaitGroup
		for _, n := range nodes {
			all.Go(func() {
				if err := errors.Join(n.Expire(t.Context()), n.Sweep(t.Context())); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		tidy(t, h)
	}
	age(59 * time.Minute)
	if n := len(h.lines(t)); n != whole {
		t.Fatalf("%d of %d lines are left before the hour is over", n, whole)
	}
	age(2 * time.Hour)
	if _, err := h.store.Video(t.Context(), "show"); !errors.Is(err, vod.ErrNotFound) {
		t.Errorf("the recording is still found: %v", err)
	}
	if n := len(h.lines(t)); n == 0 || n >= whole {
		t.Fatalf("%d of %d lines are left", n, whole)
	}
	if _, err := c.Cut(t.Context(), vod.Moment{Broadcast: "show", Shop: "shop", Channel: "c", From: of(2 * time.Second), Until: of(3 * time.Second)}); !errors.Is(err, vod.ErrNotFound) {
		t.Errorf("cut out of what is gone: %v", err)
	}
	s := &vod.Server{Store: h.store, Blobs: h.blobs, Broadcasts: h.books, Videos: h.store, Files: files, Preview: func(*http.Request, vod.Video) bool { return true }}
	host := httptest.NewServer(s)
	defer host.Close()
	// The first lasts as long as it was cut; the other has the gap in it.
	for v, want := range map[string][2]time.Duration{within.ID: {1500 * time.Millisecond, 2 * time.Second}, over.ID: {1500 * time.Millisecond, 4 * time.Second}} {
		url := host.URL + "/hls/v/" + v + "/index.m3u8"
		if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-i", url, "-map", "0:v:0", "-map", "0:a:0", "-f", "null", "-"); out != "" {
			t.Errorf("ffmpeg says\n%s", out)
		}
		folder := t.TempDir()
		err := s.Package(t.Context(), v, func(name string, body io.Reader) error {
			b, err := io.ReadAll(body)
			return errors.Join(err, os.WriteFile(filepath.Join(folder, name), b, 0o600))
		})
		if err != nil {
			t.Fatal(err)
		}
		if out := hlstest.Run(t, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-allowed_extensions", "ALL", "-i", filepath.Join(folder, "index.m3u8"), "-f", "null", "-"); out != "" {
			t.Errorf("the package: ffmpeg says\n%s", out)
		}
		film, from, until, err := files.Film(t.Context(), vod.Download{Video: v}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(film)
		if err = errors.Join(err, film.Close()); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, "film.mp4")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, stream := range []string{"v", "a"} {
			seconds, err := strconv.ParseFloat(probe(t, path, stream, "stream=duration"), 64)
			if length := time.Duration(seconds * float64(time.Second)); err != nil || length < want[0]-80*time.Millisecond || length > want[1] {
				t.Errorf("%s of a clip from %v to %v lasts %v: %v", stream, from, until, length, err)
			}
		}
	}
	for _, v := range []vod.Video{within, over} {
		if err := nodes[1].Delete(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		age(3 * time.Hour)
	}
	for key, err := range h.blobs.Keys(t.Context(), "v1/") {
		t.Errorf("a blob is left: %s %v", key, err)
	}
}

// tidy wants every blob that is named to be there, and none that nothing names.
func tidy(t *testing.T, h *house) {
	t.Helper()
	named := map[string]bool{}
	inits, lines, err := h.store.Timeline(t.Context(), vod.Video{Source: "show"})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range inits {
		named[i.Key] = true
	}
	for _, l := range lines {
		named[l.Key] = true
	}
	for key, err := range h.blobs.Keys(t.Context(), "v1/") {
		if err != nil {
			t.Fatal(err)
		}
		if !named[key] {
			t.Errorf("nothing names %s", key)
		}
		delete(named, key)
	}
	for key := range named {
		t.Errorf("%s is named and not there", key)
	}
}

// A recording is deleted by hand as well: its clips stay, a video is no recording, and nothing to delete is fine.
func TestARecordingIsDeletedByHand(t *testing.T) {
	h, _ := shown(t)
	l := &vod.Library{Videos: h.store, Blobs: h.blobs}
	c := &vod.Clipper{Clips: h.store, Store: h.store, Blobs: h.blobs, Library: l}
	v, err := c.Cut(t.Context(), vod.Moment{Broadcast: "show", Shop: "shop", Channel: "c", From: of(2 * time.Second), Until: of(4 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Delete(t.Context(), "show"); !errors.Is(err, vod.ErrVideoState) {
		t.Errorf("a recording was deleted as a video: %v", err)
	}
	if err := l.DeleteRecording(t.Context(), v.ID); !errors.Is(err, vod.ErrVideoState) {
		t.Errorf("a clip was deleted as a recording: %v", err)
	}
	for range 2 {
		if err := errors.Join(l.DeleteRecording(t.Context(), "show"), l.Sweep(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.store.Video(t.Context(), "show"); !errors.Is(err, vod.ErrNotFound) {
		t.Errorf("it is still found: %v", err)
	}
	if kept, _, err := vod.NewFiles(h.store, h.store, h.blobs, stamp{}).Recorded(t.Context(), "show"); err != nil || len(kept) != 0 {
		t.Errorf("of a recording that is gone this is kept: %v %v", kept, err)
	}
	for _, line := range h.lines(t) {
		if line.Until() <= v.From || line.From >= v.Until {
			t.Errorf("a segment from %v is left that no clip plays", line.From)
		}
	}
	tidy(t, h)
	if _, err := l.Video(t.Context(), v.ID); err != nil {
		t.Errorf("its clip: %v", err)
	}
	// A pin of the show that was still to be clipped finds nothing, and nobody waits for it.
	c.Moments = func(context.Context, func(string) bool) ([]vod.Moment, error) {
		return []vod.Moment{{ID: "late", Broadcast: "show", Shop: "shop", Channel: "c", From: of(time.Second), Until: of(6 * time.Second)}}, nil
	}
	if err := errors.Join(c.Look(t.Context()), c.Look(t.Context())); err != nil {
		t.Error(err)
	}
	if found, err := l.List(t.Context(), vod.VideoQuery{Channel: "c"}); err != nil || len(found) != 1 {
		t.Errorf("%d clips, %v", len(found), err)
	}
}
