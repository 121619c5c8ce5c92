package vod

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
)

const (
	queueBytesMax = 48 << 20               // parts that wait for the disk, per rendition; beyond it the segment ends there
	queueItemsMax = 1 << 12                // what waits for the disk in all, per rendition
	factsWait     = 2 * time.Second        // for what the record says of a broadcast
	writtenWait   = 100 * time.Millisecond // by viewers, for the disk
)

// recording takes one rendition of one packager's life. The packager adds to a queue; a goroutine of its own writes.
type recording struct {
	recorder                *Recorder
	source, rendition, life string

	wake chan struct{} // holds one: the queue has changed

	mu       sync.Mutex
	queue    []item
	bytes    int
	skipping bool          // the rest of this segment: the disk did not keep up
	writing  int           // items that are queued or being written
	idle     chan struct{} // closed when writing becomes 0; nil where nobody waits
	behind   bool          // the disk made a viewer wait: nobody does until it has caught up
	ended    bool

	// The writer's goroutine only.
	shop   string
	file   *spoolFile
	number int64 // of the segment in it
}

// item is one of: the opening of a segment, a part, or, with neither, the end of a segment.
type item struct {
	opening *hls.Opening
	part    *hls.Part
}

var _ hls.Recording = (*recording)(nil)

// Open begins a segment.
func (r *recording) Open(o hls.Opening) {
	r.mu.Lock()
	r.skipping = len(r.queue) >= queueItemsMax || r.bytes >= queueBytesMax
	skip := r.skipping
	if !skip {
		r.push(item{opening: &o})
	}
	r.mu.Unlock()
	if skip {
		r.recorder.trouble(errSlowDisk)
	}
}

// Add takes the segment's next part.
func (r *recording) Add(p *hls.Part) {
	r.mu.Lock()
	full := !r.skipping && (r.bytes+len(p.Data) > queueBytesMax || len(r.queue) >= queueItemsMax)
	switch {
	case full:
		r.skipping = true
		r.push(item{})
	case !r.skipping:
		r.push(item{part: p})
	}
	r.mu.Unlock()
	if full {
		r.recorder.trouble(errSlowDisk)
	}
}

// Shut ends the segment.
func (r *recording) Shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.skipping {
		r.push(item{})
	}
}

// Written waits until all that was added is on disk, so that what a viewer has seen outlives the process. A disk that
// takes longer than a moment is not waited for again until it has caught up.
func (r *recording) Written() {
	r.mu.Lock()
	if r.writing == 0 || r.behind {
		r.mu.Unlock()
		return
	}
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	idle := r.idle
	r.mu.Unlock()
	t := time.NewTimer(writtenWait)
	defer t.Stop()
	select {
	case <-idle:
	case <-t.C:
		r.mu.Lock()
		r.behind = r.writing > 0
		r.mu.Unlock()
	}
}

// wrote notes that so many items are done with.
func (r *recording) wrote(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writing -= n; r.writing > 0 {
		return
	}
	r.behind = false
	if r.idle != nil {
		close(r.idle)
		r.idle = nil
	}
}

// End ends the recording: the writer finishes what is queued and returns.
func (r *recording) End() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.poke()
}

// push runs under the lock.
func (r *recording) push(i item) {
	r.queue = append(r.queue, i)
	r.writing++
	if i.part != nil {
		r.bytes += len(i.part.Data)
	}
	r.poke()
}

func (r *recording) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take waits for what is queued. It returns nothing after the end.
func (r *recording) take() []item {
	for {
		r.mu.Lock()
		queue, ended := r.queue, r.ended
		r.queue, r.bytes = nil, 0
		r.mu.Unlock()
		if len(queue) > 0 || ended {
			return queue
		}
		<-r.wake
	}
}

// run writes until the end.
func (r *recording) run() {
	for {
		queue := r.take()
		if len(queue) == 0 {
			r.shut()
			return
		}
		for _, i := range queue {
			switch {
			case i.opening != nil:
				r.open(*i.opening)
			case i.part != nil:
				r.add(i.part)
			default:
				r.shut()
			}
			r.wrote(1)
		}
	}
}

func (r *recording) open(o hls.Opening) {
	r.shut()
	ctx, cancel := context.WithTimeout(context.Background(), factsWait)
	defer cancel()
	if o.From.Duration() >= r.recorder.config.LengthMax {
		r.recorder.tooLong(r.source)
		return
	}
	f, err := r.recorder.Broadcasts.BroadcastFacts(ctx, r.source)
	switch {
	case err != nil && r.shop == "":
		r.recorder.trouble(fmt.Errorf("read the record of the broadcast: %w", err))
		return
	case err == nil && !f.Recorded:
		return
	case err == nil:
		r.shop = f.Shop // a database that is slow by now does not tear a hole: what it said before holds
	}
	if err := r.recorder.room(); err != nil {
		r.recorder.trouble(err)
		return
	}
	h := r.header(o)
	path := filepath.Join(r.recorder.Dir, fmt.Sprintf("%s.%s.%s.%d%s", r.source, r.rendition, r.life, o.Number, spoolSuffix))
	if r.file, err = createSpool(path, h); err != nil {
		r.recorder.trouble(err)
		return
	}
	r.number = o.Number
	r.recorder.grew(r.file.bytes)
}

func (r *recording) header(o hls.Opening) header {
	i := o.Init
	h := header{
		Version: headerVersion, Shop: r.shop, Source: r.source, Rendition: r.rendition, Life: r.life, Number: o.Number, InitNumber: i.Number,
		Generation: i.Generation, Anchor: i.Anchor, Video: i.Video, Audio: i.Audio, Codecs: i.Codecs, Width: i.Width, Height: i.Height, Init: i.Data,
		Discontinuity: o.Discontinuity, Independent: o.Independent, DateMicros: o.Date.UnixMicro(), From: o.From,
	}
	var random [6]byte
	_, _ = rand.Read(random[:]) // it never fails
	h.Key = fmt.Sprintf("v1/%s/%s/%d/%s/%d-%s", h.Shop, h.Source, h.Generation, h.Rendition, h.Number, hex.EncodeToString(random[:]))
	return h
}

func (r *recording) add(p *hls.Part) {
	if r.file == nil {
		return
	}
	before := r.file.bytes
	if err := r.file.add(p); err != nil {
		r.recorder.trouble(err)
		r.shut() // what stands whole is kept
		return
	}
	r.recorder.grew(r.file.bytes - before)
	r.recorder.fine()
}

// shut hands the segment on.
func (r *recording) shut() {
	f := r.file
	if f == nil {
		return
	}
	r.file = nil
	if err := f.file.Close(); err != nil {
		r.recorder.trouble(fmt.Errorf("close a spool file: %w", err))
	}
	if f.parts == 0 {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.recorder.trouble(fmt.Errorf("remove an empty spool file: %w", err))
		}
		r.recorder.grew(-f.bytes)
		return
	}
	r.recorder.shelf.put(lifeName{r.source, r.rendition, r.life}, r.number, shelved{spool: f.path})
	r.recorder.uploads.push(upload{path: f.path, source: r.source, bytes: f.bytes})
}
