package making_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/making"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// books is a queue in memory, with what was said about each job.
type books struct {
	vod.Jobs // what is not asked for here
	now      func() time.Time

	mu     sync.Mutex
	jobs   []*vod.Job
	events []string
}

func (b *books) add(j vod.Job) {
	b.mu.Lock()
	defer b.mu.Unlock()
	j.State = vod.JobWaiting
	b.jobs = append(b.jobs, &j)
}

func (b *books) Free(context.Context, string, time.Time) (int, error) { return 0, nil }

func (b *books) Claim(_ context.Context, worker, _ string, kind vod.JobKind, now, until time.Time) (vod.Job, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, j := range b.jobs {
		if (j.State == vod.JobWaiting || j.State == vod.JobRunning) && j.Kind == kind && !j.DueAt.After(now) {
			j.State, j.Worker, j.DueAt = vod.JobRunning, worker, until
			j.Attempt++
			return *j, true, nil
		}
	}
	return vod.Job{}, false, nil
}

// say changes a job that its worker still holds.
func (b *books) say(j vod.Job, event string, change func(*vod.Job)) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.jobs {
		if one.ID == j.ID && one.Worker == j.Worker && one.Attempt == j.Attempt && one.State == vod.JobRunning {
			change(one)
			if event != "" {
				b.events = append(b.events, event)
			}
			return nil
		}
	}
	return vod.ErrLost
}

func (b *books) Beat(_ context.Context, j vod.Job, until time.Time) error {
	return b.say(j, "", func(one *vod.Job) { one.DueAt, one.Stage, one.Progress, one.Body = until, j.Stage, j.Progress, j.Body })
}

func (b *books) Later(_ context.Context, j vod.Job, at time.Time, problem string) error {
	return b.say(j, fmt.Sprintf("again in %v: %s", at.Sub(b.now()), problem), func(one *vod.Job) { one.State, one.DueAt, one.Problem = vod.JobWaiting, at, problem })
}

func (b *books) Fail(_ context.Context, j vod.Job, problem string, _ time.Time) error {
	return b.say(j, "failed: "+problem, func(one *vod.Job) { one.State, one.Problem = vod.JobFailed, problem })
}

func (b *books) Finish(_ context.Context, j vod.Job, _ vod.Made, _ time.Time) (vod.Video, error) {
	return vod.Video{}, b.say(j, "done", func(one *vod.Job) { one.State = vod.JobDone })
}

func (b *books) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.events...)
}

// house is what outlives a maker: the rows, the blobs and the uploaded files.
type house struct {
	rows  *vodsql.Store
	blobs *store.Blobs
	dir   string
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{dir: t.TempDir()}
	db, err := store.Open(t.Context(), store.Config{Dir: h.dir}, store.Activity)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	h.rows = &vodsql.Store{DB: db}
	if h.blobs, err = store.OpenBlobs(t.Context(), store.BlobConfig{Dir: filepath.Join(h.dir, "blobs")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.blobs.Close() })
	return h
}

// send puts a file into the house, as an upload leaves it, with the wish that it be public.
func (h *house) send(t *testing.T, id string, file []byte) {
	t.Helper()
	path := filepath.Join(h.dir, id)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().UTC().Truncate(time.Millisecond)
	v := vod.Video{ID: id, Source: id, Shop: "shop", Channel: "channel", Kind: vod.KindShort, State: vod.StateProcessing, PublishAt: at, CreatedAt: at, ChangedAt: at}
	j, err := making.JobOf(v, "job-"+id, "here", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.rows.Create(t.Context(), v, j); err != nil {
		t.Fatal(err)
	}
}

func (h *house) maker(jobs vod.Jobs, blobs vod.Blobs, tools *develop.Tools) *making.Maker {
	return &making.Maker{Jobs: jobs, Blobs: blobs, Tools: tools, Dir: filepath.Join(h.dir, "making"), Depot: "here", Workers: 1}
}

// runs has a maker work until done says so, and then ends it as a process is ended that was asked to.
func runs(t *testing.T, m *making.Maker, what string, done func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	eventually(t, what, done)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// clip is a small video with sound, and picture a picture; each is made once.
var (
	clip = sync.OnceValues(func() ([]byte, error) {
		return made("clip.mp4", "-f", "lavfi", "-i", "sine", "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
	})
	picture = sync.OnceValues(func() ([]byte, error) { return made("picture.png", "-frames:v", "1") })
)

func made(name string, args ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "hawker-making-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, name)
	args = append(append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x96:r=10"}, args...), path)
	if out, err := exec.Command("ffmpeg", args...).CombinedOutput(); err != nil {
		return nil, errors.Join(err, errors.New(string(out)))
	}
	return os.ReadFile(path)
}

func still(t *testing.T) []byte {
	t.Helper()
	b, err := picture()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func film(t *testing.T) []byte {
	t.Helper()
	b, err := clip()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bodyOf(t *testing.T, path string) []byte {
	t.Helper()
	b, err := json.Marshal(making.Body{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// errDead is what a process that was killed would not have heard.
var errDead = errors.New("the process is gone")

// dying is the rows and the blobs as a process sees them that is killed before or after one of its steps.
type dying struct {
	vod.Jobs
	blobs *store.Blobs
	with  string // what the step begins with that it dies with
	after bool   // what it asked for in that step was done
	stop  func()

	mu   sync.Mutex
	dead bool
}

// step does what was asked for; the last time perhaps, and then never again.
func (d *dying) step(name string, do func() error) error {
	d.mu.Lock()
	was := d.dead
	d.dead = was || strings.HasPrefix(name, d.with)
	dies := d.dead
	d.mu.Unlock()
	switch {
	case was:
		return errDead
	case !dies:
		return do()
	}
	defer d.stop()
	if d.after {
		return errors.Join(do(), errDead)
	}
	return errDead
}

func (d *dying) Beat(ctx context.Context, j vod.Job, until time.Time) error {
	return d.step("beat "+j.Stage, func() error { return d.Jobs.Beat(ctx, j, until) })
}

func (d *dying) Later(context.Context, vod.Job, time.Time, string) error { return errDead }

func (d *dying) Fail(context.Context, vod.Job, string, time.Time) error { return errDead }

func (d *dying) Finish(ctx context.Context, j vod.Job, m vod.Made, now time.Time) (v vod.Video, err error) {
	err = d.step("finish", func() error { v, err = d.Jobs.Finish(ctx, j, m, now); return err })
	return v, err
}

func (d *dying) Put(ctx context.Context, key, contentType string, body io.Reader) error {
	return d.step("put "+key, func() error { return d.blobs.Put(ctx, key, contentType, body) })
}

func (d *dying) Range(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	return d.blobs.Range(ctx, key, offset, length)
}

func (d *dying) Delete(ctx context.Context, key string) error {
	return d.step("delete", func() error { return d.blobs.Delete(ctx, key) })
}
