package whep_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

const (
	frameTicks = streaming.VideoClockRate / 30
	opusTicks  = 960
)

// publisher publishes a sample in a loop, in real time or by hand.
type publisher struct {
	t     *testing.T
	p     *streaming.Publication
	units [][][]byte
	at    int // pictures written
	audio int // Opus packets written
	keys  chan struct{}

	mu      sync.Mutex
	written map[int64][][]byte // by PTS
}

func publish(t *testing.T, hub *streaming.Hub, broadcast, sample string) *publisher {
	t.Helper()
	units := accessUnits(t, sample)
	p, err := hub.Publish(t.Context(), broadcast, []streaming.Track{videoTrack(units), opusTrack})
	if err != nil {
		t.Fatal(err)
	}
	return &publisher{t: t, p: p, units: units, written: map[int64][][]byte{}, keys: make(chan struct{}, 16)}
}

// write writes the next n pictures and the audio that goes with them.
func (p *publisher) write(n int) {
	for range n {
		nals := p.units[p.at%len(p.units)]
		pts := int64(p.at) * frameTicks
		p.mu.Lock()
		p.written[pts] = nals
		p.mu.Unlock()
		u := &streaming.Unit{Track: 1, PTS: pts, DTS: pts, Key: isKey(nals), Payload: nals}
		if err := p.p.Write(u); err != nil && !errors.Is(err, streaming.ErrEnded) {
			p.t.Error(err)
		}
		p.at++
		for int64(p.audio)*opusTicks*90000 < int64(p.at)*frameTicks*48000 {
			a := int64(p.audio) * opusTicks
			if err := p.p.Write(&streaming.Unit{Track: 2, PTS: a, DTS: a, Key: false, Payload: [][]byte{silence}}); err != nil && !errors.Is(err, streaming.ErrEnded) {
				p.t.Error(err)
			}
			p.audio++
		}
	}
}

// stream goes on in real time until the test ends.
func (p *publisher) stream() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				p.write(1)
			}
		}
	}()
	p.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// picture returns what was written at a PTS.
func (p *publisher) picture(pts int64) [][]byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written[pts]
}

// passThrough is a Sound for streams that are Opus already.
func passThrough(s *streaming.Stream) (rtpfan.Leg, error) {
	return &opusLeg{r: s.Subscribe(streaming.ReadOptions{Start: streaming.FromLive})}, nil
}

type opusLeg struct{ r *streaming.Reader }

func (l *opusLeg) Track(generation int) (streaming.Track, bool) {
	g, ok := l.r.Stream().GenerationOf(generation)
	if !ok {
		return streaming.Track{}, false
	}
	return g.First(streaming.Audio)
}

func (l *opusLeg) Next(ctx context.Context) (*streaming.Unit, error) {
	for {
		u, err := l.r.Next(ctx)
		if err != nil || u.Track == opusTrack.ID {
			return u, err
		}
	}
}

func (l *opusLeg) Close() { l.r.Close() }
