package play

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/hawkerlive/hawker/streaming"
)

// Message types of RTMP (RTMP 1.0, 7.1).
const (
	TypeAudio = 8
	TypeVideo = 9
	TypeData  = 18
)

// ErrCodec is returned for a broadcast whose picture RTMP does not carry.
var ErrCodec = errors.New("play: the broadcast's codec cannot be sent over RTMP")

// The first bytes of FLV tags (FLV 10.1, E.4) and of Enhanced RTMP's.
const (
	avcKey      = 0x17
	avcInter    = 0x27
	exKeyStart  = 0x90 // sequence start
	exKeyCoded  = 0x91 // coded frames, a key picture
	exInter     = 0xa1
	aacStereo   = 0xaf // 44.1 kHz, 16 bits, stereo: what AAC always says
	exAudioHead = 0x90 // sequence start; +1: coded frames
)

// configTag is what a decoder needs before the first unit of a track; nil where it needs nothing.
func configTag(t streaming.Track) ([]byte, error) {
	switch t.Codec {
	case streaming.H264:
		return append([]byte{avcKey, 0, 0, 0, 0}, t.Config...), nil
	case streaming.H265:
		return append([]byte{exKeyStart, 'h', 'v', 'c', '1'}, t.Config...), nil
	case streaming.AAC:
		return append([]byte{aacStereo, 0}, t.Config...), nil
	case streaming.Opus:
		return append([]byte{exAudioHead, 'O', 'p', 'u', 's'}, opusHead(t)...), nil
	}
	return nil, ErrCodec
}

// opusHead is the identification header of RFC 7845, which Enhanced RTMP sends as configuration.
func opusHead(t streaming.Track) []byte {
	channels := byte(2)
	if len(t.Config) > 0 && t.Config[0] > 0 {
		channels = min(t.Config[0], 2)
	}
	b := append([]byte("OpusHead"), 1, channels, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, streaming.OpusClockRate)
	return append(b, 0, 0, 0)
}

// mediaTag is the message of one unit; late is by how many milliseconds it is shown later than decoded.
func mediaTag(t streaming.Track, u *streaming.Unit, late int64) ([]byte, error) {
	switch t.Codec {
	case streaming.H264:
		head := byte(avcInter)
		if u.Key {
			head = avcKey
		}
		return lengths([]byte{head, 1, byte(late >> 16), byte(late >> 8), byte(late)}, u), nil
	case streaming.H265:
		head := byte(exInter)
		if u.Key {
			head = exKeyCoded
		}
		return lengths([]byte{head, 'h', 'v', 'c', '1', byte(late >> 16), byte(late >> 8), byte(late)}, u), nil
	case streaming.AAC:
		return whole([]byte{aacStereo, 1}, u), nil
	case streaming.Opus:
		return whole([]byte{exAudioHead + 1, 'O', 'p', 'u', 's'}, u), nil
	}
	return nil, ErrCodec
}

// lengths writes NAL units with their lengths before them.
func lengths(head []byte, u *streaming.Unit) []byte {
	b := make([]byte, len(head), len(head)+u.Size()+4*len(u.Payload))
	copy(b, head)
	for _, nal := range u.Payload {
		b = binary.BigEndian.AppendUint32(b, uint32(len(nal)))
		b = append(b, nal...)
	}
	return b
}

func whole(head []byte, u *streaming.Unit) []byte {
	b := make([]byte, len(head), len(head)+u.Size())
	copy(b, head)
	for _, p := range u.Payload {
		b = append(b, p...)
	}
	return b
}

// metadata is the onMetaData message (AMF0): which codecs come.
func metadata(video, audio streaming.Track) []byte {
	const avc, aac = 7, 10
	var b []byte
	text := func(s string) { b = append(append(b, 0, byte(len(s))), s...) }
	number := func(key string, v uint64) {
		text(key)
		b = binary.BigEndian.AppendUint64(append(b, 0), v)
	}
	b = append(b, 2)
	text("onMetaData")
	b = append(b, 3)
	if video.ID != 0 {
		id := uint64(avc)
		if video.Codec == streaming.H265 {
			id = 'h'<<24 | 'v'<<16 | 'c'<<8 | '1'
		}
		number("videocodecid", math.Float64bits(float64(id)))
	}
	if audio.ID != 0 {
		id := uint64(aac)
		if audio.Codec == streaming.Opus {
			id = 'O'<<24 | 'p'<<16 | 'u'<<8 | 's'
		}
		number("audiocodecid", math.Float64bits(float64(id)))
	}
	return append(b, 0, 0, 9)
}
