package rtpfan

import (
	"encoding/binary"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Format is a coding of RTP payloads. A viewer gives each format that it takes a payload type.
type Format uint8

// The formats.
const (
	FormatH264 Format = iota
	FormatH265
	FormatAV1
	FormatVP8
	FormatVP9
	FormatOpus
	formatsCount
)

// FormatOf is the format that a codec is sent in. It reports false for a codec that has none here.
func FormatOf(c streaming.Codec) (Format, bool) {
	switch c {
	case streaming.H264:
		return FormatH264, true
	case streaming.H265:
		return FormatH265, true
	case streaming.AV1:
		return FormatAV1, true
	case streaming.VP8:
		return FormatVP8, true
	case streaming.VP9:
		return FormatVP9, true
	case streaming.Opus:
		return FormatOpus, true
	}
	return 0, false
}

// Types are the payload types of a viewer by format; 0 for a format that it does not take.
type Types [formatsCount]uint8

// pictures tells whether there is a video format among them.
func (t *Types) pictures() bool {
	for _, n := range t[:FormatOpus] {
		if n != 0 {
			return true
		}
	}
	return false
}

// Sizes in bytes.
const (
	headerSize    = 12
	extensionSize = 8    // one-byte form with one element of three bytes
	originalSize  = 2    // the original sequence number before a repair packet's payload (RFC 4588)
	payloadMax    = 1190 // RTP payload; with headers, tag and all of the above a packet fits the IPv6 minimum MTU
	tagMax        = 16   // what SRTP adds at most
	paddingMax    = 64   // bytes that a picture's last packet is padded by
	packetMax     = headerSize + extensionSize + originalSize + payloadMax + tagMax
)

// playoutMost is the most, in 10 ms, that a browser may hold the picture back after the least, which is nothing: it shows
// the first ones at once, and within a quarter of a minute lets the picture wait for its sound, which needs a buffer. Up to
// half a second Chromium takes for "as soon as it is decoded", and sound stays behind for ever.
const playoutMost = 60

const paddingBit = 0x20 // of the first byte

// Packet is one RTP packet as every viewer gets it, before encryption. It is immutable and shared. What is filled
// in per viewer is a function of the viewer and the packet alone, so that a packet that is encrypted again under the
// same sequence number has the same bytes: the payload type, the sequence number, the ID of the playout-delay
// extension. The transport-wide number varies from sending to sending; only viewers whose lost packets are repaired
// on an SSRC of its own have it.
type Packet struct {
	raw    []byte // header and payload
	format Format
	key    bool // first packet of a key unit: a viewer may start here
	last   bool // of its unit
	delay  bool // has room for the playout-delay extension
	media  mediatime.Time

	padding uint8 // bytes of it at the end
}

// putHeader writes the header of a packet into b and returns its length. The sequence number is filled in per viewer.
func putHeader(b []byte, timestamp, ssrc uint32, marker, delay bool) int {
	b[0] = 0x80
	b[1] = 0
	if marker {
		b[1] = 0x80
	}
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	if !delay {
		return headerSize
	}
	// RFC 8285, one-byte form. The element stays zero, which is padding, for viewers that did not negotiate it.
	b[0] |= 0x10
	binary.BigEndian.PutUint32(b[headerSize:], 0xBEDE0001)
	binary.BigEndian.PutUint32(b[headerSize+4:], 0)
	return headerSize + extensionSize
}

// dress is what one sending of a packet to one viewer adds to it.
type dress struct {
	payloadType uint8
	delayID     uint8  // of the playout-delay extension; 0 for none
	wideID      uint8  // of the transport-wide sequence number; 0 for none
	wide        uint16 // that number
	index       uint64 // of SRTP; its low 16 bits are the sequence number
	ssrc        uint32 // the repair stream's; 0: the packet's own
	repair      bool   // RFC 4588: the payload begins with original
	original    uint16
}

// head is the length of the packet's own header, extension included.
func (p *Packet) head() int {
	if p.delay {
		return headerSize + extensionSize
	}
	return headerSize
}

// appendHead appends the packet's header as a viewer gets it.
func (p *Packet) appendHead(dst []byte, d *dress) []byte {
	at := len(dst)
	dst = append(dst, p.raw[:p.head()]...)
	dst[at+1] |= d.payloadType & 0x7f
	binary.BigEndian.PutUint16(dst[at+2:], uint16(d.index))
	if p.delay && d.delayID != 0 {
		dst[at+headerSize+4], dst[at+headerSize+7] = d.delayID<<4|2, playoutMost // 12 bits each
	}
	if d.wideID != 0 {
		if p.delay {
			dst[at+headerSize+3] = 2 // words
		} else {
			dst[at] |= 0x10
			dst = append(dst, 0xBE, 0xDE, 0, 1)
		}
		dst = append(dst, d.wideID<<4|1, byte(d.wide>>8), byte(d.wide), 0)
	}
	if d.ssrc != 0 {
		binary.BigEndian.PutUint32(dst[at+8:], d.ssrc)
	}
	if d.repair {
		dst[at] &^= paddingBit // a repair packet is without (RFC 4588, 4)
	}
	return dst
}

// appendBody appends what follows the header.
func (p *Packet) appendBody(dst []byte, d *dress) []byte {
	body := p.raw[p.head():]
	if d.repair {
		dst = binary.BigEndian.AppendUint16(dst, d.original)
		body = body[:len(body)-int(p.padding)]
	}
	return append(dst, body...)
}

// fill pads a picture's last packet to the size of the one before it, if a few bytes do that: a train of equal packets
// has room for one more, a shorter one, such as the sound that waits.
func fill(packets []Packet) {
	if len(packets) < 2 {
		return
	}
	last := &packets[len(packets)-1]
	n := len(packets[len(packets)-2].raw) - len(last.raw)
	if n <= 0 || n > paddingMax || n > cap(last.raw)-len(last.raw) {
		return
	}
	last.raw = last.raw[:len(last.raw)+n]
	clear(last.raw[len(last.raw)-n:])
	last.raw[0] |= paddingBit
	last.raw[len(last.raw)-1] = byte(n)
	last.padding = uint8(n)
}
