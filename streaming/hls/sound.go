package hls

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/hawkerlive/hawker/streaming"
)

// Audio stamps of a publisher that rounds to milliseconds wander; what stays within this part of a second is not
// followed. More is followed by one longer or shorter frame, and by silence from three quarters of a frame on.
const soundJitterDivisor = 200 // 5 ms

const soundJumpSeconds = 10 // an audio stamp further ahead of the sound so far is refused

// frame of sound with its place on the track's clock.
type soundFrame struct {
	start, length int64
	pts           int64 // as it came; the length of silence
	silent        bool
	payload       []byte
}

// sound lays audio frames end to end on their track's clock: no hole, no overlap. One goroutine uses it.
type sound struct {
	track    streaming.Track
	codec    codecs.Codec
	name     string // for CODECS
	channels int
	scale    int64 // track ticks of 1024 AAC samples; of one sample for Opus
	silent   []byte
	silentN  int64

	from    int64 // nothing begins before
	clock   int64 // where the next frame begins
	begun   bool
	queue   []soundFrame
	dropped int
}

func newSound(t streaming.Track) (*sound, error) {
	s := &sound{track: t, scale: 1}
	switch t.Codec {
	case streaming.AAC:
		var c mpeg4audio.AudioSpecificConfig
		if err := c.Unmarshal(t.Config); err != nil {
			return nil, fmt.Errorf("read AudioSpecificConfig: %w", err)
		}
		if c.SampleRate <= 0 { // an explicit rate may be 0
			return nil, fmt.Errorf("%w: a sample rate of %d", errParameters, c.SampleRate)
		}
		s.codec, s.channels = &codecs.MPEG4Audio{Config: c}, int(c.ChannelConfig)
		object := int(c.Type)
		if c.ExtensionType != 0 {
			object = int(c.ExtensionType)
		}
		s.name = fmt.Sprintf("mp4a.40.%d", object)
		s.scale = aacSamples * int64(t.ClockRate) / int64(c.SampleRate)
		s.silent, s.silentN = aacSilence(s.channels), s.scale
	case streaming.Opus:
		s.channels = 2
		if len(t.Config) > 0 && t.Config[0] > 0 {
			s.channels = int(t.Config[0])
		}
		s.codec, s.name = &codecs.Opus{ChannelCount: s.channels}, "opus"
		s.silent, s.silentN = opusSilence(s.channels), opusSilenceSamples
	default:
		return nil, fmt.Errorf("%w: %s", errCodec, t.Codec)
	}
	if s.scale <= 0 {
		return nil, fmt.Errorf("%w: a frame of no length", errParameters)
	}
	return s, nil
}

// frame is the length of the codec's usual frame.
func (s *sound) frame() int64 { return s.silentN }

func (s *sound) length(payload []byte) int64 {
	if s.track.Codec == streaming.Opus {
		if n := opus.PacketDuration2(payload); n > 0 {
			return n
		}
		return opusSilenceSamples
	}
	return s.scale
}

// add lays a frame after the ones before it. It reports false for a frame that comes too late or is out of place.
func (s *sound) add(pts int64, payload []byte) bool {
	if len(payload) == 0 {
		return false
	}
	n := s.length(payload)
	if !s.begun {
		if pts < s.from {
			return false
		}
		s.begun, s.clock = true, s.from
		if pts-s.from < n {
			s.clock = pts
		}
	}
	off := pts - s.clock
	if off <= -n*3/4 || off > soundJumpSeconds*int64(s.track.ClockRate) {
		s.dropped++
		return false
	}
	for off >= s.silentN*3/4 && s.silent != nil {
		s.pushSilence()
		off = pts - s.clock
	}
	length := n
	if jitter := int64(s.track.ClockRate) / soundJitterDivisor; off > jitter || off < -jitter {
		length = max(n+off, n/4)
	}
	s.queue = append(s.queue, soundFrame{start: s.clock, length: length, pts: pts, payload: payload})
	s.clock += length
	return true
}

// fill lays silence until the sound reaches a place.
func (s *sound) fill(until int64) {
	if !s.begun {
		s.begun, s.clock = true, s.from
	}
	for s.clock < until && s.silentN > 0 {
		if s.silent == nil {
			// No element list for this configuration: the last frame is stretched.
			if n := len(s.queue); n > 0 {
				s.queue[n-1].length += until - s.clock
			}
			s.clock = until
			return
		}
		s.pushSilence()
	}
}

func (s *sound) pushSilence() {
	s.queue = append(s.queue, soundFrame{start: s.clock, length: s.silentN, silent: true, payload: s.silent})
	s.clock += s.silentN
}

// take removes the frames that begin before a place.
func (s *sound) take(until int64) []soundFrame {
	n := 0
	for n < len(s.queue) && s.queue[n].start < until {
		n++
	}
	out := s.queue[:n:n]
	s.queue = s.queue[n:]
	return out
}

// part is the sound of a part: frames that were taken.
func (s *sound) part(frames []soundFrame) *fmp4.PartTrack {
	t := &fmp4.PartTrack{ID: audioTrackID, BaseTime: uint64(max(0, decodeTime(s.track, frames[0].start)))}
	for _, f := range frames {
		t.Samples = append(t.Samples, &fmp4.Sample{Duration: uint32(f.length), Payload: f.payload})
	}
	return t
}
