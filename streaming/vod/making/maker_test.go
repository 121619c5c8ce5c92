package making_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/making"
)

// during lets a maker work on a queue for a while of simulated time.
func during(t *testing.T, m *making.Maker, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
}

func announcement(id string) vod.Job {
	return vod.Job{ID: id, Video: "video", Kind: vod.JobAnnounce, DueAt: time.Now(), CreatedAt: time.Now()}
}

// A word that is not taken is said again, after pauses that double up to five minutes, and given up after an hour.
func TestAWordIsSaidAgainWithPausesThatGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &books{now: time.Now}
		jobs.add(announcement("a"))
		said := 0
		m := &making.Maker{Jobs: jobs, Dir: t.TempDir(), Workers: 1, Announce: func(context.Context, vod.Job) error {
			said++
			return errors.New("nobody at home")
		}}
		during(t, m, 2*time.Hour)
		want := []string{}
		for _, pause := range []string{"5s", "10s", "20s", "40s", "1m20s", "2m40s", "5m0s", "5m0s", "5m0s", "5m0s", "5m0s"} {
			want = append(want, "again in "+pause+": internal")
		}
		want = append(want, "failed: internal")
		if got := jobs.told(); !slices.Equal(got, want) || said != len(want) {
			t.Errorf("said %d times: %q", said, got)
		}
	})
}

func TestAWordIsSaidUntilItIsTakenOrRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &books{now: time.Now}
		jobs.add(announcement("a"))
		jobs.add(announcement("b"))
		first := true
		m := &making.Maker{Jobs: jobs, Dir: t.TempDir(), Workers: 1, Announce: func(_ context.Context, j vod.Job) error {
			if j.ID == "b" {
				return errors.Join(making.ErrRefused, errors.New("gone"))
			}
			if first {
				first = false
				return errors.New("later")
			}
			return nil
		}}
		during(t, m, time.Minute)
		if got := jobs.told(); !slices.Equal(got, []string{"again in 5s: internal", "failed: internal", "done"}) {
			t.Errorf("%q", got)
		}
	})
}

// A video whose making goes wrong is tried five times. Without ffmpeg it waits, however long, and so does its file.
func TestAVideoIsTriedFiveTimesAndWaitsForItsTools(t *testing.T) {
	path := t.TempDir() + "/file"
	file := func() { // as long as it is wanted
		if err := os.WriteFile(path, film(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	video := func(id string, body []byte) vod.Job {
		return vod.Job{ID: id, Video: "video", Kind: vod.JobProcess, Body: body, DueAt: time.Now(), CreatedAt: time.Now()}
	}
	synctest.Test(t, func(t *testing.T) {
		jobs := &books{now: time.Now}
		jobs.add(video("a", []byte("[]"))) // cannot be read
		during(t, &making.Maker{Jobs: jobs, Dir: t.TempDir(), Workers: 1, Tools: &develop.Tools{}}, time.Hour)
		want := []string{"again in 5s: internal", "again in 10s: internal", "again in 20s: internal", "again in 40s: internal", "failed: internal"}
		if got := jobs.told(); !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		file()
		jobs := &books{now: time.Now}
		jobs.add(video("b", bodyOf(t, path)))
		m := &making.Maker{Jobs: jobs, Dir: t.TempDir(), Workers: 1, Tools: &develop.Tools{FFmpeg: "/nowhere/ffmpeg", FFprobe: "/nowhere/ffprobe"}}
		during(t, m, 20*time.Minute+time.Second)
		got := jobs.told()
		if len(got) < 18 || slices.ContainsFunc(got, func(one string) bool { return one != "again in 1m0s: no-transcoder" }) {
			t.Errorf("%q", got)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the file that waits for its tools: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		jobs := &books{now: time.Now}
		killer := video("c", bodyOf(t, path))
		killer.Attempt = 5 // each ended with its process
		jobs.add(killer)
		during(t, &making.Maker{Jobs: jobs, Dir: t.TempDir(), Workers: 1, Tools: &develop.Tools{}}, time.Minute)
		if got := jobs.told(); !slices.Equal(got, []string{"failed: " + develop.TooHard}) {
			t.Errorf("%q", got)
		}
	})
}
