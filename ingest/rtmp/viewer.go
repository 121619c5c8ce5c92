package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	viewerSilence     = 24 * time.Hour   // a viewer has nothing to say; TCP tells when it is gone
	viewerPatience    = 15 * time.Second // for one write to a slow viewer
	viewerBufferBytes = 256 << 10        // what waits in the kernel for a viewer: the rest waits in the stream
)

// Viewer is an accepted connection that wants to play: the Conn of a PlayRequest. One goroutine uses it.
type Viewer struct {
	conn    *conn
	cancel  context.CancelCauseFunc
	reading sync.WaitGroup
	in      bool // it was accepted
}

// Opus tells whether the player says that it knows Opus (Enhanced RTMP's fourCcList and audioFourCcInfoMap).
func (v *Viewer) Opus() bool { return v.conn.said.takes("Opus") }

// Accept tells the player that what it asked for comes. From here on it is listened to for its leaving.
func (v *Viewer) Accept() error {
	c := v.conn
	c.admitted()
	v.in = true
	c.net.until, c.net.idle, c.net.patience = time.Time{}, viewerSilence, viewerPatience
	if tcp, ok := c.net.Conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(viewerBufferBytes) // best effort: the system's limit holds
	}
	if err := c.said.accept(); err != nil {
		return fmt.Errorf("accept: %w", plain(err))
	}
	v.reading.Go(func() {
		for {
			m, err := c.wire.next()
			if err == nil && m.kind == typeCommandAMF0 && leaves(m.body) {
				err = errLeft
			}
			if err != nil {
				v.cancel(err)
				return
			}
		}
	})
	return nil
}

var errLeft = errors.New("rtmp: the viewer has left")

// chunk streams of what a viewer is sent.
var viewerStreams = map[byte]byte{typeAudio: 4, typeVideo: 6, typeDataAMF0: 8}

// Send writes one message.
func (v *Viewer) Send(kind byte, milliseconds uint32, body []byte) error {
	return v.conn.wire.message(viewerStreams[kind], kind, milliseconds, mediaStream, body)
}

// play hands a viewer to the Player.
func (c *conn) play(ctx context.Context) error {
	broadcast, secret := playTarget(c.said.url)
	if c.server.Player == nil {
		_ = c.said.reject() // the connection is being closed anyway
		c.log.Warn("play request refused", "why", "this server plays no RTMP")
		return ingest.ErrRefused
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	v := &Viewer{conn: c, cancel: cancel}
	defer context.AfterFunc(ctx, c.net.cut)()
	err := c.server.Player.Play(ctx, ingest.PlayRequest{
		Protocol: "rtmp", Broadcast: broadcast, Secret: secret, RemoteAddr: c.remote, Conn: v,
	})
	switch {
	case errors.Is(err, ingest.ErrRefused):
		_ = c.said.reject() // the connection is being closed anyway
	case errors.Is(err, streaming.ErrOffAir):
		c.status("error", "NetStream.Play.StreamNotFound", "the broadcast is not on air")
		err = nil // it may ask again
	case err == nil:
		c.status("status", "NetStream.Play.UnpublishNotify", "the broadcast has ended")
	}
	c.net.stop()
	v.reading.Wait()
	if v.in {
		c.log.Debug("a player has left", "why", err)
		return nil
	}
	return err
}
