package rtmp

import (
	"encoding/binary"
	"io"
)

const (
	replyBytes       = 1 + 1536 + 1536 // S0, S1, S2
	plainStreamsMost = 64              // chunk streams that gortmplib knows
)

// plainCommands is what gortmplib's client reads from: the handshake as it comes, and then whole command messages
// only, as chunks of the plainest kind. Everything else before play is swallowed. One goroutine reads.
type plainCommands struct {
	wire   *wire
	shaken int    // bytes of the handshake that were handed on
	out    []byte // of a rewritten message
}

var _ io.Reader = (*plainCommands)(nil)

func (p *plainCommands) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if p.shaken < replyBytes {
		if p.shaken == 0 {
			if err := p.wire.checkVersion(); err != nil {
				return 0, err
			}
		}
		n, err := p.wire.in.Read(b[:min(len(b), replyBytes-p.shaken)])
		p.shaken += n
		return n, err
	}
	for len(p.out) == 0 {
		m, err := p.wire.next()
		if err != nil {
			return 0, err
		}
		if m.kind == typeCommandAMF3 && len(m.body) > 0 && m.body[0] == 0 {
			m.kind, m.body = typeCommandAMF0, m.body[1:]
		}
		if m.kind != typeCommandAMF0 {
			continue
		}
		if len(m.body) > commandBytesMax || !shallow(m.body) {
			return 0, errCommand
		}
		p.out = rewrite(m)
	}
	n := copy(b, p.out)
	p.out = p.out[n:]
	return n, nil
}

// rewrite makes chunks of 128 bytes, the size that a reader assumes which was told nothing else.
func rewrite(m packet) []byte {
	id := byte(commandStream)
	if m.chunkStream >= 2 && m.chunkStream < plainStreamsMost {
		id = byte(m.chunkStream)
	}
	n := len(m.body)
	out := make([]byte, 0, 12+n+n/chunkSizeDefault)
	out = append(out, id, 0, 0, 0, byte(n>>16), byte(n>>8), byte(n), m.kind)
	out = binary.LittleEndian.AppendUint32(out, m.stream)
	for at := 0; at < n; at += chunkSizeDefault {
		if at > 0 {
			out = append(out, 0xc0|id)
		}
		out = append(out, m.body[at:min(n, at+chunkSizeDefault)]...)
	}
	return out
}
