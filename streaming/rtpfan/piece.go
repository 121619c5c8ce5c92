package rtpfan

import "encoding/binary"

// piece is one RTP payload of a unit: the format's own header, then parts of the unit, each behind its length where
// the format wants it.
type piece struct {
	head    [3]byte
	headLen uint8
	lengths lengths
	parts   [][]byte
}

// lengths says how a payload tells its parts apart.
type lengths uint8

const (
	lengthsNone   lengths = iota // there is one part
	lengths16                    // before each part, 16 bits: aggregation packets of H.264 and H.265
	lengthsLEB128                // before each part but the last: AV1
)

func (p *piece) size() int {
	n := int(p.headLen)
	for i, part := range p.parts {
		n += len(part)
		switch {
		case p.lengths == lengths16:
			n += 2
		case p.lengths == lengthsLEB128 && i < len(p.parts)-1:
			n += leb128Size(len(part))
		}
	}
	return n
}

// put writes the payload into b and returns its length.
func (p *piece) put(b []byte) int {
	n := copy(b, p.head[:p.headLen])
	for i, part := range p.parts {
		switch {
		case p.lengths == lengths16:
			binary.BigEndian.PutUint16(b[n:], uint16(len(part)))
			n += 2
		case p.lengths == lengthsLEB128 && i < len(p.parts)-1:
			n += binary.PutUvarint(b[n:], uint64(len(part)))
		}
		n += copy(b[n:], part)
	}
	return n
}

// leb128Size is the length of a length. AV1's form is that of Go's unsigned varints.
func leb128Size(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// evenly is the size of the fragments that n bytes are cut into: none larger than limit, all alike, the last at most
// a few bytes shorter, so that they can leave as one segmented datagram.
func evenly(n, limit int) int {
	parts := max(1, (n+limit-1)/limit)
	return (n + parts - 1) / parts
}
