// Package rtmptest is an RTMP publisher that says what a test wants, byte by byte: chunks of any size and order, any
// message, the whole of Enhanced RTMP v2. What enters are a server's address, a greeting, tracks and units; what
// leaves are bytes on a connection, and the server's statuses. It refuses nothing: that is the server's part. Tests
// and the load generators under cmd import it.
package rtmptest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/bytecounter"
	"github.com/bluenviron/gortmplib/pkg/message"
)

// Message types.
const (
	SetChunkSize = 1
	Audio        = 8
	Video        = 9
	Data         = 18
	Command      = 20
)

// Greeting is how a publisher presents itself. The zero value is a plain one.
type Greeting struct {
	App     string // default "live"
	Key     string
	CapsEx  int         // Enhanced RTMP v2's capabilities
	Connect amf0.Object // further properties of connect
}

// Client is a connection. One goroutine uses it.
type Client struct {
	Conn      net.Conn
	Answer    amf0.Object // the server's properties, from its answer to connect
	ChunkSize int         // of what we send; it has been announced
	Pieces    int         // bytes of one write; 0: whole messages

	in *message.Reader
}

// ErrRefused is a publisher that does not come in.
var ErrRefused = errors.New("rtmptest: the server refused")

// Dial connects and shakes hands; nothing more.
func Dial(ctx context.Context, addr string) (*Client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return greet(ctx, conn)
}

