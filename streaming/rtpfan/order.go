package rtpfan

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/hawkerlive/hawker/streaming"
)

// order watches a generation's pictures for B-frames, which no browser plays over WebRTC. A presentation time
// that steps back while the decoding time goes on, a B slice, or parameter sets that announce reordering each
// suffice. Both times stepping back is no sign: clocks wrap.
type order struct {
	codec   streaming.Codec
	newest  int64 // presentation time
	decoded int64 // decoding time of the picture before
	any     bool
	found   bool
}

// see looks at the next picture and reports whether B-frames have been found so far.
func (o *order) see(u *streaming.Unit) bool {
	if o.found {
		return true
	}
	if o.any && !u.Key && u.PTS < o.newest && u.DTS > o.decoded {
		o.found = true
	}
	if !o.any || u.PTS > o.newest || u.Key {
		o.newest = u.PTS
	}
	o.decoded, o.any = u.DTS, true
	for _, nal := range u.Payload {
		if len(nal) == 0 {
			continue
		}
		switch {
		case o.codec == streaming.H265:
			// Its B slices are common without any reordering.
			o.found = o.found || nal[0]>>1&0x3f == nal265SPS && announcesReorder265(nal)
		case o.codec != streaming.H264:
		case nal[0]&0x1f == nalSlice, nal[0]&0x1f == nalPartitionA:
			o.found = o.found || sliceIsB(nal)
		case nal[0]&0x1f == nalSPS:
			o.found = o.found || announcesReorder(nal)
		}
	}
	return o.found
}

// sliceIsB reads slice_type (ISO 14496-10, 7.3.3): the second Exp-Golomb number of the slice header.
func sliceIsB(nal []byte) bool {
	r := bits{b: nal[1:]}
	r.golomb() // first_mb_in_slice
	t, ok := r.golomb()
	return ok && (t == 1 || t == 6)
}

func announcesReorder(nal []byte) bool {
	var sps h264.SPS
	if err := sps.Unmarshal(nal); err != nil || sps.VUI == nil || sps.VUI.BitstreamRestriction == nil {
		return false
	}
	return sps.VUI.BitstreamRestriction.MaxNumReorderFrames > 0
}

func announcesReorder265(nal []byte) bool {
	var sps h265.SPS
	if err := sps.Unmarshal(nal); err != nil || len(sps.MaxNumReorderPics) == 0 {
		return false
	}
	return sps.MaxNumReorderPics[len(sps.MaxNumReorderPics)-1] > 0
}

// bits reads the head of a NAL unit. Emulation prevention bytes cannot occur in what it is used for: they stand
// after two zero bytes, and no number that we read is that long.
type bits struct {
	b  []byte
	at int
}

func (r *bits) bit() (uint32, bool) {
	if r.at>>3 >= len(r.b) {
		return 0, false
	}
	v := uint32(r.b[r.at>>3]>>(7-r.at&7)) & 1
	r.at++
	return v, true
}

// golomb reads an unsigned Exp-Golomb number of at most 16 leading zeros.
func (r *bits) golomb() (uint32, bool) {
	zeros := 0
	for {
		v, ok := r.bit()
		if !ok || zeros > 16 {
			return 0, false
		}
		if v == 1 {
			break
		}
		zeros++
	}
	v := uint32(1)
	for range zeros {
		b, ok := r.bit()
		if !ok {
			return 0, false
		}
		v = v<<1 | b
	}
	return v - 1, true
}
