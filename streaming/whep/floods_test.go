package whep

import (
	"context"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// dropped reads the counters of dropped datagrams.
func dropped(t *testing.T, r prometheus.Gatherer, reason string) (n int) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "hawker_whep_dropped_datagrams_total" {
			continue
		}
		for _, m := range f.Metric {
			if m.Label[0].GetValue() == reason {
				n += int(m.GetCounter().GetValue())
			}
		}
	}
	return n
}

// listener is a session that is connected, as far as feedback is concerned, and the viewer's side of its keys.
func listener(t *testing.T) (s *Server, v *session, theirs *srtp.Context, asked *atomic.Int64, counted prometheus.Gatherer, now *time.Time) {
	t.Helper()
	hub := &streaming.Hub{}
	p, err := hub.Publish(t.Context(), "show", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}})
	if err != nil {
		t.Fatal(err)
	}
	asked = &atomic.Int64{}
	p.OnKeyRequest(func() { asked.Add(1) })
	if err := p.Write(&streaming.Unit{Track: 1, Key: true, Payload: [][]byte{{0x65, 1}}}); err != nil {
		t.Fatal(err)
	}
	fans := &rtpfan.Fans{Hub: hub}
	fan, release, err := fans.Hold("show")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		release()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = fans.Run(ctx)
		hub.Close()
	})
	registry := prometheus.NewRegistry()
	s, v = quiet()
	at := time.Now()
	s.Metrics, s.Now = NewMetrics(registry), func() time.Time { return at }
	keys, salt := make([]byte, 16), make([]byte, 12)
	v.fan, v.home = fan, &shard{egress: &rtpfan.Egress{}}
	v.viewer = &rtpfan.Viewer{Fan: fan}
	if v.decrypt, err = srtp.CreateContext(keys, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTCPReplayProtection(64)); err != nil {
		t.Fatal(err)
	}
	if theirs, err = srtp.CreateContext(keys, salt, srtp.ProtectionProfileAeadAes128Gcm); err != nil {
		t.Fatal(err)
	}
	return s, v, theirs, asked, registry, &at
}

