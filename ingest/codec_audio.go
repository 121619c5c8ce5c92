package ingest

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
)

const (
	aacFrame      = 1024
	audioUnitMax  = 64 << 10
	opusFrameMax  = 5760 // 120 ms at 48 kHz
	sampleRateMin = 7350
	sampleRateMax = 96000
)

// aacCodec knows how many samples an access unit has.
type aacCodec struct {
	samples, channels int
	profile           string
}

// openAAC checks an AudioSpecificConfig against the track's clock.
func openAAC(config []byte, rate int) (aacCodec, error) {
	var c mpeg4audio.AudioSpecificConfig
	if err := c.Unmarshal(config); err != nil {
		return aacCodec{}, fmt.Errorf("%w: AudioSpecificConfig: %w", ErrCodec, err)
	}
	if c.SampleRate != rate || rate < sampleRateMin || rate > sampleRateMax {
		return aacCodec{}, fmt.Errorf("%w: AAC at %d Hz on a clock of %d", ErrCodec, c.SampleRate, rate)
	}
	out := aacCodec{samples: aacFrame, channels: int(c.ChannelConfig), profile: "LC"}
	switch c.ExtensionType {
	case mpeg4audio.ObjectTypeSBR:
		out.profile = "HE"
	case mpeg4audio.ObjectTypePS:
		out.profile = "HEv2"
	}
	if c.ChannelConfig == 7 {
		out.channels = 8
	}
	if c.FrameLengthFlag {
		out.samples = 960
	}
	return out, nil
}

func (c aacCodec) read(payload [][]byte) (picture, error) {
	if len(payload) != 1 || len(payload[0]) == 0 || len(payload[0]) > audioUnitMax {
		return picture{}, errors.New("a malformed AAC unit")
	}
	return picture{payload: payload, samples: c.samples}, nil
}

// opusCodec reads a packet's length from its first bytes.
type opusCodec struct{}

func (opusCodec) read(payload [][]byte) (picture, error) {
	if len(payload) != 1 || len(payload[0]) == 0 || len(payload[0]) > audioUnitMax {
		return picture{}, errors.New("a malformed Opus packet")
	}
	n := opus.PacketDuration2(payload[0])
	if n <= 0 || n > opusFrameMax {
		return picture{}, errors.New("an Opus packet of no possible length")
	}
	return picture{payload: payload, samples: int(n)}, nil
}
