package whep

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

// Access decides who may watch. It returns ErrUnauthorized, ErrForbidden or ErrNotFound, possibly wrapped.
type Access interface {
	MayWatch(ctx context.Context, r *http.Request, broadcastID string) error
}

// ViewerEvent is the beginning or the end of somebody's watching.
type ViewerEvent struct {
	Broadcast, Session string
	Watching           bool
	At                 time.Time
	// At the end:
	Watched time.Duration
	Reason  string
	Stats   rtpfan.Stats
}

// Server is the WHEP endpoint and everything behind it. It serves /whep/{broadcast} and
// /whep/{broadcast}/{session}. Make one as a literal; call Listen, if the address is wanted early, and Run.
type Server struct {
	// Required.
	Hub    *streaming.Hub
	Access Access

	// Optional, with defaults.
	Config   Config
	Sound    rtpfan.Sound        // defaults to none: viewers hear nothing
	Log      *slog.Logger        // defaults to discarding
	Metrics  *Metrics            // defaults to none
	Fan      *rtpfan.Metrics     // defaults to none
	OnViewer func(e ViewerEvent) // must not block; nil for nobody
	Now      func() time.Time    // the clock of consent and limits; defaults to time.Now
	// ClientAddr is the address that a request counts for. It defaults to the connection's; set it where proxies
	// are trusted.
	ClientAddr func(r *http.Request) netip.Addr
	// Unlimited tells addresses that the limits per address do not hold for; nil for none.
	Unlimited func(a netip.Addr) bool

	conns       []*net.UDPConn // all on one port
	tcp         *net.TCPListener
	port        uint16
	listening   sync.Mutex
	certificate tls.Certificate
	fingerprint string
	fans        *rtpfan.Fans
	sending     atomic.Pointer[[]*shard] // shards, once they send
	shards      []*shard
	gate        chan struct{} // one token per handshake step that may run
	running     sync.WaitGroup
	tcpUnknown  tcpUnknown

	// mu may be taken while a session's own lock is held, never the other way round.
	mu       sync.RWMutex
	open     bool
	sessions map[string]*session         // by ID
	byUfrag  map[string]*session         // by our part of the ICE user name
	byAddr   map[netip.AddrPort]*session // UDP addresses that have passed a check
	limits   limits
}

// Listen opens the ports. Run does it where it was not done before.
func (s *Server) Listen() error {
	s.listening.Lock()
	defer s.listening.Unlock()
	if s.port != 0 {
		return nil
	}
	addr, err := net.ResolveTCPAddr("tcp", s.Config.listen())
	if err != nil {
		return fmt.Errorf("whep: listen on %s: %w", s.Config.listen(), err)
	}
	// With port 0 the kernel picks a port that is free for one protocol and may be taken for the other.
	for range 10 {
		if err = s.bind(*addr); err == nil || addr.Port != 0 {
			break
		}
	}
	return err
}

func (s *Server) bind(addr net.TCPAddr) error {
	family, err := s.Config.family()
	if err != nil {
		return err
	}
	if !s.Config.NoTCP {
		if s.tcp, err = net.ListenTCP("tcp"+family, &addr); err != nil {
			return fmt.Errorf("whep: %w", err)
		}
		addr.Port = s.tcp.Addr().(*net.TCPAddr).Port
	}
	n := runtime.GOMAXPROCS(0)
	if s.Config.NoUDP {
		n = 1
	}
	s.conns, err = openShards("udp"+family, net.UDPAddr(addr), n)
	if err != nil {
		return errors.Join(err, closeTCP(s.tcp))
	}
	for _, c := range s.conns {
		// Best effort: the system's limit holds.
		_ = c.SetReadBuffer(socketBufferBytes)
		_ = c.SetWriteBuffer(socketBufferBytes)
	}
	s.port = s.conns[0].LocalAddr().(*net.UDPAddr).AddrPort().Port()
	return nil
}

// Port is that of both sockets, 0 before Listen.
func (s *Server) Port() int {
	s.listening.Lock()
	defer s.listening.Unlock()
	return int(s.port)
}

