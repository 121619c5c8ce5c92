package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var makingColumns = []string{"at", "seed", "commit", "result", "kills", "stages", "videos", "public", "decoded", "seconds", "notes"}

// stages are those of a making, in their order.
var stages = []string{"waiting", "probe", "encode", "pictures", "store", "done"}

const (
	stageWithin  = 2 * time.Minute
	publicWithin = 3 * time.Minute
	stageJitter  = 300 * time.Millisecond
)

// making is videos that are made by a server that is killed at each stage of one of them.
type making struct {
	site
	seed   uint64
	film   []byte
	frames int

	client *client
	server *server
	result makingFigures
}

// makingFigures are one line of the evidence.
type makingFigures struct {
	Kills, Videos, Public, Frames int
	Stages                        []string // that were on when the kills came
	Took                          time.Duration
	Notes                         []string
}

func (f *makingFigures) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

func (f *makingFigures) clean() bool { return len(f.Notes) == 0 && f.Public == f.Videos }

func (f *makingFigures) String() string {
	text := fmt.Sprintf("%d kills (%s), %d videos, %d public, %d pictures decoded; %v", f.Kills, strings.Join(f.Stages, " "), f.Videos, f.Public, f.Frames, f.Took.Round(100*time.Millisecond))
	if len(f.Notes) > 0 {
		text += "\n  " + strings.Join(f.Notes, "\n  ")
	}
	return text
}

func (f *makingFigures) line(seed uint64, sources string) []string {
	result := "clean"
	if !f.clean() {
		result = "found"
	}
	return []string{
		time.Now().UTC().Format(time.RFC3339), strconv.FormatUint(seed, 10), sources, result, strconv.Itoa(f.Kills), strings.Join(f.Stages, " "),
		strconv.Itoa(f.Videos), strconv.Itoa(f.Public), strconv.Itoa(f.Frames), fmt.Sprintf("%.1f", f.Took.Seconds()), strings.Join(f.Notes, "; "),
	}
}

// makeThroughKills lives through trials of a making.
func makeThroughKills(ctx context.Context, s series, binary string) error {
	film, frames, err := makeShort(ctx)
	if err != nil {
		return err
	}
	s.columns = makingColumns
	return s.live(ctx, func(dir string, seed uint64) (outcome, error) {
		m := &making{site: site{binary: binary, dir: dir}, seed: seed, film: film, frames: frames}
		err := m.run(ctx)
		return &m.result, err
	})
}

// makeShort makes what is sent: a small video of three segments, with sound.
func makeShort(ctx context.Context) (film []byte, frames int, err error) {
	dir, err := os.MkdirTemp("", "hawker-short-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "short.mp4")
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=144x256:r=30", "-f", "lavfi", "-i", "sine=sample_rate=48000",
		"-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", path).CombinedOutput()
	if err != nil {
		return nil, 0, fmt.Errorf("make the video: %w: %s", err, out)
	}
	film, err = os.ReadFile(path)
	return film, 180, err
}

