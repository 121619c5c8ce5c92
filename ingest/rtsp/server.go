package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/auth"

	"github.com/hawkerlive/hawker/ingest"
)

// Defaults of Config, and limits.
const (
	handshakeDefault  = 10 * time.Second
	idleDefault       = 15 * time.Second
	connsDefault      = 4000
	perAddressDefault = 20000
	halfOpenDefault   = 64
	failedDefault     = 60
	portTries         = 50   // for a free port with its neighbour
	queueSize         = 1024 // packets that wait for a slow viewer
)

// Config bounds the listener. The zero value means the defaults.
type Config struct {
	// NoUDP leaves out RTP over UDP, which takes the same port number and the next one.
	NoUDP        bool          `yaml:"no_udp"`
	Handshake    time.Duration `yaml:"handshake"`     // from the connection to RECORD; default 10 s
	Idle         time.Duration `yaml:"idle"`          // time without media that closes a publisher; default 15 s
	Conns        int           `yaml:"conns"`         // connections in all; default 4,000
	PerAddress   int           `yaml:"per_address"`   // connections of one address; default 20,000
	HalfOpen     int           `yaml:"half_open"`     // of one address, before its key is known to be good; default 64
	Failed       int           `yaml:"failed"`        // refused attempts of one address per minute; default 60
	LoopbackFree bool          `yaml:"loopback_free"` // loopback does not count per address (demo)
}

// Server accepts RTSP connections.
type Server struct {
	// Required.
	Addr     string // address:port; port 0 picks a free one. UDP needs an even port
	Sessions *ingest.Sessions

	// Optional, with defaults.
	Config  Config
	Player  Player              // takes those who come to watch; nil refuses them
	Log     *slog.Logger        // defaults to discarding
	Metrics *ingest.DoorMetrics // defaults to none
	Now     func() time.Time    // defaults to time.Now

	rtsp *gortsplib.Server

	mu      sync.Mutex
	ctx     context.Context // of Run; nil before and after it
	running sync.WaitGroup
}

// Listen opens the ports and returns the address of the first. Run does it where nobody did. Until Run nobody is let in.
func (s *Server) Listen() (net.Addr, error) {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for RTSP: %w", err)
	}
	tries := 1
	if port == "0" && !s.Config.NoUDP {
		tries = portTries
	}
	for range tries {
		var l net.Listener
		if l, err = s.port(host, port); err != nil {
			continue
		}
		if err = s.open(l, host); err == nil {
			return l.Addr(), nil
		}
		_ = l.Close() // nobody was let in
	}
	return nil, fmt.Errorf("listen for RTSP: %w", err)
}

var errOdd = errors.New("RTP over UDP needs an even port")

// port opens the port for requests. The system picks odd ones gladly; then it is the next.
func (s *Server) port(host, port string) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil || s.Config.NoUDP {
		return l, err
	}
	picked := l.Addr().(*net.TCPAddr).Port
	if picked%2 == 0 {
		return l, nil
	}
	_ = l.Close() // nobody was let in
	if port != "0" {
		return nil, errOdd
	}
	return net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(picked+1)))
}

// open makes the server for a port.
func (s *Server) open(l net.Listener, host string) error {
	c := s.Config
	d := &door{Listener: l, log: s.Log.With("protocol", "rtsp"), metrics: s.Metrics, handshake: or(c.Handshake, handshakeDefault), doors: &ingest.Doors{
		AllMax: or(c.Conns, connsDefault), PerAddressMax: or(c.PerAddress, perAddressDefault),
		HalfOpenMax: or(c.HalfOpen, halfOpenDefault), FailedMax: or(c.Failed, failedDefault),
		LoopbackFree: c.LoopbackFree, Now: s.Now,
	}}
	server := &gortsplib.Server{
		Handler: &handler{server: s}, RTSPAddress: s.Addr, AuthMethods: []auth.VerifyMethod{auth.VerifyMethodBasic},
		ReadTimeout: or(c.Idle, idleDefault), WriteQueueSize: queueSize, DisableRTCPSenderReports: true, // the Player sends its own, in time
		Listen: func(string, string) (net.Listener, error) { return d, nil },
	}
	if !c.NoUDP {
		port := l.Addr().(*net.TCPAddr).Port
		server.UDPRTPAddress = net.JoinHostPort(host, strconv.Itoa(port))
		server.UDPRTCPAddress = net.JoinHostPort(host, strconv.Itoa(port+1))
	}
	if err := server.Start(); err != nil {
		return err
	}
	s.rtsp = server
	return nil
}

// Run serves until ctx ends, and returns when every connection has ended.
func (s *Server) Run(ctx context.Context) error {
	if s.rtsp == nil {
		if _, err := s.Listen(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	failed := make(chan error, 1)
	go func() { failed <- s.rtsp.Wait() }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		failed <- nil
		err = fmt.Errorf("serve RTSP: %w", err)
	}
	cancel()
	s.mu.Lock()
	s.ctx = nil
	s.mu.Unlock()
	s.running.Wait()
	s.rtsp.Close()
	<-failed
	return err
}

// start lets a publisher run, unless the server is not.
func (s *Server) start(p *publisher) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		return false
	}
	ctx := s.ctx
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		p.run(ctx)
	}()
	return true
}

// context is Run's, nil where it is not running.
func (s *Server) context() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx
}

func or[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}
