package vodsql_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

var began = time.Date(2026, 11, 20, 12, 0, 0, 123_456_000, time.UTC)

func video(source string) vod.Video {
	return vod.Video{ID: source, Source: source, Shop: "shop", Kind: vod.KindReplay, CreatedAt: began.Truncate(time.Millisecond)}
}

func start(source, life string) vod.Init {
	return vod.Init{
		Source: source, Rendition: "main", Life: life, Number: 0, Generation: 1, Video: true, Audio: true, Codecs: "avc1.64001f,mp4a.40.2",
		Anchor: mediatime.Anchor{Generation: 1, Media: 5, Wall: began}, Width: 540, Height: 960, Bytes: 700, Key: "v1/shop/" + source + "/1/main/i0-" + life,
	}
}

func line(source, life string, n int64) vod.Line {
	from := 2 * time.Second * time.Duration(n)
	return vod.Line{
		Source: source, Rendition: "main", Life: life, Number: n, Discontinuity: n == 0, Independent: true, Date: began.Add(from),
		From: mediatime.Of(from), Duration: 2*time.Second - time.Microsecond, Bytes: 5 << 32, Key: "v1/shop/x/1/main/1-" + life,
	}
}

func TestATimelineIsWhatWasAddedInOrder(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		s, ctx := &vodsql.Store{DB: db}, t.Context()
		if _, err := s.Video(ctx, "a"); !errors.Is(err, vod.ErrNotFound) {
			t.Fatal(err)
		}
		for _, n := range []int64{2, 0, 1} {
			if has, err := s.Has(ctx, line("a", "1", n)); err != nil || has {
				t.Fatal(has, err)
			}
			for again := range 2 {
				if added, err := s.Add(ctx, video("a"), start("a", "1"), line("a", "1", n)); err != nil || added != (again == 0) {
					t.Fatal(added, err)
				}
			}
			if has, err := s.Has(ctx, line("a", "1", n)); err != nil || !has {
				t.Fatal(has, err)
			}
		}
		if _, err := s.Add(ctx, video("b"), start("b", "1"), line("b", "1", 0)); err != nil {
			t.Fatal(err)
		}
		v, err := s.Video(ctx, "a")
		want1 := video("a")
		want1.State, want1.Approved, want1.PublishedAt = vod.StatePublished, true, want1.CreatedAt
		if diff := cmp.Diff(want1, v); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		inits, lines, err := s.Timeline(ctx, v)
		want := []vod.Line{line("a", "1", 0), line("a", "1", 1), line("a", "1", 2)}
		if diff := cmp.Diff(want, lines); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if diff := cmp.Diff([]vod.Init{start("a", "1")}, inits); diff != "" {
			t.Error(diff)
		}
		if _, lines, err = s.Timeline(ctx, vod.Video{Source: "a", From: 2_500_000, Until: 4_000_000}); err != nil || len(lines) != 1 || lines[0].Number != 1 {
			t.Errorf("a slice holds %v, %v", lines, err)
		}
	})
}

func TestOnlyWhatNoVideoPlaysIsLoose(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		s, ctx := &vodsql.Store{DB: db}, t.Context()
		for _, source := range []string{"old", "new"} {
			for n := range int64(3) {
				l := line(source, "1", n)
				if source == "new" {
					l.Date = l.Date.Add(time.Hour)
				}
				if _, err := s.Add(ctx, video(source), start(source, "1"), l); err != nil {
					t.Fatal(err)
				}
			}
		}
		gone, err := s.Retire(ctx, began.Add(time.Minute), 10)
		if err != nil || len(gone) != 1 || gone[0] != "old" {
			t.Fatalf("retired %v, %v", gone, err)
		}
		if _, err := s.Video(ctx, "old"); !errors.Is(err, vod.ErrNotFound) {
			t.Errorf("a retired video is found: %v", err)
		}
		if lines, inits, err := s.Loose(ctx, "new", 10); err != nil || len(lines)+len(inits) != 0 {
			t.Errorf("%d lines, %d inits of a kept video are loose, %v", len(lines), len(inits), err)
		}
		for _, want := range [][2]int{{2, 0}, {1, 0}, {0, 1}, {0, 0}} {
			lines, inits, err := s.Loose(ctx, "old", 2)
			if err != nil || len(lines) != want[0] || len(inits) != want[1] {
				t.Fatalf("%d lines and %d inits are loose, %v", len(lines), len(inits), err)
			}
			if err := s.Forget(ctx, lines, inits); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(s.Remove(ctx, "old"), s.Remove(ctx, "new")); err != nil {
			t.Fatal(err)
		}
		if gone, err = s.Retire(ctx, began.Add(time.Minute), 10); err != nil || len(gone) != 0 {
			t.Errorf("%v are still there, %v", gone, err)
		}
		if _, err := s.Video(ctx, "new"); err != nil {
			t.Errorf("a kept video was removed: %v", err)
		}
	})
}
