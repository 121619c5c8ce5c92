package account

import (
	"context"
	"errors"
	"strings"
	"time"
)

const (
	sessionLife   = 30 * 24 * time.Hour // since the last day it was used
	sessionExtend = 24 * time.Hour      // how often a used session is written down
)

// Session is a log-in.
type Session struct {
	Digest  Digest
	Account string
	Created time.Time
	Expires time.Time
}

// LogIn checks a password and opens a session. An unknown e-mail costs the same time as a wrong password.
func (s *Service) LogIn(ctx context.Context, email, password string) (token string, expires time.Time, p *Principal, err error) {
	_, key, err := CleanEmail(email)
	if err != nil {
		key = "" // found by nobody
	}
	c := Credential{}
	if key != "" {
		c, err = s.Store.Credential(ctx, key, "")
		if err != nil && !errors.Is(err, ErrNotFound) {
			return "", time.Time{}, nil, err
		}
	}
	ok, weak, err := s.Passwords.verify(ctx, c.Hash, password)
	switch {
	case err != nil:
		s.Metrics.loggedIn("busy")
		return "", time.Time{}, nil, err
	case !ok:
		s.Metrics.loggedIn("refused")
		return "", time.Time{}, nil, ErrBadCredentials
	}
	if weak {
		s.strengthen(ctx, c.Account, password)
	}
	token, expires, p, err = s.OpenSession(ctx, c.Account)
	if err == nil {
		s.Metrics.loggedIn("ok")
	}
	return token, expires, p, err
}

// strengthen hashes a password anew with today's cost. It may fail: the next log-in tries again.
func (s *Service) strengthen(ctx context.Context, account, password string) {
	hash, err := s.Passwords.hash(ctx, password)
	if err == nil {
		err = s.Store.SetPassword(ctx, account, hash)
	}
	if err != nil {
		s.Log.Warn("strengthen a password hash", "account", account, "error", err)
	}
}

// OpenSession opens a session for an account whose identity was shown by other means.
func (s *Service) OpenSession(ctx context.Context, account string) (token string, expires time.Time, p *Principal, err error) {
	token, digest := newSecret(SessionPrefix)
	now := s.now()
	session := Session{Digest: digest, Account: account, Created: now, Expires: now.Add(sessionLife)}
	if err := s.Store.CreateSession(ctx, session); err != nil {
		return "", time.Time{}, nil, err
	}
	p, err = s.Authenticate(ctx, token)
	return token, session.Expires, p, err
}

// LogOut ends the principal's session; an API token has none to end.
func (s *Service) LogOut(ctx context.Context, p *Principal) error {
	if p.TokenID != "" {
		return ErrScope
	}
	err := s.Store.DeleteSession(ctx, p.session)
	s.cache.forget(p.session)
	if err == nil {
		s.lost(ctx, Lost{Account: p.AccountID, Login: p.Login()})
	}
	return err
}

// Authenticate tells whose session or API token this is. What was revoked on this node is refused at once, and
// elsewhere within a second.
func (s *Service) Authenticate(ctx context.Context, bearer string) (*Principal, error) {
	prefix := SessionPrefix
	if strings.HasPrefix(bearer, TokenPrefix) {
		prefix = TokenPrefix
	}
	d, ok := parseSecret(prefix, bearer)
	if !ok {
		return nil, ErrUnauthenticated
	}
	p, err := s.cache.get(ctx, d, s.now, func(ctx context.Context) (*Principal, error) { return s.load(ctx, d, prefix) })
	if errors.Is(err, ErrNotFound) {
		return nil, ErrUnauthenticated
	}
	return p, err
}

func (s *Service) load(ctx context.Context, d Digest, prefix string) (*Principal, error) {
	if prefix == TokenPrefix {
		p, err := s.Store.TokenPrincipal(ctx, d)
		if p.Scopes == nil {
			p.Scopes = []string{} // no scope at all is not the same as a session
		}
		return &p, err
	}
	now := s.now()
	p, session, err := s.Store.SessionPrincipal(ctx, d, now)
	if err != nil {
		return nil, err
	}
	p.session = d
	if session.Expires.Sub(now) < sessionLife-sessionExtend {
		if err := s.Store.ExtendSession(ctx, d, now.Add(sessionLife)); err != nil {
			s.Log.Warn("extend a session", "account", p.AccountID, "error", err)
		}
	}
	return &p, nil
}
