package restream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/play"
)

// Config bounds the pushing. The zero value means the defaults.
type Config struct {
	TargetsMax int           `yaml:"targets_max"` // of a channel; default 8
	RunningMax int           `yaml:"running_max"` // targets that this node pushes to at once; default 64
	PauseMin   time.Duration `yaml:"pause_min"`   // before the second attempt; default 1 s
	PauseMax   time.Duration `yaml:"pause_max"`   // between two attempts at most; default 30 s
	Patience   time.Duration `yaml:"patience"`    // with a target that takes nothing; default 10 s
}

const (
	targetsDefault  = 8
	runningDefault  = 64
	pauseMinDefault = time.Second
	pauseMaxDefault = 30 * time.Second
	patienceDefault = 10 * time.Second
)

// Sealer hides addresses and keys from who reads the database. *account.Sealer is one.
type Sealer interface {
	Seal(name string, plain []byte) string
	Open(name, sealed string) ([]byte, error)
}

// Sound gives the sound of a stream in another coding.
type Sound interface {
	Open(s *streaming.Stream, from mediatime.Time) (play.Leg, error)
}

// Channels tells which channel a broadcast is on.
type Channels interface {
	ChannelOf(ctx context.Context, broadcastID string) (string, error)
}

// Service pushes what this node's hub holds. Fill the fields, then Run it; any number of goroutines may use it.
type Service struct {
	// Required.
	Store    Store
	Sealer   Sealer
	Guard    *outbound.Guard
	Hub      *streaming.Hub
	Channels Channels

	// Optional, with defaults.
	AAC, Opus Sound // nil: sound of another coding is left out
	Config    Config
	Log       *slog.Logger     // defaults to discarding
	Metrics   *Metrics         // defaults to none
	Now       func() time.Time // defaults to time.Now
	Jitter    func() float64   // 0 to 1; defaults to a random number

	players *play.Server // of Run

	mu       sync.Mutex
	running  map[pair]*push
	ended    map[string]Status // of the last broadcast, by target
	channels map[string]*channel
	wake     chan struct{}
}

// Create sets a target up, switched on.
func (s *Service) Create(ctx context.Context, channel, shop, name, address, key string) (Target, error) {
	name, err := checkName(name)
	if err != nil {
		return Target{}, err
	}
	where := place{address, key}
	u, err := where.parse()
	if err != nil {
		return Target{}, err
	}
	if _, err := s.Guard.Resolve(ctx, u.Hostname()); errors.Is(err, outbound.ErrForbidden) {
		return Target{}, ErrForbidden // an unknown name may be known later
	}
	out := Target{
		ID: uuid.Must(uuid.NewV7()).String(), Channel: channel, Shop: shop, Name: name, Address: shown(u), Enabled: true, Created: s.now(),
	}
	out.Sealed = s.Sealer.Seal(sealedAs(out.ID), where.seal())
	if err := s.Store.CreateTarget(ctx, out, or(s.Config.TargetsMax, targetsDefault)); err != nil {
		return Target{}, err
	}
	s.changed(channel)
	return out, nil
}

func sealedAs(id string) string { return "target " + id }

// Get finds a target.
func (s *Service) Get(ctx context.Context, id string) (Target, error) { return s.Store.Target(ctx, id) }

// List lists a channel's targets.
func (s *Service) List(ctx context.Context, channel string) ([]Target, error) {
	return s.Store.Targets(ctx, channel)
}

// Enable switches a target on or off. A broadcast on air follows at once.
func (s *Service) Enable(ctx context.Context, id string, on bool) (Target, error) {
	if err := s.Store.EnableTarget(ctx, id, on); err != nil {
		return Target{}, err
	}
	t, err := s.Store.Target(ctx, id)
	s.changed(t.Channel)
	return t, err
}

// Delete forgets a target.
func (s *Service) Delete(ctx context.Context, id string) error {
	t, err := s.Store.Target(ctx, id)
	if err != nil {
		return err
	}
	err = s.Store.DeleteTarget(ctx, id)
	s.changed(t.Channel)
	return err
}

// Status tells where a target stands.
func (s *Service) Status(t Target) Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, p := range s.running {
		if at.target == t.ID {
			return p.status()
		}
	}
	if !t.Enabled {
		return Status{State: Off}
	}
	last := s.ended[t.ID]
	return Status{State: Waiting, Since: last.Since}
}

// open reads what Seal has hidden.
func (s *Service) open(t Target) (*url.URL, string, error) {
	plain, err := s.Sealer.Open(sealedAs(t.ID), t.Sealed)
	if err != nil {
		return nil, "", errSealed
	}
	var where place
	if err := json.Unmarshal(plain, &where); err != nil {
		return nil, "", errSealed
	}
	u, err := where.parse()
	return u, where.Key, err
}

var errSealed = errors.New("restream: the address was sealed by another secret_key")

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
