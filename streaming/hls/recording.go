package hls

import (
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
