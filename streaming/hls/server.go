package hls

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// What Access answers. Every other error is an internal one.
var (
	ErrUnknown         = errors.New("hls: no such broadcast")
	ErrUnauthenticated = errors.New("hls: a grant is needed to watch this")
	ErrForbidden       = errors.New("hls: this grant does not allow to watch this")
)

var (
	errBusy     = errors.New("hls: as many broadcasts are being packaged as may be")
	errStopping = errors.New("hls: the server is not running")
)

// Access decides who may watch. grant is the signed element of the path, empty without one. It is asked for every
// request and must answer from memory: nil, ErrUnknown, ErrUnauthenticated or ErrForbidden.
type Access interface {
	MayWatch(ctx context.Context, r *http.Request, broadcast, grant string) error
}

// Confider is an Access that knows which broadcasts are not for everybody: no shared cache may keep those.
type Confider interface {
	// Confidential answers from memory.
	Confidential(ctx context.Context, broadcast string) bool
}

// Server packages broadcasts for as long as somebody asks for them, and serves the result below /hls/. Run it; any
// number of goroutines may serve.
type Server struct {
	// Required.
	Hub *streaming.Hub

	// Optional, with defaults.
	Access  Access           // nil lets everybody watch
	Audio   AudioLegs        // nil leaves Opus as it is
	Dates   Dates            // nil names nothing but the anchors
	Record  Recorder         // nil records nothing
	Past    Past             // nil: what has left the memory cannot be had
	Config  Config           // see there
	Log     *slog.Logger     // defaults to discarding
	Metrics *Metrics         // defaults to none
	Now     func() time.Time // defaults to time.Now

	ClientAddr func(r *http.Request) netip.Addr // where a request comes from; nil counts nothing per address
	Unlimited  func(a netip.Addr) bool          // addresses that the budgets do not hold for; nil for none

	mu        sync.Mutex
	once      sync.Once
	config    Config
	ctx       context.Context // of Run; nil while it does not run
	packagers map[string]*packager
	budget    budget
	running   sync.WaitGroup
}

var _ http.Handler = (*Server)(nil)

const sweepEvery = time.Second

func (s *Server) prepare() {
	s.once.Do(func() {
		s.config = s.Config.filled()
		s.packagers = map[string]*packager{}
	})
}

func (s *Server) logger() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Run lets packagers run until ctx is done, stops those that nobody asks any more, and waits for all of them.
func (s *Server) Run(ctx context.Context) error {
	s.prepare()
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.sweep()
		case <-ctx.Done():
			s.mu.Lock()
			s.ctx = nil
			s.mu.Unlock()
			s.running.Wait()
			return nil
		}
	}
}

// sweep stops the packagers that are not used and counts the viewers of the others.
func (s *Server) sweep() {
	now := s.now()
	s.budget.forget(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.packagers {
		p.count(sweepEvery)
		idle := now.Sub(time.Unix(0, p.used.Load())) > s.config.Idle
		if idle && !p.pinned.Load() && !p.finished.Load() && p.waiting.Load() == 0 {
			s.remove(p)
		}
	}
}

// Held is how many bytes of parts are in memory.
func (s *Server) Held() (bytes int64) {
	s.mu.Lock()
	all := make([]*packager, 0, len(s.packagers))
	for _, p := range s.packagers {
		all = append(all, p)
	}
	s.mu.Unlock()
	for _, p := range all {
		for _, r := range p.lines.list() {
			bytes += r.holds()
		}
	}
	return bytes
}

// remove stops a packager. It runs under the lock.
func (s *Server) remove(p *packager) {
	if s.packagers[p.broadcast] == p {
		delete(s.packagers, p.broadcast)
	}
	p.cancel()
}

// Start packages a broadcast from now until it ends, with or without viewers. It reports streaming.ErrOffAir for one
// that is not on air.
func (s *Server) Start(broadcast string) error {
	p, err := s.packager(broadcast, true)
	if err != nil {
		return err
	}
	p.pinned.Store(true)
	return nil
}

// Stop undoes Start: the packager goes on for as long as it has viewers.
func (s *Server) Stop(broadcast string) {
	s.prepare()
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.packagers[broadcast]; p != nil {
		p.pinned.Store(false)
	}
}

// Stats are the figures of one broadcast.
type Stats struct {
	Viewers   float64 // estimated from playlist requests
	Waiting   int64   // requests that wait now
	Bandwidth int     // bits per second, the mean of what is listed
}

// Stats reports false for a broadcast that is not being packaged.
func (s *Server) Stats(broadcast string) (Stats, bool) {
	s.prepare()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.packagers[broadcast]
	if p == nil {
		return Stats{}, false
	}
	st := Stats{Viewers: p.viewers, Waiting: p.waiting.Load()}
	if v := p.main.now.Load(); v != nil {
		st.Bandwidth = v.average
	}
	return st, true
}

// Rewinds tells whether a broadcast on air can be wound back: its packager runs, and what leaves its lists is recorded.
func (s *Server) Rewinds(broadcast string) bool {
	s.mu.Lock()
	p := s.packagers[broadcast]
	s.mu.Unlock()
	if p == nil || p.finished.Load() {
		return false
	}
	r := p.lines.find(renditionMain)
	return r != nil && r.lasts()
}

// packager finds the packager of a broadcast, and starts it where none runs and start is set.
func (s *Server) packager(broadcast string, start bool) (*packager, error) {
	s.prepare()
	stream, offAir := s.Hub.Stream(broadcast)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil || s.ctx.Err() != nil {
		return nil, errStopping
	}
	now := s.now()
	if p := s.packagers[broadcast]; p != nil {
		if !p.finished.Load() || offAir != nil || p.stream == stream {
			p.used.Store(now.UnixNano())
			return p, nil
		}
		s.remove(p) // an ended one of an earlier stream
	}
	if offAir != nil {
		return nil, offAir
	}
	if !start {
		return nil, ErrUnknown
	}
	if len(s.packagers) >= s.config.PackagersMax {
		return nil, errBusy
	}
	p := newPackager(s, broadcast, stream, lifeOf(now))
	p.used.Store(now.UnixNano())
	ctx, cancel := context.WithCancel(s.ctx)
	p.cancel = cancel
	s.packagers[broadcast] = p
	s.running.Add(1)
	s.Metrics.packaging(1)
	go func() {
		defer s.running.Done()
		defer s.Metrics.packaging(-1)
		defer cancel()
		p.run(ctx)
		s.mu.Lock()
		s.remove(p)
		s.mu.Unlock()
	}()
	return p, nil
}
