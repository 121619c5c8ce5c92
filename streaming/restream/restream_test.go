package restream

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/peer/peertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openly seals nothing.
type openly struct{}

func (openly) Seal(_ string, plain []byte) string                { return string(plain) }
func (openly) Open(_ string, sealed string) ([]byte, error)      { return []byte(sealed), nil }
func (openly) ChannelOf(context.Context, string) (string, error) { return "c", nil }

// listed is a Store of what it holds.
type listed []Target

func (listed) CreateTarget(context.Context, Target, int) error     { return nil }
func (l listed) Target(context.Context, string) (Target, error)    { return l[0], nil }
func (l listed) Targets(context.Context, string) ([]Target, error) { return l, nil }
func (listed) EnableTarget(context.Context, string, bool) error    { return nil }
func (listed) DeleteTarget(context.Context, string) error          { return nil }

var (
	sps = []byte{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x58, 0xba, 0x80}
	pps = []byte{0x68, 0xce, 0x0f, 0xc8}
)

// show publishes pictures of a size until the test ends, a key picture each second, and returns the stream.
func show(t *testing.T, hub *streaming.Hub, codec streaming.Codec, size int) *streaming.Stream {
	t.Helper()
	config := append([]byte{1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, byte(len(sps))}, sps...)
	config = append(append(config, 1, 0, byte(len(pps))), pps...)
	p, err := hub.Publish(t.Context(), "b", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: codec, ClockRate: streaming.VideoClockRate, Config: config}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	n := int64(0)
	write := func() {
		picture := make([]byte, size)
		u := &streaming.Unit{Track: 1, PTS: n * 3600, DTS: n * 3600, Key: n%25 == 0, Payload: [][]byte{sps, pps, picture}}
		picture[0] = 0x65
		if !u.Key {
			picture[0], u.Payload = 0x41, [][]byte{picture}
		}
		n++
		if err := p.Write(u); err != nil {
			t.Error(err)
		}
	}
	write()
	writing.Go(func() {
		tick := time.NewTicker(40 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				write()
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() { cancel(); writing.Wait(); hub.Close() })
	s, err := hub.Stream("b")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T, hub *streaming.Hub, c Config, targets ...Target) *Service {
	t.Helper()
	guard, err := outbound.New(outbound.Config{Allow: []string{"127.0.0.1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.PauseMin = 50 * time.Millisecond
	s := &Service{Store: listed(targets), Sealer: openly{}, Guard: guard, Hub: hub, Channels: openly{}, Config: c}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return s
}

func target(id, address, key string) Target {
	return Target{ID: id, Channel: "c", Name: id, Address: address, Sealed: string(place{address, key}.seal()), Enabled: true}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(40*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still waiting for: %s", what)
		}
	}
}

// miser is an RTMP server that agrees to everything and then takes a byte a second, or nothing.
func miser(t *testing.T, bytes int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			serving.Go(func() {
				defer c.Close()
				defer context.AfterFunc(ctx, func() { _ = c.Close() })()
				if agree(c) != nil {
					return
				}
				tick := time.NewTicker(time.Second)
				defer tick.Stop()
				for {
					select {
					case <-tick.C:
						if _, err := io.CopyN(io.Discard, c, int64(bytes)); err != nil {
							return
						}
					case <-ctx.Done():
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); serving.Wait() })
	return l.Addr().String()
}

// agree is a server's side of the handshake and of the commands up to publish, as bytes.
func agree(c net.Conn) error {
	if _, err := io.CopyN(io.Discard, c, 1+1536); err != nil {
		return err
	}
	if _, err := c.Write(append([]byte{3}, make([]byte, 1536+1536)...)); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, c, 1536); err != nil {
		return err
	}
	command := func(name string, id byte, rest ...byte) []byte {
		body := append([]byte{2, 0, byte(len(name))}, name...)
		body = append(body, 0, 0x40, id, 0, 0, 0, 0, 0, 0, 5) // the numbers 2 to 5 as doubles differ in this byte alone
		body = append(body, rest...)
		return append([]byte{3, 0, 0, 0, 0, 0, byte(len(body)), typeCommand, 0, 0, 0, 0}, body...)
	}
	status := append([]byte{3, 0, 5}, "level"...)
	status = append(append(status, 2, 0, 6), "status"...)
	status = append(status, 0, 0, 9)
	connected := append([]byte{2, 0, 7}, "_result"...)
	connected = append(connected, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 5)
	connected = append(connected, status...)
	out := append([]byte{3, 0, 0, 0, 0, 0, byte(len(connected)), typeCommand, 0, 0, 0, 0}, connected...)
	out = append(out, command("_result", 0x10, 0, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0)...) // of createStream, number 4: stream 1
	out = append(out, command("onStatus", 0x14, status...)...)                      // of publish, number 5
	_, err := c.Write(out)
	return err
}

// A target that hangs and one that takes a byte a second cost their own place in the ring and nothing else: another
// reader gets every unit, as soon as it is there, and the publisher never waits.
func TestATargetThatHangsCostsItselfAlone(t *testing.T) {
	hub := &streaming.Hub{Config: streaming.Config{RingTime: 4 * time.Second}}
	stream := show(t, hub, streaming.H264, 60_000) // 12 Mbit/s: no kernel takes it all
	healthy := stream.Subscribe(streaming.ReadOptions{Start: streaming.FromLive})
	defer healthy.Close()
	hangs, drips := target("hangs", "rtmp://"+miser(t, 0)+"/live", "key"), target("drips", "rtmp://"+miser(t, 1)+"/live", "key")
	s := start(t, hub, Config{Patience: 2 * time.Second}, hangs, drips)
	got, worst := 0, time.Duration(0)
	began := time.Now()
	eventually(t, "both to be found too slow", func() bool {
		for u := healthy.TryNext(); u != nil; u = healthy.TryNext() {
			got++
			g, _ := stream.GenerationOf(u.Generation)
			track, _ := g.Track(1)
			worst = max(worst, time.Since(g.Anchor.Date(track.Time(u.DTS))))
		}
		a, b := s.Status(hangs), s.Status(drips)
		return a.Reconnects > 0 && b.Reconnects > 0 && a.Reason == Slow && b.Reason == Slow
	})
	want := int(time.Since(began) / (40 * time.Millisecond))
	if healthy.Lost() > 0 || got < want*7/10 {
		t.Errorf("the healthy reader got %d of some %d units and lost %d", got, want, healthy.Lost())
	}
	t.Logf("%d units, %d lost, the latest %v late; hangs %+v; drips %+v", got, healthy.Lost(), worst, s.Status(hangs), s.Status(drips))
}

func TestWhatATargetCannotTakeIsSaid(t *testing.T) {
	hub := &streaming.Hub{}
	show(t, hub, streaming.VP8, 1000)
	there := miser(t, 1<<20)
	rtmp, inside := target("rtmp", "rtmp://"+there+"/live", "key"), target("inside", "rtmp://10.0.0.1/live", "key")
	s := start(t, hub, Config{}, rtmp, inside)
	eventually(t, "the coding and the address to be named", func() bool {
		return s.Status(rtmp).State == Failed && s.Status(rtmp).Reason == Codec && s.Status(inside).State == Failed && s.Status(inside).Reason == Address
	})
}

// An endpoint that reports to us before all transports stand, and just then the push ends.
func TestASessionCloses(t *testing.T) {
	peertest.Closes(t, func(pc *webrtc.PeerConnection) error {
		(&whipSession{peer: pc}).close()
		return nil
	})
}

func TestAddressesOfTargets(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"rtmp://live.example/app": true, "rtmps://live.example:443/app/x": true, "srt://live.example:9000?streamid=x": true, "https://live.example/whip": true,
		"live.example/app": false, "rtmp://": false, "rtmp://host": false, "ftp://host/x": false, "rtmp://host/app#x": false, "rtmp://ho st/app": false, "rtsp://host/x": false,
	} {
		if _, err := (place{address, "key"}).parse(); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := (place{"rtmp://host/app", ""}).parse(); err == nil {
		t.Error("RTMP without any key")
	}
	u, _ := place{"rtmp://host:1936/app/name?x=1", ""}.parse()
	if got := rtmpURL(u, ""); got.Path != "/app" || got.Fragment != "name?x=1" || got.Host != "host:1936" {
		t.Errorf("%+v", got)
	}
}

func TestCandidatesOfAnAnswerAreJudged(t *testing.T) {
	t.Parallel()
	guard, err := outbound.New(outbound.Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	line := func(address string) string { return "a=candidate:1 1 udp 2130706431 " + address + " 8190 typ host\r\n" }
	for _, bad := range []string{"10.0.0.1", "127.0.0.1", "169.254.169.254", "secret.local", "::1", "::ffff:10.0.0.1"} {
		if _, err := permitted("v=0\r\n"+line(bad), guard); err == nil {
			t.Errorf("%s would be spoken to", bad)
		}
	}
	got, err := permitted("v=0\r\n"+line("10.0.0.1")+line("9.9.9.9"), guard)
	if err != nil || got != "v=0\r\n"+line("9.9.9.9") {
		t.Errorf("%q %v", got, err)
	}
}

func FuzzTolerant(f *testing.F) {
	f.Add(append(make([]byte, handshakeBytes), 3, 0, 0, 0, 0, 0, 14, typeCommand, 0, 0, 0, 0, 2, 0, 11, 'o', 'n', 'F', 'C', 'P', 'u', 'b', 'l', 'i', 's', 'h'))
	f.Fuzz(func(t *testing.T, said []byte) {
		in := newTolerant(&limited{said})
		b := make([]byte, 4096)
		for range 10_000 {
			if _, err := in.Read(b); err != nil {
				return
			}
		}
	})
}

type limited struct{ left []byte }

func (l *limited) Read(p []byte) (int, error) {
	if len(l.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.left)
	l.left = l.left[n:]
	return n, nil
}

func FuzzAnswer(f *testing.F) {
	f.Add("v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 96\r\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n")
	guard, err := outbound.New(outbound.Config{}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sdp string) {
		_ = rejectsVideo(sdp)
		if out, err := permitted(sdp, guard); err == nil && len(out) > len(sdp) {
			t.Errorf("%q", out)
		}
	})
}
