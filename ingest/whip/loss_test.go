package whip_test

import (
	"context"
	"net/netip"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/streamingtest/lossy"
)

var candidates = regexp.MustCompile(`(?m)^a=candidate:.*\r?\n`)

// A phone on a poor network: one packet in twenty is lost, and the way there and back takes 60 ms. What is lost is asked
// for and comes again in time, on the repair stream that was negotiated, with sender reports and without.
func TestLostPacketsAreAskedForAndComeAgain(t *testing.T) {
	t.Parallel()
	for name, reports := range map[string]bool{"with sender reports": true, "without sender reports": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			line := lossy.Line{Delay: 30 * time.Millisecond, Jitter: 4 * time.Millisecond}
			proxy, err := lossy.Listen(s.media, line, line, 7)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = proxy.Close() }) // after the publisher
			s.publish(t, options{
				video: webrtc.MimeTypeH264, audio: true, reports: reports, repairs: true, pictures: h264(t),
				answer: func(sdp string) string { // the only way leads over the poor network
					first := true
					return candidates.ReplaceAllStringFunc(sdp, func(string) string {
						if !first {
							return ""
						}
						first = false
						at := proxy.Addr()
						return "a=candidate:1 1 udp 2130706431 " + at.Addr().String() + " " + portOf(at) + " typ host\r\n"
					})
				},
			})
			r := s.stream(t).Subscribe(streaming.ReadOptions{})
			defer r.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			read := func(pictures int) {
				t.Helper()
				for pictures > 0 {
					u, err := r.Next(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if u.Track == 1 {
						pictures--
					}
				}
			}
			read(15)
			poor := line
			poor.Loss = 0.05
			proxy.Set(poor, line)
			for proxy.Counts().LostUp < 60 {
				read(30)
			}
			health, ok := s.Sessions.Health("broadcast")
			lost := proxy.Counts().LostUp
			if !ok || health.Lost*2 > uint64(lost) {
				t.Errorf("of %d packets lost on the way %d did not come again", lost, health.Lost)
			}
			t.Logf("%d packets were lost on the way, %d for good", lost, health.Lost)
		})
	}
}

func portOf(at netip.AddrPort) string { return strconv.Itoa(int(at.Port())) }
