package vod

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// seedSegment is a moof with one run of two samples, and its mdat.
func seedSegment() []byte {
	w := &boxed{}
	w.box("moof", func() {
		w.full("mfhd", 0, 0, func() { w.u32(1) })
		w.box("traf", func() {
			w.full("tfhd", 0, tfhdMoofIsBase, func() { w.u32(1) })
			w.full("tfdt", 1, 0, func() { w.u64(9000) })
			w.full("trun", 1, trunDataOffset|trunDuration|trunSize|trunFlags|trunCTS, func() {
				w.u32(2, 0, 3000, 4, 0, 0, 3000, 2, flagNotSync, 0)
			})
		})
	})
	binary.BigEndian.PutUint32(w.b[bytes.Index(w.b, []byte("trun"))+12:], uint32(len(w.b)+8))
	w.box("mdat", func() { w.raw(1, 2, 3, 4, 5, 6) })
	return w.b
}

func TestRunsAreReadAsTheyWereWritten(t *testing.T) {
	b := seedSegment()
	runs, err := readFragments(b)
	if err != nil || len(runs) != 1 || runs[0].base != 9000 || len(runs[0].samples) != 2 || !runs[0].samples[0].key || runs[0].samples[1].key {
		t.Fatalf("%+v, %v", runs, err)
	}
	if at := runs[0].offset; !bytes.Equal(b[at:at+4], []byte{1, 2, 3, 4}) {
		t.Errorf("the first sample is at %d", at)
	}
}

// FuzzFragments reads anything without a crash and without samples outside of the segment.
func FuzzFragments(f *testing.F) {
	f.Add(seedSegment())
	f.Add([]byte("\x00\x00\x00\x08moof"))
	f.Add([]byte("\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x10"))
	f.Fuzz(func(t *testing.T, b []byte) {
		runs, err := readFragments(b)
		if err != nil {
			return
		}
		for _, r := range runs {
			at := r.offset
			for _, s := range r.samples {
				at += int64(s.size)
			}
			if r.offset < 0 || at > int64(len(b)) {
				t.Fatalf("a run from %d to %d of %d", r.offset, at, len(b))
			}
		}
		_, _ = readHeads(b)
	})
}
