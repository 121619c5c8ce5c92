package vod

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
)

const (
	followEvery = 200 * time.Millisecond
	askAgain    = 5 * time.Second // what the record says of a broadcast is asked again after this
	drainFor    = time.Second     // for uploads when the process stops; the next one does the rest
)

// Packagers is what a recorder needs of *hls.Server.
type Packagers interface {
	// Start packages a broadcast from now until it ends, with or without viewers.
	Start(broadcast string) error
}

// Recorder records every broadcast on this node. Run it; packagers call Record.
type Recorder struct {
	// Required.
	Dir        string // of the spool
	Hub        *streaming.Hub
	Packagers  Packagers
	Broadcasts Broadcasts
	Store      Store
	Blobs      Blobs

	// Optional, with defaults.
	Config  Config
	Log     *slog.Logger                        // defaults to discarding
	Metrics *Metrics                            // defaults to none
	Now     func() time.Time                    // defaults to time.Now
	Free    func(dir string) (n int64, _ error) // free bytes of a disk; defaults to asking the system

	once    sync.Once
	config  Config
	uploads *uploads
	shelf   shelf

	mu      sync.Mutex
	taking  bool // Run is running and takes recordings
	running sync.WaitGroup
	spool   int64 // bytes on local disk
	stopped error // why nothing is being recorded; nil while it is
	long    map[string]bool
	inits   map[string]bool // keys of init segments that are stored

	// Run's goroutine only.
	asked map[string]*ask
}

type ask struct {
	recorded bool
	next     time.Time
	refused  bool // the packager was refused, and the log says so
}

var _ hls.Recorder = (*Recorder)(nil)

func (r *Recorder) prepare() {
	r.once.Do(func() {
		r.config = r.Config.filled()
		r.uploads = newUploads()
		r.long, r.inits, r.asked = map[string]bool{}, map[string]bool{}, map[string]*ask{}
	})
}

// Run records until ctx is done. It begins with what an earlier process left in the spool. It returns when the
// packagers have ended their recordings and what was closed is uploaded, or drainFor has passed.
func (r *Recorder) Run(ctx context.Context) error {
	r.prepare()
	if err := r.recover(); err != nil {
		return err
	}
	r.mu.Lock()
	r.taking = true
	r.mu.Unlock()
	uploading, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers sync.WaitGroup
	for range uploadersMax {
		workers.Go(func() { r.upload(uploading) })
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			r.follow(ctx)
		}
	}
	r.mu.Lock()
	r.taking = false
	r.mu.Unlock()
	r.running.Wait()
	drain, enough := context.WithTimeout(uploading, drainFor)
	_ = r.uploads.wait(drain, "") // what is left is in the spool
	enough()
	stop()
	workers.Wait()
	return nil
}

// follow has every broadcast packaged that is on air.
func (r *Recorder) follow(ctx context.Context) {
	now := r.now()
	seen := map[string]bool{}
	for _, s := range r.Hub.Streams() {
		seen[s.ID] = true
		if s.Generation() == nil {
			continue
		}
		a := r.asked[s.ID]
		if a == nil {
			a = &ask{}
			r.asked[s.ID] = a
		}
		if !a.recorded && !now.Before(a.next) {
			a.next = now.Add(askAgain)
			f, err := r.Broadcasts.BroadcastFacts(ctx, s.ID)
			if err != nil && ctx.Err() == nil {
				r.logger().Error("a broadcast is not recorded: its record cannot be read", "broadcast", s.ID, "err", err)
			}
			a.recorded = err == nil && f.Recorded
		}
		if !a.recorded {
			continue
		}
		err := r.Packagers.Start(s.ID)
		if err != nil && !errors.Is(err, streaming.ErrOffAir) && !a.refused && ctx.Err() == nil {
			a.refused = true
			r.logger().Error("a broadcast is not recorded: it cannot be packaged", "broadcast", s.ID, "err", err)
		}
		if err == nil {
			a.refused = false
		}
	}
	for id := range r.asked {
		if !seen[id] {
			delete(r.asked, id)
		}
	}
}

// Record begins a rendition in one packager's life. It does not block.
func (r *Recorder) Record(broadcast, rendition, life string) hls.Recording {
	r.prepare()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.taking {
		return nil
	}
	out := &recording{recorder: r, source: broadcast, rendition: rendition, life: life, wake: make(chan struct{}, 1)}
	r.running.Add(1)
	r.shelf.begin(lifeName{broadcast, rendition, life})
	r.uploads.begin(broadcast)
	r.Metrics.recording(1)
	go func() {
		defer r.running.Done()
		defer r.Metrics.recording(-1)
		defer r.uploads.end(broadcast)
		out.run()
	}()
	return out
}

// Settled waits until nothing of a broadcast is on its way to the blob store any more, or for the end of ctx.
func (r *Recorder) Settled(ctx context.Context, broadcast string) error {
	r.prepare()
	return r.uploads.wait(ctx, broadcast)
}

// room tells whether there is room for another segment.
func (r *Recorder) room() error {
	r.mu.Lock()
	spool := r.spool
	r.mu.Unlock()
	if spool >= r.config.SpoolBytes {
		return ErrSpoolFull
	}
	free := r.Free
	if free == nil {
		free = diskFree
	}
	n, err := free(r.Dir)
	if err != nil {
		return fmt.Errorf("ask how much room the disk has: %w", err)
	}
	if n < r.config.FreeBytes {
		return ErrDiskFull
	}
	return nil
}

func (r *Recorder) grew(n int64) {
	r.mu.Lock()
	r.spool += n
	r.mu.Unlock()
	r.Metrics.spooled(n)
}

// trouble notes that something is not recorded. The log has it once until it is over.
func (r *Recorder) trouble(err error) {
	r.mu.Lock()
	first := r.stopped == nil
	r.stopped = err
	r.mu.Unlock()
	r.Metrics.lost()
	if first {
		r.Metrics.stopped(true)
		r.logger().Error("recording stops, the show goes on", "err", err)
	}
}

// fine notes that a part is on disk.
func (r *Recorder) fine() {
	r.mu.Lock()
	was := r.stopped
	r.stopped = nil
	r.mu.Unlock()
	if was != nil {
		r.Metrics.stopped(false)
		r.logger().Info("recording goes on", "stopped_by", was)
	}
}

// Trouble is why nothing is being recorded; nil while all is well.
func (r *Recorder) Trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// tooLong says once that a broadcast is longer than a recording may be.
func (r *Recorder) tooLong(broadcast string) {
	r.mu.Lock()
	said := r.long[broadcast]
	if len(r.long) >= 1<<12 {
		r.long = map[string]bool{}
	}
	r.long[broadcast] = true
	r.mu.Unlock()
	if !said {
		r.logger().Warn("the recording is as long as it may be, the show goes on", "broadcast", broadcast, "length_max", r.config.LengthMax)
	}
}

func (r *Recorder) logger() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}

func (r *Recorder) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// recover queues what an earlier process left in the spool.
func (r *Recorder) recover() error {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return fmt.Errorf("vod: make the spool folder: %w", err)
	}
	left, err := os.ReadDir(r.Dir)
	if err != nil {
		return fmt.Errorf("vod: read the spool folder: %w", err)
	}
	for _, e := range left {
		u, ok := leftOver(r.Dir, e)
		if !ok {
			continue
		}
		r.grew(u.bytes)
		r.uploads.push(u)
	}
	return nil
}
