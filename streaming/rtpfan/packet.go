package rtpfan

import (
	"encoding/binary"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Format is a coding of RTP payloads. A viewer gives each format that it takes a payload type.
type Format uint8

// The formats.
const (
	FormatH264 Format = iota
	FormatOpus
	formatsCount
)

// Sizes in bytes.
const (
	headerSize    = 12
	extensionSize = 8    // one-byte form with one element of three bytes
	payloadMax    = 1200 // RTP payload; with headers and tag a packet fits the IPv6 minimum MTU of 1280
	tagMax        = 16   // what SRTP adds at most
	packetMax     = headerSize + payloadMax + tagMax
)

// Packet is one RTP packet as every viewer gets it, before encryption. It is immutable and shared. Two fields are
// filled in per viewer and never change within a session: the payload type, and the ID of the playout-delay
// extension where the packet has one. So a packet that is encrypted again for the same viewer has the same bytes.
type Packet struct {
	raw    []byte // header and payload
	format Format
	key    bool // first packet of a key unit: a viewer may start here
	delay  bool // has room for the playout-delay extension
	media  mediatime.Time
}

// putHeader writes the header of a packet into b and returns its length.
func putHeader(b []byte, seq uint16, timestamp, ssrc uint32, marker, delay bool) int {
	b[0] = 0x80
	b[1] = 0
	if marker {
		b[1] = 0x80
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], timestamp)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	if !delay {
		return headerSize
	}
	// RFC 8285, one-byte form. The element is three zero bytes: a playout delay of 0 to 0. Its first byte stays
	// zero, which is padding, for viewers that did not negotiate it.
	b[0] |= 0x10
	binary.BigEndian.PutUint32(b[headerSize:], 0xBEDE0001)
	binary.BigEndian.PutUint32(b[headerSize+4:], 0)
	return headerSize + extensionSize
}

// appendFor appends the packet to dst as the viewer with this payload type and extension ID gets it.
func (p *Packet) appendFor(dst []byte, payloadType, delayID uint8) []byte {
	return p.appendHead(dst, len(p.raw), payloadType, delayID)
}

// head is the length of the packet's header, extension included.
func (p *Packet) head() int {
	if p.delay {
		return headerSize + extensionSize
	}
	return headerSize
}

// appendHead appends the packet's first n bytes, at least its header, as the viewer gets them.
func (p *Packet) appendHead(dst []byte, n int, payloadType, delayID uint8) []byte {
	at := len(dst)
	dst = append(dst, p.raw[:n]...)
	dst[at+1] |= payloadType & 0x7f
	if p.delay && delayID != 0 {
		dst[at+headerSize+4] = delayID<<4 | 2
	}
	return dst
}
