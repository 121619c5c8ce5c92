package pull

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/outbound"
)

// Config bounds the sources. The zero value means the defaults.
type Config struct {
	SourcesMax int           `yaml:"sources_max"` // of a channel; default 8
	RunningMax int           `yaml:"running_max"` // on air or being asked, on this node; default 64
	Attempts   int           `yaml:"attempts"`    // in a row without success, then it is given up; default 200
	PauseMin   time.Duration `yaml:"pause_min"`   // before the second attempt; default 1 s
	PauseMax   time.Duration `yaml:"pause_max"`   // between two attempts at most; default 30 s
	Idle       time.Duration `yaml:"idle"`        // without media, then it is asked anew; default 15 s
}

const (
	sourcesDefault  = 8
	runningDefault  = 64
	attemptsDefault = 200
	pauseMinDefault = time.Second
	pauseMaxDefault = 30 * time.Second
	idleDefault     = 15 * time.Second
)

// Sealer hides addresses from who reads the database. *account.Sealer is one.
type Sealer interface {
	Seal(name string, plain []byte) string
	Open(name, sealed string) ([]byte, error)
}

// Broadcasts tells whether a broadcast has ended.
type Broadcasts interface {
	HasEnded(ctx context.Context, broadcastID string) (bool, error)
}

// Service keeps a node's sources. Fill the fields, then Run it; any number of goroutines may use it.
type Service struct {
	// Required.
	Store      Store
	Sealer     Sealer
	Guard      *outbound.Guard
	Sessions   *ingest.Sessions
	Broadcasts Broadcasts

	// Optional, with defaults.
	Config  Config
	Node    string           // this node among others; one alone needs no name
	Log     *slog.Logger     // defaults to discarding
	Metrics *Metrics         // defaults to none
	Now     func() time.Time // defaults to time.Now
	Jitter  func() float64   // 0 to 1; defaults to a random number

	mu      sync.Mutex
	running map[string]*run
	wake    chan struct{}
}

// Create sets a source up. It is not fetched before somebody starts it.
func (s *Service) Create(ctx context.Context, channel, shop, name, address string) (Source, error) {
	name, err := checkName(name)
	if err != nil {
		return Source{}, err
	}
	u, err := parseAddress(address)
	if err != nil {
		return Source{}, err
	}
	if _, err := s.Guard.Resolve(ctx, u.Hostname()); errors.Is(err, outbound.ErrForbidden) {
		return Source{}, ErrForbidden // an unknown name may be known later
	}
	now := s.now()
	out := Source{
		ID: uuid.Must(uuid.NewV7()).String(), Channel: channel, Shop: shop, Name: name, Address: shown(u), State: Stopped, Created: now, Changed: now,
	}
	out.Sealed = s.Sealer.Seal(sealedAs(out.ID), []byte(u.String()))
	return out, s.Store.CreateSource(ctx, out, or(s.Config.SourcesMax, sourcesDefault))
}

func sealedAs(id string) string { return "source " + id }

// Get finds a source.
func (s *Service) Get(ctx context.Context, id string) (Source, error) { return s.Store.Source(ctx, id) }

// List lists a channel's sources.
func (s *Service) List(ctx context.Context, channel string) ([]Source, error) {
	return s.Store.Sources(ctx, channel)
}

// Want starts or stops a source.
func (s *Service) Want(ctx context.Context, id string, wanted bool) (Source, error) {
	if err := s.Store.WantSource(ctx, id, wanted, s.now()); err != nil {
		return Source{}, err
	}
	s.look()
	return s.Store.Source(ctx, id)
}

// Delete forgets a source. One that is on air leaves it.
func (s *Service) Delete(ctx context.Context, id string) error {
	err := s.Store.DeleteSource(ctx, id)
	s.look()
	return err
}

// open reads what Seal has hidden.
func (s *Service) open(one Source) (*url.URL, error) {
	plain, err := s.Sealer.Open(sealedAs(one.ID), one.Sealed)
	if err != nil {
		return nil, errSealed
	}
	return parseAddress(string(plain))
}

var errSealed = errors.New("pull: the address was sealed by another secret_key")

// dialTLS is the guard's, for protocols that are encrypted from the first byte.
func (s *Service) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	return s.Guard.DialTLS(ctx, network, address, &tls.Config{MinVersion: tls.VersionTLS12})
}

func (s *Service) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC()
	}
	return s.Now().UTC()
}

func or[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// plain is an error without what it says of addresses: libraries like to repeat them.
func plain(err error) string {
	var operation *net.OpError
	if errors.As(err, &operation) {
		return fmt.Sprintf("%s: %v", operation.Op, operation.Err)
	}
	var parse *url.Error
	if errors.As(err, &parse) {
		return plain(parse.Err)
	}
	return err.Error()
}
