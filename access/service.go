package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

const (
	refreshEvery = 500 * time.Millisecond // what other nodes revoked is felt within a second
	sweepEvery   = time.Minute
	sweepMax     = 500 // rows per transaction
)

// Service is everything that one does with access. Fill the fields, Load it, then Run.
type Service struct {
	// Required.
	Store  Store
	Signer Signer
	Log    *slog.Logger

	// Shared says that other nodes write to the store too.
	Shared bool
	// OnRevoked, if set, is called after something was revoked: whoever has a session asks Check again. It must not
	// block.
	OnRevoked func()
	// Metrics may be nil.
	Metrics *Metrics
	// Now tells the time; it defaults to time.Now.
	Now func() time.Time

	revoked revoked
	seats   seats
}

// Load reads what is revoked.
func (s *Service) Load(ctx context.Context) error {
	all, err := s.Store.Revocations(ctx, s.now())
	if err != nil {
		return fmt.Errorf("load the revocations: %w", err)
	}
	news := false
	for _, r := range all {
		news = s.revoked.add(r, s.now()) || news
	}
	if news {
		s.changed()
	}
	return nil
}

// Run keeps the set of what is revoked fresh, and sweeps away what has ended, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	refresh, sweep := time.NewTicker(refreshEvery), time.NewTicker(sweepEvery)
	defer refresh.Stop()
	defer sweep.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-refresh.C:
			if s.Shared {
				err = s.Load(ctx)
			}
		case <-sweep.C:
			s.seats.sweep(s.now())
			for n := sweepMax; n == sweepMax && err == nil; {
				n, err = s.Store.Sweep(ctx, s.now(), sweepMax)
			}
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Error("keep access fresh", "error", err)
		}
	}
}

// Decide tells whether somebody may watch. Of an open broadcast there is no grant: everybody may.
func (s *Service) Decide(ctx context.Context, a Ask) (text string, err error) {
	if a.Broadcast.Open() {
		return "", nil
	}
	g, err := s.grant(ctx, a)
	s.Metrics.decided(a.Broadcast, err)
	if err != nil {
		return "", err
	}
	return g.sign(s.Signer)
}

func (s *Service) grant(ctx context.Context, a Ask) (Grant, error) {
	now := s.now()
	g := Grant{Broadcast: a.Broadcast.ID, Session: a.Session, Subject: a.Account, Login: a.Login, Issued: now, Expires: now.Add(grantLife)}
	if _, err := uuid.Parse(g.Session); err != nil {
		g.Session = uuid.Must(uuid.NewV7()).String()
	}
	if g.Login == "" {
		g.Login = noLogin
	}
	switch {
	case a.Team && a.Account != "":
		g.Way = ByTeam
		return g, nil
	case a.Broadcast.TeamOnly:
		return Grant{}, ErrTeam
	case a.Broadcast.Level == Followers:
		return s.byFollow(ctx, a, g)
	}
	return s.byToken(ctx, a, g)
}

func (s *Service) byFollow(ctx context.Context, a Ask, g Grant) (Grant, error) {
	if a.Account == "" {
		return Grant{}, ErrFollow
	}
	follows, err := s.Store.Follows(ctx, a.Account, a.Broadcast.Channel)
	if err != nil {
		return Grant{}, err
	}
	if !follows {
		return Grant{}, ErrFollow
	}
	g.Way = ByFollow
	return g, nil
}

func (s *Service) byToken(ctx context.Context, a Ask, g Grant) (Grant, error) {
	if a.Token == "" {
		return Grant{}, ErrToken
	}
	t, err := s.token(ctx, a.Token)
	if err != nil {
		return Grant{}, err
	}
	if t.Broadcast != a.Broadcast.ID {
		return Grant{}, ErrTokenRefused
	}
	if t.SessionsMax > 0 && !s.seats.take(t.ID, g.Session, t.SessionsMax, g.Issued) {
		return Grant{}, ErrTokenBusy
	}
	g.Way, g.Subject, g.Login = ByToken, t.ID, noLogin
	if t.Expires.Before(g.Expires) {
		g.Expires = t.Expires
	}
	return g, nil
}

// token finds a viewing token that has not run out.
func (s *Service) token(ctx context.Context, text string) (ViewingToken, error) {
	digest, ok := digestOf(text)
	if !ok {
		return ViewingToken{}, ErrTokenRefused
	}
	t, err := s.Store.Token(ctx, digest)
	if errors.Is(err, ErrNotFound) || err == nil && !s.now().Before(t.Expires) {
		return ViewingToken{}, ErrTokenRefused
	}
	return t, err
}

// Check tells whether a grant opens a broadcast now. It asks no database: a door may call it for every request.
func (s *Service) Check(text string, b Broadcast) (Grant, error) {
	g, said, key, mac, ok := parseGrant(text)
	if !ok || g.Broadcast != b.ID || !s.Signer.Verify(key, said, mac) || !s.now().Before(g.Expires) || !b.allows(g.Way) {
		return Grant{}, ErrGrant
	}
	if hard, soft := g.subjects(b.Channel); s.revoked.void(g.Issued, hard, soft) {
		return Grant{}, ErrGrant
	}
	if g.Way == ByToken {
		s.seats.touch(g.Subject, g.Session, s.now())
	}
	return g, nil
}

// allows tells whether who came by a way may watch at the present level.
func (b Broadcast) allows(w Way) bool {
	switch {
	case w == ByTeam, b.Open():
		return true
	case b.TeamOnly:
		return false
	}
	return w == ByFollow && b.Level == Followers || w == ByToken && b.Level == Token
}

// SessionOf is the session that a grant of ours names, valid or not; "" for anything else.
func (s *Service) SessionOf(text string) string {
	g, said, key, mac, ok := parseGrant(text)
	if !ok || !s.Signer.Verify(key, said, mac) {
		return ""
	}
	return g.Session
}

// Revoke takes back everything that was granted to a subject so far.
func (s *Service) Revoke(ctx context.Context, subject string) error {
	r := s.revocation(subject)
	if err := s.Store.Revoke(ctx, r); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	s.note(r)
	return nil
}

func (s *Service) revocation(subject string) Revocation {
	now := s.now()
	return Revocation{Subject: subject, At: now, Until: now.Add(grantLife)}
}

// note makes a stored revocation felt.
func (s *Service) note(r Revocation) {
	if s.revoked.add(r, s.now()) {
		s.Metrics.took(s.revoked.size())
		s.changed()
	}
}

// changed tells the doors to look again.
func (s *Service) changed() {
	if s.OnRevoked != nil {
		s.OnRevoked()
	}
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}
