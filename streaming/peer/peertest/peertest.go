// Package peertest brings a WebRTC connection into the state in which pion alone cannot close it. What enters is a test
// and a way to close; what leaves is the test's failure where the connection stays. It refuses nothing. Tests of
// streaming/peer and streaming/restream import it.
package peertest

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// Closes closes a connection whose sender's first packet is there before its transports stand.
func Closes(t *testing.T, shut func(*webrtc.PeerConnection) error) {
	t.Helper()
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	publisher := connection(t, e)
	stands, goOn := make(chan struct{}), make(chan struct{})
	e.LoggerFactory = waits{func(text string) {
		if strings.HasPrefix(text, "peer connection state changed: connected") {
			close(stands)
			<-goOn
		}
	}}
	server := connection(t, e)
	defer func() { _ = publisher.GracefulClose() }() // it is over
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "show")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publisher.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	sends := make(chan struct{})
	publisher.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			close(sends)
		}
	})
	introduce(t, publisher, server)
	<-stands
	<-sends
	await(t, "the decrypting goroutine to offer a stream", func() bool {
		if err := track.WriteSample(media.Sample{Data: []byte{0x10, 2, 0, 0x9d, 1, 0x2a, 2, 0, 2, 0}, Duration: time.Millisecond}); err != nil {
			t.Fatal(err)
		}
		return runs("srtp/v3.(*SessionSRTP).decrypt")
	})
	closed := make(chan error, 1)
	go func() { closed <- shut(server) }()
	await(t, "the transport to stop before the others stand", func() bool {
		return runs("webrtc/v4.(*operations).GracefulClose") && !runs("srtp/v3.(*SessionSRTP).decrypt")
	})
	close(goOn)
	select {
	case err := <-closed:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not close")
	}
}

func connection(t *testing.T, e webrtc.SettingEngine) *webrtc.PeerConnection {
	t.Helper()
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	return pc
}

// introduce lets two connections know each other.
func introduce(t *testing.T, a, b *webrtc.PeerConnection) {
	t.Helper()
	said := func(pc *webrtc.PeerConnection, make func() (webrtc.SessionDescription, error), to *webrtc.PeerConnection) {
		one, err := make()
		if err != nil {
			t.Fatal(err)
		}
		gathered := webrtc.GatheringCompletePromise(pc)
		if err := pc.SetLocalDescription(one); err != nil {
			t.Fatal(err)
		}
		<-gathered
		if err := to.SetRemoteDescription(*pc.LocalDescription()); err != nil {
			t.Fatal(err)
		}
	}
	said(a, func() (webrtc.SessionDescription, error) { return a.CreateOffer(nil) }, b)
	said(b, func() (webrtc.SessionDescription, error) { return b.CreateAnswer(nil) }, a)
}

// runs tells whether a goroutine is in a function.
func runs(function string) bool {
	stacks := make([]byte, 4<<20)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte(function))
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("still waiting for %s", what)
		}
	}
}

// waits makes loggers that hand what they are told to a function; the transports go on when it returns.
type waits struct{ on func(text string) }

func (w waits) NewLogger(scope string) logging.LeveledLogger {
	return waiting{logging.NewDefaultLeveledLoggerForScope(scope, logging.LogLevelDisabled, io.Discard), w.on}
}

type waiting struct {
	*logging.DefaultLeveledLogger
	on func(text string)
}

func (w waiting) Info(m string)            { w.on(m) }
func (w waiting) Infof(f string, a ...any) { w.on(fmt.Sprintf(f, a...)) }
