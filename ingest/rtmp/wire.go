package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

const (
	handshakeBytes = 1 + 1536 + 1536 // C0, C1, C2
	plainVersion   = 3
	readBuffer     = 8 << 10
	writeDeadline  = 5 * time.Second
	commandStream  = 3
)

var errStopped = errors.New("rtmp: stopped")

// deadlineConn gives every read the same patience, and can be stopped from outside.
type deadlineConn struct {
	net.Conn
	idle     time.Duration // patience of one read
	until    time.Time     // if set, no read outlasts it
	patience time.Duration // of one write; 0: writeDeadline
	stopping atomic.Bool
	cutting  atomic.Bool
}

func (c *deadlineConn) Read(p []byte) (int, error) {
	by := time.Now().Add(c.idle)
	if !c.until.IsZero() && c.until.Before(by) {
		by = c.until
	}
	if err := c.SetReadDeadline(by); err != nil {
		return 0, err
	}
	if c.stopping.Load() {
		return 0, errStopped
	}
	n, err := c.Conn.Read(p)
	if err != nil && c.stopping.Load() {
		return n, errStopped
	}
	return n, err
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(or(c.patience, writeDeadline))); err != nil {
		return 0, err
	}
	if c.cutting.Load() {
		return 0, errStopped
	}
	return c.Conn.Write(p)
}

// cut ends what is being written, and everything after it.
func (c *deadlineConn) cut() {
	c.cutting.Store(true)
	_ = c.SetWriteDeadline(time.Unix(1, 0)) // a closed connection has no writer to wake
}

// stop wakes the reader. What follows it may still write.
func (c *deadlineConn) stop() {
	c.stopping.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0)) // a closed connection has no reader to wake
}

// wire is what gortmplib reads from: the handshake as it comes, and then whole command messages only, rewritten as
// chunks of the plainest kind. Everything else before the publish command is swallowed. One goroutine reads.
type wire struct {
	conn   *deadlineConn
	in     *bufio.Reader
	chunks *chunkReader
	silent bool   // somebody else writes: nothing is acknowledged
	shaken int    // bytes of the handshake that were handed on
	out    []byte // of a rewritten message
}

func newWire(conn *deadlineConn) *wire {
	in := bufio.NewReaderSize(conn, readBuffer)
	return &wire{conn: conn, in: in, chunks: newChunkReader(in)}
}

func (w *wire) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.shaken < handshakeBytes {
		return w.shake(p)
	}
	for len(w.out) == 0 {
		m, err := w.chunks.next()
		if err != nil {
			return 0, err
		}
		if err := w.acknowledge(); err != nil {
			return 0, err
		}
		if m.kind == typeCommandAMF3 && len(m.body) > 0 && m.body[0] == 0 {
			m.kind, m.body = typeCommandAMF0, m.body[1:]
		}
		if m.kind == typeCommandAMF0 {
			w.out = rewrite(m)
		}
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

func (w *wire) shake(p []byte) (int, error) {
	if w.shaken == 0 {
		version, err := w.in.Peek(1)
		if err != nil {
			return 0, err
		}
		if version[0] != plainVersion {
			return 0, fmt.Errorf("%w: handshake version %d", errChunk, version[0])
		}
	}
	n, err := w.in.Read(p[:min(len(p), handshakeBytes-w.shaken)])
	w.shaken += n
	return n, err
}

func (w *wire) Write(p []byte) (int, error) { return w.conn.Write(p) }

// next returns the next message after the commands.
func (w *wire) next() (packet, error) {
	m, err := w.chunks.next()
	if err != nil {
		return packet{}, err
	}
	return m, w.acknowledge()
}

// acknowledge tells the peer what has arrived, where it wants to know.
func (w *wire) acknowledge() error {
	count, due := w.chunks.ackDue()
	if !due || w.silent {
		return nil
	}
	raw := [16]byte{2, 0, 0, 0, 0, 0, 4, typeAck}
	binary.BigEndian.PutUint32(raw[12:], count)
	_, err := w.conn.Write(raw[:])
	return err
}

// rewrite makes chunks of 128 bytes, the size that a reader assumes which was told nothing else.
func rewrite(m packet) []byte {
	id := byte(commandStream)
	if m.chunkStream >= 2 && m.chunkStream < 64 {
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

var _ io.ReadWriter = (*wire)(nil)