func sealed(t *testing.T, c *srtp.Context, p rtcp.Packet) []byte {
	t.Helper()
	plain, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.EncryptRTCP(nil, plain, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAFloodOfFeedbackIsCutOff(t *testing.T) {
	t.Parallel()
	_, v, theirs, _, counted, now := listener(t)
	flood := func(n int, p rtcp.Packet) {
		for range n {
			v.feedback(sealed(t, theirs, p))
		}
	}
	nack := &rtcp.TransportLayerNack{MediaSSRC: v.fan.VideoSSRC(), Nacks: []rtcp.NackPair{{PacketID: 5, LostPackets: 0xffff}}}
	flood(900, nack) // 17 packets each
	if got, want := dropped(t, counted, "nack flood"), 900-int(missingAllowed.burst)/17; got != want {
		t.Errorf("%d requests for packets were cut off, want %d", got, want)
	}
	pli := &rtcp.PictureLossIndication{MediaSSRC: v.fan.VideoSSRC()}
	flood(90, pli)
	if got, want := dropped(t, counted, "key flood"), 90-int(keysAllowed.burst); got != want {
		t.Errorf("%d requests for a key picture were cut off, want %d", got, want)
	}
	flood(50, pli)
	if got, want := dropped(t, counted, "rtcp flood"), 900+90+50-int(packetsAllowed.burst); got != want {
		t.Errorf("%d packets were cut off, want %d", got, want)
	}
	// A while later it is heard again.
	*now = now.Add(time.Minute)
	before := dropped(t, counted, "nack flood") + dropped(t, counted, "rtcp flood")
	flood(10, nack)
	if got := dropped(t, counted, "nack flood") + dropped(t, counted, "rtcp flood"); got != before {
		t.Errorf("%d packets were cut off after a minute", got-before)
	}
}

func TestReplayedFeedbackIsHeardOnce(t *testing.T) {
	t.Parallel()
	s, v, theirs, asked, counted, now := listener(t)
	pli := sealed(t, theirs, &rtcp.PictureLossIndication{MediaSSRC: v.fan.VideoSSRC()})
	for range 5 {
		v.feedback(pli)
		*now = now.Add(time.Minute) // the merging of key requests goes by the wall's clock, the budgets by this
	}
	if got := dropped(t, counted, "rtcp"); got != 4 {
		t.Errorf("%d of 4 replays were dropped", got)
	}
	if asked.Load() != 1 {
		t.Errorf("the publisher was asked %d times", asked.Load())
	}
	// Viewers send no media: neither theirs nor ours, sent back, is taken.
	media, err := theirs.EncryptRTP(nil, append([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9}, make([]byte, 100)...), nil)
	if err != nil {
		t.Fatal(err)
	}
	from := path{addr: netip.MustParseAddrPort("192.0.2.1:4000")}
	v.paths, s.byAddr[from.addr] = []path{from}, v
	for range 3 {
		s.datagram(media, from, nil)
	}
	if got := dropped(t, counted, "garbage"); got != 3 {
		t.Errorf("%d of 3 media packets were dropped", got)
	}
}

func TestForgedFeedbackDoesNothing(t *testing.T) {
	t.Parallel()
	_, v, theirs, asked, counted, _ := listener(t)
	for i := range 300 {
		b := sealed(t, theirs, &rtcp.PictureLossIndication{MediaSSRC: v.fan.VideoSSRC()})
		b[8+i%(len(b)-8)] ^= byte(1 + i%255) // anything behind the header that tells it is RTCP
		v.feedback(b)
	}
	if got := dropped(t, counted, "rtcp"); got != 300 || asked.Load() != 0 {
		t.Errorf("%d of 300 were dropped, the publisher was asked %d times", got, asked.Load())
	}
	if v.ripe || v.conn != nil {
		t.Error("the viewer has proved itself")
	}
}

// live is a server that is open, driven without a network: requests and datagrams are handed to it.
func live(t *testing.T) (s *Server, counted prometheus.Gatherer, ahead *atomic.Int64) {
	t.Helper()
	hub := &streaming.Hub{}
	p, err := hub.Publish(t.Context(), "show", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(&streaming.Unit{Track: 1, Key: true, Payload: [][]byte{{0x67, 0x42, 0xc0, 0x1f, 1, 2, 3, 4}, {0x68, 1, 2, 3}, {0x65, 0xff, 1}}}); err != nil {
		t.Fatal(err)
	}
	ahead = &atomic.Int64{}
	registry := prometheus.NewRegistry()
	s = &Server{
		Hub: hub, Access: anybody{}, Config: Config{Listen: "127.0.0.1:0"}, Metrics: NewMetrics(registry),
		Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		hub.Close()
	})
	until(t, s.isOpen)
	return s, registry, ahead
}

type anybody struct{}

func (anybody) MayWatch(context.Context, *http.Request, string) error { return nil }

// until waits until a condition holds, at most 10 s.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("waited in vain")
		}
	}
}

// offerFrom makes a session for an address and returns the status and the answer.
func offerFrom(t *testing.T, s *Server, addr string) (int, string) {
	t.Helper()
	body, err := os.ReadFile("testdata/minimal.sdp")
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/whep/show", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", typeSDP)
	r.RemoteAddr = addr + ":4000"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// field is the value of the first line of an SDP that begins so.
func field(t *testing.T, sdp, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(sdp, name)
	value, _, _ := strings.Cut(rest, "\r\n")
	if !ok {
		t.Fatalf("no %s in\n%s", name, sdp)
	}
	return value
}

