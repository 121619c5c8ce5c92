package making

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Stages of a job, in their order, and where each ends of 1000.
const (
	StageWait     = "waiting"
	StageProbe    = "probe"
	StageEncode   = "encode"
	StagePictures = "pictures"
	StageStore    = "store"
	StageDone     = "done"
	StageFailed   = "failed"
)

var stageEnds = map[string][2]int{StageProbe: {0, 20}, StageEncode: {20, 880}, StagePictures: {880, 920}, StageStore: {920, 1000}}

// Body is what a process job carries.
type Body struct {
	Path string   `json:"path"`           // of the file
	Keys []string `json:"keys,omitempty"` // of blobs that an attempt may have stored
}

// JobOf makes the first job of an uploaded video.
func JobOf(v vod.Video, id, depot, path string) (vod.Job, error) {
	body, err := json.Marshal(Body{Path: path})
	return vod.Job{
		ID: id, Video: v.ID, Shop: v.Shop, Kind: vod.JobProcess, Depot: depot, Stage: StageWait, Body: body, DueAt: v.CreatedAt, CreatedAt: v.CreatedAt,
	}, err
}

// work is one attempt. Its job is told how far it is by the attempt, and written by the beat.
type work struct {
	m    *Maker
	body Body

	telling sync.Mutex // held over a beat

	mu  sync.Mutex
	job vod.Job
}

// process makes a video out of a file.
func (m *Maker) process(ctx context.Context, j vod.Job) error {
	if j.Attempt > attemptsMax && j.Problem != problemTools {
		return errors.Join(&develop.RefusedError{Code: develop.TooHard}, errors.New("every attempt ended with the process"))
	}
	w := &work{m: m, job: j}
	if err := json.Unmarshal(j.Body, &w.body); err != nil {
		return fmt.Errorf("read a job: %w", err)
	}
	ctx, lost := context.WithCancelCause(ctx)
	defer lost(nil)
	beat, stop := context.WithCancel(ctx)
	var beating sync.WaitGroup
	beating.Go(func() { w.beatOn(beat, lost) })
	err := w.attempt(ctx)
	stop()
	beating.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, vod.ErrLost) {
		err = cause
	}
	if clean := os.RemoveAll(m.workDir(j)); clean != nil {
		m.logger().Warn("a work folder was not removed; the next start does", "err", clean)
	}
	return err
}

// beatOn keeps the lease and tells how far the job is.
func (w *work) beatOn(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.beat(ctx); errors.Is(err, vod.ErrLost) {
			lost(err)
			return
		}
	}
}

// beat writes the lease and how far it is, one after the other: what was known before must not be written over what came
// after it.
func (w *work) beat(ctx context.Context) error {
	w.telling.Lock()
	defer w.telling.Unlock()
	w.mu.Lock()
	j := w.job
	w.mu.Unlock()
	return w.m.Jobs.Beat(ctx, j, w.m.now().Add(lease))
}

// stage says what is done now, at once.
func (w *work) stage(ctx context.Context, name string) error {
	w.mu.Lock()
	w.job.Stage, w.job.Progress = name, stageEnds[name][0]
	w.mu.Unlock()
	return w.beat(ctx)
}

func (w *work) done(of1000 int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ends := stageEnds[w.job.Stage]
	w.job.Progress = ends[0] + (ends[1]-ends[0])*of1000/1000
}

// made is what lies in the work folder.
type made struct {
	facts  develop.Facts
	films  []develop.Rendition
	splits []develop.Split
	poster develop.Still
	board  develop.Sheet
	length time.Duration
}

func (w *work) attempt(ctx context.Context) error {
	// What an attempt before left behind would be found by nobody.
	for _, key := range w.body.Keys {
		if err := w.m.Blobs.Delete(ctx, key); err != nil {
			return err
		}
	}
	dir := w.m.workDir(w.job)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := w.stage(ctx, StageProbe); err != nil {
		return err
	}
	var out made
	var err error
	if out.facts, err = w.m.Tools.Probe(ctx, w.body.Path); err != nil {
		return err
	}
	if err := w.develop(ctx, dir, &out); err != nil {
		return err
	}
	return w.keep(ctx, out)
}

func (w *work) develop(ctx context.Context, dir string, out *made) (err error) {
	if out.facts.Kind == develop.Picture {
		if err := w.stage(ctx, StagePictures); err != nil {
			return err
		}
		out.poster, err = w.m.Tools.Picture(ctx, w.body.Path, dir, out.facts)
		return err
	}
	if err := w.stage(ctx, StageEncode); err != nil {
		return err
	}
	if out.films, err = w.m.Tools.Film(ctx, w.body.Path, dir, out.facts, w.done); err != nil {
		return err
	}
	if err := w.stage(ctx, StagePictures); err != nil {
		return err
	}
	for _, r := range out.films {
		s, err := develop.SplitFile(r.Path)
		if err != nil {
			return err
		}
		out.splits = append(out.splits, s)
		last := s.Segments[len(s.Segments)-1]
		if r.Name == "main" {
			out.length = time.Duration(last.From)*time.Microsecond + last.Duration
		}
	}
	out.poster, out.board, err = w.m.Tools.Stills(ctx, out.films, out.length, dir)
	return err
}