// greet shakes hands on a connection.
func greet(ctx context.Context, conn net.Conn) (*Client, error) {
	if by, ok := ctx.Deadline(); ok {
		_ = conn.SetReadDeadline(by) // a server that does not answer is seen by the caller's own limit
	}
	c := &Client{Conn: conn, ChunkSize: 128}
	if err := c.shake(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	counted := bytecounter.NewReader(conn)
	c.in = message.NewReader(counted, counted, func(uint32) error { return nil })
	return c, nil
}

func (c *Client) shake() error {
	hello := make([]byte, 1+1536)
	hello[0] = 3
	if _, err := rand.Read(hello[9:]); err != nil {
		return err
	}
	if _, err := c.Conn.Write(hello); err != nil {
		return err
	}
	reply := make([]byte, 1+1536+1536)
	if _, err := io.ReadFull(c.Conn, reply); err != nil {
		return err
	}
	_, err := c.Conn.Write(reply[1 : 1+1536])
	return err
}

// Publish dials and goes up to the publish command's answer.
func Publish(ctx context.Context, addr string, g Greeting) (*Client, error) {
	c, err := Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if err := c.publish(addr, g); err != nil {
		return nil, errors.Join(err, c.Conn.Close())
	}
	return c, c.Conn.SetReadDeadline(time.Time{})
}

// PublishTLS is Publish inside TLS.
func PublishTLS(ctx context.Context, addr string, g Greeting, config *tls.Config) (*Client, error) {
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c, err := greet(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := c.publish(addr, g); err != nil {
		return nil, errors.Join(err, c.Conn.Close())
	}
	return c, c.Conn.SetReadDeadline(time.Time{})
}

func (c *Client) publish(addr string, g Greeting) error {
	const size = 4096
	if err := c.Send(2, SetChunkSize, 0, 0, binary.BigEndian.AppendUint32(nil, size)); err != nil {
		return err
	}
	c.ChunkSize = size
	if g.App == "" {
		g.App = "live"
	}
	o := amf0.Object{{Key: "app", Value: g.App}, {Key: "flashVer", Value: "rtmptest"}, {Key: "tcUrl", Value: "rtmp://" + addr + "/" + g.App}}
	if g.CapsEx != 0 {
		o = append(o, amf0.ObjectEntry{Key: "capsEx", Value: float64(g.CapsEx)})
	}
	if err := c.Command("connect", 1, append(o, g.Connect...)); err != nil {
		return err
	}
	m, err := c.Wait("_result")
	if err != nil {
		return err
	}
	c.Answer, _ = m.Arguments[0].(amf0.Object)
	if err := c.Command("createStream", 2, nil); err != nil {
		return err
	}
	if _, err := c.Wait("_result"); err != nil {
		return err
	}
	if err := c.Command("publish", 3, nil, g.Key, "live"); err != nil {
		return err
	}
	code, err := c.Status()
	if err == nil && code != "NetStream.Publish.Start" {
		err = fmt.Errorf("%w: %s", ErrRefused, code)
	}
	return err
}

// Send writes a message as chunks: type 0, then type 3 with the extended stamp repeated.
func (c *Client) Send(chunkStream uint32, kind byte, stamp, stream uint32, body []byte) error {
	return c.Write(Chunks(chunkStream, kind, stamp, stream, body, c.ChunkSize, true))
}

// Write writes raw bytes, in pieces where that is wanted.
func (c *Client) Write(raw []byte) error {
	step := c.Pieces
	if step <= 0 {
		step = len(raw)
	}
	for at := 0; at < len(raw); at += step {
		if _, err := c.Conn.Write(raw[at:min(len(raw), at+step)]); err != nil {
			return err
		}
	}
	return nil
}

// Command writes an AMF0 command on the media stream's or the connection's behalf.
func (c *Client) Command(name string, id float64, arguments ...any) error {
	body, err := amf0.Data(append([]any{name, id}, arguments...)).Marshal()
	if err != nil {
		return err
	}
	stream := uint32(0)
	if name == "publish" {
		stream = 1
	}
	return c.Send(3, Command, 0, stream, body)
}

// Metadata writes onMetaData.
func (c *Client) Metadata(o amf0.ECMAArray) error {
	body, err := amf0.Data{"@setDataFrame", "onMetaData", o}.Marshal()
	if err != nil {
		return err
	}
	return c.Send(4, Data, 0, 1, body)
}

// Wait reads until a command of a name comes.
func (c *Client) Wait(name string) (*message.CommandAMF0, error) {
	for {
		m, err := c.in.Read()
		if err != nil {
			return nil, err
		}
		if m, ok := m.(*message.CommandAMF0); ok && m.Name == name && len(m.Arguments) > 0 {
			return m, nil
		}
	}
}

// Info waits for the next onStatus and returns its properties.
func (c *Client) Info() (amf0.Object, error) {
	m, err := c.Wait("onStatus")
	if err != nil {
		return nil, err
	}
	o, _ := m.Arguments[len(m.Arguments)-1].(amf0.Object)
	return o, nil
}

// Status waits for the next onStatus and returns its code.
func (c *Client) Status() (string, error) {
	o, err := c.Info()
	code, _ := o.GetString("code")
	return code, err
}

// Leave ends our side and waits until the server has let go.
func (c *Client) Leave(within time.Duration) error {
	if one, ok := c.Conn.(*net.TCPConn); ok {
		_ = one.CloseWrite() // it may be closed already
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil // it is closed
	}
	_, err := io.Copy(io.Discard, c.Conn)
	if late := net.Error(nil); errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("the server holds the connection: %w", err)
	}
	return nil
}

// Close hangs up.
func (c *Client) Close() error { return c.Conn.Close() }

// Chunks cuts a message into chunks of a size.
func Chunks(id uint32, kind byte, stamp, stream uint32, body []byte, size int, repeatExtended bool) []byte {
	basic := func(format byte) []byte {
		switch {
		case id < 64:
			return []byte{format<<6 | byte(id)}
		case id < 320:
			return []byte{format << 6, byte(id - 64)}
		default:
			return []byte{format<<6 | 1, byte(id - 64), byte((id - 64) >> 8)}
		}
	}
	out := basic(0)
	field, extended := stamp, []byte(nil)
	if stamp >= 0xffffff {
		field, extended = 0xffffff, binary.BigEndian.AppendUint32(nil, stamp)
	}
	n := len(body)
	out = append(out, byte(field>>16), byte(field>>8), byte(field), byte(n>>16), byte(n>>8), byte(n), kind)
	out = append(binary.LittleEndian.AppendUint32(out, stream), extended...)
	for at := 0; at < n; at += size {
		if at > 0 {
			out = append(out, basic(3)...)
			if repeatExtended {
				out = append(out, extended...)
			}
		}
		out = append(out, body[at:min(n, at+size)]...)
	}
	return out
}
