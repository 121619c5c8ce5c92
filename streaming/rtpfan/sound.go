package rtpfan

import (
	"context"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// hear starts the audio where the stream has some. It reports false where it has none yet.
func (f *Fan) hear(ctx context.Context, running *sync.WaitGroup) bool {
	if f.sound == nil {
		return false
	}
	leg, err := f.sound(f.stream)
	if err != nil {
		f.log.Info("no sound for WebRTC viewers", "generation", f.generation, "err", err)
		return false
	}
	running.Go(func() {
		defer leg.Close()
		f.listen(ctx, leg)
	})
	return true
}

// arrival is a unit of sound, and when it came.
type arrival struct {
	*streaming.Unit
	at time.Time
}

// arrivalsMax is how many wait while one is held. Beyond it the leg keeps them.
const arrivalsMax = 16

// receive notes when the leg's units come, until it ends.
func receive(ctx context.Context, leg Leg, into chan<- arrival) {
	defer close(into)
	for {
		u, err := leg.Next(ctx)
		if err != nil {
			return
		}
		select {
		case into <- arrival{u, time.Now()}:
		case <-ctx.Done():
			return
		}
	}
}

// listen packetizes the leg's units until it ends.
func (f *Fan) listen(ctx context.Context, leg Leg) {
	ctx, cancel := context.WithCancel(ctx)
	arrivals := make(chan arrival, arrivalsMax)
	var receiving sync.WaitGroup
	receiving.Go(func() { receive(ctx, leg, arrivals) })
	defer receiving.Wait()
	defer cancel()
	timer := time.NewTimer(0)
	defer timer.Stop()
	generation := 0
	var track streaming.Track
	var clock opusClock
	var pace even
	edge := liveEdge{}
	for u := range arrivals {
		if u.Generation != generation {
			generation, clock = u.Generation, opusClock{}
			track, _ = leg.Track(generation)
		}
		ticks := int64(0)
		if len(u.Payload) == 1 && len(u.Payload[0]) <= payloadMax {
			ticks = opusTicks(u.Payload[0])
		}
		if track.Codec != streaming.Opus || ticks == 0 {
			f.metrics.refuse()
			continue
		}
		if !edge.reached(f.stream, track.Time(u.PTS), u.at) {
			continue
		}
		if left := pace.hold(track.Time(u.PTS), u.at) - time.Since(u.at); left > 0 {
			timer.Reset(left)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
		pts := clock.stamp(u.PTS, ticks)
		raw := make([]byte, headerSize+len(u.Payload[0]))
		n := putHeader(raw, f.audio.timestamp(track.Zero, pts), f.audio.ssrc, false, false)
		copy(raw[n:], u.Payload[0])
		f.publish(f.audio, []Packet{{raw: raw, format: FormatOpus, key: true, last: true, media: track.Time(pts)}}, 0)
	}
}

// liveEdge tells when a leg that begins in the past has caught up with the stream: a burst of old sound would sit
// in a browser's buffer for a quarter of a minute. Sound that is always late is let through after two seconds.
type liveEdge struct {
	began time.Time
	there bool
}

const (
	liveEdgeLag  = mediatime.Time(150_000)
	liveEdgeWait = 2 * time.Second
)

func (l *liveEdge) reached(s *streaming.Stream, media mediatime.Time, now time.Time) bool {
	if l.there {
		return true
	}
	if l.began.IsZero() {
		l.began = now
	}
	l.there = now.Sub(l.began) >= liveEdgeWait
	if g, st := s.Generation(), s.Stats(); g != nil && !st.Last.IsZero() {
		newest := g.Anchor.At(st.Last.Add(st.Drift))
		l.there = l.there || newest-media <= liveEdgeLag
	}
	return l.there
}