// TestTenThousandHalfOpenHandshakes come from one address, each as far as it is let: an offer, and for those that
// are accepted a valid check and the beginning of a handshake.
func TestTenThousandHalfOpenHandshakes(t *testing.T) {
	s, counted, ahead := live(t)
	before := runtime.NumGoroutine()
	hello := make([]byte, 13+100)
	copy(hello, []byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1, 0, 0, 88, 0, 0, 0, 0, 0, 0, 0, 88})
	theirs := field(t, readOffer(t), "a=ice-ufrag:")
	accepted, refused := 0, 0
	for i := range 10_000 {
		port := uint16(10_000 + i)
		from := path{addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port)}
		code, answer := offerFrom(t, s, "127.0.0.2")
		switch code {
		case http.StatusCreated:
			accepted++
			check, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(field(t, answer, "a=ice-ufrag:")+":"+theirs),
				stun.NewShortTermIntegrity(field(t, answer, "a=ice-pwd:")), stun.Fingerprint)
			if err != nil {
				t.Fatal(err)
			}
			s.datagram(check.Raw, from, s.shards[0])
		case http.StatusServiceUnavailable:
			refused++
		default:
			t.Fatalf("offer %d was answered with %d: %s", i, code, answer)
		}
		s.datagram(hello, from, s.shards[0])
	}
	if accepted != halfOpenDefault || refused != 10_000-halfOpenDefault {
		t.Errorf("%d sessions were accepted, %d refused", accepted, refused)
	}
	if got := dropped(t, counted, "unchecked"); got != refused {
		t.Errorf("%d handshakes without a check were dropped, want %d", got, refused)
	}
	if n := runtime.NumGoroutine() - before; n > 5*halfOpenDefault {
		t.Errorf("%d goroutines", n)
	}
	// Somebody else gets in, until all addresses together have too many.
	for i := range handshakesMax - halfOpenDefault {
		if code, answer := offerFrom(t, s, netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}).String()); code != http.StatusCreated {
			t.Fatalf("another address was answered with %d: %s", code, answer)
		}
	}
	if code, _ := offerFrom(t, s, "127.2.0.1"); code != http.StatusServiceUnavailable {
		t.Errorf("with %d handshakes under way an offer was answered with %d", handshakesMax, code)
	}
	// They do not last.
	ahead.Store(int64(handshakeTimeout + time.Second))
	until(t, func() bool { return len(s.all()) == 0 })
	if code, _ := offerFrom(t, s, "127.0.0.2"); code != http.StatusCreated {
		t.Errorf("afterwards an offer was answered with %d", code)
	}
	for _, v := range s.all() {
		v.close("test")
	}
	until(t, func() bool { return runtime.NumGoroutine() <= before+2 })
}

func readOffer(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/minimal.sdp")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestGarbageInPlaceOfAHandshake comes from an address that has passed a check. It costs a bounded queue.
func TestGarbageInPlaceOfAHandshake(t *testing.T) {
	t.Parallel()
	s, counted, _ := live(t)
	code, answer := offerFrom(t, s, "127.0.0.2")
	if code != http.StatusCreated {
		t.Fatal(answer)
	}
	check, err := stun.Build(stun.TransactionID, stun.BindingRequest,
		stun.NewUsername(field(t, answer, "a=ice-ufrag:")+":"+field(t, readOffer(t), "a=ice-ufrag:")),
		stun.NewShortTermIntegrity(field(t, answer, "a=ice-pwd:")), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	from := path{addr: netip.MustParseAddrPort("127.0.0.2:4000")}
	s.datagram(check.Raw, from, s.shards[0])
	v := s.all()[0]
	for i := range 20_000 {
		b := make([]byte, 13+i%1200)
		b[0] = 20 + byte(i%44) // DTLS by RFC 7983
		binary.BigEndian.PutUint64(b[3:], uint64(i)*0x9e3779b97f4a7c15)
		s.datagram(b, from, s.shards[0])
	}
	if n := len(v.pipe.in); n > handshakeDatagramsMax {
		t.Errorf("%d datagrams wait", n)
	}
	if dropped(t, counted, "dtls flood") == 0 {
		t.Error("nothing was dropped")
	}
	v.close("test")
}
