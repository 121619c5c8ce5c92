package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"sync"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Defaults of Config, and limits.
const (
	latencyDefault    = 120 * time.Millisecond
	idleDefault       = 15 * time.Second
	connsDefault      = 2000
	perAddressDefault = 2000
	halfOpenDefault   = 64
	failedDefault     = 60
	admitTimeout      = 2 * time.Second // callers give up after three
	peerIdle          = 5 * time.Second // without even a keep-alive
	keyBytesMax       = 256
)

// Config bounds the listener. The zero value means the defaults.
type Config struct {
	// Passphrase, if set, must be known to every publisher: the stream is encrypted with it. 10 to 79 characters.
	Passphrase   string        `yaml:"passphrase"`
	Latency      time.Duration `yaml:"latency"`       // least time in which lost packets are sent again; default 120 ms
	Idle         time.Duration `yaml:"idle"`          // time without media that closes a publisher; default 15 s
	Conns        int           `yaml:"conns"`         // publishers in all; default 2,000
	PerAddress   int           `yaml:"per_address"`   // publishers of one address; default 2,000
	HalfOpen     int           `yaml:"half_open"`     // of one address, before the key is known to be good; default 64
	Failed       int           `yaml:"failed"`        // refused attempts of one address per minute; default 60
	LoopbackFree bool          `yaml:"loopback_free"` // loopback does not count per address (demo)
}

// Check tells what cannot be.
func (c Config) Check() error {
	if n := len(c.Passphrase); n != 0 && (n < gosrt.MIN_PASSPHRASE_SIZE || n >= gosrt.MAX_PASSPHRASE_SIZE) {
		return fmt.Errorf("a passphrase has %d to %d characters", gosrt.MIN_PASSPHRASE_SIZE, gosrt.MAX_PASSPHRASE_SIZE-1)
	}
	return nil
}

// Server accepts SRT callers.
type Server struct {
	// Required.
	Addr     string // address:port of UDP; port 0 picks a free one
	Sessions *ingest.Sessions

	// Optional, with defaults.
	Config Config
	// Passphrase, if set, finds the one that belongs to a stream key: whoever encrypts with it needs no other.
	Passphrase func(ctx context.Context, streamKey string) (string, error)
	Log        *slog.Logger        // defaults to discarding
	Metrics    *ingest.DoorMetrics // defaults to none
	Now        func() time.Time    // defaults to time.Now

	listener gosrt.Listener
	doors    *ingest.Doors

	mu       sync.Mutex
	stopping bool
	running  sync.WaitGroup
}

// Listen opens the port and returns its address. Run does it where nobody did. Until Run nobody is answered.
func (s *Server) Listen() (net.Addr, error) {
	if err := s.Config.Check(); err != nil {
		return nil, fmt.Errorf("listen for SRT: %w", err)
	}
	c := gosrt.DefaultConfig()
	c.ReceiverLatency = or(s.Config.Latency, latencyDefault)
	c.PeerIdleTimeout = peerIdle
	l, err := gosrt.Listen("srt", s.Addr, c)
	if err != nil {
		return nil, fmt.Errorf("listen for SRT: %w", err)
	}
	s.listener = l
	return l.Addr(), nil
}

// Run serves until ctx ends, and returns when every publisher has been closed.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if _, err := s.Listen(); err != nil {
			return err
		}
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	c := s.Config
	s.doors = &ingest.Doors{
		AllMax: or(c.Conns, connsDefault), PerAddressMax: or(c.PerAddress, perAddressDefault),
		HalfOpenMax: or(c.HalfOpen, halfOpenDefault), FailedMax: or(c.Failed, failedDefault),
		LoopbackFree: c.LoopbackFree, Now: s.Now,
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	accepted := make(chan error, 1)
	go func() { accepted <- s.accept(ctx) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-accepted:
		accepted <- nil
	}
	cancel()
	s.mu.Lock()
	s.stopping = true
	s.mu.Unlock()
	s.running.Wait() // publishers are told on the open port
	s.listener.Close()
	<-accepted
	return err
}

