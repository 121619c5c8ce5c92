package ingest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// Limits of the figures.
const (
	secondsKept  = 10
	readingsKept = 30   // whole seconds that Recent returns
	fpsTolerance = 0.10 // of the mean frame distance; beyond it the rate varies
	staleAfter   = 2 * time.Second
	leftOutMax   = 16 // tracks that LeftOut names
	ofLayers     = 2  // where the bytes of further pictures are counted
)

// Health is what a session's encoder does, as of the last whole second.
type Health struct {
	ID        string    `json:"id"`
	Standby   bool      `json:"standby"` // read, and not shown
	Protocol  string    `json:"protocol"`
	Encoder   string    `json:"encoder,omitempty"`
	Broadcast string    `json:"broadcast"`
	Since     time.Time `json:"since"`
	Seconds   float64   `json:"seconds"`

	VideoCodec    streaming.Codec `json:"video_codec,omitempty"`
	AudioCodec    streaming.Codec `json:"audio_codec,omitempty"`
	Profile       string          `json:"profile,omitempty"`
	Width         int             `json:"width,omitempty"`
	Height        int             `json:"height,omitempty"`
	AudioRate     int             `json:"audio_rate,omitempty"`
	AudioChannels int             `json:"audio_channels,omitempty"`
	AudioProfile  string          `json:"audio_profile,omitempty"` // of AAC: LC, HE or HEv2

	VideoBitrate  int     `json:"video_bitrate"`   // bits per second
	AudioBitrate  int     `json:"audio_bitrate"`   // bits per second
	FPS           float64 `json:"fps"`             // pictures in the last whole second
	VariableRate  bool    `json:"variable_rate"`   // pictures come at uneven distances
	KeyIntervalMS int64   `json:"key_interval_ms"` // between the last two key pictures, 0 before the second
	BFrames       bool    `json:"b_frames"`        // seen, or announced by the order of stamps
	Reorder       int     `json:"reorder"`         // pictures that the parameter sets allow to be reordered
	DriftMS       int64   `json:"drift_ms"`        // publisher's clock minus the wall, since the generation's anchor
	SkewMS        int64   `json:"skew_ms"`         // how much later sound arrives than the picture of the same time

	Frames   uint64 `json:"frames"`
	Keys     uint64 `json:"keys"`
	Bytes    uint64 `json:"bytes"`
	Dropped  uint64 `json:"dropped"`  // frames that could not be used
	Resyncs  uint64 `json:"resyncs"`  // times that sound had to be moved to follow its stamps
	Restarts uint64 `json:"restarts"` // generations that a jump or a change began
	Lost     uint64 `json:"lost"`     // packets lost on the way, where the protocol can tell
	Fault    string `json:"fault,omitempty"`

	Renditions []RenditionHealth `json:"renditions,omitempty"` // further pictures that the publisher sends
	LeftOut    []string          `json:"left_out,omitempty"`   // tracks that are not shown, and why
}

// RenditionHealth is a further picture of a session, as of the last whole second.
type RenditionHealth struct {
	Name    string          `json:"name"`
	Codec   streaming.Codec `json:"codec"`
	Width   int             `json:"width,omitempty"`
	Height  int             `json:"height,omitempty"`
	Bitrate int             `json:"bitrate"` // bits per second
	FPS     int             `json:"fps"`
	OnAir   bool            `json:"on_air"`
}

// health gathers a session's figures. The writer counts; anybody may take a snapshot.
type health struct {
	mu  sync.Mutex
	out Health

	second      time.Time // begin of the second that is being counted
	bytes       [3]int    // video, audio, further pictures
	recent      [secondsKept]int
	recentAt    int
	readings    []Health // one per whole second, oldest first
	pictures    int
	last        time.Time
	lastDTS     int64
	lastPTS     int64
	lastKey     int64
	hasPicture  bool
	hasKey      bool
	mean, worst float64 // ticks between pictures of this second
	lag         [2]float64
	hasLag      [2]bool
}

func (h *health) begin(now time.Time, r Request) {
	h.out = Health{Protocol: r.Protocol, Encoder: r.Encoder, Since: now.UTC()}
	h.second, h.last = now, now
}

func (h *health) declared(broadcast string, tracks map[int]*track) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Broadcast = broadcast
	h.hasPicture, h.hasKey = false, false
	h.hasLag = [2]bool{}
	h.out.VideoCodec, h.out.AudioCodec = "", ""
	h.readings, h.out.BFrames, h.out.KeyIntervalMS = nil, false, 0 // what comes may be set up otherwise
	for _, t := range sorted(tracks) {
		if t.Kind == streaming.Video && h.out.VideoCodec == "" {
			p := t.shape
			h.out.VideoCodec, h.out.Width, h.out.Height, h.out.Profile, h.out.Reorder = t.Codec, p.width, p.height, p.profile, p.reorder
		}
		if t.Kind == streaming.Audio && h.out.AudioCodec == "" {
			h.out.AudioCodec, h.out.AudioRate, h.out.AudioChannels, h.out.AudioProfile = t.Codec, t.ClockRate, t.channels(), t.audioProfile()
		}
	}
}