// put is a blob to be stored: a stretch of a file.
type put struct {
	key, kind, path string
	offset, bytes   int64
}

// keep stores the blobs, then ends the job together with the video's lines.
func (w *work) keep(ctx context.Context, out made) error {
	j := w.job
	life := fmt.Sprintf("%s%02d", j.ID[max(0, len(j.ID)-6):], j.Attempt)
	base := fmt.Sprintf("v1/%s/%s/1/", j.Shop, j.Video)
	var puts []put
	var result vod.Made
	anchor := mediatime.Anchor{Generation: 1, Wall: j.CreatedAt}
	for i, r := range out.films {
		s := out.splits[i]
		start := put{base + r.Name + "/i0-" + life, "video/mp4", r.Path, s.Init.Offset, s.Init.Bytes}
		puts = append(puts, start)
		result.Inits = append(result.Inits, vod.Init{
			Source: j.Video, Rendition: r.Name, Life: life, Generation: 1, Anchor: anchor, Video: r.Name != "audio", Audio: r.Name == "audio",
			Codecs: s.Codecs, Width: r.Width, Height: r.Height, Bytes: start.bytes, Key: start.key,
		})
		for n, piece := range s.Segments {
			one := put{fmt.Sprintf("%s%s/%d-%s", base, r.Name, n, life), "video/mp4", r.Path, piece.Offset, piece.Bytes}
			puts = append(puts, one)
			from := mediatime.Time(piece.From)
			result.Lines = append(result.Lines, vod.Line{
				Source: j.Video, Rendition: r.Name, Life: life, Number: int64(n), Independent: true, Date: anchor.Date(from), From: from,
				Duration: piece.Duration, Bytes: piece.Bytes, Key: one.key,
			})
		}
	}
	poster, board, err := w.stills(out, base, life, &puts)
	if err != nil {
		return err
	}
	if err := w.store(ctx, puts); err != nil {
		return err
	}
	result.Apply = func(v *vod.Video, p vod.Policy) vod.Changed {
		v.Poster, v.Board, v.Duration = poster, board, out.length
		v.Width, v.Height, v.FrameRate = poster.Width, poster.Height, 0
		if len(out.films) > 0 {
			v.Width, v.Height, v.FrameRate = out.films[0].Width, out.films[0].Height, out.facts.Rate.Float()
		}
		return v.Arrived(p, out.facts.Kind == develop.Picture, w.m.now())
	}
	w.mu.Lock()
	j = w.job
	w.mu.Unlock()
	_, err = w.m.Jobs.Finish(ctx, j, result, w.m.now())
	if errors.Is(err, vod.ErrNotFound) { // it was deleted meanwhile: so is what was made of it
		for _, one := range puts {
			err = errors.Join(err, w.m.Blobs.Delete(ctx, one.key))
		}
		return errors.Join(vod.ErrLost, w.m.Jobs.Fail(ctx, j, "deleted", w.m.now()))
	}
	return err
}

func (w *work) stills(out made, base, life string, puts *[]put) (*vod.Image, *vod.Board, error) {
	image := func(s develop.Still, name string) (*vod.Image, error) {
		info, err := os.Stat(s.Path)
		if err != nil {
			return nil, err
		}
		one := put{base + name + "/0-" + life, "image/jpeg", s.Path, 0, info.Size()}
		*puts = append(*puts, one)
		return &vod.Image{Key: one.key, Bytes: one.bytes, Width: s.Width, Height: s.Height}, nil
	}
	poster, err := image(out.poster, "poster")
	if err != nil || out.board.Path == "" {
		return poster, nil, err
	}
	sheet, err := image(out.board.Still, "board")
	if err != nil {
		return nil, nil, err
	}
	return poster, &vod.Board{
		Image: *sheet, Every: out.board.Every, Columns: out.board.Columns, Count: out.board.Count, TileWidth: out.board.TileWidth, TileHeight: out.board.TileHeight,
	}, nil
}

// store puts the blobs, whose keys are written down before: an attempt that follows removes them.
func (w *work) store(ctx context.Context, puts []put) error {
	w.body.Keys = nil
	for _, one := range puts {
		w.body.Keys = append(w.body.Keys, one.key)
	}
	body, err := json.Marshal(w.body)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.job.Body = body
	w.mu.Unlock()
	if err := w.stage(ctx, StageStore); err != nil {
		return err
	}
	for i, one := range puts {
		if err := w.putOne(ctx, one); err != nil {
			return err
		}
		w.done(1000 * i / len(puts))
	}
	return nil
}

func (w *work) putOne(ctx context.Context, one put) error {
	f, err := os.Open(one.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return w.m.Blobs.Put(ctx, one.key, one.kind, io.NewSectionReader(f, one.offset, one.bytes))
}
