package relay

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"github.com/hawkerlive/hawker/streaming"
)

const (
	videoPayload = 96
	audioPayload = 97
)

// track is one medium as RTSP players get it.
type track struct {
	streaming.Track
	media  *description.Media
	format format.Format
	base   uint32 // of its RTP stamps, unpredictable (RFC 3550, 5.1)
	cut    func(u *streaming.Unit) ([]*rtp.Packet, error)
}

// newTrack makes the medium of a stream's track. It reports ErrCodec for what RTSP players do not get.
func newTrack(t streaming.Track) (*track, error) {
	out := &track{Track: t, base: random()}
	kind := description.MediaTypeVideo
	var err error
	switch t.Codec {
	case streaming.H264:
		f := &format.H264{PayloadTyp: videoPayload, PacketizationMode: 1}
		f.SPS, f.PPS = avcSets(t.Config)
		e, failed := f.CreateEncoder()
		out.format, err = f, failed
		out.cut = func(u *streaming.Unit) ([]*rtp.Packet, error) { return e.Encode(u.Payload) }
	case streaming.H265:
		f := &format.H265{PayloadTyp: videoPayload}
		f.VPS, f.SPS, f.PPS = hevcSets(t.Config)
		e, failed := f.CreateEncoder()
		out.format, err = f, failed
		out.cut = func(u *streaming.Unit) ([]*rtp.Packet, error) { return e.Encode(u.Payload) }
	case streaming.AAC:
		kind = description.MediaTypeAudio
		config := &mpeg4audio.AudioSpecificConfig{}
		if err = config.Unmarshal(t.Config); err != nil {
			break
		}
		f := &format.MPEG4Audio{PayloadTyp: audioPayload, Config: config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
		e, failed := f.CreateEncoder()
		out.format, err = f, failed
		out.cut = func(u *streaming.Unit) ([]*rtp.Packet, error) { return e.Encode(u.Payload) }
	case streaming.Opus:
		kind = description.MediaTypeAudio
		channels := 2
		if len(t.Config) > 0 && t.Config[0] > 0 {
			channels = int(t.Config[0])
		}
		f := &format.Opus{PayloadTyp: audioPayload, ChannelCount: channels}
		e, failed := f.CreateEncoder()
		out.format, err = f, failed
		out.cut = func(u *streaming.Unit) ([]*rtp.Packet, error) {
			p, err := e.Encode(bytes.Join(u.Payload, nil))
			return []*rtp.Packet{p}, err
		}
	default:
		return nil, fmt.Errorf("%w: %s", ErrCodec, t.Codec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCodec, t.Codec, err)
	}
	out.media = &description.Media{Type: kind, Formats: []format.Format{out.format}}
	return out, nil
}

// same tells whether a decoder of the one can go on with the other.
func same(a, b streaming.Track) bool {
	return a.ID == b.ID && a.Codec == b.Codec && a.ClockRate == b.ClockRate && bytes.Equal(a.Config, b.Config)
}

func random() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return binary.BigEndian.Uint32(b[:])
}
