package account

import (
	"context"
	"log/slog"
	"time"
)

const (
	sweepEvery = 10 * time.Minute
	sweepMax   = 500 // rows per transaction
)

// Service is everything that one does with accounts. Fill the fields, then Run.
type Service struct {
	// Required.
	Store  Store
	Sealer *Sealer
	Log    *slog.Logger

	// Passwords says what hashing costs; the zero value is right in production.
	Passwords Passwords
	// Keepers are the other rooms that keep something of a person. Erase and Export ask them too.
	Keepers []Keeper
	// OnRevoked is called after a stream key was revoked, and after an account lost the right to publish on a channel,
	// with the key's id or the account's PublisherID, so that whoever publishes with it is put out.
	OnRevoked func(channelID, keyID string)
	// OnLost is called after an account lost something that it may be watching by. It may take a moment.
	OnLost func(ctx context.Context, l Lost)
	// PublishSigner signs publish tokens. Without it there are none.
	PublishSigner *Signer
	// Metrics may be nil.
	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	cache principalCache
}

// Lost is what an account has lost: one log-in, its roles at some place, or, with neither, all that it was.
type Lost struct {
	Account string
	Login   string // Principal.Login of the session
	Roles   bool
}

func (s *Service) lost(ctx context.Context, l Lost) {
	if s.OnLost != nil {
		s.OnLost(context.WithoutCancel(ctx), l)
	}
}

// Run sweeps away what has expired, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for {
			n, err := s.Store.Sweep(ctx, s.now(), sweepMax)
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("sweep accounts", "error", err)
			}
			if err != nil || n < sweepMax {
				break
			}
		}
	}
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}
