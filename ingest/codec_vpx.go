package ingest

import (
	"bytes"
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
)

// AV1 OBU types (AV1 Bitstream & Decoding Process, 6.2.2).
const av1SequenceHeader, av1TemporalDelimiter, av1TileList, av1Padding = 1, 2, 8, 15

// av1Codec keeps the sequence header.
type av1Codec struct{ header []byte }

func (c *av1Codec) read(obus [][]byte) (p picture, err error) {
	for _, o := range obus {
		if len(o) == 0 {
			continue
		}
		switch o[0] >> 3 & 0xf {
		case av1TemporalDelimiter, av1TileList, av1Padding:
			continue
		case av1SequenceHeader:
			p.key = true
			if !bytes.Equal(o, c.header) {
				if err := c.describe(o, &p); err != nil {
					return picture{}, err
				}
			}
		}
		p.payload = append(p.payload, o)
	}
	if len(p.payload) > 0 && c.header == nil {
		return picture{}, errors.New("a picture before its sequence header")
	}
	return p, nil
}

// describe writes an AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding, 2.3).
func (c *av1Codec) describe(o []byte, p *picture) error {
	var h av1.SequenceHeader
	if err := h.Unmarshal(o); err != nil {
		return err
	}
	c.header = bytes.Clone(o)
	p.width, p.height = h.Width(), h.Height()
	level, tier := byte(0), byte(0)
	if len(h.SeqLevelIdx) > 0 {
		level = h.SeqLevelIdx[0]
	}
	if len(h.SeqTier) > 0 {
		tier = boolBit(h.SeqTier[0])
	}
	color := h.ColorConfig
	deep := boolBit(color.BitDepth > 8)
	p.config = append([]byte{0x81, h.SeqProfile<<5 | level&0x1f,
		tier<<7 | deep<<6 | boolBit(color.BitDepth == 12)<<5 | boolBit(color.MonoChrome)<<4 |
			boolBit(color.SubsamplingX)<<3 | boolBit(color.SubsamplingY)<<2 | byte(color.ChromaSamplePosition)&3, 0},
		av1WithSize(o)...)
	return nil
}

// av1WithSize gives an OBU its size field.
func av1WithSize(o []byte) []byte {
	header := 1
	if o[0]&4 != 0 && len(o) > 1 { // an extension byte
		header = 2
	}
	out := append([]byte{o[0] | 2}, o[1:header]...)
	for size := len(o) - header; ; size >>= 7 {
		if size < 0x80 {
			out = append(out, byte(size))
			break
		}
		out = append(out, byte(size)|0x80)
	}
	return append(out, o[header:]...)
}

// vp8Codec reads the frame tag (RFC 6386, 9.1).
type vp8Codec struct{}

func (vp8Codec) read(payload [][]byte) (picture, error) {
	if len(payload) != 1 || len(payload[0]) < 3 {
		return picture{}, errors.New("a malformed VP8 frame")
	}
	f := payload[0]
	p := picture{payload: payload, key: f[0]&1 == 0}
	if p.key && (len(f) < 10 || f[3] != 0x9d || f[4] != 0x01 || f[5] != 0x2a) {
		return picture{}, errors.New("a VP8 key frame without its start code")
	}
	return p, nil
}

// vp9Codec reads the uncompressed header.
type vp9Codec struct{}

func (vp9Codec) read(payload [][]byte) (picture, error) {
	if len(payload) != 1 || len(payload[0]) == 0 {
		return picture{}, errors.New("a malformed VP9 frame")
	}
	var h vp9.Header
	if err := h.Unmarshal(payload[0]); err != nil {
		return picture{}, err
	}
	return picture{payload: payload, key: !h.NonKeyFrame && !h.ShowExistingFrame}, nil
}
