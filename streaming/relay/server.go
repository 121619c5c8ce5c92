package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"

	"github.com/hawkerlive/hawker/streaming"
)

const playersDefault = 2000

// What a player is refused, and why one ends.
var (
	ErrCodec   = errors.New("relay: the broadcast's codec cannot be sent over RTSP")
	ErrFull    = errors.New("relay: this server plays to as many as it may")
	ErrRevoked = errors.New("relay: the viewer may no longer watch")
	ErrChanged = errors.New("relay: the broadcast's tracks have changed")
	ErrStopped = errors.New("relay: the server is stopping")
	errLeft    = errors.New("relay: the player has left")
)

// Server plays. Run it; any number of goroutines may use it.
type Server struct {
	// Required.
	Hub *streaming.Hub

	// Optional, with defaults.
	PlayersMax int                      // defaults to 2,000
	Log        *slog.Logger             // defaults to discarding
	Metrics    *streaming.PlayerMetrics // defaults to none
	// Now is the wall clock. It defaults to time.Now.
	Now func() time.Time

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before and after it
	running sync.WaitGroup
	shows   map[*streaming.Stream]*show
	players map[*Player]struct{}
}

// Player is one RTSP session's watching. Close it.
type Player struct {
	Broadcast string
	Pass      string // what it watches by, for Recheck

	server *Server
	show   *show
	cancel context.CancelCauseFunc // set by Play
	once   sync.Once
}

// Run lets players play until ctx is done, and waits for all of them.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// Open describes a broadcast to somebody who may watch it. It reports streaming.ErrOffAir, ErrCodec, ErrFull or
// ErrStopped.
func (s *Server) Open(rtsp *gortsplib.Server, broadcast, pass string) (*Player, error) {
	stream, err := s.Hub.Stream(broadcast)
	if err != nil {
		return nil, err
	}
	g := stream.Generation()
	most := s.PlayersMax
	if most == 0 {
		most = playersDefault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx == nil || s.ctx.Err() != nil:
		return nil, ErrStopped
	case len(s.players) >= most:
		return nil, ErrFull
	}
	one := s.shows[stream]
	if one == nil || !one.goesOn(g) {
		if one, err = newShow(rtsp, stream, g); err != nil {
			return nil, err
		}
		if s.shows == nil {
			s.shows = map[*streaming.Stream]*show{}
		}
		s.shows[stream] = one
	}
	one.users++
	p := &Player{Broadcast: broadcast, Pass: pass, server: s, show: one}
	if s.players == nil {
		s.players = map[*Player]struct{}{}
	}
	s.players[p] = struct{}{}
	return p, nil
}

// Stream is what gortsplib describes and sets up.
func (p *Player) Stream() *gortsplib.ServerStream { return p.show.rtsp }

// Play sends to the session from now on, until Close.
func (p *Player) Play(session *gortsplib.ServerSession, udp bool) error {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return ErrStopped
	}
	if p.cancel != nil {
		return nil // it plays already
	}
	if _, ok := s.players[p]; !ok {
		return errLeft
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	p.cancel = cancel
	c := &cursor{player: p, show: p.show, session: session, udp: udp, now: s.now}
	s.Metrics.Viewers(1)
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		defer s.Metrics.Viewers(-1)
		defer cancel(nil)
		err := c.run(ctx)
		if cause := context.Cause(ctx); ctx.Err() != nil && cause != nil {
			err = cause
		}
		s.Metrics.Ended(reason(err))
		if !errors.Is(err, errLeft) {
			c.goodbye()
			session.Close()
		}
	}()
	return nil
}

// Close ends the player's stay: its session has ended, or never began.
func (p *Player) Close() {
	s := p.server
	p.once.Do(func() {
		s.mu.Lock()
		delete(s.players, p)
		if p.cancel != nil {
			p.cancel(errLeft)
		}
		p.show.users--
		last := p.show.users == 0
		if last && s.shows[p.show.stream] == p.show {
			delete(s.shows, p.show.stream)
		}
		s.mu.Unlock()
		if last {
			p.show.rtsp.Close()
		}
	})
}

// Viewers is how many play a broadcast, or are about to.
func (s *Server) Viewers(broadcast string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.players {
		if p.Broadcast == broadcast {
			n++
		}
	}
	return n
}

// Recheck asks again who may watch: may returns, per broadcast, what tells it of a pass, or nil where everybody may.
// Who may not is put out.
func (s *Server) Recheck(may func(broadcast string) func(pass string) bool) {
	s.mu.Lock()
	all := make([]*Player, 0, len(s.players))
	for p := range s.players {
		all = append(all, p)
	}
	s.mu.Unlock()
	for _, p := range all {
		allowed := may(p.Broadcast)
		if allowed == nil || allowed(p.Pass) {
			continue
		}
		s.mu.Lock()
		cancel := p.cancel
		s.mu.Unlock()
		if cancel != nil { // one that does not play yet is asked when it does
			cancel(ErrRevoked)
		}
	}
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
