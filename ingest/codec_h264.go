package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Limits of parameter sets.
const (
	parameterSetMax  = 4096
	parameterSetsMax = 32
	ppsRestartsMax   = 4 // an encoder that goes on changing its PPS keeps its generation
)

// H.264 NAL unit types (ITU-T H.264, table 7-1).
const (
	h264Slice, h264IDR, h264SEI, h264SPS, h264PPS, h264AUD = 1, 5, 6, 7, 8, 9

	h264EndOfSequence, h264EndOfStream, h264Filler = 10, 11, 12
)

// h264Codec keeps the parameter sets and puts them before every IDR picture.
type h264Codec struct {
	sps, pps    [][]byte // newest first; one per ID
	ppsRestarts int
}

// open reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15).
func (c *h264Codec) open(record []byte) (picture, error) {
	sets, err := splitAVCRecord(record)
	if err != nil {
		return picture{}, fmt.Errorf("%w: %w", ErrCodec, err)
	}
	return c.read(sets)
}

// splitAVCRecord returns the parameter sets in a configuration record.
func splitAVCRecord(record []byte) ([][]byte, error) {
	errShort := errors.New("a truncated AVC configuration record")
	if len(record) < 7 || record[0] != 1 {
		return nil, errShort
	}
	var sets [][]byte
	rest := record[5:]
	for _, mask := range []byte{0x1f, 0xff} {
		if len(rest) < 1 {
			return nil, errShort
		}
		n := int(rest[0] & mask)
		rest = rest[1:]
		for range n {
			if len(rest) < 2 {
				return nil, errShort
			}
			size := int(binary.BigEndian.Uint16(rest))
			if len(rest) < 2+size {
				return nil, errShort
			}
			sets = append(sets, rest[2:2+size])
			rest = rest[2+size:]
		}
	}
	return sets, nil
}

func (c *h264Codec) read(nals [][]byte) (p picture, err error) {
	newSPS, newPPS := false, false
	payload := make([][]byte, 0, len(nals)+len(c.sps)+len(c.pps))
	coded := false
	for _, n := range nals {
		if len(n) == 0 {
			continue
		}
		switch n[0] & 0x1f {
		case h264SPS:
			changed, err := keepSet(&c.sps, n, h264SPSID)
			if err != nil {
				return picture{}, err
			}
			newSPS = newSPS || changed
		case h264PPS:
			changed, err := keepSet(&c.pps, n, h264PPSID)
			if err != nil {
				return picture{}, err
			}
			newPPS = newPPS || changed
		case h264AUD, h264Filler, h264EndOfSequence, h264EndOfStream:
		case h264IDR:
			p.key, coded = true, true
			payload = append(payload, n)
		case h264Slice:
			coded = true
			p.bidirectional = p.bidirectional || h264SliceIsB(n)
			payload = append(payload, n)
		default:
			payload = append(payload, n)
		}
	}
	if (newSPS || newPPS) && len(c.sps) > 0 && len(c.pps) > 0 {
		if !newSPS {
			c.ppsRestarts++
		}
		if newSPS || c.ppsRestarts <= ppsRestartsMax {
			c.describe(&p)
		}
	}
	if !coded {
		return p, nil
	}
	if len(c.sps) == 0 || len(c.pps) == 0 {
		return picture{}, errors.New("a picture before its parameter sets")
	}
	if p.key {
		whole := make([][]byte, 0, len(c.sps)+len(c.pps)+len(payload))
		payload = append(append(append(whole, c.sps...), c.pps...), payload...)
	}
	p.payload = payload
	return p, nil
}

// describe fills in what the parameter sets say.
func (c *h264Codec) describe(p *picture) {
	first := c.sps[0]
	p.config = avcRecord(c.sps, c.pps)
	p.profile = h264Profile(first[1], first[2])
	var s h264.SPS
	if s.Unmarshal(first) != nil {
		return
	}
	p.width, p.height = s.Width(), s.Height()
	if s.VUI != nil && s.VUI.BitstreamRestriction != nil {
		p.reorder = int(s.VUI.BitstreamRestriction.MaxNumReorderFrames)
	}
}