func (m *making) run(ctx context.Context) (err error) {
	began := time.Now()
	rng := rand.New(rand.NewPCG(m.seed, 11))
	m.client = newClient(8)
	defer m.client.http.CloseIdleConnections()
	defer func() {
		if m.server != nil {
			m.server.kill()
		}
	}()
	if m.server, err = m.start(ctx, 0); err != nil {
		return err
	}
	m.client.use(m.server)
	var ids []string
	for _, stage := range stages {
		id, err := m.send(ctx)
		if err != nil {
			return err
		}
		ids = append(ids, id)
		// The wish is kept while it is made.
		if err := m.client.call(ctx, "PUT", "/v1/videos/"+id+"/publication", "creator", "", struct{}{}, nil); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
		if err := m.reach(ctx, id, stage); err != nil {
			return err
		}
		if stage == "encode" { // the others are over at once
			if err := pause(ctx, time.Duration(rng.Int64N(int64(stageJitter)))); err != nil {
				return err
			}
		}
		saw, _, err := m.look(ctx, id)
		if err != nil {
			return err
		}
		m.server.kill()
		m.result.Kills, m.result.Stages = m.result.Kills+1, append(m.result.Stages, saw)
		if m.server, err = m.start(ctx, 0); err != nil {
			return err
		}
		m.client.use(m.server)
	}
	m.result.Videos = len(ids)
	for _, id := range ids {
		if err := m.public(ctx, id); err != nil {
			return err
		}
	}
	if err := m.listed(ctx, ids); err != nil {
		return err
	}
	if stopped := m.server.stop(); stopped != nil {
		m.result.note("the server ends badly: %v", stopped)
	}
	if report, err := m.verify(); err != nil {
		m.result.note("verify: %v: %.300s", err, report)
	}
	for _, id := range ids {
		m.oneLife(id)
	}
	m.result.Took = time.Since(began)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// look tells at which stage the making of a video is, and the video's state.
func (m *making) look(ctx context.Context, id string) (stage, state string, err error) {
	var v struct {
		State, Problem string
		Progress       *struct{ Stage string }
	}
	if err := m.client.call(ctx, "GET", "/v1/videos/"+id, "creator", "", nil, &v); err != nil {
		return "", "", fmt.Errorf("look at a video: %w", err)
	}
	if v.State == "failed" {
		return "", "", fmt.Errorf("video %s failed: %s", id, v.Problem)
	}
	if v.Progress == nil {
		return "done", v.State, nil
	}
	return v.Progress.Stage, v.State, nil
}

// reach waits until a video's making is at a stage, or past it: a stage may be over before it is seen.
func (m *making) reach(ctx context.Context, id, stage string) error {
	late := time.After(stageWithin)
	for {
		saw, _, err := m.look(ctx, id)
		if err != nil {
			return err
		}
		if slices.Index(stages, saw) >= slices.Index(stages, stage) {
			return nil
		}
		select {
		case <-late:
			return fmt.Errorf("video %s did not come to %s within %v", id, stage, stageWithin)
		default:
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return err
		}
	}
}

// public waits until a video is, and plays it from its beginning to its end.
func (m *making) public(ctx context.Context, id string) error {
	late := time.After(publicWithin)
	for {
		_, state, err := m.look(ctx, id)
		if err != nil {
			return err
		}
		if state == "published" {
			break
		}
		select {
		case <-late:
			m.result.note("video %s is %s after %v", id, state, publicWithin)
			return nil
		default:
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	m.result.Public++
	frames, problems := decoded(ctx, m.server.url+"/hls/v/"+id+"/index.m3u8")
	for _, one := range problems {
		m.result.note("video %s: ffmpeg: %s", id, one)
	}
	if m.result.Frames += frames; frames < m.frames-1 || frames > m.frames+1 {
		m.result.note("video %s: %d pictures came out, %d were sent", id, frames, m.frames)
	}
	return nil
}

// listed wants each video to be among the public ones, once.
func (m *making) listed(ctx context.Context, ids []string) error {
	var list struct{ Items []struct{ ID, Kind string } }
	if err := m.client.call(ctx, "GET", "/v1/videos?limit=100&kind=short", "viewer", "", nil, &list); err != nil {
		return fmt.Errorf("list the videos: %w", err)
	}
	seen := map[string]int{}
	for _, one := range list.Items {
		seen[one.ID]++
	}
	for _, id := range ids {
		if seen[id] != 1 {
			m.result.note("video %s is listed %d times", id, seen[id])
		}
	}
	if len(seen) != len(ids) {
		m.result.note("%d videos are public, %d were sent", len(seen), len(ids))
	}
	return nil
}

// oneLife wants the blobs of one attempt, and of no other. The file of a write that the kill cut off is no blob: the
// sweep takes it.
func (m *making) oneLife(id string) {
	lives := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(m.data(), "blobs"), func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(path, "/"+id+"/") && !strings.HasSuffix(path, ".attrs") && !strings.HasSuffix(path, ".tmp") {
			lives[path[strings.LastIndex(path, "-")+1:]] = true
		}
		return err
	})
	if err != nil || len(lives) != 1 {
		m.result.note("video %s: blobs of %d attempts: %v", id, len(lives), err)
	}
}

// send uploads the film and returns its video.
func (m *making) send(ctx context.Context) (id string, err error) {
	u := tus{client: m.client.http, server: m.server}
	if id, err = u.begin(ctx, int64(len(m.film))); err != nil {
		return "", err
	}
	return id, u.add(ctx, id, 0, bytes.NewReader(m.film))
}
