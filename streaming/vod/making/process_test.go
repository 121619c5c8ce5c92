package making_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/making"
)

// A process that is killed at any step of a making, before or after what it asked for was done, leaves a job that the next
// process does: one video is public, every line's blob is there, and no blob is there that nothing names.
func TestAProcessKilledAtAnyStepLeavesOneVideo(t *testing.T) {
	h := build(t)
	tools := &develop.Tools{Limits: develop.Limits{Niceness: 1}} // other tests run beside it
	for _, d := range []struct {
		with    string
		picture bool // is quickly made
		after   bool
	}{
		{"beat " + making.StageProbe, true, false}, {"beat " + making.StageEncode, false, true}, {"beat " + making.StagePictures, true, false},
		{"beat " + making.StageStore, true, true}, {"put ", false, true}, {"put ", true, false}, {"finish", false, false}, {"finish", true, true},
	} {
		id := strings.ReplaceAll(fmt.Sprintf("%s-%v-%v", d.with, d.picture, d.after), " ", "-")
		file := film(t)
		if d.picture {
			file = still(t)
		}
		h.send(t, id, file)
		ctx, stop := context.WithCancel(t.Context())
		dies := &dying{Jobs: h.rows, blobs: h.blobs, with: d.with, after: d.after, stop: stop}
		if err := h.maker(dies, dies, tools).Run(ctx); err != nil {
			t.Fatal(err)
		}
		stop()
		runs(t, h.maker(h.rows, h.blobs, tools), id+" to be public", func() bool { return h.public(t, id) })
		h.tidy(t, id)
	}
}

// public tells whether a video is, and nothing is left to do for it.
func (h *house) public(t *testing.T, id string) bool {
	t.Helper()
	v, err := h.rows.Video(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	j, ok, err := h.rows.JobOf(t.Context(), id, vod.JobProcess)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if v.State == vod.StateFailed {
		t.Fatalf("%s failed: %s", id, v.Problem)
	}
	return v.State == vod.StatePublished && j.State == vod.JobDone
}

// tidy wants one life's lines, with their blobs, and no blob beside them.
func (h *house) tidy(t *testing.T, id string) {
	t.Helper()
	v, err := h.rows.Video(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	inits, lines, err := h.rows.Timeline(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	named, lives := map[string]bool{v.Poster.Key: true}, map[string]bool{}
	if v.Kind == vod.KindPicture {
		lives["none"] = true
	} else {
		named[v.Board.Key] = true
	}
	for _, i := range inits {
		named[i.Key], lives[i.Life] = true, true
	}
	for _, l := range lines {
		named[l.Key], lives[l.Life] = true, true
	}
	if len(lives) != 1 || len(lines) < 2 && v.Kind != vod.KindPicture {
		t.Errorf("%s: %d lines of the attempts %v", id, len(lines), lives)
	}
	for key, err := range h.blobs.Keys(t.Context(), "v1/shop/"+id+"/") {
		if err != nil {
			t.Fatal(err)
		}
		if !named[key] {
			t.Errorf("%s: nothing names %s", id, key)
		}
		delete(named, key)
	}
	for key := range named {
		t.Errorf("%s: %s is named and not there", id, key)
	}
}

// looking is a pair of programs that look at a file for as long as a gate is shut, and then find nothing in it.
func looking(t *testing.T) (tools *develop.Tools, running func() []string, open func()) {
	t.Helper()
	dir := t.TempDir()
	// A child of the cage may write nothing; it may make folders.
	script := "#!/bin/sh\nmkdir '" + dir + "'/run.$$\nwhile [ ! -d '" + dir + "'/go ]; do sleep 0.02; done\nrmdir '" + dir + "'/run.$$\nexit 1\n"
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	running = func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "run.*"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range found {
			found[i] = strings.TrimPrefix(filepath.Ext(found[i]), ".")
		}
		return found
	}
	open = func() {
		if err := os.Mkdir(filepath.Join(dir, "go"), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
	return &develop.Tools{FFmpeg: filepath.Join(dir, "ffmpeg")}, running, open
}

// As many videos are made at a time as there are workers; the others wait, and each comes to its turn.
func TestAsManyVideosAreMadeAsThereAreWorkers(t *testing.T) {
	h := build(t)
	tools, running, open := looking(t)
	ids := []string{"a", "b", "c", "d", "e"}
	for _, id := range ids {
		h.send(t, id, film(t))
	}
	states := func() (n map[vod.JobState]int) {
		n = map[vod.JobState]int{}
		for _, id := range ids {
			j, _, err := h.rows.JobOf(t.Context(), id, vod.JobProcess)
			if err != nil {
				t.Fatal(err)
			}
			n[j.State]++
		}
		return n
	}
	m := h.maker(h.rows, h.blobs, tools)
	m.Workers = 2
	opened := false
	runs(t, m, "every video to be looked at", func() bool {
		if n := states(); n[vod.JobFailed] == 0 && !opened { // from then on they change while they are looked at
			now := len(running())
			if now > 2 || n[vod.JobRunning] > 2 {
				t.Fatalf("%d are at work at the same time, %v", now, n)
			}
			if opened = now == 2 && n[vod.JobRunning] == 2; opened {
				open()
			}
		}
		return states()[vod.JobFailed] == len(ids)
	})
	if v, err := h.rows.Video(t.Context(), "a"); err != nil || v.State != vod.StateFailed || v.Problem != develop.Broken {
		t.Errorf("%+v %v", v, err)
	}
	if left, err := os.ReadDir(filepath.Join(h.dir, "making")); err != nil || len(left) != 0 {
		t.Errorf("%d work folders are left: %v", len(left), err)
	}
}
