package vodsql_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/store/storetest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

var now = began.Truncate(time.Millisecond)

func short(id string) vod.Video {
	return vod.Video{
		ID: id, Source: id, Shop: "shop", Channel: "channel", Kind: vod.KindShort, State: vod.StateProcessing, Title: "كتّان", Language: "ar", By: "noor",
		CreatedAt: now, ChangedAt: now,
	}
}

func jobOf(id string) vod.Job {
	return vod.Job{ID: "job-" + id, Video: id, Shop: "shop", Kind: vod.JobProcess, Depot: "here", Stage: "waiting", Body: []byte("{}"), DueAt: now, CreatedAt: now}
}

func made(id, life string) vod.Made {
	i, l := start(id, life), line(id, life, 0)
	return vod.Made{Inits: []vod.Init{i}, Lines: []vod.Line{l}, Apply: func(v *vod.Video, p vod.Policy) vod.Changed {
		v.Duration, v.Width, v.Height, v.FrameRate = 8*time.Second, 720, 1280, 29.97
		v.Poster = &vod.Image{Key: "v1/p", Bytes: 5, Width: 3, Height: 4}
		v.Board = &vod.Board{Image: *v.Poster, Every: 2 * time.Second, Columns: 2, Count: 4, TileWidth: 90, TileHeight: 160}
		return v.Arrived(p, false, now)
	}}
}

func TestAJobIsDoneOnceWhoeverDies(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		s, ctx := &vodsql.Store{DB: db}, t.Context()
		for again := range 2 {
			if added, err := s.Create(ctx, short("a"), jobOf("a")); err != nil || added != (again == 0) {
				t.Fatal(added, err)
			}
		}
		if _, ok, err := s.Claim(ctx, "w", "elsewhere", vod.JobProcess, now, now.Add(time.Minute)); ok || err != nil {
			t.Fatal("a job was given to a folder that has not its file", err)
		}
		first, ok, err := s.Claim(ctx, "w1", "here", vod.JobProcess, now, now.Add(time.Minute))
		if !ok || err != nil || first.Attempt != 1 {
			t.Fatal(first, ok, err)
		}
		if _, ok, err := s.Claim(ctx, "w2", "here", vod.JobProcess, now.Add(59*time.Second), now); ok || err != nil {
			t.Fatal("a leased job was given away", err)
		}
		first.Stage, first.Progress = "encode", 300
		if err := s.Beat(ctx, first, now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if j, ok, err := s.JobOf(ctx, "a", vod.JobProcess); !ok || err != nil || j.Stage != "encode" || j.Progress != 300 {
			t.Error(j, ok, err)
		}
		// The first one is gone with its process; the next takes over, and the first comes back from the dead.
		if n, err := s.Free(ctx, "here", now); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		second, ok, err := s.Claim(ctx, "w2", "here", vod.JobProcess, now, now.Add(time.Minute))
		if !ok || err != nil || second.Attempt != 2 {
			t.Fatal(second, ok, err)
		}
		for name, err := range map[string]error{
			"beat": s.Beat(ctx, first, now), "later": s.Later(ctx, first, now, "x"), "fail": s.Fail(ctx, first, "x", now),
			"finish": func() error { _, err := s.Finish(ctx, first, made("a", "1"), now); return err }(),
		} {
			if !errors.Is(err, vod.ErrLost) {
				t.Errorf("%s of who lost the job: %v", name, err)
			}
		}
		if err := s.Later(ctx, second, now.Add(time.Second), "trouble"); err != nil {
			t.Fatal(err)
		}
		if _, ok, _ := s.Claim(ctx, "w3", "here", vod.JobProcess, now, now); ok {
			t.Error("a job was given out before its time")
		}
		third, ok, err := s.Claim(ctx, "w3", "here", vod.JobProcess, now.Add(time.Second), now.Add(time.Minute))
		if !ok || err != nil || third.Problem != "trouble" {
			t.Fatal(third, ok, err)
		}
		v, err := s.Finish(ctx, third, made("a", "3"), now)
		if err != nil || v.State != vod.StateDraft {
			t.Fatal(v, err)
		}
		got, err := s.Video(ctx, "a")
		if diff := cmp.Diff(v, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		inits, lines, err := s.Timeline(ctx, v)
		if err != nil || len(inits) != 1 || len(lines) != 1 || lines[0].Life != "3" {
			t.Errorf("%v, %v, %v: want what the last attempt made, once", inits, lines, err)
		}
		if _, err := s.Finish(ctx, third, made("a", "4"), now); !errors.Is(err, vod.ErrLost) {
			t.Errorf("a job was finished twice: %v", err)
		}
	})
}

