package feed

import (
	"context"
	"time"

	"github.com/google/uuid"
)

const (
	boostLeast  = time.Minute
	boostMost   = 31 * 24 * time.Hour
	boostAhead  = 90 * 24 * time.Hour
	boostsOpen  = 20   // of a shop
	boostsKnown = 2000 // that run at a time; more are not shown until others are over
)

// BoostKind says who stands behind a boost. It is what the label says.
type BoostKind string

// The kinds.
const (
	Paid      BoostKind = "paid"      // the shop's own
	Editorial BoostKind = "editorial" // chosen by the operator
)

// Boost gives an item the boosted place for a time. Its row stays for good: who made it, who ended it, and when.
type Boost struct {
	ID, Shop, Item string
	Kind           BoostKind
	From, Until    time.Time
	By             string // account
	MadeAt         time.Time
	EndedBy        string
	EndedAt        time.Time // zero: it was not ended before its time
}

// Runs tells whether it is in force.
func (b Boost) Runs(now time.Time) bool {
	return !now.Before(b.From) && now.Before(b.Until) && b.EndedAt.IsZero()
}

// MakeBoost schedules a boost of something of a shop. The zero From means now.
func (s *Service) MakeBoost(ctx context.Context, b Boost) (Boost, error) {
	now := s.now()
	if b.From.Before(now) {
		b.From = now
	}
	b.From, b.Until = b.From.UTC().Truncate(time.Millisecond), b.Until.UTC().Truncate(time.Millisecond)
	if d := b.Until.Sub(b.From); d < boostLeast || d > boostMost || b.From.Sub(now) > boostAhead || b.Kind != Paid && b.Kind != Editorial {
		return b, ErrBoost
	}
	i, ok, err := s.Find(ctx, b.Item)
	if err != nil {
		return b, err
	}
	if !ok || i.Shop != b.Shop {
		return b, ErrBoostOf
	}
	b.ID, b.MadeAt = uuid.Must(uuid.NewV7()).String(), now
	if err := s.Store.AddBoost(ctx, b, boostsOpen, now); err != nil {
		return b, err
	}
	s.stale()
	return b, nil
}

// EndBoost ends one before its time. One that is over stays as it was.
func (s *Service) EndBoost(ctx context.Context, shop, id, by string) error {
	if err := s.Store.EndBoost(ctx, shop, id, by, s.now()); err != nil {
		return err
	}
	s.stale()
	return nil
}

// Boosts lists a shop's, newest first, those that are over too, each with how often it was seen.
func (s *Service) Boosts(ctx context.Context, shop string, limit int) ([]Boost, map[string]int64, error) {
	all, err := s.Store.Boosts(ctx, shop, limit)
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	for _, b := range all {
		ids = append(ids, b.Item)
	}
	counts, err := s.Store.Counts(ctx, ids)
	seen := map[string]int64{}
	for id, c := range counts {
		seen[id] = c.Boosted
	}
	return all, seen, err
}
