package rtpfan

// NAL unit types of H.265 (ITU-T H.265, table 7-1) and of its RTP payload format (RFC 7798).
const (
	nal265SPS       = 33
	nal265Delimiter = 35
	nal265Filler    = 38
	nal265Reserved  = 41 // from here to 47 reserved, from 48 on free
	nal265AP        = 48
	nal265FU        = 49
)

// splitH265 cuts an access unit into RTP payloads (RFC 7798 without decoding order numbers), appended to dst:
// neighbouring small NAL units share an aggregation packet, a large one becomes fragments of equal size. Delimiters, filler and
// what is marked as damaged are left out.
func splitH265(dst []piece, nals [][]byte) []piece {
	const small = payloadMax - extensionSize
	var group [][]byte
	size := 2
	flush := func() {
		if len(group) > 0 {
			dst = append(dst, aggregateH265(group))
			group, size = nil, 2
		}
	}
	for _, nal := range nals {
		if len(nal) < 3 || nal[0]&0x80 != 0 {
			continue
		}
		if t := nal[0] >> 1 & 0x3f; t >= nal265Delimiter && t <= nal265Filler || t >= nal265Reserved {
			continue
		}
		if len(nal) > payloadMax {
			flush()
			dst = fragmentH265(dst, nal)
			continue
		}
		if size+2+len(nal) > small {
			flush()
		}
		group = append(group, nal)
		size += 2 + len(nal)
	}
	flush()
	return dst
}

// aggregateH265 makes an aggregation packet. Its header has the lowest layer and temporal ID of its NAL units
// (RFC 7798, 4.4.2).
func aggregateH265(group [][]byte) piece {
	if len(group) == 1 {
		return piece{parts: group}
	}
	layer, temporal := byte(0x3f), byte(7)
	for _, nal := range group {
		layer = min(layer, nal[0]&1<<5|nal[1]>>3)
		temporal = min(temporal, nal[1]&7)
	}
	return piece{
		head:    [3]byte{nal265AP<<1 | layer>>5, layer<<3 | temporal},
		headLen: 2, lengths: lengths16, parts: group,
	}
}

func fragmentH265(dst []piece, nal []byte) []piece {
	kind, rest := nal[0]>>1&0x3f, nal[2:]
	each := evenly(len(rest), payloadMax-3)
	for start := byte(0x80); len(rest) > 0; start = 0 {
		n := min(each, len(rest))
		end := byte(0)
		if n == len(rest) {
			end = 0x40
		}
		dst = append(dst, piece{
			head: [3]byte{nal[0]&1 | nal265FU<<1, nal[1], kind | start | end}, headLen: 3, parts: [][]byte{rest[:n:n]},
		})
		rest = rest[n:]
	}
	return dst
}
