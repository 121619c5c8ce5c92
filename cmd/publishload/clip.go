package main

import (
	"errors"
	"fmt"
)

// Of FLV, and of RTMP's chunks.
const (
	flvHead    = 9
	flvTagHead = 11
	flvAudio   = 8
	flvVideo   = 9
	chunkSize  = 1 << 16
	messageMax = 1 << 22

	videoChunks = 6 // chunk streams
	audioChunks = 4
)

var errClip = errors.New("not an FLV file of H.264 and AAC")

// message is one FLV tag as RTMP sends it, but for its stamp: the head is made for each connection, the body is shared.
type message struct {
	stamp uint32 // milliseconds since the clip's begin
	kind  byte
	size  int
	body  []byte // in chunks, with the basic heads of all but the first
	first bool   // decoder configuration: said once at the begin
	key   bool
}

// clip is what every publisher plays round and round.
type clip struct {
	begin    []message // decoder configurations
	messages []message
	loop     uint32 // milliseconds
	bytes    int    // of one loop
	pictures int
}

// readClip reads an FLV file. A round is as long as its pictures say: the distance of the first two goes behind the last.
func readClip(file []byte) (*clip, error) {
	if len(file) < flvHead+4 || string(file[:3]) != "FLV" {
		return nil, errClip
	}
	c := &clip{}
	var stamps []uint32
	for rest := file[flvHead+4:]; len(rest) >= flvTagHead; {
		size := int(rest[1])<<16 | int(rest[2])<<8 | int(rest[3])
		if len(rest) < flvTagHead+size+4 {
			return nil, errClip
		}
		stamp := uint32(rest[7])<<24 | uint32(rest[4])<<16 | uint32(rest[5])<<8 | uint32(rest[6])
		m, ok := readTag(rest[0], stamp, rest[flvTagHead:flvTagHead+size])
		rest = rest[flvTagHead+size+4:]
		switch {
		case !ok:
		case m.first:
			c.begin = append(c.begin, m)
		default:
			c.messages = append(c.messages, m)
			c.bytes += m.size
			if m.kind == flvVideo {
				stamps = append(stamps, m.stamp)
			}
		}
	}
	if len(c.begin) == 0 || len(stamps) < 2 || !c.messages[0].key && !c.hasKey() {
		return nil, fmt.Errorf("%w: %d configurations, %d pictures", errClip, len(c.begin), len(stamps))
	}
	c.pictures = len(stamps)
	c.loop = stamps[len(stamps)-1] - stamps[0] + (stamps[len(stamps)-1]-stamps[0])/uint32(len(stamps)-1)
	origin := stamps[0]
	for i := range c.messages {
		c.messages[i].stamp = max(c.messages[i].stamp, origin) - origin
	}
	return c, nil
}

func (c *clip) hasKey() bool {
	for _, m := range c.messages {
		if m.key {
			return true
		}
	}
	return false
}

// readTag takes what a publisher sends of a tag; the file's notes about itself are left out.
func readTag(kind byte, stamp uint32, body []byte) (message, bool) {
	const endOfSequence = 2
	if len(body) < 2 || len(body) > messageMax || kind != flvVideo && kind != flvAudio || kind == flvVideo && body[1] == endOfSequence {
		return message{}, false
	}
	m := message{stamp: stamp, kind: kind, size: len(body), first: body[1] == 0}
	id := byte(audioChunks)
	if kind == flvVideo {
		m.key, id = body[0]>>4 == 1 && body[1] == 1, videoChunks
	}
	for len(body) > chunkSize {
		m.body = append(append(m.body, body[:chunkSize]...), 3<<6|id)
		body = body[chunkSize:]
	}
	m.body = append(m.body, body...)
	return m, true
}

// head is a message's first chunk head. A stamp of four hours and more would need more than this; runs are shorter.
func (m message) head(stamp uint32) [12]byte {
	id := byte(audioChunks)
	if m.kind == flvVideo {
		id = videoChunks
	}
	return [12]byte{id, byte(stamp >> 16), byte(stamp >> 8), byte(stamp), byte(m.size >> 16), byte(m.size >> 8), byte(m.size), m.kind, 1}
}
