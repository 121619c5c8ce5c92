package pull

import (
	"context"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// The tracks' numbers, whatever the container.
const (
	videoTrack = 1
	audioTrack = 2
)

const (
	aheadMax  = 20 * time.Second // a frame further ahead is on another clock
	behindMax = 10 * time.Second // later than this is not caught up with
	tsWrap    = 1 << 33
)

// mixer paces what comes in pieces of seconds, as if it came from an encoder, and brings the parts of one show
// together: pictures, and sound that stands in a playlist of its own. Each part has one goroutine.
type mixer struct {
	ctx   context.Context
	admit ingest.Admit
	parts int

	mu       sync.Mutex
	sink     ingest.Sink
	sources  map[int][]ingest.Source
	declared bool
	based    bool
	base     time.Time
	first    time.Duration
}

// part is one playlist's share. only, if set, is the one track that is taken of it.
type part struct {
	*mixer
	number, only int
	unwrap       mediatime.Unwrapper
	rates        map[int]int // stamps per second, by track
}

var _ ingest.Sink = (*part)(nil)

func (m *mixer) part(number, only int) *part {
	return &part{mixer: m, number: number, only: only, rates: map[int]int{}}
}

// wraps says that the stamps to come are those of a transport stream, on a clock of their own.
func (p *part) wraps() { p.unwrap = mediatime.Unwrapper{Moduli: []int64{tsWrap}} }

// Declare waits for the other parts before it tells the session.
func (p *part) Declare(ctx context.Context, sources []ingest.Source) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var mine []ingest.Source
	for _, s := range sources {
		if p.only == 0 || s.Track.ID == p.only {
			mine = append(mine, s)
			p.rates[s.Track.ID] = s.StampRate
		}
	}
	if p.sources == nil {
		p.sources = map[int][]ingest.Source{}
	}
	p.sources[p.number] = mine
	var all []ingest.Source
	for _, s := range p.sources {
		all = append(all, s...)
	}
	if len(p.sources) < p.parts || len(all) == 0 {
		return nil
	}
	if p.sink == nil {
		sink, err := p.admit(ingest.Request{Protocol: "hls"})
		if err != nil {
			return err
		}
		p.sink = sink
	}
	p.declared = true
	return p.sink.Declare(ctx, all)
}

// Write waits until the frame's time has come.
func (p *part) Write(f ingest.Frame) error {
	rate := p.rates[f.Track]
	if rate == 0 {
		return nil
	}
	if len(p.unwrap.Moduli) > 0 {
		f.DTS = p.unwrap.Unwrap(f.DTS)
	}
	if err := sleep(p.ctx, p.due(mediatime.FromTicks(f.DTS, rate).Duration())); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.declared {
		return nil // the other part is not there yet
	}
	return p.sink.Write(f)
}

// due is how long a frame has to wait.
func (p *part) due(at time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	wait := p.base.Add(at - p.first).Sub(now)
	if !p.based || wait > aheadMax || wait < -behindMax {
		p.based, p.base, p.first = true, now, at
		return 0
	}
	return wait
}

// CountLost counts nothing: over HTTP nothing is lost.
func (*part) CountLost(uint64) {}
