package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/pion/srtp/v3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// The show that limits fan and seal send: 2.6 Mbit/s of 30 pictures a second, nine full packets to each.
const (
	showRate    = 30
	showPackets = 9
	showSize    = 1150 // bytes of a packet's payload
	showWarm    = 1500 * time.Millisecond
)

// addresses are where the packets go: ports of this machine, one per viewer.
type addresses struct {
	Ports    []uint16      `arg:"" help:"UDP ports, one per viewer."`
	Duration time.Duration `default:"5s"`
}

type limitFan struct{ addresses }

// Run publishes a show to viewers at the ports and prints packets and processor microseconds.
func (l *limitFan) Run(ctx context.Context) error {
	hub := &streaming.Hub{}
	p, err := hub.Publish(ctx, "show", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate}})
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	metrics := rtpfan.NewMetrics(registry)
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetWriteBuffer(8 << 20) // as much as the system gives
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	fans := &rtpfan.Fans{Hub: hub, Metrics: metrics}
	all.Go(func() { _ = fans.Run(ctx) })
	var egresses []*rtpfan.Egress
	for range runtime.GOMAXPROCS(0) {
		e := &rtpfan.Egress{Conn: conn, Metrics: metrics}
		egresses = append(egresses, e)
		all.Go(func() { _ = e.Run(ctx) })
	}
	if err := picture(p, 0); err != nil {
		return err
	}
	fan, release, err := fans.Hold("show")
	if err != nil {
		return err
	}
	defer release()
	for i, port := range l.Ports {
		e := egresses[i%len(egresses)]
		v := &rtpfan.Viewer{
			Fan: fan, Types: rtpfan.Types{rtpfan.FormatH264: 96}, CNAME: "stampede",
			Keys: rtpfan.Keys{Profile: srtp.ProtectionProfileAeadAes128Gcm, Key: bytes.Repeat([]byte{byte(i)}, 16), Salt: make([]byte, 12)},
		}
		if err := e.Add(v); err != nil {
			return err
		}
		e.Route(v, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port), nil)
	}
	sent := func() float64 { return total(registry, "hawker_rtpfan_sent_packets_total") }
	return measured(ctx, l.Duration, sent, func(n int) error { return picture(p, n) })
}

// picture publishes the n-th picture of the show.
func picture(p *streaming.Publication, n int) error {
	key := n%(2*showRate) == 0
	nal := bytes.Repeat([]byte{0xff}, showPackets*showSize)
	u := &streaming.Unit{Track: 1, PTS: int64(n) * streaming.VideoClockRate / showRate, Key: key}
	u.DTS = u.PTS
	if nal[0] = 0x41; key {
		nal[0] = 0x65
		u.Payload = append(u.Payload, []byte{0x67, 0x42, 0xc0, 0x1f, 1, 2, 3, 4}, []byte{0x68, 1, 2, 3})
	}
	u.Payload = append(u.Payload, nal)
	return p.Write(u)
}

// total is a counter's value.
func total(r prometheus.Gatherer, name string) (sum float64) {
	families, _ := r.Gather() // of counters of our own
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.Metric {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// measured makes a show's pictures in time, and prints what was sent after the warm-up and what it cost.
func measured(ctx context.Context, d time.Duration, sent func() float64, each func(n int) error) error {
	tick := time.NewTicker(time.Second / showRate)
	defer tick.Stop()
	warm, end := time.After(showWarm), time.After(showWarm+d)
	var packets float64
	var cpu time.Duration
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			if err := each(n); err != nil {
				return err
			}
		case <-warm:
			packets, cpu = sent(), self()
		case <-end:
			fmt.Printf("%.0f %d\n", sent()-packets, (self() - cpu).Microseconds())
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// self is the processor time of this process.
func self() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sinks are sockets that take packets and throw them away.
type sinks struct {
	conns []*net.UDPConn
	all   sync.WaitGroup
}

func openSinks(n int) (*sinks, error) {
	s := &sinks{}
	for range n {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			s.close()
			return nil, err
		}
		whole(c)
		s.conns = append(s.conns, c)
		s.all.Go(func() { _, _ = io.CopyBuffer(io.Discard, struct{ io.Reader }{c}, make([]byte, 64<<10)) })
	}
	return s, nil
}

func (s *sinks) ports() (out []string) {
	for _, c := range s.conns {
		out = append(out, fmt.Sprint(c.LocalAddr().(*net.UDPAddr).Port))
	}
	return out
}

func (s *sinks) close() {
	for _, c := range s.conns {
		c.Close()
	}
	s.all.Wait()
}
