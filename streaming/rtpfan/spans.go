package rtpfan

import (
	"slices"
	"time"
)

const spansMax = 8 // renditions that a viewer was sent before and whose packets it may still ask for

// span is what a viewer was sent of a rendition: packets from and up to, but without, to, under their number plus
// shift. Its sequence goes on from span to span without a gap and never back, so that no number means two packets.
type span struct {
	fan             *Fan
	shift, from, to uint64
	until           time.Time // when the viewer left it
}

// show moves the video's cursor to the packet of another fan. The viewer's sequence goes on.
func (v *Viewer) show(f *Fan, at uint64, now time.Time) {
	c := &v.video
	if c.started && c.next > c.from {
		if len(v.spans) == spansMax {
			v.spans = append(v.spans[:0], v.spans[1:]...)
		}
		v.spans = append(v.spans, span{v.shown, c.shift, c.from, c.next, now})
	}
	if c.known {
		c.shift += c.next - at
		c.next = at
	}
	v.shown = f
	v.start(c, at)
}

// forget drops what the viewer left long ago: nobody asks for it any more, and it holds packets.
func (v *Viewer) forget(now time.Time) {
	v.spans = slices.DeleteFunc(v.spans, func(s span) bool { return now.Sub(s.until) > spanKeep })
}

// sent finds the video packet that the viewer was sent under a sequence number: its fan, its number there, and its
// SRTP index. It reports false for one that it was not sent, or not lately.
func (v *Viewer) sent(seq uint16) (f *Fan, number, index uint64, ok bool) {
	c := &v.video
	if !c.started {
		return nil, 0, 0, false
	}
	number = c.number(seq)
	index = c.index(number)
	if number >= c.from && number < c.next {
		return v.shown, number, index, true
	}
	for i := len(v.spans) - 1; i >= 0; i-- {
		s := &v.spans[i]
		if n := index - s.shift; n >= s.from && n < s.to {
			return s.fan, n, index, true
		}
	}
	return nil, 0, 0, false
}
