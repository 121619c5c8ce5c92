package play

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	playersDefault = 2000
	behindMax      = 3 * time.Second // beyond what the newest key picture asks for
	lookEvery      = 250 * time.Millisecond
)

// What Play refuses, and why it ends.
var (
	ErrFull    = errors.New("play: this server plays to as many as it may")
	ErrRevoked = errors.New("play: the viewer may no longer watch")
	ErrChanged = errors.New("play: the broadcast's sound or picture can no longer be sent here")
)

// Sink is the far end of an accepted connection. One goroutine uses it.
type Sink interface {
	// Accept tells the player that it may have what it asked for.
	Accept() error
	// Send writes one message. It may wait for a slow player; an error means that it has gone.
	Send(kind byte, milliseconds uint32, body []byte) error
}

// Sound gives the sound of a stream as AAC, for players that know no Opus.
type Sound interface {
	Open(s *streaming.Stream, from mediatime.Time) (Leg, error)
}

// Leg is a track that somebody makes of another.
type Leg interface {
	Track(generation int) (streaming.Track, bool)
	TryNext() *streaming.Unit
	Close()
}

// Player is who wants to watch. The right to do so was decided before.
type Player struct {
	Broadcast string
	Pass      string // what it watches by, for Recheck
	Opus      bool   // it knows Opus
	Sink      Sink
	Skipped   func(units uint64) // if set, is told what it was too slow for
}

// Server plays. Any number of goroutines may use it.
type Server struct {
	// Required.
	Hub *streaming.Hub

	// Optional, with defaults.
	Sound      Sound                    // nil: those who know no Opus hear nothing of it
	PlayersMax int                      // defaults to 2,000
	Log        *slog.Logger             // defaults to discarding
	Metrics    *streaming.PlayerMetrics // defaults to none

	reels reels

	mu      sync.Mutex
	players map[*player]struct{}
}

// player is one who plays.
type player struct {
	Player
	cancel context.CancelCauseFunc
}

// Play sends until the player leaves, the broadcast ends or ctx does. streaming.ErrOffAir, ErrCodec and ErrFull are
// told before anything is accepted.
func (s *Server) Play(ctx context.Context, p Player) error {
	stream, err := s.Hub.Stream(p.Broadcast)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	one := &player{p, cancel}
	if !s.enter(one) {
		return ErrFull
	}
	defer s.leave(one)
	c := &cursor{server: s, player: one, stream: stream, reel: s.reels.take(stream)}
	defer c.close()
	err = c.run(ctx)
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		err = cause
	}
	s.Metrics.Ended(reason(err))
	return err
}

func (s *Server) enter(p *player) bool {
	most := s.PlayersMax
	if most == 0 {
		most = playersDefault
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.players) >= most {
		return false
	}
	if s.players == nil {
		s.players = map[*player]struct{}{}
	}
	s.players[p] = struct{}{}
	s.Metrics.Viewers(1)
	return true
}

func (s *Server) leave(p *player) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.players, p)
	s.Metrics.Viewers(-1)
}

// Viewers is how many play a broadcast.
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
	all := make([]*player, 0, len(s.players))
	for p := range s.players {
		all = append(all, p)
	}
	s.mu.Unlock()
	for _, p := range all {
		if allowed := may(p.Broadcast); allowed != nil && !allowed(p.Pass) {
			p.cancel(ErrRevoked)
		}
	}
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}
