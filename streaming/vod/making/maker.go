package making

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/streaming/transcode/develop"
	"github.com/hawkerlive/hawker/streaming/vod"
)

const (
	lease       = 30 * time.Second
	beatEvery   = 5 * time.Second
	lookEvery   = 2 * time.Second // for jobs that nobody told of
	attemptsMax = 5
	retryFirst  = 5 * time.Second
	retryLast   = 5 * time.Minute
	toolsRetry  = time.Minute
	announceMax = 12 // attempts: an hour
	announceFor = 30 * time.Second
	leaveFor    = 2 * time.Second // at the end, for words to the database

	problemTools    = "no-transcoder"
	problemInternal = "internal"
)

// Maker works on the jobs of one data folder. Fill the fields, then Run it once.
type Maker struct {
	// Required.
	Jobs  vod.Jobs
	Blobs vod.Blobs
	Tools *develop.Tools
	Dir   string // for what is being made; emptied at the start
	Depot string // which jobs have their file here

	// Optional, with defaults.
	Workers  int                                          // jobs at a time; default one per core, and one fewer where there are several
	Announce func(ctx context.Context, job vod.Job) error // tells a shop of a video; nil drops the word
	Log      *slog.Logger                                 // defaults to discarding
	Metrics  *Metrics                                     // defaults to none
	Now      func() time.Time                             // defaults to time.Now

	once sync.Once
	wake chan struct{}
}

// ErrRefused is returned by Announce where asking again will not help.
var ErrRefused = errors.New("making: the receiver does not want it")

func (m *Maker) prepare() { m.once.Do(func() { m.wake = make(chan struct{}, 1) }) }

// Wake has the queue looked at now.
func (m *Maker) Wake() {
	m.prepare()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends. What it was at then is done by the next process.
func (m *Maker) Run(ctx context.Context) error {
	m.prepare()
	if err := os.RemoveAll(m.Dir); err != nil {
		return fmt.Errorf("empty the work folder: %w", err)
	}
	if err := os.MkdirAll(m.Dir, 0o700); err != nil {
		return fmt.Errorf("make the work folder: %w", err)
	}
	// The data folder is one process's: what is running in it was another's, that is gone.
	if n, err := m.Jobs.Free(ctx, m.Depot, m.now()); err != nil {
		m.logger().Error("the jobs of the process before were not freed; their leases run out", "err", err)
	} else if n > 0 {
		m.logger().Info("jobs of the process before go on", "jobs", n)
	}
	var all sync.WaitGroup
	for range m.workers() {
		all.Go(func() { m.work(ctx, vod.JobProcess, m.process) })
	}
	all.Go(func() { m.work(ctx, vod.JobAnnounce, m.announce) })
	all.Wait()
	return nil
}

func (m *Maker) workers() int {
	if m.Workers > 0 {
		return m.Workers
	}
	return max(1, runtime.NumCPU()-1)
}

// work does one job of a kind after the other.
func (m *Maker) work(ctx context.Context, kind vod.JobKind, do func(context.Context, vod.Job) error) {
	worker := uuid.NewString()
	for ctx.Err() == nil {
		j, ok, err := m.Jobs.Claim(ctx, worker, m.Depot, kind, m.now(), m.now().Add(lease))
		if err != nil && ctx.Err() == nil {
			m.logger().Error("no job could be claimed", "err", err)
		}
		if ok && err == nil {
			m.Wake() // there may be more, for others
			m.one(ctx, j, do)
			continue
		}
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-time.After(lookEvery):
		}
	}
}

// one does a job and says how it ended.
func (m *Maker) one(ctx context.Context, j vod.Job, do func(context.Context, vod.Job) error) {
	began := m.now()
	err := do(ctx, j)
	m.Metrics.ended(j.Kind, err, m.now().Sub(began))
	// The process may be ending: this much must be said.
	say, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveFor)
	defer cancel()
	var refused *develop.RefusedError
	switch {
	case err == nil, errors.Is(err, vod.ErrLost):
		return
	case ctx.Err() != nil:
		err = m.Jobs.Later(say, j, m.now(), j.Problem)
	case errors.As(err, &refused):
		m.logger().Info("an uploaded file was refused", "video", j.Video, "why", err)
		err = m.Jobs.Fail(say, j, refused.Code, m.now())
	case errors.Is(err, develop.ErrNoTools):
		m.logger().Warn("an upload waits for ffmpeg: install the package ffmpeg, or name the program in transcode.ffmpeg", "video", j.Video)
		err = m.Jobs.Later(say, j, m.now().Add(toolsRetry), problemTools)
	case j.Kind == vod.JobAnnounce && (j.Attempt >= announceMax || errors.Is(err, ErrRefused)), j.Kind == vod.JobProcess && j.Attempt >= attemptsMax:
		m.logger().Error("a job was given up", "kind", j.Kind, "video", j.Video, "attempt", j.Attempt, "err", err)
		err = m.Jobs.Fail(say, j, problemInternal, m.now())
	default:
		wait := min(retryFirst<<min(j.Attempt-1, 10), retryLast)
		m.logger().Warn("a job is tried again", "kind", j.Kind, "video", j.Video, "attempt", j.Attempt, "in", wait, "err", err)
		err = m.Jobs.Later(say, j, m.now().Add(wait), problemInternal)
	}
	if err != nil && !errors.Is(err, vod.ErrLost) {
		m.logger().Error("a job's end was not written; it is done again when its lease is over", "video", j.Video, "err", err)
	}
}

func (m *Maker) announce(ctx context.Context, j vod.Job) error {
	if m.Announce != nil {
		ctx, cancel := context.WithTimeout(ctx, announceFor)
		defer cancel()
		if err := m.Announce(ctx, j); err != nil {
			return err
		}
	}
	_, err := m.Jobs.Finish(ctx, j, vod.Made{}, m.now())
	return err
}

// workDir is where a job's files lie while it is made.
func (m *Maker) workDir(j vod.Job) string { return filepath.Join(m.Dir, j.ID) }

func (m *Maker) logger() *slog.Logger {
	if m.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return m.Log
}

func (m *Maker) now() time.Time {
	if m.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return m.Now().UTC().Truncate(time.Millisecond)
}
