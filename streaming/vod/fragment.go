package vod

import (
	"encoding/binary"
	"errors"
)

// What a stored segment says of its samples (ISO 14496-12). Only what we write ourselves is read: fragments whose data
// follows their head, all lengths in 32 bits.

var errFragment = errors.New("vod: the segment is not one that we wrote")

const (
	boxDepthMax    = 8
	samplesAtOnce  = 1 << 20 // of one segment
	flagNotSync    = 1 << 16 // sample_is_non_sync_sample
	trunDataOffset = 0x1
	trunFirstFlags = 0x4
	trunDuration   = 0x100
	trunSize       = 0x200
	trunFlags      = 0x400
	trunCTS        = 0x800
	tfhdBaseOffset = 0x1
	tfhdEntry      = 0x2
	tfhdDuration   = 0x8
	tfhdSize       = 0x10
	tfhdFlags      = 0x20
	tfhdMoofIsBase = 0x20000
)

// sample is one access unit of a fragment.
type sample struct {
	duration, size uint32
	cts            int32
	key            bool
}

// fragment is a run of samples of one track, whose bytes lie one after the other.
type fragment struct {
	track   uint32
	base    uint64 // decode time of the first, in ticks of the track
	offset  int64  // of the first one's bytes in the segment
	samples []sample
}

// box walks over the boxes of b. It reports false for what is not whole.
func boxes(b []byte, one func(kind string, body []byte, at int64) bool) bool {
	for at := int64(0); len(b) > 0; {
		if len(b) < 8 {
			return false
		}
		size, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if size == 1 && len(b) >= 16 {
			size, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if size < head || size > uint64(len(b)) {
			return false
		}
		if !one(string(b[4:8]), b[head:size], at+int64(head)) {
			return false
		}
		b, at = b[size:], at+int64(size)
	}
	return true
}

// child finds the first box on a path.
func child(b []byte, path ...string) (found []byte) {
	for _, name := range path {
		found = nil
		boxes(b, func(kind string, body []byte, _ int64) bool {
			if kind == name {
				found = body
			}
			return found == nil
		})
		if found == nil {
			return nil
		}
		b = found
	}
	return found
}

// readFragments lists the runs of samples of a segment, in the order of their bytes.
func readFragments(segment []byte) (out []fragment, err error) {
	count := 0
	whole := boxes(segment, func(kind string, moof []byte, at int64) bool {
		if kind != "moof" {
			return true
		}
		return boxes(moof, func(kind string, traf []byte, _ int64) bool {
			if kind != "traf" {
				return true
			}
			f, ok := readTrackFragment(traf, at-8)
			count += len(f.samples)
			if ok && len(f.samples) > 0 {
				out = append(out, f)
			}
			return ok && count <= samplesAtOnce
		})
	})
	if !whole {
		return nil, errFragment
	}
	for _, f := range out {
		at := f.offset
		for _, s := range f.samples {
			at += int64(s.size)
		}
		if f.offset < 0 || at > int64(len(segment)) {
			return nil, errFragment
		}
	}
	return out, nil
}

// fields reads integers one after the other.
type fields struct {
	b   []byte
	bad bool
}

func (r *fields) u32() uint32 {
	if len(r.b) < 4 {
		r.bad = true
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

func (r *fields) u64() uint64 { return uint64(r.u32())<<32 | uint64(r.u32()) }

// optional reads a field that the flags promise.
func (r *fields) optional(flags, flag, otherwise uint32) uint32 {
	if flags&flag == 0 {
		return otherwise
	}
	return r.u32()
}

// readTrackFragment reads one traf. moof is where its moof begins.
func readTrackFragment(traf []byte, moof int64) (f fragment, ok bool) {
	head := fields{b: child(traf, "tfhd")}
	flags := head.u32() & 0xffffff
	f.track = head.u32()
	if flags&(tfhdBaseOffset) != 0 {
		return f, false
	}
	head.optional(flags, tfhdEntry, 0)
	duration := head.optional(flags, tfhdDuration, 0)
	size := head.optional(flags, tfhdSize, 0)
	standard := head.optional(flags, tfhdFlags, 0)
	when := fields{b: child(traf, "tfdt")}
	if when.u32()>>24 == 1 {
		f.base = when.u64()
	} else {
		f.base = uint64(when.u32())
	}
	run := fields{b: child(traf, "trun")}
	flags = run.u32() & 0xffffff
	n := run.u32()
	if head.bad || when.bad || run.bad || flags&trunDataOffset == 0 || n > samplesAtOnce {
		return f, false
	}
	f.offset = moof + int64(int32(run.u32()))
	first := run.optional(flags, trunFirstFlags, standard)
	if perSample := 4 * bitsIn(flags, trunDuration, trunSize, trunFlags, trunCTS); uint64(n)*uint64(perSample) > uint64(len(run.b)) {
		return f, false
	}
	f.samples = make([]sample, n)
	for i := range f.samples {
		s := &f.samples[i]
		s.duration = run.optional(flags, trunDuration, duration)
		s.size = run.optional(flags, trunSize, size)
		otherwise := standard
		if i == 0 {
			otherwise = first
		}
		s.key = run.optional(flags, trunFlags, otherwise)&flagNotSync == 0
		s.cts = int32(run.optional(flags, trunCTS, 0))
	}
	return f, !run.bad
}

func bitsIn(flags uint32, each ...uint32) (n int) {
	for _, flag := range each {
		if flags&flag != 0 {
			n++
		}
	}
	return n
}

// trackHead is what an init segment says of a track.
type trackHead struct {
	id            uint32
	scale         uint32
	video         bool
	width, height uint32 // 16.16
	entries       []byte // the boxes in its stsd
	count         uint32
}

// readHeads reads the tracks of an init segment.
func readHeads(b []byte) (out []trackHead, err error) {
	ok := boxes(child(b, "moov"), func(kind string, trak []byte, _ int64) bool {
		if kind != "trak" {
			return true
		}
		tkhd, mdhd, hdlr, stsd := child(trak, "tkhd"), child(trak, "mdia", "mdhd"), child(trak, "mdia", "hdlr"), child(trak, "mdia", "minf", "stbl", "stsd")
		if len(tkhd) < 84 || len(mdhd) < 24 || len(hdlr) < 12 || len(stsd) < 16 || tkhd[0] != 0 || mdhd[0] != 0 {
			return false
		}
		h := trackHead{
			id: binary.BigEndian.Uint32(tkhd[12:]), scale: binary.BigEndian.Uint32(mdhd[12:]), video: string(hdlr[8:12]) == "vide",
			width: binary.BigEndian.Uint32(tkhd[76:]), height: binary.BigEndian.Uint32(tkhd[80:]),
			entries: stsd[8:], count: binary.BigEndian.Uint32(stsd[4:]),
		}
		if h.scale == 0 || h.count != 1 {
			return false
		}
		out = append(out, h)
		return true
	})
	if !ok || len(out) == 0 {
		return nil, errFragment
	}
	return out, nil
}
