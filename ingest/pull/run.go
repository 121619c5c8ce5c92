package pull

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	lookEvery  = time.Second
	leaseTime  = 15 * time.Second // what a node that was killed had is free after this
	steadyTime = 30 * time.Second // a stay of this length makes the pauses short again
	tellWithin = 5 * time.Second
)

// run is one source that this node fetches.
type run struct {
	cancel context.CancelFunc
}

// look makes Run look at once.
func (s *Service) look() {
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

// Run fetches what is wanted until ctx ends, and waits for all of it. What it had is free for others then.
func (s *Service) Run(ctx context.Context) error {
	var all sync.WaitGroup
	wake := s.waker()
	mine, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		all.Wait()
		told, done := context.WithTimeout(context.WithoutCancel(ctx), tellWithin)
		defer done()
		if err := s.Store.ReleaseSources(told, s.Node); err != nil {
			s.log().Error("give sources up", "error", err)
		}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.claim(mine, &all); err != nil && ctx.Err() == nil {
			s.log().Error("read the sources", "error", err) // the next tick tries again
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-wake:
		}
	}
}

// claim starts what is wanted and ends what is not.
func (s *Service) claim(ctx context.Context, all *sync.WaitGroup) error {
	now := s.now()
	wanted, err := s.Store.ClaimSources(ctx, s.Node, now, now.Add(leaseTime), or(s.Config.RunningMax, runningDefault))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		s.running = map[string]*run{}
	}
	keep := map[string]bool{}
	for _, one := range wanted {
		keep[one.ID] = true
		if s.running[one.ID] != nil {
			continue
		}
		mine, cancel := context.WithCancel(ctx)
		r := &run{cancel: cancel}
		s.running[one.ID] = r
		all.Go(func() {
			defer s.forget(one.ID, r)
			defer cancel()
			s.drive(mine, one)
		})
	}
	for id, r := range s.running {
		if !keep[id] {
			r.cancel()
		}
	}
	return nil
}

// forget makes a place free; a source that is wanted again is started by the next look.
func (s *Service) forget(id string, r *run) {
	s.mu.Lock()
	if s.running[id] == r {
		delete(s.running, id)
	}
	s.mu.Unlock()
	s.look()
}

