package transcode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4/seekablebuffer"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"

	"github.com/hawkerlive/hawker/streaming"
)

var errSource = errors.New("transcode: the key picture has no usable parameters")

// source says what goes into a leg, and writes it in a form that ffmpeg takes from a pipe without waiting for more:
// fragmented MP4 with one picture per fragment for H.264 and H.265, IVF for the others. Ticks are kept exactly.
type source struct {
	codec         streaming.Codec
	width, height int
	sets          [][]byte // H.264: SPS, PPS; H.265: VPS, SPS, PPS
	shift         int64    // added to every stamp: neither form takes negative ones
	sequence      uint32
	last          int64 // stamp of the picture before
}

// shiftTo is where the first picture's stamp is moved to.
const shiftTo = 10 * streaming.VideoClockRate

// newSource looks at a key unit.
func newSource(codec streaming.Codec, u *streaming.Unit) (*source, error) {
	s := &source{codec: codec, shift: shiftTo - u.DTS}
	var err error
	switch codec {
	case streaming.H264:
		err = s.h264(u.Payload)
	case streaming.H265:
		err = s.h265(u.Payload)
	case streaming.AV1:
		err = s.av1(u.Payload)
	case streaming.VP8:
		err = s.vp8(u.Payload)
	case streaming.VP9:
		err = s.vp9(u.Payload)
	default:
		err = errSource
	}
	if err == nil && (s.width < 16 || s.height < 16 || s.width > 8192 || s.height > 8192) {
		err = errSource
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSource, err)
	}
	return s, nil
}

func (s *source) h264(payload [][]byte) error {
	s.sets = make([][]byte, 2)
	for _, nal := range payload {
		if len(nal) == 0 {
			continue
		}
		switch h264.NALUType(nal[0] & 0x1f) {
		case h264.NALUTypeSPS:
			s.sets[0] = nal
		case h264.NALUTypePPS:
			s.sets[1] = nal
		}
	}
	var sps h264.SPS
	if s.sets[1] == nil {
		return errSource
	}
	if err := sps.Unmarshal(s.sets[0]); err != nil {
		return err
	}
	s.width, s.height = sps.Width(), sps.Height()
	return nil
}

func (s *source) h265(payload [][]byte) error {
	s.sets = make([][]byte, 3)
	for _, nal := range payload {
		if len(nal) < 2 {
			continue
		}
		switch h265.NALUType(nal[0] >> 1 & 0x3f) {
		case h265.NALUType_VPS_NUT:
			s.sets[0] = nal
		case h265.NALUType_SPS_NUT:
			s.sets[1] = nal
		case h265.NALUType_PPS_NUT:
			s.sets[2] = nal
		}
	}
	var sps h265.SPS
	if s.sets[0] == nil || s.sets[2] == nil {
		return errSource
	}
	if err := sps.Unmarshal(s.sets[1]); err != nil {
		return err
	}
	s.width, s.height = sps.Width(), sps.Height()
	return nil
}

func (s *source) av1(payload [][]byte) error {
	for _, obu := range payload {
		var head av1.SequenceHeader
		if len(obu) > 0 && obu[0]>>3&0xf == 1 {
			if err := head.Unmarshal(obu); err != nil {
				return err
			}
			s.width, s.height = head.Width(), head.Height()
			return nil
		}
	}
	return errSource
}

// vp8 reads the frame header (RFC 6386 section 9.1).
func (s *source) vp8(payload [][]byte) error {
	if len(payload) != 1 || len(payload[0]) < 10 || payload[0][0]&1 != 0 || !bytes.Equal(payload[0][3:6], []byte{0x9d, 1, 0x2a}) {
		return errSource
	}
	s.width = int(binary.LittleEndian.Uint16(payload[0][6:]) & 0x3fff)
	s.height = int(binary.LittleEndian.Uint16(payload[0][8:]) & 0x3fff)
	return nil
}

