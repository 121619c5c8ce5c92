package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// H.265 NAL unit types (ITU-T H.265, table 7-1).
const (
	h265FirstIRAP, h265LastIRAP                                    = 16, 23
	h265VPS, h265SPS, h265PPS, h265AUD                             = 32, 33, 34, 35
	h265EndOfSequence, h265EndOfStream, h265Filler, h265SlicesPast = 36, 37, 38, 32
)

// h265Codec keeps the parameter sets and puts them before every random-access picture.
type h265Codec struct {
	vps, sps, pps [][]byte
	ppsRestarts   int
}

// open reads an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15).
func (c *h265Codec) open(record []byte) (picture, error) {
	sets, err := splitHEVCRecord(record)
	if err != nil {
		return picture{}, fmt.Errorf("%w: %w", ErrCodec, err)
	}
	return c.read(sets)
}

func splitHEVCRecord(record []byte) ([][]byte, error) {
	errShort := errors.New("a truncated HEVC configuration record")
	if len(record) < 23 {
		return nil, errShort
	}
	var sets [][]byte
	arrays, rest := int(record[22]), record[23:]
	for range arrays {
		if len(rest) < 3 {
			return nil, errShort
		}
		n := int(binary.BigEndian.Uint16(rest[1:]))
		rest = rest[3:]
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

func (c *h265Codec) read(nals [][]byte) (p picture, err error) {
	newSPS, newPPS, coded := false, false, false
	var payload [][]byte
	for _, n := range nals {
		if len(n) < 3 {
			continue
		}
		kind := n[0] >> 1 & 0x3f
		changed := false
		switch kind {
		case h265VPS:
			changed, err = keepSet(&c.vps, n, func(n []byte) (uint32, bool) { return uint32(n[2] >> 4), true })
			newSPS = newSPS || changed
		case h265SPS:
			changed, err = keepSet(&c.sps, n, h265SPSID)
			newSPS = newSPS || changed
		case h265PPS:
			changed, err = keepSet(&c.pps, n, func(n []byte) (uint32, bool) { b := bits{data: n[2:]}; return b.golomb() })
			newPPS = newPPS || changed
		case h265AUD, h265EndOfSequence, h265EndOfStream, h265Filler:
		default:
			coded = coded || kind < h265SlicesPast
			p.key = p.key || kind >= h265FirstIRAP && kind <= h265LastIRAP
			payload = append(payload, n)
		}
		if err != nil {
			return picture{}, err
		}
	}
	whole := len(c.vps) > 0 && len(c.sps) > 0 && len(c.pps) > 0
	if (newSPS || newPPS) && whole {
		if !newSPS {
			c.ppsRestarts++
		}
		if newSPS || c.ppsRestarts <= ppsRestartsMax {
			if err := c.describe(&p); err != nil {
				return picture{}, err
			}
		}
	}
	if !coded {
		return p, nil
	}
	if !whole {
		return picture{}, errors.New("a picture before its parameter sets")
	}
	if p.key {
		var sets [][]byte
		sets = append(append(append(sets, c.vps...), c.sps...), c.pps...)
		payload = append(sets, payload...)
	}
	p.payload = payload
	return p, nil
}

func (c *h265Codec) describe(p *picture) error {
	var s h265.SPS
	if err := s.Unmarshal(c.sps[0]); err != nil {
		return fmt.Errorf("read an H.265 SPS: %w", err)
	}
	p.width, p.height = s.Width(), s.Height()
	p.profile = fmt.Sprintf("profile %d", s.ProfileTierLevel.GeneralProfileIdc)
	if n := len(s.MaxNumReorderPics); n > 0 {
		p.reorder = int(s.MaxNumReorderPics[n-1])
	}
	var err error
	p.config, err = c.record(&s)
	return err
}

// record writes an HEVCDecoderConfigurationRecord with lengths of four bytes.
func (c *h265Codec) record(s *h265.SPS) ([]byte, error) {
	raw := h264.EmulationPreventionRemove(c.sps[0])
	if len(raw) < 15 {
		return nil, errors.New("a truncated H.265 SPS")
	}
	out := append([]byte{1}, raw[3:15]...) // general_profile_space … general_level_idc
	out = append(out, 0xf0, 0, 0xfc,
		0xfc|byte(s.ChromaFormatIdc&3), 0xf8|byte(s.BitDepthLumaMinus8&7), 0xf8|byte(s.BitDepthChromaMinus8&7),
		0, 0, (s.MaxSubLayersMinus1+1)<<3&0x38|boolBit(s.TemporalIDNestingFlag)<<2|3, 3)
	for _, group := range []struct {
		kind byte
		sets [][]byte
	}{{h265VPS, c.vps}, {h265SPS, c.sps}, {h265PPS, c.pps}} {
		out = append(out, 0x80|group.kind)
		out = binary.BigEndian.AppendUint16(out, uint16(len(group.sets)))
		for _, set := range group.sets {
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(set))), set...)
		}
	}
	return out, nil
}

// h265SPSID reads sps_seq_parameter_set_id, which stands behind the profile, tier and level.
func h265SPSID(n []byte) (uint32, bool) {
	var s h265.SPS
	if s.Unmarshal(n) != nil {
		return 0, false
	}
	return uint32(s.ID), true
}

func boolBit(v bool) byte {
	if v {
		return 1
	}
	return 0
}
