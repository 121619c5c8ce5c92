package rtpfan

// OBU types of AV1 (AV1 bitstream, 6.2.2) that are named here.
const (
	obuSequenceHeader    = 1
	obuTemporalDelimiter = 2
	obuTileList          = 8
	obuPadding           = 15
)

// Bits of the aggregation header of AV1 payloads (RTP Payload Format For AV1, 4.4).
const (
	av1Continues = 0x80 // Z: the first element goes on from the packet before
	av1ToGoOn    = 0x40 // Y: the last element goes on in the next packet
	av1Sequence  = 0x08 // N: first packet of a coded video sequence
	av1PartsMax  = 3    // W: so many elements can do without the last one's length
)

// splitAV1 cuts a temporal unit, OBUs without size fields, into RTP payloads, appended to dst: packets of about
// equal size, each filled before the next one begins. Temporal delimiters, tile lists and padding are left out.
func splitAV1(dst []piece, obus [][]byte, key bool) []piece {
	total, count := 0, 0
	for _, obu := range obus {
		if carriedOBU(obu) {
			total += len(obu) + 2
			count++
		}
	}
	if count == 0 {
		return dst
	}
	const limit = payloadMax - extensionSize - 1
	each := evenly(total, limit)
	// Small elements could need a packet more; what counts is that no packet is too large.
	p := piece{headLen: 1, lengths: lengthsLEB128}
	room := each
	first := len(dst)
	flush := func(goesOn bool) {
		p.head[0] |= byte(len(p.parts)) << 4
		if goesOn {
			p.head[0] |= av1ToGoOn
		}
		dst = append(dst, p)
		p = piece{headLen: 1, lengths: lengthsLEB128}
		if goesOn {
			p.head[0] = av1Continues
		}
		room = each
	}
	for _, obu := range obus {
		if !carriedOBU(obu) {
			continue
		}
		// The element before gets a length now that it is not the last one any more.
		if n := len(p.parts); n > 0 {
			if room -= leb128Size(len(p.parts[n-1])); n == av1PartsMax || room < 1 {
				flush(false)
			}
		}
		for rest := obu; ; {
			n := min(room, len(rest))
			p.parts = append(p.parts, rest[:n:n])
			room -= n
			if rest = rest[n:]; len(rest) == 0 {
				break
			}
			flush(true)
		}
	}
	flush(false)
	if key {
		dst[first].head[0] |= av1Sequence
	}
	return dst
}

func carriedOBU(obu []byte) bool {
	if len(obu) == 0 {
		return false
	}
	switch obu[0] >> 3 & 0xf {
	case obuTemporalDelimiter, obuTileList, obuPadding:
		return false
	}
	return true
}
