package rtmp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hawkerlive/hawker/streaming"
)

// tagKind says what a media message carries.
type tagKind int

const (
	tagNone   tagKind = iota // nothing for us: metadata, ends, commands
	tagConfig                // a decoder configuration
	tagFrame
	tagEnd // nothing of the track follows until its next configuration
)

// tag is one audio or video message, read (FLV 1.0 annex E, Enhanced RTMP v2). Its slices share the message's body.
type tag struct {
	kind  tagKind
	codec streaming.Codec
	track byte  // of a multitrack message, 0 elsewhere
	cts   int64 // milliseconds
	nanos int   // after the message's stamp
	data  []byte
}

// tracksInMessage is how many tracks of one message are read; what follows is passed over.
const tracksInMessage = 16

var (
	errTag         = errors.New("rtmp: malformed media message")
	errUnsupported = errors.New("rtmp: coding not taken")
)

// Legacy codec numbers.
const (
	flvAAC, flvEnhancedAudio = 10, 9
	flvAVC, flvHEVC          = 7, 12
)

// Packet types of Enhanced RTMP. Video and audio share those that we read.
const (
	exSequenceStart = 0
	exCodedFrames   = 1
	exSequenceEnd   = 2
	exCodedFramesX  = 3 // video
	exMetadata      = 4 // video; multichannel configuration for audio
	exAudioMulti    = 5
	exVideoMulti    = 6
	exModEx         = 7
)

const frameTypeCommand = 5

var fourCCs = map[string]streaming.Codec{
	"avc1": streaming.H264, "hvc1": streaming.H265, "av01": streaming.AV1, "vp08": streaming.VP8, "vp09": streaming.VP9,
	"mp4a": streaming.AAC, "Opus": streaming.Opus,
}

// readVideo appends what a video message carries: one tag, or one for each track of a multitrack message. With an error
// it returns those that could be read.
func readVideo(out []tag, body []byte) ([]tag, error) {
	if len(body) == 0 {
		return out, nil
	}
	if body[0]&0x80 != 0 {
		if body[0]>>4&7 == frameTypeCommand {
			return out, nil
		}
		return readEnhanced(out, body[0]&0xf, body[1:], true)
	}
	if body[0]>>4 == frameTypeCommand {
		return out, nil
	}
	var t tag
	switch body[0] & 0xf {
	case flvAVC:
		t.codec = streaming.H264
	case flvHEVC:
		t.codec = streaming.H265
	default:
		return out, fmt.Errorf("%w: FLV video codec %d", errUnsupported, body[0]&0xf)
	}
	if len(body) < 5 {
		return out, errTag
	}
	t.cts, t.data = signed24(body[2:]), body[5:]
	switch body[1] {
	case 0:
		t.kind, t.cts = tagConfig, 0
	case 1:
		t.kind = tagFrame
	}
	return append(out, t), nil
}

// readAudio does the same with an audio message.
func readAudio(out []tag, body []byte) ([]tag, error) {
	if len(body) == 0 {
		return out, nil
	}
	switch format := body[0] >> 4; format {
	case flvEnhancedAudio:
		return readEnhanced(out, body[0]&0xf, body[1:], false)
	case flvAAC:
		if len(body) < 2 {
			return out, errTag
		}
		t := tag{codec: streaming.AAC, data: body[2:]}
		switch {
		case len(t.data) == 0:
		case body[1] == 0:
			t.kind = tagConfig
		case body[1] == 1:
			t.kind = tagFrame
		}
		return append(out, t), nil
	default:
		return out, fmt.Errorf("%w: FLV sound format %d", errUnsupported, format)
	}
}

// readEnhanced reads what follows the first byte of an enhanced message.
func readEnhanced(out []tag, packet byte, rest []byte, video bool) (_ []tag, err error) {
	nanos := 0
	for packet == exModEx {
		var n int
		if packet, n, rest, err = readModEx(rest); err != nil {
			return out, err
		}
		nanos += n
	}
	multi := byte(exAudioMulti)
	if video {
		multi = exVideoMulti
	}
	from := len(out)
	switch {
	case packet == multi:
		out, err = readMultitrack(out, rest, video)
	case video && packet == exMetadata: // colours (HDR): the parameter sets say the same
		return out, nil
	case len(rest) < 4:
		return out, errTag
	default:
		var t tag
		if t, err = readCoded(packet, string(rest[:4]), rest[4:], video); err == nil {
			out = append(out, t)
		}
	}
	for i := range out[from:] {
		out[from+i].nanos = min(nanos, nanosMax)
	}
	return out, err
}

// nanosMax is the largest offset that a modifier may have: a whole millisecond is the message's own.
const nanosMax = 999_999