func TestAFailedJobFailsItsVideo(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		s, ctx := &vodsql.Store{DB: db}, t.Context()
		if _, err := s.Create(ctx, short("a"), jobOf("a")); err != nil {
			t.Fatal(err)
		}
		j, _, err := s.Claim(ctx, "w", "here", vod.JobProcess, now, now.Add(time.Minute))
		if err = errors.Join(err, s.Fail(ctx, j, "too-long", now)); err != nil {
			t.Fatal(err)
		}
		if v, err := s.Video(ctx, "a"); err != nil || v.State != vod.StateFailed || v.Problem != "too-long" {
			t.Error(v, err)
		}
		if _, ok, _ := s.Claim(ctx, "w", "here", vod.JobProcess, now.Add(time.Hour), now.Add(2*time.Hour)); ok {
			t.Error("a failed job was given out again")
		}
	})
}

func TestWhatIsPublicWhenAndForWhom(t *testing.T) {
	storetest.Each(t, store.Activity, func(t *testing.T, db *store.DB) {
		s := &vodsql.Store{DB: db}
		clock := now
		l, ctx := &vod.Library{Videos: s, Now: func() time.Time { return clock }}, t.Context()
		for _, id := range []string{"a", "b"} {
			if _, err := s.Create(ctx, short(id), jobOf(id)); err != nil {
				t.Fatal(err)
			}
			j, _, err := s.Claim(ctx, "w", "here", vod.JobProcess, now, now.Add(time.Minute))
			if err == nil {
				_, err = s.Finish(ctx, j, made(id, "1"), now)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		public := func() int {
			found, err := l.List(ctx, vod.VideoQuery{Public: true})
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		if n := public(); n != 0 {
			t.Fatalf("%d drafts are public", n)
		}
		if v, err := l.Publish(ctx, "a", time.Time{}); err != nil || v.State != vod.StatePublished || !v.PublishedAt.Equal(now) {
			t.Fatal(v, err)
		}
		if v, err := l.Publish(ctx, "b", now.Add(time.Hour)); err != nil || v.State != vod.StateScheduled || v.Public(now) || !v.Public(now.Add(time.Hour)) {
			t.Fatal(v, err)
		}
		clock = now.Add(time.Hour)
		if err := l.Due(ctx); err != nil || public() != 2 {
			t.Errorf("%d are public an hour later, %v", public(), err)
		}
		// From now on the shop wants to see first: a change of what is public takes it out of sight and tells.
		if err := s.SetPolicy(ctx, vod.Policy{Shop: "shop", Review: true, Webhook: "https://judge.example/", Secret: "sealed"}, clock); err != nil {
			t.Fatal(err)
		}
		caption := "New words"
		if v, err := l.Edit(ctx, "a", vod.Edit{Caption: &caption, Tags: &[]vod.Tag{{Product: "p", From: 1}, {Product: "q", From: 2, Until: 5}}}); err != nil || v.State != vod.StateReview {
			t.Fatal(v, err)
		}
		if j, ok, err := s.JobOf(ctx, "a", vod.JobAnnounce); !ok || err != nil || j.State != vod.JobWaiting {
			t.Error("nobody is told", j, ok, err)
		}
		tags, err := l.Tags(ctx, "a")
		if err != nil || len(tags) != 2 || tags[1].Product != "q" || tags[1].Until != mediatime.Time(5) {
			t.Error(tags, err)
		}
		if v, err := l.Judge(ctx, "a", false, "blurred"); err != nil || v.State != vod.StateHidden || v.Reason != "blurred" {
			t.Error(v, err)
		}
		if v, err := l.Publish(ctx, "a", time.Time{}); err != nil || v.State != vod.StateReview {
			t.Error("a rejected video went round the review", v, err)
		}
		if v, err := l.Judge(ctx, "a", true, ""); err != nil || v.State != vod.StatePublished {
			t.Error(v, err)
		}
		if err := l.Delete(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Video(ctx, "a"); !errors.Is(err, vod.ErrNotFound) {
			t.Error("a deleted video is found", err)
		}
		if lines, inits, err := s.Loose(ctx, "a", 10); err != nil || len(lines) != 1 || len(inits) != 0 {
			t.Error(lines, inits, err)
		}
		if lines, _, err := s.Loose(ctx, "b", 10); err != nil || len(lines) != 0 {
			t.Error("lines of a public video are loose", lines, err)
		}
	})
}