// accept takes callers until the listener is closed.
func (s *Server) accept(ctx context.Context) error {
	for {
		request, err := s.next()
		switch {
		case errors.Is(err, gosrt.ErrListenerClosed):
			return nil
		case errors.Is(err, errPanic):
			s.Log.Error("a handshake could not be read", "protocol", "srt", "err", err)
			continue
		case err != nil:
			return fmt.Errorf("accept SRT callers: %w", err)
		}
		s.mu.Lock()
		if s.stopping {
			s.mu.Unlock()
			request.Reject(gosrt.REJ_CLOSE)
			continue
		}
		s.running.Add(1)
		s.mu.Unlock()
		go func() {
			defer s.running.Done()
			s.handle(ctx, request)
		}()
	}
}

var errPanic = errors.New("srt: a panic in the handshake")

// next waits for a caller that has proven its address by the handshake's cookie.
func (s *Server) next() (request gosrt.ConnRequest, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return s.listener.Accept2()
}

// handle takes one caller through its life.
func (s *Server) handle(ctx context.Context, request gosrt.ConnRequest) {
	remote := request.RemoteAddr().String()
	where := prefixOf(remote)
	log := s.Log.With("protocol", "srt", "remote", remote)
	if refusal := s.doors.Enter(where); refusal != "" {
		s.Metrics.TurnAway()
		log.Debug("caller refused", "why", refusal)
		request.Reject(gosrt.REJX_OVERLOAD)
		return
	}
	s.Metrics.Opened()
	defer s.Metrics.Closed()
	if n := datagram(request); n < gosrt.MIN_PAYLOAD_SIZE || n > gosrt.MAX_PAYLOAD_SIZE {
		request.Reject(gosrt.REJ_ROGUE)
		s.doors.Leave(where, false, true)
		s.Metrics.Fail()
		log.Debug("caller refused", "why", "the size of its datagrams")
		return
	}
	session, reason, err := s.admit(ctx, request, remote)
	if err != nil {
		request.Reject(reason)
		resting := errors.Is(err, streaming.ErrResting)
		s.doors.Leave(where, false, ctx.Err() == nil && reason != gosrt.REJX_ISE && !resting)
		s.Metrics.Fail()
		if !errors.Is(err, ingest.ErrRefused) && !resting { // that has been told where it was refused
			log.Warn("caller refused", "why", err)
		}
		return
	}
	defer session.Close()
	conn, err := request.Accept()
	if err != nil {
		session.End(fmt.Errorf("accept: %w", err))
		s.doors.Leave(where, false, true)
		return
	}
	s.doors.Admitted(where)
	defer s.doors.Leave(where, true, false)
	session.End(s.serve(ctx, conn, session, log))
}

// datagram is how much the library would put into one of the caller's datagrams. The caller names their size; the
// library takes its headers off without looking, and makes a buffer of what is left: of four gigabytes where nothing is.
// It tells nobody, so that the field is read as it stands; a version that has it elsewhere admits nobody, and a test fails.
func datagram(request gosrt.ConnRequest) uint64 {
	v := reflect.Indirect(reflect.ValueOf(request))
	if v.Kind() != reflect.Struct {
		return 0
	}
	for _, name := range []string{"config", "PayloadSize"} {
		if v = v.FieldByName(name); !v.IsValid() {
			return 0
		}
	}
	if !v.CanUint() {
		return 0
	}
	return v.Uint()
}

// admit decides whether a caller may come in, and else with which of SRT's codes it is sent away.
func (s *Server) admit(ctx context.Context, request gosrt.ConnRequest, remote string) (*ingest.Session, gosrt.RejectionReason, error) {
	w, ok := readStreamID(request.StreamId())
	switch {
	case !ok || len(w.key) > keyBytesMax:
		return nil, gosrt.REJX_BAD_REQUEST, errStreamID
	case !w.publish:
		return nil, gosrt.REJX_BAD_MODE, errPlay
	}
	ctx, cancel := context.WithTimeout(ctx, admitTimeout)
	defer cancel()
	if reason, err := s.unlock(ctx, request, w.key); err != nil {
		return nil, reason, err
	}
	session, err := s.Sessions.Admit(ctx, ingest.Request{
		Protocol: "srt", StreamKey: w.key, RemoteAddr: remote, Backup: w.backup, Moduli: []int64{clockWraps},
	})
	switch {
	case errors.Is(err, ingest.ErrRefused):
		return nil, gosrt.REJX_UNAUTHORIZED, err
	case errors.Is(err, streaming.ErrResting):
		return nil, gosrt.REJX_CONFLICT, err
	case errors.Is(err, ingest.ErrFull), errors.Is(err, ingest.ErrStopping):
		return nil, gosrt.REJX_OVERLOAD, err
	case err != nil:
		return nil, gosrt.REJX_ISE, err
	}
	return session, 0, nil
}

