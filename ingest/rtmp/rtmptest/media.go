package rtmptest

import (
	"encoding/binary"

	"github.com/hawkerlive/hawker/streaming"
)

// Packet types of Enhanced RTMP, and the kinds of multitrack messages.
const (
	SequenceStart = 0
	CodedFrames   = 1
	SequenceEnd   = 2
	CodedFramesX  = 3
	Metadata      = 4
	Multitrack    = 6 // of pictures
	AudioTracks   = 5
	ModEx         = 7

	OneTrack     = 0
	ManyTracks   = 1
	ManyCodecs   = 2
	keyFrame     = 1
	interFrame   = 2
	soundFormat9 = 9
)

// FourCC names a coding.
func FourCC(c streaming.Codec) string {
	return map[streaming.Codec]string{
		streaming.H264: "avc1", streaming.H265: "hvc1", streaming.AV1: "av01", streaming.VP8: "vp08", streaming.VP9: "vp09",
		streaming.AAC: "mp4a", streaming.Opus: "Opus",
	}[c]
}

// Config is the decoder configuration of a track, made of its first key unit where that has it.
func Config(t streaming.Track, first *streaming.Unit) []byte {
	switch t.Codec {
	case streaming.H264:
		return avcConfig(first)
	case streaming.H265:
		return hevcConfig(first)
	case streaming.AV1:
		return []byte{0x81, 0, 0, 0}
	case streaming.VP8, streaming.VP9:
		return []byte{1, 0, 0, 0, 0, 31, 0x82, 1, 1, 1, 0, 0}
	case streaming.Opus:
		return []byte("OpusHead\x01" + string(t.Config[:1]) + "\x38\x01\x80\xbb\x00\x00\x00\x00\x00")
	}
	return t.Config
}

func avcConfig(u *streaming.Unit) []byte {
	var sps, pps []byte
	for _, n := range u.Payload {
		switch n[0] & 0x1f {
		case 7:
			sps = n
		case 8:
			pps = n
		}
	}
	out := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}
	out = append(binary.BigEndian.AppendUint16(out, uint16(len(sps))), sps...)
	out = append(out, 1)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(pps))), pps...)
}

// hevcConfig writes an HEVCDecoderConfigurationRecord that says no more than its parameter sets do.
func hevcConfig(u *streaming.Unit) []byte {
	out := make([]byte, 23)
	out[0], out[21] = 1, 3 // lengths of four bytes
	for _, kind := range []byte{32, 33, 34} {
		for _, n := range u.Payload {
			if n[0]>>1&0x3f != kind {
				continue
			}
			out[22]++
			out = append(out, 0x80|kind, 0, 1)
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(n))), n...)
			break
		}
	}
	return out
}

// Body is a unit's data as a message carries it.
func Body(t streaming.Track, u *streaming.Unit) []byte {
	var out []byte
	for _, p := range u.Payload {
		switch t.Codec {
		case streaming.H264, streaming.H265:
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
		case streaming.AV1:
			out = append(out, p[0]|2) // with a size
			out = append(binary.AppendUvarint(out, uint64(len(p)-1)), p[1:]...)
		default:
			out = append(out, p...)
		}
	}
	return out
}

// Milliseconds are a unit's decode stamp and its offset to the presentation, and what both leave out in nanoseconds.
func Milliseconds(t streaming.Track, u *streaming.Unit) (stamp uint32, cts int32, nanos int) {
	total := u.DTS * 1_000_000_000 / int64(t.ClockRate)
	return uint32(total / 1_000_000), int32((u.PTS - u.DTS) * 1000 / int64(t.ClockRate)), int(total % 1_000_000)
}

// Legacy is a unit or, for nil, the configuration as a message of plain FLV: H.264 and AAC.
func Legacy(t streaming.Track, u *streaming.Unit, config []byte) []byte {
	if t.Kind == streaming.Audio {
		if u == nil {
			return append([]byte{0xaf, 0}, config...)
		}
		return append([]byte{0xaf, 1}, Body(t, u)...)
	}
	if u == nil {
		return append([]byte{keyFrame<<4 | 7, 0, 0, 0, 0}, config...)
	}
	_, cts, _ := Milliseconds(t, u)
	return append([]byte{frameType(u)<<4 | 7, 1, byte(cts >> 16), byte(cts >> 8), byte(cts)}, Body(t, u)...)
}

func frameType(u *streaming.Unit) byte {
	if u.Key {
		return keyFrame
	}
	return interFrame
}

// Track is one track's share of an enhanced message.
type Track struct {
	ID    byte
	Codec streaming.Codec
	Data  []byte
}

// Enhanced writes an enhanced message of one track outside multitrack: a packet of a kind, after modifiers.
func Enhanced(kind streaming.Kind, packet byte, key bool, codec streaming.Codec, modifiers [][]byte, data []byte) []byte {
	return append(append(head(kind, packet, key, modifiers), FourCC(codec)...), data...)
}

// Tracks writes a multitrack message.
func Tracks(kind streaming.Kind, packet byte, key bool, way byte, modifiers [][]byte, tracks ...Track) []byte {
	multi := byte(Multitrack)
	if kind == streaming.Audio {
		multi = AudioTracks
	}
	out := append(head(kind, multi, key, modifiers), way<<4|packet)
	if way != ManyCodecs {
		out = append(out, FourCC(tracks[0].Codec)...)
	}
	for _, t := range tracks {
		if way == ManyCodecs {
			out = append(out, FourCC(t.Codec)...)
		}
		out = append(out, t.ID)
		if way != OneTrack {
			n := len(t.Data)
			out = append(out, byte(n>>16), byte(n>>8), byte(n))
		}
		out = append(out, t.Data...)
	}
	return out
}

// head writes the first byte and the modifiers. A modifier is its type and data.
func head(kind streaming.Kind, packet byte, key bool, modifiers [][]byte) []byte {
	first := byte(soundFormat9 << 4)
	if kind == streaming.Video {
		first = 0x80 | interFrame<<4
		if key {
			first = 0x80 | keyFrame<<4
		}
	}
	if len(modifiers) == 0 {
		return []byte{first | packet}
	}
	out := []byte{first | ModEx}
	for i, m := range modifiers {
		next := byte(ModEx)
		if i == len(modifiers)-1 {
			next = packet
		}
		if n := len(m) - 1; n < 256 {
			out = append(out, byte(n-1))
		} else {
			out = binary.BigEndian.AppendUint16(append(out, 255), uint16(n-1))
		}
		out = append(append(out, m[1:]...), m[0]<<4|next)
	}
	return out
}

// Nanoseconds is the modifier that shifts a message's stamp.
func Nanoseconds(n int) []byte { return []byte{0, byte(n >> 16), byte(n >> 8), byte(n)} }

// Coded is a unit's data in a packet of coded frames, and the packet's kind: with the composition time where the
// coding has one.
func Coded(t streaming.Track, u *streaming.Unit) (packet byte, data []byte) {
	body := Body(t, u)
	_, cts, _ := Milliseconds(t, u)
	switch {
	case t.Codec != streaming.H264 && t.Codec != streaming.H265:
		return CodedFrames, body
	case cts == 0:
		return CodedFramesX, body
	}
	return CodedFrames, append([]byte{byte(cts >> 16), byte(cts >> 8), byte(cts)}, body...)
}
