package vod

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// What this package refuses, and why it stops.
var (
	ErrNotFound  = errors.New("vod: no such video")
	ErrDiskFull  = errors.New("vod: the disk has no room for recordings")
	ErrSpoolFull = errors.New("vod: the blob store takes nothing, and the spool is full")
	errSlowDisk  = errors.New("vod: the disk is slower than the broadcast")
)

// Init is a stored init segment: what a decoder needs before the lines that name it.
type Init struct {
	Source, Rendition, Life string
	Number                  int64
	Generation              int
	Anchor                  mediatime.Anchor
	Video, Audio            bool
	Codecs                  string
	Width, Height           int
	Bytes                   int64
	Key                     string // of the blob
	Sum                     string // its SHA-256, "" where it was not noted
}

// Line is a stored segment. Source, Rendition, Life and Number name it.
type Line struct {
	Source, Rendition, Life string
	Number                  int64
	Init                    int64 // number of its init in the same life
	Discontinuity           bool
	Independent             bool
	Date                    time.Time // of its smallest presentation time, exact to the microsecond
	From                    mediatime.Time
	Duration                time.Duration // exact to the microsecond
	Bytes                   int64
	Key                     string // of the blob
	Sum                     string // its SHA-256, "" where it was not noted
}

// Until is the media time at which the segment ends.
func (l Line) Until() mediatime.Time { return l.From + mediatime.Of(l.Duration) }

// Store keeps videos and their lines. Each method is one transaction.
type Store interface {
	// Add stores a line with its init, and the video that plays it where that is new. It reports false for a line that
	// is there already, and changes nothing then.
	Add(ctx context.Context, v Video, i Init, l Line) (added bool, err error)
	// Has tells whether a line is stored.
	Has(ctx context.Context, l Line) (bool, error)
	// Video returns one that is kept, ErrNotFound where there is none.
	Video(ctx context.Context, id string) (Video, error)
	// Timeline returns what a video plays: its inits by life and number, its lines by time.
	Timeline(ctx context.Context, v Video) ([]Init, []Line, error)
}

// Blobs keeps bytes by key.
type Blobs interface {
	Put(ctx context.Context, key, contentType string, body io.Reader) error
	Range(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
}

// Facts is what a broadcast's record says to a recorder and to a replay.
type Facts struct {
	Shop     string
	Recorded bool // false for a rehearsal
	Ended    bool
}

// Broadcasts tells about broadcasts. It returns ErrNotFound for one that it does not know.
type Broadcasts interface {
	BroadcastFacts(ctx context.Context, id string) (Facts, error)
}
