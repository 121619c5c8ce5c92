package hls

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// h265Name is the CODECS entry of ISO 14496-15, annex E.3.
func h265Name(p h265.SPS_ProfileTierLevel) string {
	var compat uint32
	for i, set := range p.GeneralProfileCompatibilityFlag {
		if set {
			compat |= 1 << (31 - i)
		}
	}
	space := ""
	if p.GeneralProfileSpace > 0 {
		space = string(rune('A' + p.GeneralProfileSpace - 1))
	}
	var constraints byte
	for i, set := range []bool{p.GeneralProgressiveSourceFlag, p.GeneralInterlacedSourceFlag, p.GeneralNonPackedConstraintFlag, p.GeneralFrameOnlyConstraintFlag} {
		if set {
			constraints |= 0x80 >> i
		}
	}
	tier := "L"
	if p.GeneralTierFlag != 0 {
		tier = "H"
	}
	name := fmt.Sprintf("hvc1.%s%d.%X.%s%d", space, p.GeneralProfileIdc, bits.Reverse32(compat), tier, p.GeneralLevelIdc)
	if constraints != 0 {
		name += fmt.Sprintf(".%X", constraints)
	}
	return name
}

// av1Name is the CODECS entry of AV1-ISOBMFF, 5, without its optional end.
func av1Name(h *av1.SequenceHeader) string {
	level, tier := uint8(0), "M"
	if len(h.SeqLevelIdx) > 0 {
		level = h.SeqLevelIdx[0]
	}
	if len(h.SeqTier) > 0 && h.SeqTier[0] {
		tier = "H"
	}
	depth := 8
	if h.ColorConfig.HighBitDepth {
		depth = 10
		if h.ColorConfig.TwelveBit {
			depth = 12
		}
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", h.SeqProfile, level, tier, depth)
}

func joinNames(names ...string) string {
	out := names[:0:0]
	for _, n := range names {
		if n != "" {
			out = append(out, n)
		}
	}
	return strings.Join(out, ",")
}
