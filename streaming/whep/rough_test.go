package whep_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/whep"
)

func TestALostPacketIsSentAgainAsItWas(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, w way) {
		h := run(t, w.server)
		p := publish(t, h.hub, "show", "clip.h264")
		p.write(60)
		v := watch(h, "show", w.viewer)
		first := next(t, v.packets)
		lost := next(t, v.packets)
		for range 20 {
			next(t, v.packets)
		}
		// Before the first packet, the second one, and one that nobody has made yet.
		nack := &rtcp.TransportLayerNack{MediaSSRC: first.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(
			[]uint16{first.SequenceNumber - 1, lost.SequenceNumber, first.SequenceNumber + 20000})}
		if err := v.pc.WriteRTCP([]rtcp.Packet{nack}); err != nil {
			t.Fatal(err)
		}
		for {
			got := next(t, v.packets)
			if got.SequenceNumber == first.SequenceNumber-1 {
				t.Fatal("a packet from before the first one was sent")
			}
			if got.SequenceNumber != lost.SequenceNumber {
				continue
			}
			a, _ := got.Marshal()
			b, _ := lost.Marshal()
			if string(a) != string(b) {
				t.Fatalf("sent again as\n%x, was\n%x", a, b)
			}
			break
		}
	})
}

func TestAKeyRequestReachesThePublisher(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, w way) {
		h := run(t, w.server)
		p := publish(t, h.hub, "show", "clip.h264")
		asked := make(chan struct{}, 8)
		p.p.OnKeyRequest(func() { asked <- struct{}{} })
		p.write(10)
		v := watch(h, "show", w.viewer)
		ssrc := next(t, v.packets).SSRC
		if err := v.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: ssrc}}); err != nil {
			t.Fatal(err)
		}
		await(t, "the publisher is asked", func() bool { return len(asked) > 0 })
	})
}

func TestAKilledViewerIsGoneAfterItsConsent(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(10)
	conn := &mutable{UDPConn: listenUDP(t)}
	v := watch(h, "show", func(s *webrtc.SettingEngine) {
		s.SetICEUDPMux(webrtc.NewICEUDPMux(nil, conn))
		s.SetICETimeouts(10*time.Second, 20*time.Second, 200*time.Millisecond)
	})
	next(t, v.packets)
	event(t, h)
	// As long as its checks arrive it stays, whatever the time.
	h.ahead.Store(int64(20 * time.Second))
	before := conn.written.Load()
	await(t, "the viewer has checked again", func() bool { return conn.written.Load() > before+3 })
	conn.mute.Store(true)
	h.ahead.Store(int64(45 * time.Second))
	before = conn.read.Load()
	p.write(1)
	await(t, "the viewer is still sent something", func() bool { return conn.read.Load() > before })
	h.ahead.Store(int64(80 * time.Second)) // a check may have been under way at 45
	e := event(t, h)
	if e.Watching || e.Reason != "consent expired" {
		t.Fatalf("the hook was told %+v", e)
	}
	if res := h.do(http.MethodDelete, v.location, "", "", nil); res.StatusCode != 404 {
		t.Errorf("the session is still known: %s", res.Status)
	}
}

// mutable is a socket that can fall silent, as one whose process was killed.
type mutable struct {
	*net.UDPConn
	mute          atomic.Bool
	written, read atomic.Int64
}

func (m *mutable) WriteTo(b []byte, to net.Addr) (int, error) {
	if m.mute.Load() {
		return len(b), nil
	}
	m.written.Add(1)
	return m.UDPConn.WriteTo(b, to)
}

func (m *mutable) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := m.UDPConn.ReadFrom(b)
	m.read.Add(1)
	return n, from, err
}

func listenUDP(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestAViewerThatClosesIsGoneAtOnce(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, w way) {
		h := run(t, w.server)
		p := publish(t, h.hub, "show", "clip.h264")
		p.write(10)
		v := watch(h, "show", w.viewer)
		next(t, v.packets)
		event(t, h)
		v.close()
		// Over TCP the goodbye may be lost with what the viewer had not read: then the end of the connection is the sign.
		if e := event(t, h); e.Reason != "closed by the viewer" && !(w.tcp && e.Reason == "connection lost") {
			t.Fatalf("the hook was told %+v", e)
		}
	})
}

func TestAViewerIsToldWhenTheStreamCanNoLongerBeSent(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(10)
	v := watch(h, "show", nil)
	next(t, v.packets)
	event(t, h)
	// The publisher comes back with B-frames.
	publish(t, h.hub, "show", "bframes.h264").write(15)
	if e := event(t, h); e.Reason != whep.CodeBFrames {
		t.Fatalf("the hook was told %+v", e)
	}
	if res := h.do(http.MethodPost, "/whep/show", sdpType, minimalOffer, nil); res.StatusCode != 409 || res.code(t) != whep.CodeBFrames {
		t.Fatalf("the next offer was answered with %s", res.Status)
	}
}

