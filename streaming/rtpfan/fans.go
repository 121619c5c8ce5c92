package rtpfan

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/hawkerlive/hawker/streaming"
)

// ErrClosed is what Fans says after Run has ended.
var ErrClosed = errors.New("rtpfan: closed")

// Fans holds the fans of a node, one per stream that has viewers. Any number of goroutines may use it.
type Fans struct {
	// Required.
	Hub *streaming.Hub

	// Optional, with defaults.
	Sound   Sound        // defaults to none: the viewers hear nothing
	Log     *slog.Logger // defaults to discarding
	Metrics *Metrics     // defaults to none

	mu      sync.Mutex
	fans    map[*streaming.Stream]*Fan
	closed  bool
	running sync.WaitGroup
}

// Hold returns the fan of a broadcast, made where there is none, and what gives it back. The fan runs as long as
// somebody holds it. It returns streaming.ErrOffAir for a broadcast that is not on air.
func (s *Fans) Hold(broadcastID string) (*Fan, func(), error) {
	stream, err := s.Hub.Stream(broadcastID)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	f := s.fans[stream]
	if f == nil {
		f = s.start(stream)
	}
	f.users++
	var once sync.Once
	return f, func() { once.Do(func() { s.release(f) }) }, nil
}

// start runs under the lock.
func (s *Fans) start(stream *streaming.Stream) *Fan {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := newFan(stream, s.Sound, log.With("broadcast", stream.ID), s.Metrics)
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	if s.fans == nil {
		s.fans = map[*streaming.Stream]*Fan{}
	}
	s.fans[stream] = f
	s.running.Go(func() {
		defer cancel()
		f.run(ctx)
	})
	return f
}

func (s *Fans) release(f *Fan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(s.fans, f.stream)
		f.cancel()
	}
}

// Run waits for ctx, then stops every fan and waits for it. Hold is refused from then on.
func (s *Fans) Run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	for _, f := range s.fans {
		f.cancel()
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}
