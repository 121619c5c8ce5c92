package restream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/play"
)

const (
	lookEvery   = time.Second
	readAgain   = 5 * time.Second // another node may have changed a channel's targets
	publisherIn = 250 * time.Millisecond
	steadyTime  = 30 * time.Second // a stay of this length makes the pauses short again
	closesSoon  = 5 * time.Second  // who closes so soon after the first picture does not like what it is
	soonMost    = 3                // times
)

// pair is one target of one broadcast.
type pair struct{ target, broadcast string }

// channel is what is known of a broadcast's channel.
type channel struct {
	id      string
	targets []Target
	read    time.Time
}

// changed makes Run read a channel's targets at once.
func (s *Service) changed(id string) {
	s.mu.Lock()
	for _, c := range s.channels {
		if c.id == id {
			c.read = time.Time{}
		}
	}
	s.mu.Unlock()
	select {
	case s.waker() <- struct{}{}:
	default: // it is going to look anyway
	}
}

func (s *Service) waker() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
	}
	return s.wake
}

// Run pushes until ctx ends, and waits for all of it.
func (s *Service) Run(ctx context.Context) error {
	s.players = &play.Server{Hub: s.Hub, Sound: s.AAC, PlayersMax: or(s.Config.RunningMax, runningDefault), Log: s.Log}
	var all sync.WaitGroup
	wake := s.waker()
	ctx, cancel := context.WithCancel(ctx)
	defer all.Wait()
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		s.look(ctx, &all)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-wake:
		}
	}
}