// Run serves until ctx is done, then tells the viewers and waits for everything that it has started.
func (s *Server) Run(ctx context.Context) error {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	if err := s.Listen(); err != nil {
		return err
	}
	var err error
	if s.certificate, s.fingerprint, err = newCertificate(s.now()); err != nil {
		return errors.Join(err, closeAll(s.conns), closeTCP(s.tcp))
	}
	cores := runtime.GOMAXPROCS(0)
	s.gate = make(chan struct{}, max(1, cores/2))
	s.fans = &rtpfan.Fans{Hub: s.Hub, Sound: s.Sound, Log: s.Log, Metrics: s.Fan}
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	for i := range cores {
		h := &shard{server: s, conn: s.conns[i%len(s.conns)], reads: i < len(s.conns)}
		h.egress = &rtpfan.Egress{
			Conn: h.conn, Log: s.Log, Metrics: s.Fan, Plain: s.Config.PlainSends, Spread: orDefault(s.Config.Spread, spreadDefault),
		}
		s.shards = append(s.shards, h)
		s.running.Go(func() { _ = h.egress.Run(below) })
	}
	s.running.Go(func() { _ = s.fans.Run(below) })
	s.sending.Store(&s.shards)
	for _, h := range s.shards {
		if h.reads {
			s.running.Go(h.read)
		}
	}
	if s.tcp != nil {
		s.running.Go(s.acceptTCP)
	}
	s.mu.Lock()
	s.sessions, s.byUfrag, s.byAddr = map[string]*session{}, map[string]*session{}, map[netip.AddrPort]*session{}
	s.open = true
	s.mu.Unlock()

	s.sweep(ctx)

	s.mu.Lock()
	s.open = false
	s.mu.Unlock()
	for _, v := range s.all() {
		v.close("shutdown")
	}
	err = errors.Join(closeTCP(s.tcp), closeAll(s.conns))
	s.tcpUnknown.closeAll()
	stop()
	s.running.Wait()
	return err
}

func closeTCP(l *net.TCPListener) error {
	if l == nil {
		return nil
	}
	return l.Close()
}

// sweep ends what has ended by itself, once a second.
func (s *Server) sweep(ctx context.Context) {
	t := time.NewTicker(sweepInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			now := s.now()
			for _, v := range s.all() {
				if reason := v.over(now); reason != "" {
					v.close(reason)
				}
			}
		}
	}
}

func (s *Server) all() []*session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*session, 0, len(s.sessions))
	for _, v := range s.sessions {
		out = append(out, v)
	}
	return out
}

// Viewers is the number of viewers that a broadcast has here.
func (s *Server) Viewers(broadcastID string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.limits.watching[broadcastID]
}

// Recheck asks again who may watch: may returns, per broadcast, what tells it of the bearer token that a session came
// with, or nil where everybody may. Who may not is put out.
func (s *Server) Recheck(may func(broadcastID string) func(bearer string) bool) {
	allowed := map[string]func(string) bool{}
	for _, v := range s.all() {
		ask, known := allowed[v.broadcast]
		if !known {
			ask = may(v.broadcast)
			allowed[v.broadcast] = ask
		}
		if ask != nil && !ask(v.bearer) {
			v.close("revoked")
		}
	}
}

// CloseBroadcast ends all sessions of a broadcast.
func (s *Server) CloseBroadcast(broadcastID string) {
	for _, v := range s.all() {
		if v.broadcast == broadcastID {
			v.close("closed")
		}
	}
}

// isOpen tells whether Run has set everything up.
func (s *Server) isOpen() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.open
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// Late tells how late sending to viewers has been in the last quarter of a second, of the shard that is the latest.
// Other work on this machine should leave its cores to it then.
func (s *Server) Late() (late time.Duration) {
	shards := s.sending.Load()
	if shards == nil {
		return 0
	}
	for _, h := range *shards {
		late = max(late, h.egress.Late())
	}
	return late
}