// count takes the bytes that arrived. It tells whether a second has passed, and when the bytes have been too many
// for ten of them.
func (h *health) count(now time.Time, of, size, bitrateMax int) (turned bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	turned = h.turn(now)
	h.last = now
	h.bytes[of] += size
	h.out.Bytes += uint64(size)
	total := h.bytes[0] + h.bytes[1] + h.bytes[2]
	for _, n := range h.recent {
		total += n
	}
	if total > bitrateMax/8*(secondsKept+1) {
		return turned, fmt.Errorf("%w: %d bit/s", ErrBitrate, total*8/(secondsKept+1))
	}
	return turned, nil
}

// turn closes the seconds that have passed, and tells whether there was one.
func (h *health) turn(now time.Time) bool {
	before := h.second
	for n := 0; now.Sub(h.second) >= time.Second; n++ {
		if n > secondsKept { // a long silence
			h.second = now
			break
		}
		h.out.VideoBitrate, h.out.AudioBitrate = h.bytes[0]*8, h.bytes[1]*8
		h.out.FPS = float64(h.pictures)
		h.out.VariableRate = h.pictures > 2 && h.mean > 0 && h.worst > h.mean*fpsTolerance
		h.recent[h.recentAt] = h.bytes[0] + h.bytes[1] + h.bytes[2]
		h.recentAt = (h.recentAt + 1) % secondsKept
		h.bytes, h.pictures, h.worst = [3]int{}, 0, 0
		h.second = h.second.Add(time.Second)
		if len(h.readings) == readingsKept {
			h.readings = append(h.readings[:0], h.readings[1:]...)
		}
		h.readings = append(h.readings, h.out)
	}
	return h.second != before
}

// unit takes a unit that goes on air.
func (h *health) unit(now time.Time, t *track, u *streaming.Unit, p picture) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Frames++
	if t.Kind == streaming.Audio {
		h.out.Resyncs, h.out.AudioProfile = uint64(t.clock.resyncs), t.audioProfile()
		return
	}
	h.pictures++
	if p.bidirectional || h.hasPicture && u.PTS < h.lastPTS {
		h.out.BFrames = true
	}
	if h.hasPicture {
		step := float64(u.DTS - h.lastDTS)
		if h.mean == 0 {
			h.mean = step
		}
		// Stamps in whole milliseconds are uneven by one of them.
		if off := max(step-h.mean, h.mean-step) - streaming.VideoClockRate/1000; off > h.worst {
			h.worst = off
		}
		h.mean += (step - h.mean) / 16
	}
	if u.Key {
		h.out.Keys++
		if h.hasKey {
			h.out.KeyIntervalMS = (u.DTS - h.lastKey) * 1000 / streaming.VideoClockRate
		}
		h.lastKey, h.hasKey = u.DTS, true
	}
	h.lastDTS, h.lastPTS, h.hasPicture = u.DTS, max(u.PTS, h.lastPTS), true
	if u.Key {
		h.lastPTS = u.PTS
	}
}

// placed compares a unit's date with its arrival.
func (h *health) placed(g *streaming.Generation, t streaming.Track, u *streaming.Unit, now time.Time) {
	placed, ok := g.Track(t.ID)
	if !ok {
		return
	}
	ahead := float64(g.Anchor.Date(placed.Time(u.DTS)).Sub(now)) / float64(time.Millisecond)
	h.mu.Lock()
	defer h.mu.Unlock()
	i := index(t.Kind)
	if !h.hasLag[i] {
		h.lag[i], h.hasLag[i] = ahead, true
	}
	h.lag[i] += (ahead - h.lag[i]) / 32
	h.out.DriftMS = int64(h.lag[i])
	if h.hasLag[0] && h.hasLag[1] {
		h.out.DriftMS = int64(h.lag[0])
		h.out.SkewMS = int64(h.lag[0] - h.lag[1])
	}
}

func (h *health) drop(fault error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Dropped++
	if fault != nil {
		h.out.Fault = fault.Error()
	}
}

// layered tells the figures of the further pictures.
func (h *health) layered(layers map[int]*layer) {
	out := make([]RenditionHealth, 0, len(layers))
	for _, l := range layers {
		out = append(out, RenditionHealth{
			Name: l.info.Name, Codec: l.track.Codec, Width: l.info.Width, Height: l.info.Height, Bitrate: l.rate, FPS: l.fps,
			OnAir: l.publication != nil,
		})
	}
	slices.SortFunc(out, func(a, b RenditionHealth) int {
		return cmp.Or(b.Width*b.Height-a.Width*a.Height, strings.Compare(a.Name, b.Name))
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Renditions = out
}

// leftOut names a track that is not shown, once.
func (h *health) leftOut(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.out.LeftOut) < leftOutMax && !slices.Contains(h.out.LeftOut, what) {
		h.out.LeftOut = append(slices.Clone(h.out.LeftOut), what)
	}
}

func (h *health) lost(n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Lost += n
}

func (h *health) restarted() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.out.Restarts++
}

// recently returns a reading per whole second since the tracks were declared, oldest first, at most thirty.
func (h *health) recently(now time.Time) []Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn(now)
	return append([]Health(nil), h.readings...)
}

func (h *health) snapshot(now time.Time) Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turn(now)
	out := h.out
	out.Seconds = now.Sub(h.out.Since).Seconds()
	if now.Sub(h.last) > staleAfter {
		out.VideoBitrate, out.AudioBitrate, out.FPS = 0, 0, 0
	}
	return out
}

func index(k streaming.Kind) int {
	if k == streaming.Audio {
		return 1
	}
	return 0
}