// look starts pushing to what is wanted, and ends what is not.
func (s *Service) look(ctx context.Context, all *sync.WaitGroup) {
	wanted := map[pair]Target{}
	streams := map[string]*streaming.Stream{}
	for _, stream := range s.Hub.Streams() {
		if stream.Generation() == nil {
			continue
		}
		streams[stream.ID] = stream
		for _, t := range s.targets(ctx, stream.ID) {
			if t.Enabled {
				wanted[pair{t.ID, stream.ID}] = t
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running, s.ended = map[pair]*push{}, map[string]Status{}
	}
	for at, p := range s.running {
		if _, ok := wanted[at]; !ok {
			p.cancel()
		}
		p.sample(s.now())
	}
	for broadcast := range s.channels {
		if streams[broadcast] == nil {
			delete(s.channels, broadcast)
		}
	}
	for at, t := range wanted {
		if s.running[at] != nil || len(s.running) >= or(s.Config.RunningMax, runningDefault) {
			continue
		}
		mine, cancel := context.WithCancel(ctx)
		p := &push{service: s, target: t, stream: streams[at.broadcast], cancel: cancel}
		p.set(Waiting, NoReason)
		s.running[at] = p
		all.Go(func() {
			defer cancel()
			p.drive(mine)
			p.set(Waiting, NoReason)
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.running, at)
			s.ended[t.ID] = p.status()
		})
	}
}

// targets are those of a broadcast's channel, read again from time to time.
func (s *Service) targets(ctx context.Context, broadcast string) []Target {
	s.mu.Lock()
	if s.channels == nil {
		s.channels = map[string]*channel{}
	}
	c := s.channels[broadcast]
	if c == nil {
		c = &channel{}
		s.channels[broadcast] = c
	}
	fresh := s.now().Sub(c.read) < readAgain
	id, known := c.id, c.targets
	s.mu.Unlock()
	if fresh {
		return known
	}
	began := s.now()
	var err error
	if id == "" {
		id, err = s.Channels.ChannelOf(ctx, broadcast)
	}
	if err == nil {
		known, err = s.Store.Targets(ctx, id)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log().Error("read the targets", "broadcast", broadcast, "error", err) // the next look tries again
		}
		return known
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.id, c.targets, c.read = id, known, began
	return known
}

// push is one target of one broadcast, from the first attempt to the end.
type push struct {
	service *Service
	target  Target
	stream  *streaming.Stream
	cancel  context.CancelFunc
	figures figures
}

// drive pushes again and again until the broadcast ends, the target is switched off, or nothing can help.
func (p *push) drive(ctx context.Context) {
	s := p.service
	log := s.log().With("target", p.target.ID, "broadcast", p.stream.ID, "address", p.target.Address)
	pause, soon := or(s.Config.PauseMin, pauseMinDefault), 0
	for attempt := 0; ; attempt++ {
		if !p.onAir(ctx) {
			return
		}
		if attempt > 0 {
			p.figures.reconnects.Add(1)
		}
		p.set(Connecting, p.status().Reason)
		began := s.now()
		err := p.stay(ctx)
		if ctx.Err() != nil || errors.Is(err, streaming.ErrEnded) || err == nil {
			return
		}
		reason, final := reasonOf(err)
		if p.closedSoon(s.now()) {
			if soon++; soon >= soonMost {
				reason, final = Codec, true
			}
		} else {
			soon = 0
		}
		s.Metrics.ended(reason)
		log.Info("target gone", "why", reason, "error", plain(err), "final", final)
		if final {
			p.set(Failed, reason)
			if !p.anew(ctx) {
				return
			}
			soon = 0
			continue
		}
		if s.now().Sub(began) > steadyTime {
			pause = or(s.Config.PauseMin, pauseMinDefault)
		}
		p.set(Retrying, reason)
		t := time.NewTimer(s.jitter(pause))
		pause = min(2*pause, or(s.Config.PauseMax, pauseMaxDefault))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// onAir waits until the broadcast has a publisher: platforms do not like a connection without pictures.
func (p *push) onAir(ctx context.Context) bool {
	tick := time.NewTicker(publisherIn)
	defer tick.Stop()
	for !p.stream.Publishing() || !p.stream.Active(time.Second) {
		p.set(Waiting, NoReason)
		if _, err := p.service.Hub.Stream(p.stream.ID); err != nil {
			return false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// anew waits for the next generation, which may be of another coding. It reports false at the end.
func (p *push) anew(ctx context.Context) bool {
	g := p.stream.Generation()
	tick := time.NewTicker(publisherIn)
	defer tick.Stop()
	for p.stream.Generation() == g {
		if now, err := p.service.Hub.Stream(p.stream.ID); err != nil || now != p.stream {
			return false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// stay pushes once, from the first connection to the last frame.
func (p *push) stay(ctx context.Context) error {
	u, key, err := p.service.open(p.target)
	if err != nil {
		return err
	}
	p.figures.begin()
	switch u.Scheme {
	case "rtmp", "rtmps":
		return p.rtmp(ctx, u, key)
	case "srt":
		return p.srt(ctx, u, key)
	}
	return p.whip(ctx, u, key)
}

// jitter keeps many targets of one platform from coming back in step.
func (s *Service) jitter(pause time.Duration) time.Duration {
	random := s.Jitter
	if random == nil {
		random = rand.Float64
	}
	return pause/2 + time.Duration(random()*float64(pause/2))
}

// closedSoon tells whether the target closed just after the first picture of a coding that not every platform takes.
func (p *push) closedSoon(now time.Time) bool {
	g := p.stream.Generation()
	video, _ := g.First(streaming.Video)
	first := p.figures.firstAt()
	return video.Codec == streaming.H265 && !first.IsZero() && now.Sub(first) < closesSoon
}

// What pushing can end with.
var (
	errRefused     = errors.New("restream: the target does not take the stream")
	errCredentials = errors.New("restream: the target refuses the key")
	errBFrames     = errors.New("restream: WebRTC carries no B-frames")
	errGone        = errors.New("restream: the target has closed the connection")
)

// reasonOf names why a target has gone, and whether asking again is of no use.
func reasonOf(err error) (reason Reason, final bool) {
	for _, row := range []struct {
		err    error
		reason Reason
		final  bool
	}{
		{play.ErrCodec, Codec, true},
		{play.ErrChanged, Codec, false},
		{play.ErrFull, Busy, false},
		{errBFrames, BFrames, true},
		{outbound.ErrForbidden, Address, true},
		{outbound.ErrAddress, Address, true},
		{outbound.ErrUnknown, Address, false},
		{outbound.ErrRedirect, Address, true},
		{ErrAddress, Address, true},
		{errSealed, Unsealable, true},
		{errCredentials, Credentials, false},
		{errRefused, Refused, false},
		{os.ErrDeadlineExceeded, Slow, false},
		{errSlow, Slow, false},
	} {
		if errors.Is(err, row.err) {
			return row.reason, row.final
		}
	}
	return Unreachable, false
}

// plain is an error without what it says of addresses: libraries like to repeat them.
func plain(err error) string {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Op + ": " + operation.Err.Error()
	}
	for _, ours := range []error{
		play.ErrCodec, play.ErrChanged, errRefused, errCredentials, errBFrames, errGone, errSlow, errSealed, outbound.ErrForbidden, outbound.ErrUnknown,
		outbound.ErrRedirect, os.ErrDeadlineExceeded, context.DeadlineExceeded,
	} {
		if errors.Is(err, ours) {
			return ours.Error()
		}
	}
	return "the connection broke"
}
