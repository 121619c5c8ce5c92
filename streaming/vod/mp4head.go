package vod

import (
	"encoding/binary"
	"time"
)

// The head of an MP4 file (ISO 14496-12): ftyp, a mark of ours where there is one, moov, and the head of mdat.

const (
	movieScale = 1000
	brands     = "isom\x00\x00\x02\x00isomiso2avc1mp41"
)

// markID names a box of type uuid that holds a mark.
var markID = [16]byte{'h', 'a', 'w', 'k', 'e', 'r', ' ', 'r', 'e', 'c', 'e', 'i', 'p', 't', ' ', '1'}

// boxed writes boxes into each other.
type boxed struct{ b []byte }

func (w *boxed) box(kind string, fill func()) {
	at := len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	w.b = append(w.b, kind...)
	fill()
	binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

func (w *boxed) full(kind string, version byte, flags uint32, fill func()) {
	w.box(kind, func() { w.u32(uint32(version)<<24 | flags); fill() })
}

func (w *boxed) u16(v ...uint16) {
	for _, one := range v {
		w.b = binary.BigEndian.AppendUint16(w.b, one)
	}
}

func (w *boxed) u32(v ...uint32) {
	for _, one := range v {
		w.b = binary.BigEndian.AppendUint32(w.b, one)
	}
}

func (w *boxed) u64(v ...uint64) {
	for _, one := range v {
		w.b = binary.BigEndian.AppendUint64(w.b, one)
	}
}

func (w *boxed) raw(b ...byte) { w.b = append(w.b, b...) }

func (w *boxed) matrix() { w.u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000) }

func fileHead(tracks []*outTrack, pieces []cutPiece, length time.Duration, media int64, mark []byte) []byte {
	w := &boxed{}
	w.box("ftyp", func() { w.b = append(w.b, brands...) })
	if len(mark) > 0 {
		w.box("uuid", func() { w.raw(markID[:]...); w.raw(mark...) })
	}
	w.box("moov", func() {
		w.full("mvhd", 0, 0, func() {
			w.u32(0, 0, movieScale, uint32(length.Milliseconds()), 0x10000)
			w.u16(0x100, 0)
			w.u32(0, 0)
			w.matrix()
			w.u32(0, 0, 0, 0, 0, 0, uint32(len(tracks)+1))
		})
		for i, t := range tracks {
			w.track(uint32(i+1), t, pieces, length)
		}
	})
	w.u32(1)
	w.b = append(w.b, "mdat"...)
	w.u64(uint64(media) + 16)
	return w.b
}

func (w *boxed) track(id uint32, t *outTrack, pieces []cutPiece, length time.Duration) {
	var duration uint64
	for _, s := range t.samples {
		duration += uint64(s.duration)
	}
	w.box("trak", func() {
		w.full("tkhd", 0, 3, func() {
			w.u32(0, 0, id, 0, uint32(length.Milliseconds()), 0, 0)
			volume := uint16(0x100)
			if t.head.video {
				volume = 0
			}
			w.u16(0, 0, volume, 0)
			w.matrix()
			w.u32(t.head.width, t.head.height)
		})
		w.box("edts", func() { w.edits(t, length) })
		w.box("mdia", func() {
			w.full("mdhd", 1, 0, func() { w.u64(0, 0); w.u32(t.head.scale); w.u64(duration); w.u16(0x55c4, 0) })
			kind, name := "soun", "Hawker sound"
			if t.head.video {
				kind, name = "vide", "Hawker pictures"
			}
			w.full("hdlr", 0, 0, func() { w.u32(0); w.b = append(w.b, kind...); w.u32(0, 0, 0); w.b = append(w.b, name...); w.raw(0) })
			w.box("minf", func() {
				if t.head.video {
					w.full("vmhd", 0, 1, func() { w.u16(0, 0, 0, 0) })
				} else {
					w.full("smhd", 0, 0, func() { w.u16(0, 0) })
				}
				w.box("dinf", func() { w.full("dref", 0, 0, func() { w.u32(1); w.full("url ", 0, 1, func() {}) }) })
				w.box("stbl", func() { w.tables(t, pieces) })
			})
		})
	})
}

// edits makes the track begin at the range's own frame. A track that begins later has an empty edit before it.
func (w *boxed) edits(t *outTrack, length time.Duration) {
	type edit struct{ duration, at int64 }
	list := []edit{{length.Milliseconds(), t.from}}
	if t.from < 0 {
		empty := -t.from * movieScale / int64(t.head.scale)
		list = []edit{{empty, -1}, {length.Milliseconds() - empty, 0}}
	}
	w.full("elst", 1, 0, func() {
		w.u32(uint32(len(list)))
		for _, e := range list {
			w.u64(uint64(max(e.duration, 0)), uint64(e.at))
			w.u16(1, 0)
		}
	})
}

func (w *boxed) tables(t *outTrack, pieces []cutPiece) {
	w.full("stsd", 0, 0, func() {
		w.u32(uint32(len(t.entries)))
		for _, e := range t.entries {
			w.raw(e...)
		}
	})
	w.runs("stts", 0, len(t.samples), func(i int) uint32 { return t.samples[i].duration })
	cts, keys := false, 0
	for _, s := range t.samples {
		cts = cts || s.cts != 0
		if s.key {
			keys++
		}
	}
	if cts {
		w.runs("ctts", 1, len(t.samples), func(i int) uint32 { return uint32(t.samples[i].cts) })
	}
	if t.head.video && keys < len(t.samples) {
		w.full("stss", 0, 0, func() {
			w.u32(uint32(keys))
			for i, s := range t.samples {
				if s.key {
					w.u32(uint32(i + 1))
				}
			}
		})
	}
	w.full("stsc", 0, 0, func() {
		at := len(w.b)
		w.u32(0)
		n := uint32(0)
		for i, c := range t.chunks {
			if i > 0 && t.chunks[i-1].samples == c.samples && t.chunks[i-1].entry == c.entry {
				continue
			}
			w.u32(uint32(i+1), uint32(c.samples), uint32(c.entry))
			n++
		}
		binary.BigEndian.PutUint32(w.b[at:], n)
	})
	w.full("stsz", 0, 0, func() {
		w.u32(0, uint32(len(t.samples)))
		for _, s := range t.samples {
			w.u32(s.size)
		}
	})
	w.full("co64", 0, 0, func() {
		w.u32(uint32(len(t.chunks)))
		for _, c := range t.chunks {
			w.u64(uint64(pieces[c.piece].at))
		}
	})
}

// runs writes a table of (count, value).
func (w *boxed) runs(kind string, version byte, n int, value func(int) uint32) {
	w.full(kind, version, 0, func() {
		at := len(w.b)
		w.u32(0)
		entries := uint32(0)
		for i := 0; i < n; {
			j := i + 1
			for j < n && value(j) == value(i) {
				j++
			}
			w.u32(uint32(j-i), value(i))
			entries++
			i = j
		}
		binary.BigEndian.PutUint32(w.b[at:], entries)
	})
}
