package lossy_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming/streamingtest/lossy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo sends everything back.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if _, err := conn.WriteToUDPAddrPort(buf[:n], from); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// send sends datagrams of the size through a proxy to the echo, and returns the numbers of those that came back and
// when the last did.
func send(t *testing.T, up, down lossy.Line, count, size int) (got []uint32, took time.Duration) {
	t.Helper()
	p, err := lossy.Listen(echo(t), up, down, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(4 << 20)
	began := time.Now()
	for i := range count {
		b := make([]byte, size)
		binary.BigEndian.PutUint32(b, uint32(i))
		if _, err := conn.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetReadDeadline(began.Add(1500 * time.Millisecond))
	for buf := make([]byte, 2048); len(got) < count; {
		if _, err := conn.Read(buf); err != nil {
			break
		}
		got = append(got, binary.BigEndian.Uint32(buf))
		took = time.Since(began)
	}
	if c := p.Counts(); c.Down != len(got) || c.Up+c.LostUp != count || c.Down+c.LostDown != c.Up {
		t.Errorf("counted %+v, %d of %d came back", c, len(got), count)
	}
	return got, took
}

func TestALineDoesWhatItSays(t *testing.T) {
	t.Parallel()
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		if got, _ := send(t, lossy.Line{}, lossy.Line{}, 100, 100); len(got) != 100 {
			t.Errorf("%d came back", len(got))
		}
	})
	t.Run("cut", func(t *testing.T) {
		t.Parallel()
		if got, _ := send(t, lossy.Line{Cut: true}, lossy.Line{}, 10, 100); len(got) != 0 {
			t.Errorf("%d came back", len(got))
		}
	})
	t.Run("loss", func(t *testing.T) {
		t.Parallel()
		if got, _ := send(t, lossy.Line{}, lossy.Line{Loss: 0.2}, 200, 100); len(got) < 140 || len(got) > 180 {
			t.Errorf("%d of 200 came back", len(got))
		}
	})
	t.Run("bandwidth", func(t *testing.T) {
		t.Parallel()
		got, took := send(t, lossy.Line{}, lossy.Line{Bits: 1e6, Queue: 100_000}, 50, 972)
		if len(got) != 50 || took < 380*time.Millisecond {
			t.Errorf("%d datagrams of 8,000 bits came back in %v over 1 Mbit/s", len(got), took)
		}
	})
	t.Run("queue", func(t *testing.T) {
		t.Parallel()
		if got, _ := send(t, lossy.Line{Bits: 1e6, Queue: 10_000}, lossy.Line{}, 100, 972); len(got) < 10 || len(got) > 30 {
			t.Errorf("%d came back through a queue of ten", len(got))
		}
	})
	t.Run("delay and jitter", func(t *testing.T) {
		t.Parallel()
		got, took := send(t, lossy.Line{Delay: 50 * time.Millisecond}, lossy.Line{Jitter: 100 * time.Millisecond}, 100, 100)
		turned := 0
		for i := 1; i < len(got); i++ {
			if got[i] < got[i-1] {
				turned++
			}
		}
		if len(got) != 100 || took < 100*time.Millisecond || turned < 20 {
			t.Errorf("%d came back in %v, %d out of order", len(got), took, turned)
		}
	})
}
