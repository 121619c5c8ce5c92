package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/message"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// conn is one connection's life on its own goroutine.
type conn struct {
	server *Server
	net    *deadlineConn
	wire   *wire
	rtmp   *gortmplib.ServerConn
	log    *slog.Logger
	remote string

	admitted func() // tells the doors
}

// serve runs the connection until either side ends it. The error tells why a stranger failed; nil means that it was
// admitted.
func (c *conn) serve(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("rtmp: a panic in the connection: %v", r)
		}
	}()
	c.net.until = time.Now().Add(c.server.handshakeTimeout())
	c.wire = newWire(c.net)
	c.rtmp = &gortmplib.ServerConn{RW: c.wire}
	if err := c.rtmp.Initialize(); err != nil {
		return fmt.Errorf("handshake: %w", plain(err))
	}
	if err := c.rtmp.AcceptConn(); err != nil {
		return fmt.Errorf("commands: %w", plain(err))
	}
	if c.rtmp.Publish {
		return c.publish(ctx)
	}
	return c.play(ctx)
}

// plain drops what gortmplib prints of a stranger's bytes, but for the errors that are ours or the connection's.
func plain(err error) error {
	for _, known := range []error{errBudget, errChunk, errStopped, io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, net.ErrClosed} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errCommand
}

var errCommand = errors.New("rtmp: malformed or unexpected command")

func (c *conn) publish(ctx context.Context) error {
	session, err := c.server.Sessions.Admit(ctx, ingest.Request{
		Protocol: "rtmp", StreamKey: streamKey(c.rtmp.URL), RemoteAddr: c.remote,
		Encoder: printable(c.rtmp.FlashVer), Backup: wantsStandby(c.rtmp.URL), Moduli: moduli,
	})
	if err != nil {
		c.reject(err)
		return err
	}
	defer session.Close()
	c.admitted()
	c.wire.chunks.trusted = true
	if err := c.rtmp.AcceptAction(); err != nil {
		session.End(fmt.Errorf("accept: %w", plain(err)))
		return nil
	}
	stop := context.AfterFunc(ctx, c.net.stop)
	defer stop()
	done := make(chan struct{})
	woken := make(chan struct{})
	go func() {
		defer close(woken)
		select {
		case <-session.Done():
			c.net.stop()
		case <-done:
		}
	}()
	cause := c.read(ctx, session)
	close(done)
	<-woken
	session.End(cause)
	c.farewell(session.Err())
	return nil
}

// read takes messages until the connection or the session ends.
func (c *conn) read(ctx context.Context, session *ingest.Session) error {
	in := &intake{session: session, refused: func(err error) {
		c.log.Warn("a track is left out", "why", err)
	}}
	// Whole media messages must go on arriving: bytes alone keep nobody on the line.
	c.net.until = time.Now().Add(c.server.idleTimeout())
	for {
		m, err := c.wire.next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("rtmp: silent for %s", c.server.idleTimeout())
		case err != nil:
			return err
		}
		c.server.Metrics.Received(len(m.body))
		if m.kind == typeAudio || m.kind == typeVideo {
			c.net.until = time.Now().Add(c.server.idleTimeout())
		}
		if m.kind == typeCommandAMF0 && leaves(m.body) {
			return io.EOF
		}
		if err := in.take(ctx, m); err != nil {
			return err
		}
	}
}

// leaves tells whether a command ends the publishing.
func leaves(body []byte) bool {
	data, err := amf0.Unmarshal(body)
	if err != nil || len(data) == 0 {
		return false
	}
	switch data[0] {
	case "FCUnpublish", "deleteStream", "closeStream":
		return true
	}
	return false
}

// reject tells an encoder that it does not come in. The connection is being closed for a better reason than that it
// could not be told.
func (c *conn) reject(cause error) {
	if !errors.Is(cause, streaming.ErrResting) {
		_ = c.rtmp.RejectAction()
		return
	}
	c.status("error", "NetStream.Publish.Rejected", restingText)
}

const restingText = "the broadcast was ended; make a new one to go live again"

// farewell tells the encoder why it is being closed, where it did not leave by itself.
func (c *conn) farewell(cause error) {
	code, text := "NetStream.Unpublish.Success", "publishing ended"
	switch {
	case errors.Is(cause, io.EOF):
	case errors.Is(cause, ingest.ErrKicked):
		code = "NetStream.Publish.Unauthorized"
	case errors.Is(cause, ingest.ErrStopping):
		code = "NetConnection.Connect.AppShutdown"
	case errors.Is(cause, streaming.ErrResting):
		code, text = "NetStream.Publish.Rejected", restingText
	default:
		code = "NetStream.Publish.Rejected"
	}
	level := "status"
	if code != "NetStream.Unpublish.Success" {
		level = "error"
	}
	c.status(level, code, text)
}

// status writes an onStatus. The encoder may have gone; then nobody reads it.
func (c *conn) status(level, code, text string) {
	_ = c.rtmp.Write(&message.CommandAMF0{
		ChunkStreamID: 5, MessageStreamID: 0x1000000, Name: "onStatus",
		Arguments: []any{nil, amf0.Object{
			{Key: "level", Value: level}, {Key: "code", Value: code}, {Key: "description", Value: text},
		}},
	})
}

const printableMax = 64

// printable bounds what a stranger says of itself.
func printable(s string) string {
	out := []rune(s)
	if len(out) > printableMax {
		out = out[:printableMax]
	}
	for i, r := range out {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			out[i] = '?'
		}
	}
	return string(out)
}
