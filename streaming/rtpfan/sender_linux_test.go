//go:build amd64 || arm64

package rtpfan

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestOneBadAddressCostsNobodyElse(t *testing.T) {
	t.Parallel()
	from, err := net.ListenUDP("udp", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	good := to.LocalAddr().(*net.UDPAddr).AddrPort()
	bad := netip.AddrPortFrom(good.Addr(), 0) // refused as a train and packet by packet
	s := newSender(from, false)
	segments := s.segment
	for range 20 {
		b := newBatch()
		for i := range 6 {
			start := len(b.arena)
			b.arena = append(b.arena, bytes.Repeat([]byte{byte(i)}, 100)...)
			b.add([]netip.AddrPort{bad, good, bad}[i/2], start)
		}
		if _, failed := s.send(b); failed == 0 {
			t.Fatal("port 0 was taken")
		}
		_ = to.SetReadDeadline(time.Now().Add(5 * time.Second))
		for i := byte(2); i < 4; i++ {
			buf := make([]byte, 200)
			if n, err := to.Read(buf); err != nil || n != 100 || buf[0] != i {
				t.Fatalf("read %d bytes, %v", n, err)
			}
		}
	}
	if s.segment != segments {
		t.Error("trains were given up because of a bad address")
	}
}