// keepSet puts a parameter set in the place of one with its ID, newest first, and tells whether anything changed.
// The list is made anew: units that were written share the old one.
func keepSet(sets *[][]byte, set []byte, id func([]byte) (uint32, bool)) (bool, error) {
	if len(set) < 3 || len(set) > parameterSetMax {
		return false, errors.New("a parameter set of no possible size")
	}
	want, ok := id(set)
	if !ok {
		return false, errors.New("a parameter set without an ID")
	}
	for i, known := range *sets {
		if bytes.Equal(known, set) {
			return false, nil
		}
		if have, _ := id(known); have == want {
			*sets = slices.Delete(slices.Clone(*sets), i, i+1)
			break
		}
	}
	if len(*sets) == parameterSetsMax {
		return false, errors.New("too many parameter sets")
	}
	*sets = append([][]byte{set}, *sets...)
	return true, nil
}

func h264SPSID(n []byte) (uint32, bool) {
	if len(n) < 5 {
		return 0, false
	}
	b := bits{data: n[4:]}
	return b.golomb()
}

func h264PPSID(n []byte) (uint32, bool) {
	b := bits{data: n[1:]}
	return b.golomb()
}

// h264SliceIsB reads a slice header's slice_type.
func h264SliceIsB(n []byte) bool {
	b := bits{data: n[1:]}
	if _, ok := b.golomb(); !ok { // first_mb_in_slice
		return false
	}
	kind, ok := b.golomb()
	return ok && kind%5 == 1
}

// avcRecord writes an AVCDecoderConfigurationRecord with lengths of four bytes.
func avcRecord(sps, pps [][]byte) []byte {
	first := sps[0]
	out := []byte{1, first[1], first[2], first[3], 0xff, 0xe0 | byte(len(sps)&0x1f)}
	for _, s := range sps {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(s))), s...)
	}
	out = append(out, byte(len(pps)))
	for _, s := range pps {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(s))), s...)
	}
	switch first[1] {
	case 100, 110, 122, 144:
		var s h264.SPS
		if s.Unmarshal(first) == nil {
			out = append(out, 0xfc|byte(s.ChromaFormatIdc&3), 0xf8|byte(s.BitDepthLumaMinus8&7), 0xf8|byte(s.BitDepthChromaMinus8&7), 0)
		}
	}
	return out
}

func h264Profile(idc, constraints byte) string {
	switch {
	case idc == 66 && constraints&0x40 != 0:
		return "constrained baseline"
	case idc == 66:
		return "baseline"
	case idc == 77:
		return "main"
	case idc == 88:
		return "extended"
	case idc == 100:
		return "high"
	case idc == 110:
		return "high 10"
	case idc == 122:
		return "high 4:2:2"
	case idc == 244:
		return "high 4:4:4"
	}
	return fmt.Sprintf("profile %d", idc)
}

// bits reads single bits, without regard to emulation prevention: what is read stands before the first byte that
// could need it.
type bits struct {
	data []byte
	at   int
}

func (b *bits) bit() (uint32, bool) {
	if b.at >= len(b.data)*8 {
		return 0, false
	}
	v := b.data[b.at/8] >> (7 - b.at%8) & 1
	b.at++
	return uint32(v), true
}

// golomb reads an unsigned Exp-Golomb number (ITU-T H.264, 9.1).
func (b *bits) golomb() (uint32, bool) {
	zeros := 0
	for {
		v, ok := b.bit()
		if !ok || zeros > 31 {
			return 0, false
		}
		if v == 1 {
			break
		}
		zeros++
	}
	out := uint32(1)
	for range zeros {
		v, ok := b.bit()
		if !ok {
			return 0, false
		}
		out = out<<1 | v
	}
	return out - 1, true
}
