package rtpfan

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/hawkerlive/hawker/streaming"
)

// near is a viewer that is sent datagrams: to a socket of the test's.
func (s *studio) near() (*Viewer, *net.UDPConn) {
	s.t.Helper()
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { to.Close() })
	v, _ := s.viewer()
	s.egress.Route(v, to.LocalAddr().(*net.UDPAddr).AddrPort(), nil)
	return v, to
}

func TestALargePictureIsSpreadOverTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		size   int // bytes of the picture
		far    bool
		first  uint64 // packets at once, at most
		within time.Duration
	}{
		{"small", 16_000, true, 16, 0},
		{"key picture", 80_000, true, 18, 15 * time.Millisecond},
		{"huge", 400_000, true, 90, 15 * time.Millisecond},
		{"on this machine", 80_000, false, 70, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStudio(t)
			r := s.fan.stream.Subscribe(streaming.ReadOptions{})
			defer r.Close()
			s.egress.Spread = 15 * time.Millisecond
			s.packetize(r)
			v, _ := s.near()
			now := time.Now()
			for !v.joined {
				s.turn(now)
				now = now.Add(paceTick)
			}
			if v.spread {
				t.Fatal("a viewer on this machine is spread")
			}
			v.spread = c.far
			before := v.Stats().Packets
			s.write(false, c.size)
			s.packetize(r)
			want := before + s.fan.video.next - v.video.next
			began, first := now, uint64(0)
			for ; v.Stats().Packets < want; now = now.Add(time.Millisecond) {
				sent := v.Stats().Packets
				s.turn(now)
				if first = max(first, v.Stats().Packets-sent); now.Sub(began) > time.Second {
					t.Fatalf("%d of %d packets were sent", sent-before, want-before)
				}
			}
			if took := now.Sub(began) - time.Millisecond; took > c.within || first > c.first {
				t.Errorf("%d packets took %v, at most %d at once", want-before, took, first)
			}
			if v.pace != (pace{}) {
				t.Errorf("afterwards it is still %+v", v.pace)
			}
		})
	}
}

// TestASoundLeavesBehindAPicture: a picture's last packet is as long as the others, and a sound that waits is the
// shorter one at the end of the train.
func TestASoundLeavesBehindAPicture(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	s.packetize(r)
	v, to := s.near()
	v.Types[FormatOpus] = 111
	now := time.Now()
	for !v.joined {
		s.turn(now)
		now = now.Add(paceTick)
	}
	theirs, err := srtp.CreateContext(v.Keys.Key, v.Keys.Salt, v.Keys.Profile)
	if err != nil {
		t.Fatal(err)
	}
	receive := func() (p rtp.Packet) {
		for buf := make([]byte, 2000); ; {
			_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
			n, err := to.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if buf[1] >= 192 && buf[1] < 224 {
				continue // a report
			}
			plain, err := theirs.DecryptRTP(nil, buf[:n], nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Unmarshal(plain); err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	for first := receive(); !first.Marker; { // the key picture before
		first = receive()
	}
	const size = 5000
	s.write(false, size)
	s.packetize(r)
	raw := make([]byte, headerSize+80)
	putHeader(raw, 1, s.fan.audio.ssrc, false, false)
	s.fan.publish(s.fan.audio, []Packet{{raw: raw, format: FormatOpus, key: true}}, 0)
	s.egress.obey()
	s.egress.round(now)
	if n := len(s.egress.batch.trains); n != 1 || s.egress.batch.packets != 6 {
		t.Errorf("%d packets leave as %d trains", s.egress.batch.packets, n)
	}
	s.egress.flush()
	var got, largest int
	for i := range 5 {
		p := receive()
		got += len(p.Payload) - 2
		largest = max(largest, len(p.Payload))
		if p.Marker != (i == 4) || p.Padding && i != 4 {
			t.Errorf("packet %d: marker %v, padding %v", i, p.Marker, p.Padding)
		}
	}
	if got != size-1 || largest > payloadMax { // without the NAL unit's header
		t.Errorf("%d bytes of %d came", got, size-1)
	}
	if p := receive(); p.PayloadType != 111 || len(p.Payload) != 80 {
		t.Errorf("behind the picture came %+v", p.Header)
	}
}

// TestASoundWaitsForAPictureOnlyForAMoment runs an egress by the clock.
func TestASoundWaitsForAPictureOnlyForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Egress{Conn: &net.UDPConn{}}
		ctx, cancel := context.WithCancel(context.Background())
		turns := make(chan time.Time, 64)
		e.looked = func(at time.Time) { turns <- at }
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = e.Run(ctx)
		}()
		time.Sleep(100 * time.Millisecond) // on the test's own clock
		began := time.Now()
		e.wakeSoon()
		e.wakeSoon()
		if got := (<-turns).Sub(began); got != audioWait {
			t.Errorf("a sound waited %v", got)
		}
		e.wakeSoon()
		time.Sleep(audioWait / 2)
		began = time.Now()
		e.Wake()
		if got := (<-turns).Sub(began); got != 0 {
			t.Errorf("a picture waited %v", got)
		}
		if got := (<-turns).Sub(began); got != idleTick {
			t.Errorf("after both the egress looks again in %v", got)
		}
		cancel()
		<-done
	})
}
