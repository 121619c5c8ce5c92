package vod

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	uploadersMax   = 4
	uploadFor      = time.Minute // one try
	retryFirst     = 500 * time.Millisecond
	retryLast      = 30 * time.Second
	initsKnownMax  = 1 << 12
	contentTypeMP4 = "video/mp4"
)

// upload is a closed spool file on its way to the blob store. Together they are bounded by the spool's bytes.
type upload struct {
	path, source string
	bytes        int64
}

// uploads is the queue of all, and knows which sources have something on the way.
type uploads struct {
	ready chan struct{} // holds one: there may be something to take

	mu      sync.Mutex
	queue   []upload
	busy    map[string]int
	changed chan struct{} // closed and renewed when a source has nothing on the way any more
}

func newUploads() *uploads {
	return &uploads{ready: make(chan struct{}, 1), busy: map[string]int{}, changed: make(chan struct{})}
}

func (u *uploads) begin(source string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.busy[source]++
}

func (u *uploads) end(source string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy[source]--; u.busy[source] > 0 {
		return
	}
	delete(u.busy, source)
	close(u.changed)
	u.changed = make(chan struct{})
}

func (u *uploads) push(one upload) {
	u.mu.Lock()
	u.queue = append(u.queue, one)
	u.busy[one.source]++
	u.mu.Unlock()
	u.poke()
}

func (u *uploads) poke() {
	select {
	case u.ready <- struct{}{}:
	default:
	}
}

// take returns the oldest. It reports false at the end of ctx.
func (u *uploads) take(ctx context.Context) (upload, bool) {
	for {
		u.mu.Lock()
		if len(u.queue) > 0 {
			one := u.queue[0]
			u.queue = u.queue[1:]
			more := len(u.queue) > 0
			u.mu.Unlock()
			if more {
				u.poke()
			}
			return one, ctx.Err() == nil
		}
		u.mu.Unlock()
		select {
		case <-u.ready:
		case <-ctx.Done():
			return upload{}, false
		}
	}
}

// wait returns when a source, or with an empty one all sources, have nothing on the way.
func (u *uploads) wait(ctx context.Context, source string) error {
	for {
		u.mu.Lock()
		idle := u.busy[source] == 0
		if source == "" {
			idle = len(u.busy) == 0
		}
		changed := u.changed
		u.mu.Unlock()
		if idle {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// leftOver tells what a file in the spool folder is: its source stands in front of its name.
func leftOver(dir string, e fs.DirEntry) (upload, bool) {
	source, _, ok := strings.Cut(e.Name(), ".")
	if !ok || source == "" || e.IsDir() || !strings.HasSuffix(e.Name(), spoolSuffix) {
		return upload{}, false
	}
	info, err := e.Info()
	if err != nil {
		return upload{}, false
	}
	return upload{path: filepath.Join(dir, e.Name()), source: source, bytes: info.Size()}, true
}

// upload carries files to the blob store until ctx ends. A file that cannot be carried is tried until it can.
func (r *Recorder) upload(ctx context.Context) {
	for {
		one, ok := r.uploads.take(ctx)
		if !ok {
			return
		}
		for wait := retryFirst; ; wait = min(2*wait, retryLast) {
			err := r.carry(ctx, one)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return
			}
			r.Metrics.failed()
			r.logger().Error("a recorded segment waits in the spool", "broadcast", one.source, "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
		r.grew(-one.bytes)
		r.uploads.end(one.source)
	}
}

// carry stores one segment: its init, its bytes, then its line; then the file may go. Each step may be done again.
func (r *Recorder) carry(ctx context.Context, one upload) error {
	ctx, cancel := context.WithTimeout(ctx, uploadFor)
	defer cancel()
	f, err := os.Open(one.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open a spool file: %w", err)
	}
	defer f.Close()
	s, err := readSpool(f)
	if err != nil && !errors.Is(err, errNoHeader) {
		return fmt.Errorf("read a spool file: %w", err)
	}
	if err == nil && len(s.pieces) > 0 {
		if err := r.keep(ctx, s, f); err != nil {
			return err
		}
	}
	if err := os.Remove(one.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a spool file: %w", err)
	}
	return nil
}

func (r *Recorder) keep(ctx context.Context, s spooled, f *os.File) error {
	line, start := s.line(), s.init()
	there, err := r.Store.Has(ctx, line)
	if err != nil || there {
		return err
	}
	if !r.knows(start.Key) {
		if err := r.Blobs.Put(ctx, start.Key, contentTypeMP4, bytes.NewReader(s.header.Init)); err != nil {
			return err
		}
	}
	sum := sha256.New()
	if err := r.Blobs.Put(ctx, line.Key, contentTypeMP4, io.TeeReader(s.media(f), sum)); err != nil {
		return err
	}
	line.Sum = hex.EncodeToString(sum.Sum(nil))
	first := sha256.Sum256(s.header.Init)
	start.Sum = hex.EncodeToString(first[:])
	if _, err := r.Store.Add(ctx, s.header.video(), start, line); err != nil {
		return err
	}
	r.shelf.put(lifeName{line.Source, line.Rendition, line.Life}, line.Number, shelved{key: line.Key, size: line.Bytes})
	r.know(start.Key)
	r.Metrics.stored(line.Bytes)
	return nil
}

func (r *Recorder) knows(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inits[key]
}

func (r *Recorder) know(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.inits) >= initsKnownMax {
		r.inits = map[string]bool{}
	}
	r.inits[key] = true
}
