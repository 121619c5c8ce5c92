package overlay

import (
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

const (
	uploadMax    = 2 << 10 // bytes of one message that a viewer sends
	uploadRate   = 10      // messages a second
	uploadBurst  = 30      // and this many at once
	uploadExcess = 100     // ignored ones, then the connection ends
	uploadParts  = 16      // fragments of one message
)

// gate bounds how often one client may send. One goroutine uses it.
type gate struct {
	filled time.Time
	tokens float64
	excess int
}

// pass tells whether the message is heard, and whether the client has overdone it.
func (g *gate) pass(now time.Time) (heard, enough bool) {
	if g.filled.IsZero() {
		g.tokens = uploadBurst
	} else {
		g.tokens = min(uploadBurst, g.tokens+now.Sub(g.filled).Seconds()*uploadRate)
	}
	g.filled = now
	if g.tokens < 1 {
		g.excess++
		return false, g.excess >= uploadExcess
	}
	g.tokens--
	return true, false
}

// refusal is why a connection ends.
type refusal struct {
	code   ws.StatusCode
	reason string
}

func (r refusal) Error() string { return r.reason }

var (
	errTooLarge = refusal{ws.StatusMessageTooBig, "a message may have 2 KiB"}
	errBinary   = refusal{ws.StatusUnsupportedData, "messages are text"}
	errText     = refusal{ws.StatusInvalidFramePayloadData, "text is UTF-8"}
	errRate     = refusal{ws.StatusPolicyViolation, "too many messages"}
	errInvalid  = refusal{ws.StatusPolicyViolation, "too many messages that are none"}
)

// read reads what the client sends until the connection ends. first is what came with the handshake.
func (s *socket) read(first []byte) {
	r := messageReader{source: s.conn, first: first}
	invalid := 0
	for {
		op, message, err := r.next()
		if err == nil {
			s.heard.Store(s.feed.now().UnixMilli())
			s.pinged.Store(false)
			err = s.hear(op, message, &invalid)
		}
		if err == nil {
			continue
		}
		var no refusal
		var protocol ws.ProtocolError
		switch {
		case errors.As(err, &no):
			s.feed.Metrics.dropped("refused")
			s.bye(no.code, no.reason)
		case errors.As(err, &protocol):
			s.feed.Metrics.dropped("refused")
			s.bye(ws.StatusProtocolError, protocol.Error())
		case errors.Is(err, errClosed):
			// The closing frame has been answered.
		default:
			return
		}
		// The client reads why; then it closes, or the deadline does.
		_ = s.conn.SetReadDeadline(time.Now().Add(closeWithin))
		_, _ = io.Copy(io.Discard, s.conn)
		return
	}
}

var errClosed = errors.New("overlay: the client said goodbye")

func (s *socket) hear(op ws.OpCode, message []byte, invalid *int) error {
	if op == ws.OpClose {
		code, _ := ws.ParseCloseFrameData(message)
		if code.Empty() || code.IsProtocolReserved() {
			code = ws.StatusNormalClosure
		}
		s.bye(code, "")
		return errClosed
	}
	heard, enough := s.gate.pass(s.feed.now())
	if enough {
		return errRate
	}
	if !heard {
		s.feed.Metrics.upload("excess")
		return nil
	}
	switch op {
	case ws.OpPong:
		return nil
	case ws.OpPing:
		s.send(ws.MustCompileFrame(ws.NewPongFrame(message)), false)
		return nil
	}
	if s.feed.Upstream == nil {
		s.feed.Metrics.upload("ignored")
		return nil
	}
	if err := s.feed.Upstream.Hear(s.topic, s.session, message); err != nil {
		s.feed.Metrics.upload("invalid")
		if *invalid++; *invalid >= uploadExcess {
			return errInvalid
		}
		return nil
	}
	s.feed.Metrics.upload("heard")
	return nil
}

// messageReader reads a client's messages: masked frames, perhaps in fragments, with control frames between
// them (RFC 6455, 5). An idle one holds no buffer.
type messageReader struct {
	source io.Reader
	first  []byte
	state  ws.State
	op     ws.OpCode // of the message that arrives in fragments
	parts  []byte
	count  int
}

// Read reads what came with the handshake, then the connection.
func (r *messageReader) Read(p []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(p, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	return r.source.Read(p)
}

// next returns the next message or control frame. The bytes are the caller's.
func (r *messageReader) next() (ws.OpCode, []byte, error) {
	for {
		h, err := ws.ReadHeader(r)
		if err != nil {
			return 0, nil, err
		}
		if err := ws.CheckHeader(h, r.state.Set(ws.StateServerSide)); err != nil {
			return 0, nil, err
		}
		if !h.Masked {
			return 0, nil, ws.ErrProtocolMaskRequired
		}
		if h.OpCode == ws.OpBinary {
			return 0, nil, errBinary
		}
		if r.count++; h.OpCode.IsControl() || h.Fin {
			r.count = 0
		}
		if h.Length > int64(uploadMax-len(r.parts)) || r.count > uploadParts {
			return 0, nil, errTooLarge
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(r, payload); err != nil {
			return 0, nil, err
		}
		ws.Cipher(payload, h.Mask, 0)
		if h.OpCode.IsControl() {
			return h.OpCode, payload, nil
		}
		if h.OpCode != ws.OpContinuation {
			r.op = h.OpCode
		}
		if !h.Fin {
			r.parts, r.state = append(r.parts, payload...), r.state.Set(ws.StateFragmented)
			continue
		}
		if r.state.Fragmented() {
			payload = append(r.parts, payload...)
			r.parts, r.state = nil, r.state.Clear(ws.StateFragmented)
		}
		if !utf8.Valid(payload) {
			return 0, nil, errText
		}
		return r.op, payload, nil
	}
}