// unlock agrees on the passphrase: the listener's, or the key's own.
func (s *Server) unlock(ctx context.Context, request gosrt.ConnRequest, key string) (gosrt.RejectionReason, error) {
	if !request.IsEncrypted() {
		if s.Config.Passphrase != "" {
			return gosrt.REJ_UNSECURE, errUnsecure
		}
		return 0, nil
	}
	if s.Config.Passphrase != "" && request.SetPassphrase(s.Config.Passphrase) == nil {
		return 0, nil
	}
	if s.Passphrase == nil {
		if s.Config.Passphrase == "" {
			return gosrt.REJ_UNSECURE, errUnsecure
		}
		return gosrt.REJ_BADSECRET, errSecret
	}
	own, err := s.Passphrase(ctx, key)
	if err == nil {
		err = request.SetPassphrase(own)
	}
	if err != nil {
		return gosrt.REJ_BADSECRET, errSecret
	}
	return 0, nil
}

// Why callers are sent away.
var (
	errStreamID = errors.New("srt: the stream id is not publish:KEY")
	errPlay     = errors.New("srt: this server plays no SRT")
	errUnsecure = errors.New("srt: encrypted where there is no passphrase, or not encrypted where there is one")
	errSecret   = errors.New("srt: wrong passphrase")
	errIdle     = errors.New("srt: no media")
	errLeft     = errors.New("srt: the publisher has left")
)

// serve reads an admitted publisher until either side ends it.
func (s *Server) serve(ctx context.Context, conn gosrt.Conn, session *ingest.Session, log *slog.Logger) (cause error) {
	defer func() {
		if r := recover(); r != nil {
			cause = fmt.Errorf("srt: a panic in the transport stream: %v", r)
		}
	}()
	defer func() { _ = conn.Close() }() // it tells the publisher, and cannot fail
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	idle := or(s.Config.Idle, idleDefault)
	silence := time.AfterFunc(idle, func() { session.End(errIdle) })
	defer silence.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-session.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() { cancel(); <-ended }()

	in := &intake{ctx: ctx, session: session, refused: func(what error) { log.Warn("a track is left out", "why", what) }}
	return pump(conn, session, in, func() { silence.Reset(idle) }, s.Metrics.Received)
}

// pump reads a transport stream until it ends. heard is called for whole PES packets: packets alone keep nobody on the
// line.
func pump(conn gosrt.Conn, session ingest.Sink, in *intake, heard func(), received func(int)) error {
	t := &transport{onProgram: in.program, onPES: func(p pes) error {
		heard()
		return in.packet(p)
	}}
	count := &losses{conn: conn, session: session}
	b := make([]byte, gosrt.MAX_MSS_SIZE)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return errLeft
		}
		received(n)
		if err := t.push(b[:n]); err != nil {
			return err
		}
		count.tell(time.Now(), t.lost+in.malformed)
	}
}

// losses tells the session what was lost on the way, once a second.
type losses struct {
	conn    gosrt.Conn
	session ingest.Sink
	at      time.Time
	told    uint64
}

func (l *losses) tell(now time.Time, unreadable uint64) {
	if now.Sub(l.at) < time.Second {
		return
	}
	l.at = now
	var stats gosrt.Statistics
	l.conn.Stats(&stats)
	if total := stats.Accumulated.PktRecvDrop + unreadable; total > l.told {
		l.session.CountLost(total - l.told)
		l.told = total
	}
}

// prefixOf is what a caller's address counts as.
func prefixOf(address string) netip.Prefix {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}
	}
	return ingest.PrefixOf(ap.Addr())
}

func or[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