func (s *source) vp9(payload [][]byte) error {
	var head vp9.Header
	if len(payload) != 1 {
		return errSource
	}
	if err := head.Unmarshal(payload[0]); err != nil {
		return err
	}
	if head.FrameSize == nil {
		return errSource
	}
	s.width, s.height = head.Width(), head.Height()
	return nil
}

// format is ffmpeg's name of the form.
func (s *source) format() string {
	if s.sets != nil {
		return "mp4"
	}
	return "ivf"
}

// head is what comes before the first picture.
func (s *source) head() ([]byte, error) {
	if s.sets == nil {
		return s.ivfHead(), nil
	}
	track := &fmp4.InitTrack{ID: 1, TimeScale: streaming.VideoClockRate}
	if s.codec == streaming.H264 {
		track.Codec = &codecs.H264{SPS: s.sets[0], PPS: s.sets[1]}
	} else {
		track.Codec = &codecs.H265{VPS: s.sets[0], SPS: s.sets[1], PPS: s.sets[2]}
	}
	var b seekablebuffer.Buffer
	if err := (fmp4.Init{Tracks: []*fmp4.InitTrack{track}}).Marshal(&b); err != nil {
		return nil, fmt.Errorf("write the header for ffmpeg: %w", err)
	}
	return b.Bytes(), nil
}

func (s *source) ivfHead() []byte {
	b := make([]byte, 32)
	copy(b, "DKIF")
	binary.LittleEndian.PutUint16(b[6:], 32)
	copy(b[8:], map[streaming.Codec]string{streaming.VP8: "VP80", streaming.VP9: "VP90", streaming.AV1: "AV01"}[s.codec])
	binary.LittleEndian.PutUint16(b[12:], uint16(s.width))
	binary.LittleEndian.PutUint16(b[14:], uint16(s.height))
	binary.LittleEndian.PutUint32(b[16:], streaming.VideoClockRate)
	binary.LittleEndian.PutUint32(b[20:], 1)
	return b
}

// picture is one unit in the source's form.
func (s *source) picture(u *streaming.Unit) ([]byte, error) {
	if s.sets == nil {
		return s.ivfPicture(u)
	}
	sample := &fmp4.Sample{IsNonSyncSample: !u.Key, PTSOffset: int32(u.PTS - u.DTS), Duration: 3000}
	if d := u.DTS - s.last; s.sequence > 0 && d > 0 && d < 10*streaming.VideoClockRate {
		sample.Duration = uint32(d)
	}
	var err error
	if sample.Payload, err = h264.AVCC(u.Payload).Marshal(); err != nil { // H.265 is framed the same way
		return nil, fmt.Errorf("frame a picture for ffmpeg: %w", err)
	}
	part := fmp4.Part{SequenceNumber: s.sequence, Tracks: []*fmp4.PartTrack{{ID: 1, BaseTime: uint64(u.DTS + s.shift), Samples: []*fmp4.Sample{sample}}}}
	s.sequence++
	s.last = u.DTS
	var b seekablebuffer.Buffer
	if err := part.Marshal(&b); err != nil {
		return nil, fmt.Errorf("write a picture for ffmpeg: %w", err)
	}
	return b.Bytes(), nil
}

func (s *source) ivfPicture(u *streaming.Unit) ([]byte, error) {
	body := bytes.Join(u.Payload, nil)
	if s.codec == streaming.AV1 {
		var err error
		if body, err = av1.Bitstream(u.Payload).Marshal(); err != nil {
			return nil, fmt.Errorf("frame a picture for ffmpeg: %w", err)
		}
		body = append([]byte{0x12, 0}, body...) // a temporal delimiter
	}
	b := make([]byte, 12, 12+len(body))
	binary.LittleEndian.PutUint32(b, uint32(len(body)))
	binary.LittleEndian.PutUint64(b[4:], uint64(u.PTS+s.shift))
	return append(b, body...), nil
}