// readModEx reads one modifier: an offset in nanoseconds, or what may come and is passed over.
func readModEx(rest []byte) (packet byte, nanos int, after []byte, err error) {
	const offsetNano = 0
	if len(rest) < 1 {
		return 0, 0, nil, errTag
	}
	size := int(rest[0]) + 1
	rest = rest[1:]
	if size == 256 {
		if len(rest) < 2 {
			return 0, 0, nil, errTag
		}
		size = int(binary.BigEndian.Uint16(rest)) + 1
		rest = rest[2:]
	}
	if len(rest) < size+1 {
		return 0, 0, nil, errTag
	}
	if rest[size]>>4 == offsetNano && size >= 3 {
		nanos = int(rest[0])<<16 | int(rest[1])<<8 | int(rest[2])
	}
	return rest[size] & 0xf, nanos, rest[size+1:], nil
}

// readMultitrack reads the tracks of a multitrack message.
func readMultitrack(out []tag, rest []byte, video bool) (_ []tag, failed error) {
	const oneTrack, manyTracks, manyCodecs = 0, 1, 2
	if len(rest) < 1 {
		return out, errTag
	}
	kind, packet := rest[0]>>4, rest[0]&0xf
	rest = rest[1:]
	fourCC := ""
	if kind == oneTrack || kind == manyTracks {
		if len(rest) < 4 {
			return out, errTag
		}
		fourCC, rest = string(rest[:4]), rest[4:]
	}
	if kind > manyCodecs || packet == exModEx || packet == exVideoMulti || packet == exAudioMulti && !video {
		return out, errTag
	}
	for n := 0; len(rest) > 0 && n < tracksInMessage; n++ {
		if kind == manyCodecs {
			if len(rest) < 4 {
				return out, errTag
			}
			fourCC, rest = string(rest[:4]), rest[4:]
		}
		if len(rest) < 1 {
			return out, errTag
		}
		id, data := rest[0], rest[1:]
		rest = nil
		if kind != oneTrack {
			if len(data) < 3 {
				return out, errTag
			}
			size := int(data[0])<<16 | int(data[1])<<8 | int(data[2])
			if data = data[3:]; len(data) < size {
				return out, errTag
			}
			data, rest = data[:size:size], data[size:]
		}
		t, err := readCoded(packet, fourCC, data, video)
		if err != nil {
			failed = err
			continue
		}
		t.track = id
		out = append(out, t)
	}
	return out, failed
}

// readCoded reads a packet of a known codec.
func readCoded(packet byte, fourCC string, rest []byte, video bool) (tag, error) {
	codec, ok := fourCCs[fourCC]
	isVideo := codec != streaming.AAC && codec != streaming.Opus
	if !ok || isVideo != video {
		return tag{}, fmt.Errorf("%w: fourCC %q", errUnsupported, fourCC)
	}
	out := tag{codec: codec, data: rest}
	switch {
	case packet == exSequenceEnd:
		out.kind = tagEnd
		return out, nil
	case packet == exSequenceStart:
		out.kind = tagConfig
	case packet == exCodedFrames && (codec == streaming.H264 || codec == streaming.H265):
		if len(rest) < 3 {
			return tag{}, errTag
		}
		out.kind, out.cts, out.data = tagFrame, signed24(rest), rest[3:]
	case packet == exCodedFrames, video && packet == exCodedFramesX:
		out.kind = tagFrame
	}
	if len(out.data) == 0 {
		out.kind = tagNone
	}
	return out, nil
}

func signed24(b []byte) int64 {
	return int64(int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8)
}

// splitNALs cuts an access unit at its length fields.
func splitNALs(data []byte, lengthSize int) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		if len(data) < lengthSize {
			return nil, errTag
		}
		n := 0
		for _, b := range data[:lengthSize] {
			n = n<<8 | int(b)
		}
		data = data[lengthSize:]
		if n > len(data) {
			return nil, errTag
		}
		if n > 0 {
			out = append(out, data[:n:n])
		}
		data = data[n:]
	}
	return out, nil
}

// splitOBUs cuts an AV1 temporal unit into OBUs without their size fields.
func splitOBUs(data []byte) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		header := 1
		if data[0]&4 != 0 {
			header = 2
		}
		if data[0]&2 == 0 || len(data) < header { // every OBU here has a size
			return nil, errTag
		}
		size, n := binary.Uvarint(data[header:])
		if n <= 0 || n > 8 || size > uint64(len(data)-header-n) {
			return nil, errTag
		}
		obu := make([]byte, 0, header+int(size))
		obu = append(append(obu, data[:header]...), data[header+n:header+n+int(size)]...)
		obu[0] &^= 2
		out = append(out, obu)
		data = data[header+n+int(size):]
	}
	return out, nil
}
