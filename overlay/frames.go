package overlay

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

const (
	uploadMax   = 2 << 10 // bytes of one message that a viewer sends
	uploadParts = 16      // fragments of one message
	controlMax  = 125     // bytes of a control frame (RFC 6455, 5.5)
)

// refusal is why a connection ends.
type refusal struct {
	code   ws.StatusCode
	reason string
}

func (r refusal) Error() string { return r.reason }

// What a client must not send, and the status that tells it (RFC 6455, 7.4.1).
var (
	errTooLarge   = refusal{ws.StatusMessageTooBig, "a message may have 2 KiB in 16 frames"}
	errBinary     = refusal{ws.StatusUnsupportedData, "messages are text"}
	errText       = refusal{ws.StatusInvalidFramePayloadData, "text is UTF-8"}
	errReserved   = refusal{ws.StatusProtocolError, "reserved bits are set, and nothing was negotiated"}
	errOpcode     = refusal{ws.StatusProtocolError, "there is no such opcode"}
	errUnmasked   = refusal{ws.StatusProtocolError, "a client masks its frames"}
	errControl    = refusal{ws.StatusProtocolError, "a control frame is one frame of at most 125 bytes"}
	errFragments  = refusal{ws.StatusProtocolError, "a message goes on with continuations, and only then"}
	errLength     = refusal{ws.StatusProtocolError, "a length is written in the shortest way"}
	errCloseFrame = refusal{ws.StatusProtocolError, "a close has no body, or begins with a code that may be sent"}
	errCloseText  = refusal{ws.StatusInvalidFramePayloadData, "the reason of a close is UTF-8"}
)

// decoder takes apart what a client sends: masked frames, perhaps in fragments, with control frames between them
// (RFC 6455, 5). It is told of bytes as they arrive, and holds only what is not complete: an idle one holds
// nothing, and none more than a message and a frame.
type decoder struct {
	held       []byte // of a frame that has begun
	parts      []byte // of a message that has begun
	fragmented bool
	count      uint8 // frames of that message
}

// hearer takes whole messages. The bytes are its own only during the call; an error ends the decoding.
type hearer interface {
	hear(op ws.OpCode, payload []byte) error
}

// feed takes data apart, in place.
func (d *decoder) feed(data []byte, h hearer) error {
	if len(d.held) > 0 {
		data = append(d.held, data...)
	}
	for len(data) > 0 {
		head, err := d.header(data)
		if err != nil {
			return err
		}
		if head.size == 0 || len(data) < head.size+head.length {
			break
		}
		payload := data[head.size : head.size+head.length]
		data = data[head.size+head.length:]
		ws.Cipher(payload, head.mask, 0)
		if err := d.frame(head, payload, h); err != nil {
			return err
		}
	}
	if len(data) == 0 {
		d.held = nil
	} else {
		d.held = append([]byte(nil), data...) // a buffer of its own, as small as can be
	}
	return nil
}

// frameHeader is what is before a frame's payload. size 0 means that it is not all there.
type frameHeader struct {
	op           ws.OpCode
	fin          bool
	mask         [4]byte
	size, length int
}

// header reads a frame's header, and refuses as soon as it sees why: nobody waits for the rest of nonsense.
func (d *decoder) header(b []byte) (h frameHeader, err error) {
	h.op, h.fin = ws.OpCode(b[0]&0x0f), b[0]&0x80 != 0
	switch {
	case b[0]&0x70 != 0:
		return h, errReserved
	case h.op.IsReserved():
		return h, errOpcode
	case h.op.IsControl() && !h.fin:
		return h, errControl
	case h.op == ws.OpBinary:
		return h, errBinary
	case !h.op.IsControl() && (h.op == ws.OpContinuation) != d.fragmented:
		return h, errFragments
	}
	if len(b) < 2 {
		return h, nil
	}
	if b[1]&0x80 == 0 {
		return h, errUnmasked
	}
	length, size := uint64(b[1]&0x7f), 2
	if h.op.IsControl() && length > controlMax {
		return h, errControl
	}
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	if len(b) < size {
		return h, nil
	}
	switch size {
	case 4:
		if length = uint64(binary.BigEndian.Uint16(b[2:])); length < 126 {
			return h, errLength
		}
	case 10:
		if length = binary.BigEndian.Uint64(b[2:]); length < 1<<16 || length >= 1<<63 {
			return h, errLength
		}
	}
	if !h.op.IsControl() && (length > uint64(uploadMax-len(d.parts)) || int(d.count) >= uploadParts) {
		return h, errTooLarge
	}
	if len(b) < size+4 {
		return h, nil
	}
	copy(h.mask[:], b[size:])
	h.size, h.length = size+4, int(length)
	return h, nil
}

// frame takes one whole frame.
func (d *decoder) frame(head frameHeader, payload []byte, h hearer) error {
	if head.op.IsControl() {
		return h.hear(head.op, payload)
	}
	if !head.fin {
		d.parts, d.fragmented, d.count = append(d.parts, payload...), true, d.count+1
		return nil
	}
	if d.fragmented {
		payload = append(d.parts, payload...)
		d.parts, d.fragmented, d.count = nil, false, 0
	}
	if !utf8.Valid(payload) {
		return errText
	}
	return h.hear(ws.OpText, payload)
}

// closeCode reads a client's close and returns the code that answers it (RFC 6455, 7.4).
func closeCode(body []byte) (ws.StatusCode, error) {
	if len(body) == 0 {
		return ws.StatusNormalClosure, nil
	}
	if len(body) == 1 {
		return 0, errCloseFrame
	}
	code := binary.BigEndian.Uint16(body)
	switch {
	case code < 1000 || code >= 5000, code == 1004, code == 1005, code == 1006, code >= 1015 && code < 3000:
		return 0, errCloseFrame
	case !utf8.Valid(body[2:]):
		return 0, errCloseText
	}
	return ws.StatusCode(code), nil
}

// closeFrame is our own close.
func closeFrame(code ws.StatusCode, reason string) []byte {
	return ws.MustCompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason)))
}

var pingFrame = ws.MustCompileFrame(ws.NewPingFrame(nil))
