// Package peer closes WebRTC connections of pion's, in whatever state they are. What enters is a connection; nothing
// leaves. It refuses nothing. Those import it who hold whole connections: ingest/whip and streaming/restream.
package peer

import (
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"
)

const releaseEvery = 10 * time.Millisecond

// Close closes a connection and waits for everything that belongs to it.
func Close(pc *webrtc.PeerConnection) error {
	var releasing sync.WaitGroup
	defer releasing.Wait()
	closed := make(chan struct{})
	defer close(closed)
	releasing.Go(func() { release(pc.SCTP().Transport(), closed) })
	return pc.GracefulClose()
}

// release lets a connection close whatever it is just doing. pion hands the first packet of each sender from the
// goroutine that decrypts to one that is only started when all transports stand; a connection that is closed between
// the two waits for the first, the first for the second, and the second for the lock that closing holds: for ever, by
// us or by a publisher that connects, sends and leaves. Whatever is offered here is taken and forgotten. It returns when
// closed is, and both of the connection's decrypting goroutines have ended.
func release(t *webrtc.DTLSTransport, closed <-chan struct{}) {
	var accepting sync.WaitGroup
	defer accepting.Wait()
	tick := time.NewTicker(releaseEvery)
	defer tick.Stop()
	var media *srtp.SessionSRTP
	var reports *srtp.SessionSRTCP
	for over := false; ; {
		if one, _ := held(t, "srtpSession").(*srtp.SessionSRTP); one != nil && media == nil {
			media = one
			accepting.Go(func() { drain(one.AcceptStream) })
		}
		if one, _ := held(t, "srtcpSession").(*srtp.SessionSRTCP); one != nil && reports == nil {
			reports = one
			accepting.Go(func() { drain(one.AcceptStream) })
		}
		if over {
			break
		}
		select {
		case <-tick.C:
		case <-closed:
			over = true // one more look: a handshake may have ended while the connection closed
		}
	}
	if media != nil {
		_ = media.Close() // it is closed already, or nobody will
	}
	if reports != nil {
		_ = reports.Close()
	}
}

// drain takes streams until there are none any more.
func drain[T any](accept func() (T, uint32, error)) {
	for {
		if _, _, err := accept(); err != nil {
			return
		}
	}
}

// held reads an atomic value that a transport keeps to itself, nil where it has none of that name.
func held(t *webrtc.DTLSTransport, name string) any {
	f := reflect.ValueOf(t).Elem().FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[atomic.Value]() {
		return nil
	}
	return (*atomic.Value)(unsafe.Pointer(f.UnsafeAddr())).Load()
}
