package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Budgets of one connection. Before the key is known to be good a stranger may make us hold 256 KiB in all, whatever
// the chunk streams; a publisher may send key pictures of megabytes.
const (
	strangerBytesMax    = 256 << 10 // received in all before authentication
	strangerMessageMax  = 64 << 10
	publisherMessageMax = 8 << 20
	publisherHeldMax    = 16 << 20 // in unfinished messages of all chunk streams
	chunkStreamsMax     = 64
	chunkSizeDefault    = 128
	bodyStep            = 4096 // a stranger's message grows by this much as its bytes arrive
)

// Message types (RTMP 1.0, 5.4 and 7.1).
const (
	typeSetChunkSize  = 1
	typeAbort         = 2
	typeAck           = 3
	typeUserControl   = 4
	typeWindowAckSize = 5
	typeAudio         = 8
	typeVideo         = 9
	typeCommandAMF3   = 17
	typeDataAMF0      = 18
	typeCommandAMF0   = 20
)

// What the chunk layer refuses.
var (
	errBudget = errors.New("rtmp: more bytes than allowed before authentication")
	errChunk  = errors.New("rtmp: malformed chunk")
)

// packet is one whole RTMP message. Its body belongs to who reads it.
type packet struct {
	chunkStream uint32
	kind        byte
	stamp       uint32 // milliseconds, wrapping
	stream      uint32
	body        []byte
}

// chunkReader puts messages together from chunks (RTMP 1.0, 5.3). It takes what encoders really send: chunk stream
// IDs of one to three bytes, extended timestamps repeated in type 3 chunks or not, a new message where an old one
// was not finished. One goroutine uses it.
type chunkReader struct {
	in      *bufio.Reader
	trusted bool // the key was good

	chunkSize uint32
	streams   map[uint32]*chunkStream
	held      int    // bytes of unfinished messages
	count     uint64 // bytes received
	window    uint32 // the peer wants an acknowledgement after so many bytes; 0: none
	acked     uint64
}

// chunkStream is what the headers of one chunk stream may leave out.
type chunkStream struct {
	begun    bool
	stamp    uint32
	delta    uint32
	length   uint32
	kind     byte
	stream   uint32
	extended bool
	field    uint32 // the newest extended timestamp
	body     []byte
	open     bool // body is unfinished
}

func newChunkReader(in *bufio.Reader) *chunkReader {
	return &chunkReader{in: in, chunkSize: chunkSizeDefault, streams: map[uint32]*chunkStream{}}
}

// next returns the next message that is not the chunk layer's own.
func (r *chunkReader) next() (packet, error) {
	for {
		m, whole, err := r.chunk()
		if err != nil {
			return packet{}, err
		}
		if !whole {
			continue
		}
		mine, err := r.control(m)
		if err != nil {
			return packet{}, err
		}
		if !mine {
			return m, nil
		}
	}
}

// control obeys protocol control messages.
func (r *chunkReader) control(m packet) (mine bool, err error) {
	switch m.kind {
	case typeSetChunkSize:
		if len(m.body) < 4 {
			return false, fmt.Errorf("%w: chunk size", errChunk)
		}
		size := binary.BigEndian.Uint32(m.body) & 0x7fffffff
		if size == 0 {
			return false, fmt.Errorf("%w: chunk size 0", errChunk)
		}
		r.chunkSize = size // memory is bounded by the messages, not by the chunks
	case typeAbort:
		if len(m.body) >= 4 {
			if s := r.streams[binary.BigEndian.Uint32(m.body)]; s != nil {
				r.drop(s)
			}
		}
	case typeWindowAckSize:
		if len(m.body) >= 4 {
			r.window = binary.BigEndian.Uint32(m.body)
		}
	case typeAck:
	default:
		return false, nil
	}
	return true, nil
}

func (r *chunkReader) drop(s *chunkStream) {
	r.held -= len(s.body)
	s.body, s.open = nil, false
}

// chunk reads one chunk, and returns the message that it completes.
func (r *chunkReader) chunk() (packet, bool, error) {
	format, id, err := r.basicHeader()
	if err != nil {
		return packet{}, false, err
	}
	s := r.streams[id]
	if s == nil {
		if len(r.streams) == chunkStreamsMax {
			return packet{}, false, fmt.Errorf("%w: more than %d chunk streams", errChunk, chunkStreamsMax)
		}
		s = &chunkStream{}
		r.streams[id] = s
	}
	if err := r.header(s, format); err != nil {
		return packet{}, false, err
	}
	if !s.open {
		most := uint32(strangerMessageMax)
		if r.trusted {
			most = publisherMessageMax
		}
		if s.length > most {
			return packet{}, false, fmt.Errorf("%w: a message of %d bytes", errChunk, s.length)
		}
		s.open = true
	}
	if err := r.payload(s); err != nil {
		return packet{}, false, err
	}
	if uint32(len(s.body)) < s.length {
		return packet{}, false, nil
	}
	m := packet{chunkStream: id, kind: s.kind, stamp: s.stamp, stream: s.stream, body: s.body}
	r.drop(s)
	return m, true, nil
}

