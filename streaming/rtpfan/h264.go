package rtpfan

// NAL unit types of H.264 (ISO 14496-10, table 7-1) and of its RTP payload format (RFC 6184).
const (
	nalSlice      = 1
	nalPartitionA = 2
	nalIDR        = 5
	nalSPS        = 7
	nalDelimiter  = 9
	nalFiller     = 12
	nalSTAPA      = 24
	nalFUA        = 28
)

// splitH264 cuts an access unit into RTP payloads (RFC 6184, packetization mode 1), appended to dst. Neighbouring
// small NAL units share a STAP-A; a large one becomes FU-A fragments of equal size. Delimiters and filler are left
// out.
func splitH264(dst []piece, nals [][]byte) []piece {
	const small = payloadMax - extensionSize // the first packet may carry an extension
	var group [][]byte
	size := 1
	flush := func() {
		if len(group) > 0 {
			dst = append(dst, stapA(group))
			group, size = nil, 1
		}
	}
	for _, nal := range nals {
		if len(nal) == 0 {
			continue
		}
		if t := nal[0] & 0x1f; t == 0 || t >= nalDelimiter && t <= nalFiller || t >= nalSTAPA {
			continue
		}
		if len(nal) > payloadMax {
			flush()
			dst = fragmentH264(dst, nal)
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

func stapA(group [][]byte) piece {
	if len(group) == 1 {
		return piece{parts: group}
	}
	head := byte(nalSTAPA)
	for _, nal := range group {
		head |= nal[0] & 0x80
		head = head&^0x60 | max(head&0x60, nal[0]&0x60)
	}
	return piece{head: [3]byte{head}, headLen: 1, lengths: lengths16, parts: group}
}

func fragmentH264(dst []piece, nal []byte) []piece {
	header, rest := nal[0], nal[1:]
	each := evenly(len(rest), payloadMax-2)
	for start := byte(0x80); len(rest) > 0; start = 0 {
		n := min(each, len(rest))
		end := byte(0)
		if n == len(rest) {
			end = 0x40
		}
		dst = append(dst, piece{
			head: [3]byte{header&0xe0 | nalFUA, header&0x1f | start | end}, headLen: 2, parts: [][]byte{rest[:n:n]},
		})
		rest = rest[n:]
	}
	return dst
}