func TestANewGenerationContinuesTheTimeline(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, w way) {
		h := run(t, w.server)
		p := publish(t, h.hub, "show", "clip.h264")
		p.write(3)
		v := watch(h, "show", w.viewer)
		base, media := v.mark(0)
		pictures := func(n int) (stamps []uint32) {
			for len(stamps) < n {
				if packet := next(t, v.packets); packet.Marker {
					stamps = append(stamps, packet.Timestamp)
				}
			}
			return stamps
		}
		pictures(3)
		second := publish(t, h.hub, "show", "clip.h264")
		second.write(3)
		g, err := h.hub.Stream("show")
		if err != nil {
			t.Fatal(err)
		}
		track, _ := g.Generation().First(streaming.Video)
		for i, stamp := range pictures(3) {
			want := track.Time(int64(i) * frameTicks)
			got := media + int64(int32(stamp-base))*100/9
			if d := got - int64(want); d > 12 || d < -12 { // a tick
				t.Errorf("picture %d of the second generation is at %d µs, want %d", i, got, want)
			}
		}
	})
}

func TestStrangersGetNoAnswerAndDisturbNobody(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(30)
	p.stream()
	v := watch(h, "show", nil)
	next(t, v.packets)
	conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: h.server.Port()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	heard := make(chan []byte, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 2048); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			heard <- append([]byte(nil), buf[:n]...)
		}
	}()
	ufrag := regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(v.answer)[1]
	check := func(setters ...stun.Setter) []byte {
		m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, setters...)...)
		if err != nil {
			t.Fatal(err)
		}
		return m.Raw
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		garbage := make([]byte, r.IntN(1500))
		for i := range garbage {
			garbage[i] = byte(r.Uint32())
		}
		if len(garbage) > 3 && r.IntN(2) == 0 {
			garbage[0] = []byte{0, 1, 22, 23, 128, 129, 144}[r.IntN(7)]
		}
		_, _ = conn.Write(garbage)
	}
	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1}, make([]byte, 99)...)
	for _, b := range [][]byte{
		hello,
		check(),
		check(stun.NewUsername("nobody:abcd"), stun.NewShortTermIntegrity("x"), stun.Fingerprint),
		check(stun.NewUsername(ufrag+":abcd"), stun.NewShortTermIntegrity("forged"), stun.Fingerprint),
		check(stun.NewUsername(ufrag + ":abcd")),
	} {
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	// The healthy viewer sees whole pictures all the while.
	for range 60 {
		next(t, v.packets)
	}
	select {
	case b := <-heard:
		t.Errorf("a stranger was answered: %x", b)
	default:
	}
	conn.Close()
	<-done
}

func TestHalfOpenHandshakesHoldNothingUp(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(30)
	p.stream()
	// Forty viewers pass their check, begin a handshake and fall silent.
	ufrags, pwds := regexp.MustCompile(`a=ice-ufrag:(\S+)`), regexp.MustCompile(`a=ice-pwd:(\S+)`)
	for range 40 {
		res := h.do(http.MethodPost, "/whep/show", sdpType, minimalOffer, nil)
		if res.StatusCode != 201 {
			t.Fatal(res.Status)
		}
		conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: h.server.Port()})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrags.FindStringSubmatch(res.body)[1]+":abcd"),
			stun.NewShortTermIntegrity(pwds.FindStringSubmatch(res.body)[1]), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(m.Raw); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1500)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		reply := stun.Message{Raw: buf[:n]}
		if err := reply.Decode(); err != nil || reply.Type != stun.BindingSuccess {
			t.Fatalf("the check was answered with %v, %v", reply.Type, err)
		}
		if _, err := conn.Write(clientHello()); err != nil {
			t.Fatal(err)
		}
	}
	// One that means it gets through.
	v := watch(h, "show", nil)
	v.pictures(p, 5)
}

// clientHello is a DTLS 1.2 hello that offers one suite and one SRTP profile.
func clientHello() []byte {
	body := append([]byte{0xfe, 0xfd}, make([]byte, 32)...)
	body = append(body, 0, 0)                   // no session, no cookie
	body = append(body, 0, 2, 0xc0, 0x2b, 1, 0) // ECDHE-ECDSA-AES128-GCM
	extensions := []byte{
		0, 10, 0, 4, 0, 2, 0, 29, // x25519
		0, 11, 0, 2, 1, 0,
		0, 13, 0, 4, 0, 2, 4, 3, // ECDSA with SHA-256
		0, 14, 0, 5, 0, 2, 0, 7, 0, // AES-128-GCM
		0, 23, 0, 0,
	}
	body = binary.BigEndian.AppendUint16(body, uint16(len(extensions)))
	body = append(body, extensions...)
	handshake := []byte{1, 0, 0, byte(len(body)), 0, 0, 0, 0, 0, 0, 0, byte(len(body))}
	handshake = append(handshake, body...)
	record := []byte{22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(handshake))}
	return append(record, handshake...)
}

func TestATCPConnectionWithoutACheckIsClosed(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	for name, b := range map[string][]byte{
		"garbage":         []byte("GET / HTTP/1.1\r\n\r\n"),
		"a frame of RTP":  append([]byte{0, 20, 128}, make([]byte, 19)...),
		"a strange check": append([]byte{0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...),
	} {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", itoa(h.server.Port())))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(4 * time.Second))
		if n, err := conn.Read(make([]byte, 16)); n > 0 || isTimeout(err) {
			t.Errorf("%s: the connection was not closed (%d bytes, %v)", name, n, err)
		}
		conn.Close()
	}
}
