package account

import (
	"context"
	"time"
)

const (
	replayLife  = 48 * time.Hour  // how long an answer is remembered
	replayLease = 2 * time.Minute // after this a request that never ended may be tried again
)

// ReplayKey names one request that creates something: who, which route, the caller's own key, and the request
// itself, decoded and encoded again, so that spelling does not matter.
type ReplayKey struct {
	Account string // "" for nobody
	Route   string
	Key     string
	Body    []byte
}

// Replay is a remembered request as it is stored. It tells nothing of what was asked.
type Replay struct {
	ID      string // fingerprint of account, route and key
	Account string
	Request string // fingerprint of the request
	Lease   time.Time
	Expires time.Time
}

func (s *Service) replayID(k ReplayKey) string {
	return s.Sealer.fingerprint([]byte("replay"), []byte(k.Account), []byte(k.Route), []byte(k.Key))
}

// BeginReplay returns the stored answer, or nil to whoever must now act and then call EndReplay or DropReplay.
// ErrReplayOther for another request under the key, ErrReplayRunning while the first still runs.
func (s *Service) BeginReplay(ctx context.Context, k ReplayKey) ([]byte, error) {
	now := s.now()
	r := Replay{
		ID: s.replayID(k), Account: k.Account, Request: s.Sealer.fingerprint([]byte("request"), k.Body),
		Lease: now.Add(replayLease), Expires: now.Add(replayLife),
	}
	sealed, err := s.Store.BeginReplay(ctx, r, now)
	if err != nil || sealed == "" {
		return nil, err
	}
	return s.Sealer.Open("replay "+r.ID, sealed)
}

// EndReplay stores the answer. It is sealed: it may hold a secret that is told once.
func (s *Service) EndReplay(ctx context.Context, k ReplayKey, answer []byte) error {
	id := s.replayID(k)
	return s.Store.EndReplay(ctx, id, s.Sealer.Seal("replay "+id, answer))
}

// DropReplay forgets a request that failed, so that it may be tried again. If that fails too, the claim runs out.
func (s *Service) DropReplay(ctx context.Context, k ReplayKey) {
	if err := s.Store.DropReplay(ctx, s.replayID(k)); err != nil {
		s.Log.Warn("forget a failed request", "route", k.Route, "error", err)
	}
}
