package whip

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/pion/rtp/codecs"
)

var errPayload = errors.New("whip: malformed RTP payload")

// depacketizer turns a picture's payloads into its parts.
type depacketizer interface {
	// push takes the next payload of a picture.
	push(payload []byte) error
	// flush returns the picture's parts and begins the next one.
	flush() [][]byte
}

// pictures puts a video track's packets together. After a loss it waits for a picture that is whole again; whether
// that is a key picture is the caller's business.
type pictures struct {
	codec  depacketizer
	open   bool
	stamp  uint32
	at     time.Time
	broken bool
	bytes  int
}

// picture is one access unit.
type picture struct {
	stamp   uint32
	at      time.Time // arrival of its first packet
	payload [][]byte
}

// push takes a packet in order. It returns the pictures that are whole, and whether something was lost.
func (p *pictures) push(a arrived) (out []picture, lost bool) {
	if p.open && a.packet.Timestamp != p.stamp {
		// The marker of the picture before is missing: lost, or never set.
		if pic, ok := p.close(a.gap); ok {
			out = append(out, pic)
		}
	}
	if !p.open {
		p.open, p.stamp, p.at, p.broken, p.bytes = true, a.packet.Timestamp, a.at, a.gap, 0
	}
	lost = a.gap
	p.broken = p.broken || a.gap
	if p.bytes += len(a.packet.Payload); p.bytes > pictureBytesMax {
		p.broken = true
	}
	if !p.broken && len(a.packet.Payload) > 0 {
		if err := p.codec.push(a.packet.Payload); err != nil {
			p.broken, lost = true, true
		}
	}
	if a.packet.Marker {
		if pic, ok := p.close(false); ok {
			out = append(out, pic)
		}
	}
	return out, lost
}

func (p *pictures) close(gap bool) (picture, bool) {
	payload := p.codec.flush()
	p.open = false
	if p.broken || gap || len(payload) == 0 {
		return picture{}, false
	}
	return picture{stamp: p.stamp, at: p.at, payload: payload}, true
}

// h264Parts reads RFC 6184 payloads of packetization mode 1.
type h264Parts struct {
	nals  [][]byte
	parts []byte // of a fragmented NAL unit
}

// NAL unit types of RFC 6184.
const stapA, fuA = 24, 28

func (h *h264Parts) push(payload []byte) error {
	switch kind := payload[0] & 0x1f; {
	case kind >= 1 && kind < stapA:
		h.nals = append(h.nals, payload)
	case kind == stapA:
		rest := payload[1:]
		for len(rest) > 0 {
			if len(rest) < 2 {
				return errPayload
			}
			n := int(binary.BigEndian.Uint16(rest))
			rest = rest[2:]
			if n > len(rest) {
				return errPayload
			}
			if n > 0 {
				h.nals = append(h.nals, rest[:n:n])
			}
			rest = rest[n:]
		}
	case kind == fuA:
		return h.fragment(payload)
	default:
		return errPayload
	}
	return nil
}

func (h *h264Parts) fragment(payload []byte) error {
	if len(payload) < 3 {
		return errPayload
	}
	const begin, end = 0x80, 0x40
	if payload[1]&begin != 0 {
		h.parts = append(make([]byte, 0, 4*len(payload)), payload[0]&0xe0|payload[1]&0x1f)
	} else if h.parts == nil {
		return errPayload
	}
	h.parts = append(h.parts, payload[2:]...)
	if payload[1]&end != 0 {
		h.nals = append(h.nals, h.parts)
		h.parts = nil
	}
	return nil
}

func (h *h264Parts) flush() [][]byte {
	out := h.nals
	h.nals, h.parts = nil, nil
	return out
}

// vp8Parts reads RFC 7741 payloads.
type vp8Parts struct{ frame []byte }

func (v *vp8Parts) push(payload []byte) error {
	var p codecs.VP8Packet
	part, err := p.Unmarshal(payload)
	if err != nil {
		return errPayload
	}
	if v.frame == nil && p.S == 0 {
		return errPayload
	}
	v.frame = append(v.frame, part...)
	return nil
}

func (v *vp8Parts) flush() [][]byte {
	if v.frame == nil {
		return nil
	}
	out := [][]byte{v.frame}
	v.frame = nil
	return out
}
