package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// Defaults of Config.
const (
	handshakeDefault  = 10 * time.Second
	idleDefault       = 15 * time.Second
	drainDefault      = 2 * time.Second
	connsDefault      = 4000
	perAddressDefault = 20000
	halfOpenDefault   = 64
	failedDefault     = 60
	acceptPause       = 50 * time.Millisecond
)

// Config bounds the listener. The zero value means the defaults.
type Config struct {
	Handshake    time.Duration `yaml:"handshake"`     // from the connection to the publish command; default 10 s
	Idle         time.Duration `yaml:"idle"`          // silence that closes a publisher; default 15 s
	Drain        time.Duration `yaml:"drain"`         // a stopping server waits for encoders that it asked to connect again; default 2 s
	Conns        int           `yaml:"conns"`         // connections in all; default 4,000
	PerAddress   int           `yaml:"per_address"`   // connections of one address; default 20,000
	HalfOpen     int           `yaml:"half_open"`     // of one address, before its key is known to be good; default 64
	Failed       int           `yaml:"failed"`        // refused attempts of one address per minute; default 60
	LoopbackFree bool          `yaml:"loopback_free"` // loopback does not count per address (demo)
}

// Server accepts RTMP connections, RTMPS where TLS is set.
type Server struct {
	// Required.
	Addr     string // address:port; port 0 picks a free one
	Sessions *ingest.Sessions

	// Optional, with defaults.
	Config  Config
	Player  ingest.Player // takes play requests; nil refuses them
	TLS     *tls.Config
	Log     *slog.Logger        // defaults to discarding
	Metrics *ingest.DoorMetrics // defaults to none
	Now     func() time.Time    // defaults to time.Now

	listener net.Listener
	doors    *ingest.Doors
}

// Listen opens the listener and returns its address. Run does it where nobody did.
func (s *Server) Listen() (net.Addr, error) {
	l, err := net.Listen("tcp", s.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for RTMP: %w", err)
	}
	if s.TLS != nil {
		l = tls.NewListener(l, s.TLS)
	}
	s.listener = l
	return l.Addr(), nil
}

// Run serves until ctx ends, and returns when every connection has ended.
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
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.listener.Close() }) // Accept tells
	defer stop()
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			s.Log.Error("accept an RTMP connection", "err", err)
			select { // out of descriptors: a pause gives some back
			case <-time.After(acceptPause):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		running.Add(1)
		go func() {
			defer running.Done()
			s.handle(ctx, raw)
		}()
	}
}

// handle takes one connection through its life.
func (s *Server) handle(ctx context.Context, raw net.Conn) {
	defer func() { _ = raw.Close() }() // both sides are done with it
	where := prefixOf(raw.RemoteAddr())
	remote := raw.RemoteAddr().String()
	log := s.Log.With("protocol", "rtmp", "remote", remote)
	if refusal := s.doors.Enter(where); refusal != "" {
		s.Metrics.TurnAway()
		log.Debug("connection refused", "why", refusal)
		return
	}
	s.Metrics.Opened()
	defer s.Metrics.Closed()
	in := false
	c := &conn{
		server: s, remote: remote, log: log,
		net: &deadlineConn{Conn: raw, idle: s.idleTimeout()},
	}
	// Until it is admitted a stopping server just closes it.
	stop := context.AfterFunc(ctx, c.net.stop)
	defer stop()
	c.admitted = func() { s.doors.Admitted(where); in = true; stop() }
	err := c.serve(ctx)
	s.doors.Leave(where, in, !in && err != nil && ctx.Err() == nil)
	if err == nil || ctx.Err() != nil {
		return
	}
	s.Metrics.Fail()
	if errors.Is(err, ingest.ErrRefused) || errors.Is(err, streaming.ErrResting) {
		return // it has been told where it was refused
	}
	log.Warn("connection failed before it was admitted", "err", err)
}

// prefixOf is what a connection's address counts as.
func prefixOf(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	return ingest.PrefixOf(ap.Addr())
}

func (s *Server) handshakeTimeout() time.Duration { return or(s.Config.Handshake, handshakeDefault) }
func (s *Server) idleTimeout() time.Duration      { return or(s.Config.Idle, idleDefault) }

func or[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
