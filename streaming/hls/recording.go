package hls

import (
	"context"
	"io"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Recorder takes what is packaged, beside the viewers.
type Recorder interface {
	// Record begins a rendition in one packager's life; nil where it is not recorded.
	Record(broadcast, rendition, life string) Recording
}

// Recording takes one rendition's segments, in order: Open, Add for each part, Shut. A packager's goroutine calls them
// under its lock, so they must not block. Written is called before viewers are told of what was added: it may wait for
// the disk, a moment at most. End is called once, also after a segment that was never shut; nothing follows.
type Recording interface {
	Open(o Opening)
	Add(p *Part)
	Shut()
	Written()
	End()
}

// Past gives back what was recorded of a broadcast that is still on air. Any number of goroutines may use it.
type Past interface {
	// Recorded tells, from memory, whether a segment can be read.
	Recorded(broadcast, rendition, life string, number int64) bool
	// Segment reads one. ctx lasts as long as the reading.
	Segment(ctx context.Context, broadcast, rendition, life string, number int64) (io.ReadSeekCloser, error)
	// Forget says that nobody will ask for this life any more.
	Forget(broadcast, rendition, life string)
}

// Opening is what is known of a segment before its first part.
type Opening struct {
	Number        int64 // media sequence number
	Init          *Init
	Discontinuity bool
	Date          time.Time
	From          mediatime.Time
	Independent   bool
}

// stopRecording ends the recording, once.
func (r *rendition) stopRecording() {
	r.mu.Lock()
	recording := r.recording
	r.recording = nil
	r.mu.Unlock()
	if recording != nil {
		recording.End()
	}
}
