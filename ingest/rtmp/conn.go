package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// conn is one connection's life on its own goroutine.
type conn struct {
	server *Server
	net    *deadlineConn
	wire   *wire
	said   *dialogue
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
	c.said = &dialogue{wire: c.wire}
	if err := c.said.begin(); err != nil {
		return plain(err)
	}
	if c.said.publish {
		return c.publish(ctx)
	}
	return c.play(ctx)
}

// plain drops what libraries print of a stranger's bytes, but for the errors that are ours or the connection's.
func plain(err error) error {
	for _, known := range []error{errBudget, errChunk, errStopped, io.EOF, io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, net.ErrClosed} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errCommand
}

func (c *conn) publish(ctx context.Context) error {
	session, err := c.server.Sessions.Admit(ctx, ingest.Request{
		Protocol: "rtmp", StreamKey: streamKey(c.said.url), RemoteAddr: c.remote,
		Encoder: printable(c.said.flashVer), Backup: wantsStandby(c.said.url), Moduli: moduli,
	})
	if err != nil {
		c.reject(err)
		return err
	}
	defer session.Close()
	c.admitted()
	c.wire.chunks.trusted = true
	session.OnReconnect(c.askToReconnect)
	if err := c.said.accept(); err != nil {
		session.End(fmt.Errorf("accept: %w", plain(err)))
		return nil
	}
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { c.watch(ctx, session, done) })
	cause := c.read(ctx, session)
	close(done)
	watching.Wait()
	if ctx.Err() != nil && errors.Is(cause, errStopped) {
		cause = ingest.ErrStopping
	}
	session.End(cause)
	c.farewell(session.Err())
	if !errors.Is(cause, io.EOF) {
		c.net.linger()
	}
	return nil
}

// watch wakes the reader when the session must end. Where the server stops, encoders that can are asked to connect
// again first, and read until they have: the next server has them before this one lets go.
func (c *conn) watch(ctx context.Context, session *ingest.Session, done <-chan struct{}) {
	defer c.net.stop()
	select {
	case <-session.Done():
		return
	case <-done:
		return
	case <-ctx.Done():
	}
	if !c.askToReconnect("") {
		return
	}
	patience := time.NewTimer(or(c.server.Config.Drain, drainDefault))
	defer patience.Stop()
	select {
	case <-session.Done():
	case <-done:
	case <-patience.C:
	}
}

// askToReconnect asks the encoder to connect again, and reports false where it cannot be asked.
func (c *conn) askToReconnect(tcURL string) bool {
	return c.said.caps&capReconnect != 0 && c.said.reconnect(tcURL) == nil
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
	data, err := readValues(body)
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
		_ = c.said.reject()
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
		for _, told := range []error{ingest.ErrBitrate, ingest.ErrResolution, ingest.ErrTracks, ingest.ErrCodec} {
			if errors.Is(cause, told) {
				text = strings.TrimPrefix(told.Error(), "ingest: ")
			}
		}
	}
	level := "status"
	if code != "NetStream.Unpublish.Success" {
		level = "error"
	}
	c.status(level, code, text)
}

// status writes an onStatus. The encoder may have gone; then nobody reads it.
func (c *conn) status(level, code, text string) {
	_ = c.said.status(level, code, text)
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
