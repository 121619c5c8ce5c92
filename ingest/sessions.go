package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/streaming"
)

// Config bounds publishers. The zero value means the defaults.
type Config struct {
	SessionsMax int `yaml:"sessions_max"` // publishers on this node; default 2,000
	BitrateMax  int `yaml:"bitrate_max"`  // bits per second over ten seconds; default 50,000,000
	PixelsMax   int `yaml:"pixels_max"`   // width × height; default 3840 × 2160
	TracksMax   int `yaml:"tracks_max"`   // default 8, which is also the most
	// Limits narrow this for single shops, channels and stream keys.
	Limits []Limit `yaml:"limits"`
}

const (
	sessionsMaxDefault = 2000
	bitrateMaxDefault  = 50_000_000
	pixelsMaxDefault   = 3840 * 2160
	tracksMaxDefault   = 8
)

// WithDefaults fills in what is not set.
func (c Config) WithDefaults() Config {
	c.SessionsMax = orDefault(c.SessionsMax, sessionsMaxDefault)
	c.BitrateMax = orDefault(c.BitrateMax, bitrateMaxDefault)
	c.PixelsMax = orDefault(c.PixelsMax, pixelsMaxDefault)
	c.TracksMax = min(orDefault(c.TracksMax, tracksMaxDefault), tracksMaxDefault)
	return c
}

func orDefault(v, d int) int {
	if v <= 0 {
		return d
	}
	return v
}

// Sessions admits publishers and holds those that are on this node. Any number of goroutines may use it.
type Sessions struct {
	// Required.
	Hub        *streaming.Hub
	Authorizer Authorizer
	Broadcasts Broadcaster

	// Optional, with defaults.
	Config  Config
	Log     *slog.Logger     // defaults to discarding
	Metrics *Metrics         // defaults to none
	Now     func() time.Time // defaults to time.Now

	mu      sync.Mutex
	all     map[*Session]struct{}
	places  map[placeKey]*place
	kicks   int // since the start
	closed  bool
	running sync.WaitGroup
}

// Admit asks whether a publisher may come in. ErrRefused and streaming.ErrResting are the publisher's fault and have
// been logged; the session that it returns otherwise must be closed. Nothing is on air before the session's first
// frame.
func (s *Sessions) Admit(ctx context.Context, r Request) (*Session, error) {
	for {
		kicks := s.kicked()
		out, err := s.authorize(ctx, r)
		if err != nil {
			return nil, err
		}
		switch again, err := s.enter(out, kicks); {
		case err != nil:
			return nil, err
		case !again:
			out.log.Info("publisher admitted", "encoder", r.Encoder)
			return out, nil
		}
	}
}

// authorize asks who the publisher is and whether its channel takes it.
func (s *Sessions) authorize(ctx context.Context, r Request) (*Session, error) {
	log := s.log().With("protocol", r.Protocol, "remote", r.RemoteAddr)
	if r.StreamKey == "" {
		s.Metrics.refuse(r.Protocol)
		log.Warn("publisher refused", "why", "no stream key", "encoder", r.Encoder)
		return nil, ErrRefused
	}
	grant, err := s.Authorizer.AuthorizePublish(ctx, r.StreamKey, r.RemoteAddr)
	if errors.Is(err, ErrRefused) {
		s.Metrics.refuse(r.Protocol)
		log.Warn("publisher refused", "why", "wrong or rotated stream key", "encoder", r.Encoder)
		return nil, ErrRefused
	}
	if err != nil {
		return nil, fmt.Errorf("authorize a publisher: %w", err)
	}
	log = log.With("channel", grant.ChannelID)
	if grant.BroadcastID == "" {
		err := s.Broadcasts.MayGoOnAir(ctx, grant.ChannelID)
		if errors.Is(err, streaming.ErrResting) {
			s.Metrics.refuse(r.Protocol)
			log.Warn("publisher refused", "why", "the channel's people have just ended its broadcast; a new one takes the publisher at once", "encoder", r.Encoder)
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("find the broadcast: %w", err)
		}
	}
	r.StreamKey = "" // nothing after this needs it
	return s.session(r, grant, log), nil
}

// session makes a session that has not entered yet.
func (s *Sessions) session(r Request, g Grant, log *slog.Logger) *Session {
	out := &Session{
		sessions: s, request: r, grant: g, config: s.Config.WithDefaults().of(g),
		id: uuid.Must(uuid.NewV7()).String(), identity: identity(r),
		log:  log,
		done: make(chan struct{}),
	}
	out.health.begin(s.now(), r)
	return out
}

// enter adds a session. Where somebody was kicked since it was authorized, it may have been meant: ask again.
func (s *Sessions) enter(out *Session, kicks int) (again bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false, ErrStopping
	case s.kicks != kicks:
		return true, nil
	case len(s.all) >= out.config.SessionsMax:
		out.log.Warn("publisher refused", "why", "too many publishers", "sessions", len(s.all))
		return false, ErrFull
	}
	if s.all == nil {
		s.all = map[*Session]struct{}{}
	}
	s.all[out] = struct{}{}
	s.running.Add(1)
	s.Metrics.opened(out.request.Protocol)
	return false, nil
}

func (s *Sessions) kicked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kicks
}

// Kick closes a channel's sessions that came with a key, with any key where keyID is empty, and returns how many.
// None of them writes anything more; their protocols close them. Who is at the door is asked for the key again.
func (s *Sessions) Kick(channelID, keyID string) int {
	s.mu.Lock()
	s.kicks++
	s.mu.Unlock()
	n := 0
	for _, one := range s.list() {
		if one.grant.ChannelID == channelID && (keyID == "" || one.grant.KeyID == keyID) {
			one.end(ErrKicked)
			n++
		}
	}
	return n
}

// Health returns the figures of the publisher that is on a broadcast: the shown one, else one that is about to be.
func (s *Sessions) Health(broadcastID string) (Health, bool) {
	if one := s.on(broadcastID); one != nil {
		return one.Health(), true
	}
	return Health{}, false
}

// Recent returns what that publisher did in each of the last whole seconds, oldest first.
func (s *Sessions) Recent(broadcastID string) []Health {
	if one := s.on(broadcastID); one != nil {
		return one.Recent()
	}
	return nil
}

// on finds the session that is on a broadcast, nil where there is none.
func (s *Sessions) on(broadcastID string) (found *Session) {
	for _, one := range s.list() {
		if one.Broadcast() == broadcastID && one.onAir() && (found == nil || one.stay.is(roleShown)) {
			found = one
		}
	}
	return found
}

// OfChannel returns the figures of a channel's sessions, those that stand by as well, in the order in which they came.
func (s *Sessions) OfChannel(channelID string) []Health {
	var out []Health
	for _, one := range s.list() {
		if one.grant.ChannelID == channelID {
			out = append(out, one.Health())
		}
	}
	slices.SortFunc(out, func(a, b Health) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Run waits for ctx, ends every session and waits until their protocols have closed them.
func (s *Sessions) Run(ctx context.Context) error {
	<-ctx.Done()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, one := range s.list() {
		one.end(ErrStopping)
	}
	s.running.Wait()
	return nil
}

func (s *Sessions) list() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Session, 0, len(s.all))
	for one := range s.all {
		out = append(out, one)
	}
	return out
}

func (s *Sessions) remove(one *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, one)
	if p := s.places[one.grant.place()]; p != nil && p.shown == one {
		p.shown = nil // who stands by takes over with its next key picture
	}
	s.Metrics.closedSession(one.request.Protocol)
	s.running.Done()
}

func (s *Sessions) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Sessions) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
