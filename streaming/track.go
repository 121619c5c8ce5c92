package streaming

import "github.com/hawkerlive/hawker/streaming/mediatime"

// Kind is what a track carries.
type Kind string

// The kinds.
const (
	Video Kind = "video"
	Audio Kind = "audio"
)

// Codec names a coding by its usual lower-case name.
type Codec string

// The codecs.
const (
	H264 Codec = "h264"
	H265 Codec = "h265"
	AV1  Codec = "av1"
	VP8  Codec = "vp8"
	VP9  Codec = "vp9"
	AAC  Codec = "aac"
	Opus Codec = "opus"
)

// Clock rates in ticks per second. Video always ticks at 90 kHz here, whatever its protocol counted in; audio
// ticks at its sample rate, Opus at 48 kHz (RFC 7587).
const (
	VideoClockRate = 90000
	OpusClockRate  = 48000
)

// Track is one elementary stream. It is immutable within a generation.
type Track struct {
	ID        int // unique within the generation, 1 and up
	Kind      Kind
	Codec     Codec
	ClockRate int // ticks per second

	// Config is what a decoder needs before the first unit: AVCDecoderConfigurationRecord (ISO 14496-15) for H.264,
	// HEVCDecoderConfigurationRecord for H.265, AV1CodecConfigurationRecord for AV1, AudioSpecificConfig
	// (ISO 14496-3) for AAC; for Opus one byte, the number of channels; empty for VP8 and VP9.
	Config []byte

	// Zero is the media time of tick 0. The hub sets it when the generation's first unit arrives.
	Zero mediatime.Time
}

// Time is the media time of a stamp in ticks of the track's clock.
func (t Track) Time(ticks int64) mediatime.Time {
	return t.Zero + mediatime.FromTicks(ticks, t.ClockRate)
}

// Ticks is the stamp, in ticks of the track's clock, of a media time.
func (t Track) Ticks(at mediatime.Time) int64 { return (at - t.Zero).Ticks(t.ClockRate) }

// Unit is one access unit: a coded picture, or one audio frame. All readers share it; nobody may change it, nor
// the bytes in it, after Write.
type Unit struct {
	Track      int   // Track.ID
	Generation int   // set by Publication.Write
	PTS, DTS   int64 // exact ticks of the track's clock, unwrapped; tick 0 is one instant for all tracks of a generation
	Key        bool  // a reader may start here

	// Payload holds an H.264 or H.265 unit's NAL units without start codes or lengths, parameter sets included
	// before each key picture; an AV1 unit's OBUs without size fields; one element for every other codec.
	Payload [][]byte
}

// Size is the number of payload bytes.
func (u *Unit) Size() (n int) {
	for _, p := range u.Payload {
		n += len(p)
	}
	return n
}

// Generation is a stretch of a stream with unchanged tracks, codecs and anchor. It is immutable.
type Generation struct {
	Number int // 1 and up
	Tracks []Track
	Anchor mediatime.Anchor
}

// Track returns the track with the ID.
func (g *Generation) Track(id int) (Track, bool) {
	for _, t := range g.Tracks {
		if t.ID == id {
			return t, true
		}
	}
	return Track{}, false
}

// First returns the generation's first track of a kind.
func (g *Generation) First(k Kind) (Track, bool) {
	for _, t := range g.Tracks {
		if t.Kind == k {
			return t, true
		}
	}
	return Track{}, false
}
