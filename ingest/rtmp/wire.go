package rtmp

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	plainVersion  = 3
	readBuffer    = 8 << 10
	writeDeadline = 5 * time.Second
	chunkOurs     = 65536 // announced when the connection was accepted; before that nothing longer than the default is sent
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

const (
	lingerTime  = 300 * time.Millisecond
	lingerBytes = 1 << 20
)

// linger lets the other side read what was written last: a connection that is closed with bytes unread takes it back.
func (c *deadlineConn) linger() {
	if one, ok := c.Conn.(interface{ CloseWrite() error }); ok && one.CloseWrite() != nil {
		return
	}
	if c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes) // until it has gone
	}
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

// wire is a connection's bytes: the handshake as it comes, then messages. One goroutine reads; any may write.
type wire struct {
	conn   *deadlineConn
	in     *bufio.Reader
	chunks *chunkReader

	mu  sync.Mutex // of writing
	out []byte     // of the newest message that was written
}

func newWire(conn *deadlineConn) *wire {
	in := bufio.NewReaderSize(conn, readBuffer)
	return &wire{conn: conn, in: in, chunks: newChunkReader(in)}
}

// checkVersion looks at C0 before anything is allocated for it.
func (w *wire) checkVersion() error {
	version, err := w.in.Peek(1)
	if err != nil {
		return err
	}
	if version[0] != plainVersion {
		return fmt.Errorf("%w: handshake version %d", errChunk, version[0])
	}
	return nil
}

// Read is the handshake's.
func (w *wire) Read(p []byte) (int, error) { return w.in.Read(p) }

// Write is the handshake's.
func (w *wire) Write(p []byte) (int, error) { return w.conn.Write(p) }

// send writes a message, as chunks of the plainest kind (RTMP 1.0, 5.3.1). It does not keep body.
func (w *wire) send(id, kind byte, body []byte) error { return w.message(id, kind, 0, 0, body) }

// message does so on a message stream.
func (w *wire) message(id, kind byte, stamp, stream uint32, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(body)
	wide := stamp >= 0xffffff
	field := min(stamp, 0xffffff)
	w.out = append(w.out[:0], id, byte(field>>16), byte(field>>8), byte(field), byte(n>>16), byte(n>>8), byte(n), kind)
	w.out = binary.LittleEndian.AppendUint32(w.out, stream)
	for at := 0; ; {
		if wide {
			w.out = binary.BigEndian.AppendUint32(w.out, stamp)
		}
		to := min(n, at+chunkOurs)
		w.out = append(w.out, body[at:to]...)
		if at = to; at >= n {
			break
		}
		w.out = append(w.out, 0xc0|id)
	}
	_, err := w.conn.Write(w.out)
	return err
}

// command writes a command message.
func (w *wire) command(id byte, stream uint32, name string, transaction float64, arguments ...any) error {
	body, err := values(append([]any{name, transaction}, arguments...)...)
	if err != nil {
		return err
	}
	return w.message(id, typeCommandAMF0, 0, stream, body)
}

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
	if !due {
		return nil
	}
	return w.send(controlStream, typeAck, binary.BigEndian.AppendUint32(nil, count))
}

var _ io.ReadWriter = (*wire)(nil)
