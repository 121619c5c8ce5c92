package rtpfan

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// BenchmarkPicture sends a picture of nine packets to viewers at the live edge, over loopback to sockets that nobody
// reads. It reports allocations per picture, which must not grow with the viewers, and time per packet.
func BenchmarkPicture(b *testing.B) {
	for _, viewers := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(viewers), func(b *testing.B) {
			s := newStudio(b)
			r := s.fan.stream.Subscribe(streaming.ReadOptions{})
			defer r.Close()
			s.packetize(r)
			var to []netip.AddrPort
			for range min(viewers, 64) {
				c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				_ = c.SetReadBuffer(4096)
				to = append(to, c.LocalAddr().(*net.UDPAddr).AddrPort())
			}
			var all []*Viewer
			for i := range viewers {
				v := &Viewer{Fan: s.fan, Keys: testKeys(sealed[0]), CNAME: "x"}
				v.Types[FormatH264] = 96
				if err := s.egress.Add(v); err != nil {
					b.Fatal(err)
				}
				s.egress.Route(v, to[i%len(to)], nil)
				all = append(all, v)
			}
			now := time.Now()
			for _, v := range all {
				for !v.joined {
					s.turn(now)
					now = now.Add(paceTick)
				}
			}
			before := all[0].Stats().Packets
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.write(false, 10_000)
				s.packetize(r)
				now = now.Add(33 * time.Millisecond)
				s.turn(now)
			}
			b.StopTimer()
			packets := float64(all[0].Stats().Packets-before) * float64(viewers)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/packets, "ns/packet")
		})
	}
}