func (r *chunkReader) basicHeader() (format byte, id uint32, err error) {
	b, err := r.byte()
	if err != nil {
		return 0, 0, err
	}
	format, id = b>>6, uint32(b&0x3f)
	switch id {
	case 0:
		b, err = r.byte()
		id = 64 + uint32(b)
	case 1:
		var raw [2]byte
		err = r.full(raw[:])
		id = 64 + uint32(raw[0]) + uint32(raw[1])<<8
	}
	return format, id, err
}

// header reads a message header of the given format into s.
func (r *chunkReader) header(s *chunkStream, format byte) error {
	if format == 3 {
		return r.continuation(s)
	}
	if format > 0 && !s.begun {
		return fmt.Errorf("%w: a header that refers to none before it", errChunk)
	}
	if s.open {
		r.drop(s) // the encoder gave the message up
	}
	var raw [11]byte
	n := []int{11, 7, 3}[format]
	if err := r.full(raw[:n]); err != nil {
		return err
	}
	field := uint32(raw[0])<<16 | uint32(raw[1])<<8 | uint32(raw[2])
	if format < 2 {
		s.length = uint32(raw[3])<<16 | uint32(raw[4])<<8 | uint32(raw[5])
		s.kind = raw[6]
	}
	if format == 0 {
		s.stream = binary.LittleEndian.Uint32(raw[7:])
	}
	if s.extended = field == 0xffffff; s.extended {
		var wide [4]byte
		if err := r.full(wide[:]); err != nil {
			return err
		}
		field = binary.BigEndian.Uint32(wide[:])
	}
	s.field = field
	if format == 0 {
		s.stamp, s.delta, s.begun = field, 0, true
	} else {
		s.delta = field
		s.stamp += field
	}
	return nil
}

// continuation reads the header of a type 3 chunk: nothing, or the extended timestamp once more.
func (r *chunkReader) continuation(s *chunkStream) error {
	if !s.begun {
		return fmt.Errorf("%w: a continuation of nothing", errChunk)
	}
	if s.extended {
		// Most encoders repeat it, some do not. What follows is it if it reads the same.
		raw, err := r.in.Peek(4)
		if err != nil {
			return err
		}
		if binary.BigEndian.Uint32(raw) == s.field {
			if err := r.full(make([]byte, 4)); err != nil {
				return err
			}
		}
	}
	if !s.open {
		s.stamp += s.delta
	}
	return nil
}

// payload reads the chunk's share of the body.
func (r *chunkReader) payload(s *chunkStream) error {
	left := int(min(s.length-uint32(len(s.body)), r.chunkSize))
	most := strangerBytesMax
	if r.trusted {
		most = publisherHeldMax
	}
	if r.held+left > most {
		return fmt.Errorf("%w: %d bytes in unfinished messages", errBudget, r.held+left)
	}
	if s.body == nil && r.trusted {
		s.body = make([]byte, 0, s.length)
	}
	for left > 0 {
		n := min(left, bodyStep)
		at := len(s.body)
		s.body = append(s.body, make([]byte, n)...)
		if err := r.full(s.body[at:]); err != nil {
			return err
		}
		r.held += n
		left -= n
	}
	return nil
}

func (r *chunkReader) byte() (byte, error) {
	if err := r.charge(1); err != nil {
		return 0, err
	}
	return r.in.ReadByte()
}

func (r *chunkReader) full(p []byte) error {
	if err := r.charge(len(p)); err != nil {
		return err
	}
	_, err := io.ReadFull(r.in, p)
	return err
}

// charge counts received bytes against a stranger's budget.
func (r *chunkReader) charge(n int) error {
	r.count += uint64(n)
	if !r.trusted && r.count > strangerBytesMax {
		return errBudget
	}
	return nil
}

// ackDue tells whether the peer is owed an acknowledgement, and of how many bytes.
func (r *chunkReader) ackDue() (uint32, bool) {
	if r.window == 0 || r.count-r.acked < uint64(r.window) {
		return 0, false
	}
	r.acked = r.count
	return uint32(r.count), true
}
