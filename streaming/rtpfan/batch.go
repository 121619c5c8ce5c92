package rtpfan

import (
	"net/netip"
)

// Bounds of a batch.
const (
	batchTrainsMax   = 64       // messages to a system call
	trainPacketsMax  = 16       // packets of one viewer at a time: a key picture goes round the viewers
	trainSegmentsMax = 64       // what the kernel takes (UDP_MAX_SEGMENTS)
	trainBytesMax    = 64 << 10 // less than the largest datagram
	arenaSize        = 1 << 20
)

// train is one message to one address: packets of equal size back to back, the last may be shorter.
type train struct {
	to         netip.AddrPort
	start, end int // in the arena
	segment    int // size of a packet
	count      int
	closed     bool // a shorter packet ended it
}

// batch collects encrypted packets until they are sent. One goroutine uses it.
type batch struct {
	arena   []byte
	trains  []train
	packets int
}

func newBatch() *batch {
	return &batch{arena: make([]byte, 0, arenaSize), trains: make([]train, 0, batchTrainsMax)}
}

// full tells whether a viewer's next packets might not fit.
func (b *batch) full() bool {
	// Each packet may be a train of its own, and a report may come first.
	return len(b.trains)+trainPacketsMax > batchTrainsMax || len(b.arena)+2*trainPacketsMax*packetMax > cap(b.arena)
}

// add takes the bytes of the arena from start on as a packet for the address.
func (b *batch) add(to netip.AddrPort, start int) {
	size := len(b.arena) - start
	b.packets++
	if n := len(b.trains); n > 0 {
		t := &b.trains[n-1]
		if t.to == to && t.end == start && !t.closed && size <= t.segment && t.count < trainSegmentsMax &&
			t.end-t.start+size < trainBytesMax-1024 {
			t.end += size
			t.count++
			t.closed = size < t.segment
			return
		}
	}
	b.trains = append(b.trains, train{to: to, start: start, end: len(b.arena), segment: size, count: 1})
}

func (b *batch) reset() {
	b.arena, b.trains, b.packets = b.arena[:0], b.trains[:0], 0
}
