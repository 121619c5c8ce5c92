package rtmp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	viewerSilence     = 24 * time.Hour   // a viewer has nothing to say; TCP tells when it is gone
	viewerPatience    = 15 * time.Second // for one write to a slow viewer
	viewerBufferBytes = 256 << 10        // what waits in the kernel for a viewer: the rest waits in the stream
	viewerChunk       = 65536            // announced when the connection was accepted
	mediaStream       = 1
)

// Viewer is an accepted connection that wants to play: the Conn of a PlayRequest. One goroutine uses it.
type Viewer struct {
	conn    *conn
	cancel  context.CancelCauseFunc
	reading sync.WaitGroup
	in      bool // it was accepted
	out     []byte
}

// Opus tells whether the player says that it knows Opus (Enhanced RTMP's fourCcList).
func (v *Viewer) Opus() bool {
	return slices.ContainsFunc(v.conn.rtmp.FourCcList, func(one any) bool { return one == "Opus" || one == "*" })
}

// Accept tells the player that what it asked for comes. From here on it is listened to for its leaving.
func (v *Viewer) Accept() error {
	c := v.conn
	c.admitted()
	v.in = true
	c.net.until, c.net.idle, c.net.patience = time.Time{}, viewerSilence, viewerPatience
	c.wire.silent = true // two goroutines must not write
	if tcp, ok := c.net.Conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(viewerBufferBytes) // best effort: the system's limit holds
	}
	if err := c.rtmp.AcceptAction(); err != nil {
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

// Send writes one message, as chunks of the plainest kind (RTMP 1.0, 5.3.1).
func (v *Viewer) Send(kind byte, milliseconds uint32, body []byte) error {
	id := viewerStreams[kind]
	n := len(body)
	wide := milliseconds >= 0xffffff
	field := min(milliseconds, 0xffffff)
	v.out = append(v.out[:0], id, byte(field>>16), byte(field>>8), byte(field), byte(n>>16), byte(n>>8), byte(n), kind)
	v.out = binary.LittleEndian.AppendUint32(v.out, mediaStream)
	for at := 0; ; {
		if wide {
			v.out = binary.BigEndian.AppendUint32(v.out, milliseconds)
		}
		to := min(n, at+viewerChunk)
		v.out = append(v.out, body[at:to]...)
		if at = to; at >= n {
			break
		}
		v.out = append(v.out, 0xc0|id)
	}
	_, err := v.conn.net.Write(v.out)
	return err
}

// play hands a viewer to the Player.
func (c *conn) play(ctx context.Context) error {
	broadcast, secret := playTarget(c.rtmp.URL)
	if c.server.Player == nil {
		_ = c.rtmp.RejectAction() // the connection is being closed anyway
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
		_ = c.rtmp.RejectAction() // the connection is being closed anyway
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
