package vod

import (
	"context"
	"errors"
	"time"
)

// ErrLost is returned to who works on a job that is somebody else's by now, or done.
var ErrLost = errors.New("vod: the job was given to another")

// VideoQuery selects videos, newest first. Before and BeforeID are the place of the last one seen: its publication
// where Public, else its making.
type VideoQuery struct {
	Public   bool // only what everybody may see
	Now      time.Time
	Channel  string
	Shop     string
	Kinds    []Kind
	States   []State
	Before   time.Time
	BeforeID string
	Limit    int
}

// Videos keeps what is known of videos and their tags. Each method is one transaction. Retired videos are not found.
type Videos interface {
	Video(ctx context.Context, id string) (Video, error)
	// List leaves out replays.
	List(ctx context.Context, q VideoQuery) ([]Video, error)
	// Create stores a video and its first job. It reports false, and changes nothing, where the video is there.
	Create(ctx context.Context, v Video, j Job) (bool, error)
	// Change reads a video and its shop's policy, lets change decide, and stores what it made of the video, the tags
	// where it returned some, and the job where it returned one.
	Change(ctx context.Context, id string, change func(v *Video, p Policy) (Changed, error)) (Video, error)
	Tags(ctx context.Context, id string) ([]Tag, error)
	// Due returns at most n videos that are to be published by now, or that are over.
	Due(ctx context.Context, now time.Time, n int) ([]Video, error)
	Policy(ctx context.Context, shop string) (Policy, error)
	SetPolicy(ctx context.Context, p Policy, now time.Time) error
	// Retire marks at most n replays whose newest line is dated before the given time: they are not found any more. It
	// returns those that it marked.
	Retire(ctx context.Context, before time.Time, n int) ([]string, error)
	// Retired returns at most n videos that are being deleted.
	Retired(ctx context.Context, n int) ([]Video, error)
	// Loose returns at most n lines of a source that no kept video plays, and, where none is left, the inits that no
	// line names.
	Loose(ctx context.Context, source string, n int) ([]Line, []Init, error)
	// Forget deletes lines and inits whose blobs are gone.
	Forget(ctx context.Context, lines []Line, inits []Init) error
	// Remove deletes a retired video.
	Remove(ctx context.Context, id string) error
}

// Changed is what comes with a change of a video.
type Changed struct {
	Tags *[]Tag // nil leaves them
	Job  *Job
}

// JobKind says what is to be done.
type JobKind string

// The kinds: make a video out of a file, and tell a shop that a video waits for a verdict.
const (
	JobProcess  JobKind = "process"
	JobAnnounce JobKind = "announce"
)

// JobState is where a job is.
type JobState string

// The states of a job.
const (
	JobWaiting JobState = "waiting"
	JobRunning JobState = "running"
	JobDone    JobState = "done"
	JobFailed  JobState = "failed"
)

// Job is work that is done once. Attempt counts from 1 with the first claim.
type Job struct {
	ID, Video, Shop string
	Kind            JobKind
	Depot           string // the data folder that holds its file; "" where any node may
	State           JobState
	Stage           string
	Progress        int // of 1000
	Attempt         int
	Worker          string
	Problem         string
	Body            []byte
	DueAt           time.Time // waiting: not before; running: the lease ends
	CreatedAt       time.Time
}

// Made is what came out of processing a video.
type Made struct {
	Inits []Init
	Lines []Line
	Apply func(v *Video, p Policy) Changed // what it makes of the video
}

// Jobs is the queue. Each method is one transaction; those that take a claimed job return ErrLost where it is not the
// worker's any more, and change nothing then.
type Jobs interface {
	// Claim gives the oldest job that is due, or whose lease has ended, to a worker until the lease ends.
	Claim(ctx context.Context, worker, depot string, kind JobKind, now, until time.Time) (Job, bool, error)
	// Free makes the jobs of a depot due whose worker is gone with the process before.
	Free(ctx context.Context, depot string, now time.Time) (int, error)
	// Beat prolongs the lease and says how far the job is.
	Beat(ctx context.Context, j Job, until time.Time) error
	// Later puts a job back.
	Later(ctx context.Context, j Job, at time.Time, problem string) error
	// Fail gives a job up, and its video with it where it was to be made.
	Fail(ctx context.Context, j Job, problem string, now time.Time) error
	// Finish ends a job and stores what it made, both or nothing.
	Finish(ctx context.Context, j Job, m Made, now time.Time) (Video, error)
	// JobOf returns the newest job of a kind of a video.
	JobOf(ctx context.Context, video string, kind JobKind) (Job, bool, error)
}
