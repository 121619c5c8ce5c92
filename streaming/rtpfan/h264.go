package rtpfan

import (
	"encoding/binary"
)

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

// piece is one RTP payload of an access unit: some whole NAL units, or a fragment of one.
type piece struct {
	nals     [][]byte // one: a single NAL unit packet; more: a STAP-A
	fragment []byte   // FU-A: a part of the NAL unit without its header
	header   byte     // FU-A: the NAL unit's header
	start    bool     // FU-A: first part
	end      bool     // FU-A: last part
}

func (p *piece) size() int {
	switch {
	case p.fragment != nil:
		return 2 + len(p.fragment)
	case len(p.nals) == 1:
		return len(p.nals[0])
	}
	n := 1
	for _, nal := range p.nals {
		n += 2 + len(nal)
	}
	return n
}

// put writes the payload into b.
func (p *piece) put(b []byte) int {
	switch {
	case p.fragment != nil:
		b[0] = p.header&0xe0 | nalFUA
		b[1] = p.header & 0x1f
		if p.start {
			b[1] |= 0x80
		}
		if p.end {
			b[1] |= 0x40
		}
		return 2 + copy(b[2:], p.fragment)
	case len(p.nals) == 1:
		return copy(b, p.nals[0])
	}
	b[0] = nalSTAPA
	n := 1
	for _, nal := range p.nals {
		b[0] |= nal[0] & 0x80
		b[0] = b[0]&^0x60 | max(b[0]&0x60, nal[0]&0x60)
		binary.BigEndian.PutUint16(b[n:], uint16(len(nal)))
		n += 2 + copy(b[n+2:], nal)
	}
	return n
}

// splitH264 cuts an access unit into RTP payloads (RFC 6184, packetization mode 1), appended to dst. Neighbouring
// small NAL units share a STAP-A; a large one becomes FU-A fragments of equal size, the last at most a few bytes
// shorter, so that they can leave as one segmented datagram. Delimiters and filler are left out.
func splitH264(dst []piece, nals [][]byte) []piece {
	const small = payloadMax - extensionSize // the first packet may carry an extension
	var group [][]byte
	size := 1
	flush := func() {
		if len(group) > 0 {
			dst = append(dst, piece{nals: group})
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

func fragmentH264(dst []piece, nal []byte) []piece {
	header, rest := nal[0], nal[1:]
	parts := (len(rest) + payloadMax - 3) / (payloadMax - 2)
	each := (len(rest) + parts - 1) / parts
	for start := true; len(rest) > 0; start = false {
		n := min(each, len(rest))
		dst = append(dst, piece{fragment: rest[:n], header: header, start: start, end: n == len(rest)})
		rest = rest[n:]
	}
	return dst
}
