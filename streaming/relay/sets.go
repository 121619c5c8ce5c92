package relay

import "encoding/binary"

// NAL unit types of H.265's parameter sets (ISO 23008-2, table 7-1).
const (
	nalVPS = 32
	nalSPS = 33
	nalPPS = 34
)

// avcSets reads the first parameter sets of an AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3.1).
func avcSets(c []byte) (sps, pps []byte) {
	if len(c) < 6 {
		return nil, nil
	}
	sets, rest := readSets(c[6:], int(c[5]&0x1f))
	if len(sets) == 0 || len(rest) < 1 {
		return nil, nil
	}
	more, _ := readSets(rest[1:], int(rest[0]))
	if len(more) == 0 {
		return nil, nil
	}
	return sets[0], more[0]
}

// hevcSets reads the first parameter sets of an HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3.1).
func hevcSets(c []byte) (vps, sps, pps []byte) {
	const head = 22
	if len(c) <= head {
		return nil, nil, nil
	}
	arrays, rest := int(c[head]), c[head+1:]
	for range arrays {
		if len(rest) < 3 {
			return nil, nil, nil
		}
		kind, count := rest[0]&0x3f, int(binary.BigEndian.Uint16(rest[1:]))
		var sets [][]byte
		if sets, rest = readSets(rest[3:], count); len(sets) == 0 {
			continue
		}
		switch kind {
		case nalVPS:
			vps = sets[0]
		case nalSPS:
			sps = sets[0]
		case nalPPS:
			pps = sets[0]
		}
	}
	return vps, sps, pps
}

// readSets reads so many NAL units with lengths of two bytes; fewer where the bytes end.
func readSets(b []byte, count int) (sets [][]byte, rest []byte) {
	for range count {
		if len(b) < 2 {
			return sets, nil
		}
		n := int(binary.BigEndian.Uint16(b))
		if n == 0 || len(b) < 2+n {
			return sets, nil
		}
		sets, b = append(sets, b[2:2+n]), b[2+n:]
	}
	return sets, b
}
