package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// idOut is the answer of a POST that made something.
type idOut struct {
	Body struct {
		ID string `json:"id"`
	}
}

// madeID answers the id of what was made.
func madeID(id string) *idOut {
	out := &idOut{}
	out.Body.ID = id
	return out
}

type signUpIn struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"256" doc:"At least 8 characters."`
		Name     string `json:"name" maxLength:"320"`
		Locale   string `json:"locale,omitempty" maxLength:"35" doc:"BCP 47; English if absent."`
	}
}

func (s *Server) routesAccounts(r *router) {
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/accounts", Summary: "Sign up", Tags: []string{"accounts"}, DefaultStatus: http.StatusCreated,
		Description: "The answer does not tell whether the e-mail is taken: an id comes in any case, and the log-in that follows works only with the account's own password.",
	}, Needs{Public: true}, s.signUp)
}

func (s *Server) signUp(ctx context.Context, in *signUpIn) (*idOut, error) {
	if err := s.attempt(ctx, s.door.signups); err != nil {
		return nil, err
	}
	id, err := s.Accounts.SignUp(ctx, account.SignUp{Email: in.Body.Email, Password: in.Body.Password, Name: in.Body.Name, Locale: in.Body.Locale})
	if err != nil {
		return nil, err
	}
	return madeID(id), nil
}

// attempt counts one attempt of the request's address.
func (s *Server) attempt(ctx context.Context, l *limiter) error {
	q := requestOf(ctx)
	if !s.limited(q.address) {
		return nil
	}
	if wait, ok := l.take(q.address, s.Now()); !ok {
		return limitedError{wait}
	}
	return nil
}

// succeeded takes the attempt back.
func (s *Server) succeeded(ctx context.Context, l *limiter) {
	if q := requestOf(ctx); s.limited(q.address) {
		l.giveBack(q.address)
	}
}

// guess runs something that checks a password; only a wrong one counts against the address.
func (s *Server) guess(ctx context.Context, check func() error) error {
	if err := s.attempt(ctx, s.door.failed); err != nil {
		return err
	}
	err := check()
	if !isWrong(err) {
		s.succeeded(ctx, s.door.failed)
	}
	return err
}

// limitedError is ErrLimited with the time to wait.
type limitedError struct{ wait time.Duration }

func (e limitedError) Error() string             { return ErrLimited.Error() }
func (e limitedError) Unwrap() error             { return ErrLimited }
func (e limitedError) RetryAfter() time.Duration { return e.wait }
