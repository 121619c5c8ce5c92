package rtpfan

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkSockets compares senders on all cores that share one socket with senders that have one each on the same
// port (decision 21). It reports processor time per packet, which holds on a busy machine, too.
func BenchmarkSockets(b *testing.B) {
	for _, c := range []struct {
		name  string
		share bool
	}{{"one", true}, {"each", false}} {
		b.Run(c.name, func(b *testing.B) {
			sinks := make([]*net.UDPConn, 64)
			var reading sync.WaitGroup
			for i := range sinks {
				s, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					b.Fatal(err)
				}
				sinks[i] = s
				_ = s.SetReadBuffer(4096) // what does not fit is dropped: sending is what is measured
				reading.Go(func() { _, _ = io.ReadAtLeast(s, make([]byte, 1), 1) })
			}
			defer reading.Wait()
			config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
				return raw.Control(func(fd uintptr) {
					_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
				})
			}}
			conns := make([]*net.UDPConn, runtime.GOMAXPROCS(0))
			for i := range conns {
				address := "127.0.0.1:0"
				if i > 0 {
					address = conns[0].LocalAddr().String()
				}
				if conns[i] = conns[0]; i > 0 && c.share {
					continue
				}
				p, err := config.ListenPacket(context.Background(), "udp4", address)
				if err != nil {
					b.Fatal(err)
				}
				defer p.Close()
				conns[i] = p.(*net.UDPConn)
			}
			before := processorTime(b)
			var sending sync.WaitGroup
			packets := 0
			b.ResetTimer()
			for k, conn := range conns {
				packets += b.N * 160
				sending.Go(func() {
					s, batch := newSender(conn, false), newBatch()
					for n := range b.N {
						batch.reset()
						for i := range 16 {
							to := sinks[(n*16+i+k*32)%64].LocalAddr().(*net.UDPAddr).AddrPort()
							for range 10 {
								start := len(batch.arena)
								batch.arena = batch.arena[:start+1200]
								batch.add(to, start)
							}
						}
						s.send(batch)
					}
				})
			}
			sending.Wait()
			b.StopTimer()
			b.ReportMetric(float64(processorTime(b)-before)/float64(packets), "cpu-ns/packet")
			for _, s := range sinks {
				s.Close()
			}
		})
	}
}

func processorTime(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
