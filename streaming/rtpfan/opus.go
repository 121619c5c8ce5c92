package rtpfan

import "github.com/hawkerlive/hawker/streaming"

// opusTicks is the length of an Opus packet in ticks of its 48 kHz clock, read from its table of contents
// (RFC 6716, 3.1 and 3.2); 0 where the packet is malformed.
func opusTicks(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	var frame int64
	switch config := b[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = []int64{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		frame = []int64{480, 960}[config&1]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = []int64{120, 240, 480, 960}[config&3]
	}
	switch b[0] & 3 {
	case 0:
		return frame
	case 1, 2:
		return 2 * frame
	}
	if len(b) < 2 {
		return 0
	}
	if ticks := frame * int64(b[1]&0x3f); ticks <= opusTicksMax {
		return ticks
	}
	return 0
}

const (
	opusTicksMax = streaming.OpusClockRate * 120 / 1000 // a packet is at most 120 ms long
	opusSlack    = streaming.OpusClockRate * 20 / 1000  // a stamp within this of where the last frame ended continues it
)

// opusClock gives Opus packets stamps that are exact frame lengths apart, whatever the rounding of the source's
// clock, and follows the source where it jumps. One per generation.
type opusClock struct {
	next    int64
	running bool
}

func (c *opusClock) stamp(pts, ticks int64) int64 {
	at := pts
	if d := pts - c.next; c.running && d >= -opusSlack && d <= opusSlack {
		at = c.next
	}
	c.next, c.running = at+ticks, true
	return at
}
