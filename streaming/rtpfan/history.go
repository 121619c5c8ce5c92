package rtpfan

import (
	"encoding/binary"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Bounds of a history. Sequence numbers have 16 bits and a receiver guesses the rest from half a cycle, so a
// history must stay well below 32768 packets.
const (
	historyPacketsMax = 8192
	historyBytesMax   = 16 << 20
	historyTimeMin    = mediatime.Time(2_000_000) // kept for retransmission, beyond the newest group of pictures
)

// history is one track's packets: numbered, bounded, the newest group of pictures and the last two seconds of
// them. The fan's lock guards it.
type history struct {
	ssrc   uint32
	offset uint32 // RTP timestamp of media time zero
	rate   int    // ticks per second

	ring  []*Packet // ring[number % len]
	first uint64    // number of the oldest packet held
	next  uint64    // number of the packet to come; the low 16 bits are its sequence number
	bytes int
	key   uint64 // newest packet that a viewer may start at
	keyed bool
	media mediatime.Time // of the newest packet
}

func newHistory(ssrc, offset uint32, seq uint16, rate int) *history {
	// A receiver that misses the first packets around a wrap of the sequence would guess a wrong rollover count:
	// start in the lower half (RFC 3711, 3.3.1).
	n := uint64(seq &^ 0x8000)
	return &history{ssrc: ssrc, offset: offset, rate: rate, ring: make([]*Packet, 256), first: n, next: n}
}

// timestamp is the RTP timestamp of a stamp in ticks of a track whose tick 0 is at media time zero. It is exact:
// only the start of a generation is rounded to a tick, once.
func (h *history) timestamp(zero mediatime.Time, ticks int64) uint32 {
	return h.offset + uint32(zero.Ticks(h.rate)+ticks)
}

// mark is the newest packet's, or that of a media time where there is no packet yet.
func (h *history) mark(at mediatime.Time) Mark {
	if h.next == h.first {
		return Mark{h.timestamp(at, 0), at}
	}
	p := h.at(h.next - 1)
	return Mark{binary.BigEndian.Uint32(p.raw[4:]), p.media}
}

func (h *history) append(p *Packet) {
	if h.next-h.first == uint64(len(h.ring)) {
		if len(h.ring) < historyPacketsMax {
			h.grow()
		} else {
			h.drop()
		}
	}
	h.ring[h.next%uint64(len(h.ring))] = p
	if p.key {
		h.key, h.keyed = h.next, true
	}
	h.next++
	h.bytes += len(p.raw)
	h.media = p.media
	for h.next-h.first > 1 && (h.bytes > historyBytesMax || h.old(h.at(h.first))) {
		h.drop()
	}
}

// old tells whether the oldest packet p serves neither joining nor retransmission any more.
func (h *history) old(p *Packet) bool {
	return h.media-p.media > historyTimeMin && (!h.keyed || h.first < h.key)
}

func (h *history) drop() {
	i := h.first % uint64(len(h.ring))
	h.bytes -= len(h.ring[i].raw)
	h.ring[i] = nil
	h.first++
	if h.keyed && h.key < h.first {
		h.keyed = false
	}
}

func (h *history) grow() {
	bigger := make([]*Packet, 2*len(h.ring))
	for n := h.first; n < h.next; n++ {
		bigger[n%uint64(len(bigger))] = h.at(n)
	}
	h.ring = bigger
}

func (h *history) at(number uint64) *Packet { return h.ring[number%uint64(len(h.ring))] }

// number is the newest number with this sequence number, false where the history does not hold it.
func (h *history) number(seq uint16) (uint64, bool) {
	back := uint64(uint16(h.next-1) - seq)
	if h.next == h.first || back > h.next-1-h.first {
		return 0, false
	}
	return h.next - 1 - back, true
}

// span is the media between the packet with the number and the newest one.
func (h *history) span(number uint64) time.Duration {
	if number < h.first || number >= h.next {
		return 0
	}
	return (h.media - h.at(number).media).Duration()
}
