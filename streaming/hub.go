package streaming

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// What the hub refuses.
var (
	ErrOffAir    = errors.New("streaming: the broadcast is not on air")
	ErrTracks    = errors.New("streaming: a publication needs one to eight tracks with distinct IDs and a clock rate")
	ErrDisplaced = errors.New("streaming: a newer publisher took the broadcast over")
	ErrEnded     = errors.New("streaming: the broadcast has ended")
)

// Limits of the hub.
const (
	tracksMax     = 8
	keyRequestGap = 500 * time.Millisecond // key-frame requests are merged to at most one in this time
	driftMax      = time.Second            // beyond this the next key unit starts a new generation …
	driftLasts    = 5 * time.Second        // … at once ahead of the wall, behind it only when it has lasted
)

// Config bounds a stream's ring. The zero value means the defaults.
type Config struct {
	RingTime  time.Duration `yaml:"ring_time"`  // media that a reader may be behind; default 12 s
	RingBytes int           `yaml:"ring_bytes"` // payload bytes kept per stream at most; default 32 MiB
}

// Hub holds the streams that are on air on this node. Any number of goroutines may use it.
type Hub struct {
	Config Config
	Log    *slog.Logger
	// Wall is the wall clock. It defaults to time.Now.
	Wall func() time.Time
	// Watch, if set, is told when a stream's publisher starts (also a new generation), falls silent or is
	// replaced. It is called without locks held, in order per stream, and must not block.
	Watch func(broadcastID string, e AirEvent)

	mu      sync.RWMutex
	streams map[string]*Stream
}

// AirEvent is what happened to a stream's publisher.
type AirEvent struct {
	On         bool        // media is arriving
	Generation *Generation // of the media that arrives; nil when none ever did
}

// Publish makes a publication for a broadcast. On a broadcast that is on air already it is a new generation: the
// readers stay, and the publication that was writing is displaced when the new one's first unit arrives. The
// tracks' Zero is set by the hub.
func (h *Hub) Publish(_ context.Context, broadcastID string, tracks []Track) (*Publication, error) {
	if len(tracks) == 0 || len(tracks) > tracksMax {
		return nil, ErrTracks
	}
	seen := map[int]bool{}
	for _, t := range tracks {
		if t.ClockRate <= 0 || t.ID <= 0 || seen[t.ID] {
			return nil, ErrTracks
		}
		seen[t.ID] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams == nil {
		h.streams = map[string]*Stream{}
	}
	s := h.streams[broadcastID]
	if s == nil {
		s = newStream(h, broadcastID)
		h.streams[broadcastID] = s
	}
	return &Publication{stream: s, tracks: append([]Track(nil), tracks...), displaced: make(chan struct{})}, nil
}

// Stream returns the stream of a broadcast, ErrOffAir where no publisher has come yet or the broadcast has ended.
func (h *Hub) Stream(broadcastID string) (*Stream, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	s := h.streams[broadcastID]
	if s == nil || s.Generation() == nil {
		return nil, ErrOffAir
	}
	return s, nil
}

// Resume makes a stream that goes on where an earlier process stopped: the next publication continues the
// broadcast's timeline after the given anchors.
func (h *Hub) Resume(broadcastID string, anchors mediatime.Anchors) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams == nil {
		h.streams = map[string]*Stream{}
	}
	if h.streams[broadcastID] == nil {
		s := newStream(h, broadcastID)
		s.anchors = anchors.Kept()
		h.streams[broadcastID] = s
	}
}

// End takes a broadcast off the air for good: its readers get ErrEnded after the last unit.
func (h *Hub) End(broadcastID string) {
	h.mu.Lock()
	s := h.streams[broadcastID]
	delete(h.streams, broadcastID)
	h.mu.Unlock()
	if s != nil {
		s.end()
	}
}

// Close ends every stream.
func (h *Hub) Close() {
	h.mu.Lock()
	all := h.streams
	h.streams = nil
	h.mu.Unlock()
	for _, s := range all {
		s.end()
	}
}

// Streams lists the broadcasts that the hub holds.
func (h *Hub) Streams() []*Stream {
	h.mu.RLock()
	defer h.mu.RUnlock()
	out := make([]*Stream, 0, len(h.streams))
	for _, s := range h.streams {
		out = append(out, s)
	}
	return out
}

// Held is how many bytes the rings hold.
func (h *Hub) Held() (bytes int64) {
	for _, s := range h.Streams() {
		bytes += s.holds()
		for _, r := range s.Renditions() {
			bytes += r.holds()
		}
	}
	return bytes
}

// Now is the media time that is entering the server, by the anchor of the broadcast's newest generation.
func (h *Hub) Now(broadcastID string) (mediatime.Time, bool) {
	h.mu.RLock()
	s := h.streams[broadcastID]
	h.mu.RUnlock()
	if s == nil {
		return 0, false
	}
	a, ok := s.Anchors().Newest()
	if !ok {
		return 0, false
	}
	return a.At(h.now()), true
}

// Frame is the time of the broadcast's picture at a time or next after it; the time itself where nothing is on air.
func (h *Hub) Frame(broadcastID string, at mediatime.Time) mediatime.Time {
	h.mu.RLock()
	s := h.streams[broadcastID]
	h.mu.RUnlock()
	if s == nil {
		return at
	}
	return s.Frame(at)
}

var (
	_ mediatime.Clock   = (*Hub)(nil)
	_ mediatime.Cadence = (*Hub)(nil)
)

func (h *Hub) now() time.Time {
	if h.Wall != nil {
		return h.Wall()
	}
	return time.Now()
}
