package hls

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/hawkerlive/hawker/streaming"
)

var (
	errCodec      = errors.New("hls: fragmented MP4 players cannot decode this codec")
	errParameters = errors.New("hls: decoder parameters are missing")
)

// picture is what an init segment says about the video: the parameter sets in force.
type picture struct {
	codec         streaming.Codec
	sets          [][]byte // VPS, SPS, PPS; SPS, PPS; sequence header
	width, height int
	name          string // for CODECS
}

// playable tells whether the codec can be packaged.
func playable(c streaming.Codec) bool {
	switch c {
	case streaming.H264, streaming.H265, streaming.AV1, streaming.AAC, streaming.Opus:
		return true
	}
	return false
}

// pictureOf reads the parameter sets of a key picture, and takes those it lacks from the track.
func pictureOf(t streaming.Track, payload [][]byte) (*picture, error) {
	p := &picture{codec: t.Codec}
	kinds := setKinds(t.Codec)
	if kinds == nil {
		return nil, fmt.Errorf("%w: %s", errCodec, t.Codec)
	}
	p.sets = make([][]byte, len(kinds))
	for _, from := range [][][]byte{payload, recordSets(t)} {
		for _, nal := range from {
			for i, kind := range kinds {
				if p.sets[i] == nil && len(nal) > 0 && unitKind(t.Codec, nal) == kind {
					p.sets[i] = nal
				}
			}
		}
	}
	for _, s := range p.sets {
		if s == nil {
			return nil, fmt.Errorf("%w: %s", errParameters, t.Codec)
		}
	}
	return p, p.describe()
}

func (p *picture) describe() error {
	switch p.codec {
	case streaming.H264:
		var sps h264.SPS
		if err := sps.Unmarshal(p.sets[0]); err != nil {
			return fmt.Errorf("read SPS: %w", err)
		}
		p.width, p.height = sps.Width(), sps.Height()
		p.name = fmt.Sprintf("avc1.%02x%02x%02x", p.sets[0][1], p.sets[0][2], p.sets[0][3])
	case streaming.H265:
		var sps h265.SPS
		if err := sps.Unmarshal(p.sets[1]); err != nil {
			return fmt.Errorf("read SPS: %w", err)
		}
		p.width, p.height = sps.Width(), sps.Height()
		p.name = h265Name(sps.ProfileTierLevel)
	case streaming.AV1:
		var head av1.SequenceHeader
		if err := head.Unmarshal(p.sets[0]); err != nil {
			return fmt.Errorf("read sequence header: %w", err)
		}
		p.width, p.height = head.Width(), head.Height()
		p.name = av1Name(&head)
	}
	return nil
}

// equal tells whether a decoder that was set up for p also plays q.
func (p *picture) equal(q *picture) bool {
	if p == nil || q == nil || p.codec != q.codec || len(p.sets) != len(q.sets) {
		return false
	}
	for i := range p.sets {
		if !bytes.Equal(p.sets[i], q.sets[i]) {
			return false
		}
	}
	return true
}

func (p *picture) mp4() codecs.Codec {
	switch p.codec {
	case streaming.H265:
		return &codecs.H265{VPS: p.sets[0], SPS: p.sets[1], PPS: p.sets[2]}
	case streaming.AV1:
		return &codecs.AV1{SequenceHeader: p.sets[0]}
	}
	return &codecs.H264{SPS: p.sets[0], PPS: p.sets[1]}
}

// sample makes the bytes of a sample: NAL units or OBUs with their lengths. A key picture carries the parameter sets
// too, for players that keep their first init segment.
func (p *picture) sample(payload [][]byte, key bool) []byte {
	if key && !p.within(payload) {
		payload = append(append(make([][]byte, 0, len(p.sets)+len(payload)), p.sets...), payload...)
	}
	if p.codec == streaming.AV1 {
		b, err := av1.Bitstream(payload).Marshal()
		if err != nil {
			return nil
		}
		return b
	}
	b, err := h264.AVCC(payload).Marshal() // the same layout for H.265
	if err != nil {
		return nil
	}
	return b
}

func (p *picture) within(payload [][]byte) bool {
	for _, kind := range setKinds(p.codec) {
		found := false
		for _, nal := range payload {
			found = found || (len(nal) > 0 && unitKind(p.codec, nal) == kind)
		}
		if !found {
			return false
		}
	}
	return true
}

// setKinds lists the NAL unit or OBU types of a codec's parameter sets.
func setKinds(c streaming.Codec) []int {
	switch c {
	case streaming.H264:
		return []int{int(h264.NALUTypeSPS), int(h264.NALUTypePPS)}
	case streaming.H265:
		return []int{int(h265.NALUType_VPS_NUT), int(h265.NALUType_SPS_NUT), int(h265.NALUType_PPS_NUT)}
	case streaming.AV1:
		return []int{int(av1.OBUTypeSequenceHeader)}
	}
	return nil
}

func unitKind(c streaming.Codec, nal []byte) int {
	switch c {
	case streaming.H265:
		return int(nal[0] >> 1 & 0x3f)
	case streaming.AV1:
		return int(nal[0] >> 3 & 0x0f)
	}
	return int(nal[0] & 0x1f)
}

// recordSets reads the parameter sets out of a track's configuration record.
func recordSets(t streaming.Track) [][]byte {
	c := t.Config
	switch t.Codec {
	case streaming.H264: // ISO 14496-15, 5.3.3.1.2
		if len(c) < 7 {
			return nil
		}
		sets, rest := lengthPrefixed(c[6:], int(c[5]&0x1f))
		if len(rest) < 1 {
			return sets
		}
		more, _ := lengthPrefixed(rest[1:], int(rest[0]))
		return append(sets, more...)
	case streaming.H265: // ISO 14496-15, 8.3.3.1.2
		if len(c) < 23 {
			return nil
		}
		var sets [][]byte
		rest := c[23:]
		for range int(c[22]) {
			if len(rest) < 3 {
				break
			}
			var more [][]byte
			more, rest = lengthPrefixed(rest[3:], int(rest[1])<<8|int(rest[2]))
			sets = append(sets, more...)
		}
		return sets
	case streaming.AV1: // AV1-ISOBMFF, 2.3.3
		if len(c) < 5 {
			return nil
		}
		var units av1.Bitstream
		if units.Unmarshal(c[4:]) != nil {
			return nil
		}
		return units
	}
	return nil
}

func lengthPrefixed(b []byte, n int) (out [][]byte, rest []byte) {
	for range n {
		if len(b) < 2 {
			return out, nil
		}
		size := int(b[0])<<8 | int(b[1])
		if len(b) < 2+size {
			return out, nil
		}
		out = append(out, b[2:2+size])
		b = b[2+size:]
	}
	return out, b
}