// drive fetches one source again and again until there is a reason not to.
func (s *Service) drive(ctx context.Context, one Source) {
	log := s.log().With("source", one.ID, "channel", one.Channel, "address", one.Address)
	pause := or(s.Config.PauseMin, pauseMinDefault)
	defer func() {
		if one.State == Live {
			s.Metrics.live(-1)
		}
	}()
	for attempt := 1; ; attempt++ {
		if s.over(ctx, one) {
			s.tell(ctx, &one, Stopped, Ended)
			log.Info("source stopped", "why", Ended)
			return
		}
		s.tell(ctx, &one, Connecting, one.Reason)
		began := s.now()
		err := s.stay(ctx, &one)
		if ctx.Err() != nil {
			return
		}
		reason, final := reasonOf(err)
		s.Metrics.ended(reason)
		log.Info("source gone", "why", reason, "error", plain(err), "attempt", attempt)
		if s.now().Sub(began) > steadyTime {
			pause, attempt = or(s.Config.PauseMin, pauseMinDefault), 1
		}
		switch {
		case reason == Ended:
			s.tell(ctx, &one, Stopped, Ended)
			return
		case final:
			s.tell(ctx, &one, Failed, reason)
			return
		case attempt >= or(s.Config.Attempts, attemptsDefault):
			s.tell(ctx, &one, Failed, Attempts)
			return
		}
		s.tell(ctx, &one, Waiting, reason)
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

// jitter keeps a hundred sources of one partner from coming back in step.
func (s *Service) jitter(pause time.Duration) time.Duration {
	random := s.Jitter
	if random == nil {
		random = rand.Float64
	}
	return pause/2 + time.Duration(random()*float64(pause/2))
}

// over tells whether the broadcast that the source was on has ended while it was away.
func (s *Service) over(ctx context.Context, one Source) bool {
	if one.Broadcast == "" {
		return false
	}
	ended, err := s.Broadcasts.HasEnded(ctx, one.Broadcast)
	return err == nil && ended
}

// tell writes down where a source stands.
func (s *Service) tell(ctx context.Context, one *Source, state State, reason Reason) {
	if state == Live {
		s.Metrics.live(1)
	}
	if one.State == Live && state != Live {
		s.Metrics.live(-1)
	}
	one.State, one.Reason, one.Changed = state, reason, s.now()
	if err := s.Store.SetSourceState(ctx, s.Node, *one); err != nil && ctx.Err() == nil {
		s.log().Error("write down a source's state", "source", one.ID, "error", err)
	}
}

// stay fetches a source once, from the first connection to the last frame.
func (s *Service) stay(ctx context.Context, one *Source) error {
	u, err := s.open(*one)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	aired, result := make(chan string, 1), make(chan error, 1)
	guest := &guest{service: s, source: *one, remote: dialled(u), cancel: cancel, aired: aired}
	go func() {
		err := s.fetch(ctx, u, func(r ingest.Request) (ingest.Sink, error) { return guest.admit(ctx, r) })
		guest.leave(err)
		result <- err
	}()
	for {
		select {
		case broadcast := <-aired:
			one.Broadcast = broadcast
			s.tell(ctx, one, Live, NoReason)
		case err := <-result:
			return err
		}
	}
}

// guest is a source's session, from its admission on.
type guest struct {
	service *Service
	source  Source
	remote  string
	cancel  context.CancelCauseFunc
	aired   chan string

	*ingest.Session
	shown   bool
	waiting sync.WaitGroup
}

func (g *guest) admit(ctx context.Context, r ingest.Request) (ingest.Sink, error) {
	r.RemoteAddr, r.Encoder = g.remote, "source: "+g.source.Name
	session, err := g.service.Sessions.AdmitSource(ctx, r, ingest.Grant{
		ChannelID: g.source.Channel, ShopID: g.source.Shop, KeyID: "source/" + g.source.ID, BroadcastID: "",
	})
	if err != nil {
		return nil, err
	}
	g.Session = session
	g.waiting.Go(func() {
		select {
		case <-session.Done():
			g.cancel(session.Err())
		case <-ctx.Done():
		}
	})
	return g, nil
}

// Write tells once that the source is on.
func (g *guest) Write(f ingest.Frame) error {
	err := g.Session.Write(f)
	if err == nil && !g.shown {
		g.shown = true
		g.aired <- g.Broadcast()
	}
	return err
}

func (g *guest) leave(cause error) {
	if g.Session == nil {
		return
	}
	g.End(cause)
	g.Close()
	g.cancel(nil)
	g.waiting.Wait()
}

// reasonOf names why a source has gone, and whether asking again is of no use.
func reasonOf(err error) (reason Reason, final bool) {
	for _, row := range []struct {
		err    error
		reason Reason
		final  bool
	}{
		{streaming.ErrEnded, Ended, true},
		{ingest.ErrKicked, Displaced, true}, // the account may no longer publish
		{streaming.ErrDisplaced, Displaced, false},
		{streaming.ErrResting, Resting, false},
		{outbound.ErrForbidden, Address, true},
		{outbound.ErrAddress, Address, true},
		{outbound.ErrUnknown, Address, false},
		{outbound.ErrRedirect, Address, true},
		{ErrAddress, Address, true},
		{errSealed, Unsealable, true},
		{ingest.ErrCredentials, Credentials, true},
		{ingest.ErrNoSuchMedia, NoStream, false},
		{ingest.ErrSilent, Silent, false},
		{ingest.ErrCodec, Codec, true},
		{ingest.ErrTracks, Codec, true},
		{ingest.ErrBitrate, Limits, true},
		{ingest.ErrResolution, Limits, true},
		{ingest.ErrFull, Busy, false},
		{ingest.ErrStopping, Busy, false},
		{errOver, Over, false},
		{errMalformed, Malformed, false},
		{errEncrypted, Codec, true},
	} {
		if errors.Is(err, row.err) {
			return row.reason, row.final
		}
	}
	return Unreachable, false
}
