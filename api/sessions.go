package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

type logInIn struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"256"`
	}
}

type logInOut struct {
	SetCookie string `header:"Set-Cookie"`
	Body      struct {
		Token   string    `json:"token" doc:"Give it as bearer token; browsers have it as cookie too."`
		Expires time.Time `json:"expires_at"`
		Account meBody    `json:"account"`
	}
}

type cookieOut struct {
	SetCookie string `header:"Set-Cookie"`
}

func (s *Server) routesSessions(r *router) {
	register(r, huma.Operation{
		Method: http.MethodPost, Path: "/v1/sessions", Summary: "Log in", Tags: []string{"accounts"}, DefaultStatus: http.StatusCreated,
	}, Needs{Public: true, OwnKey: true}, s.logIn)
	register(r, huma.Operation{
		Method: http.MethodDelete, Path: "/v1/sessions/current", Summary: "Log out", Tags: []string{"accounts"},
	}, Needs{Action: account.MeWrite}, s.logOut)
}

func (s *Server) logIn(ctx context.Context, in *logInIn) (*logInOut, error) {
	out := &logInOut{}
	err := s.guess(ctx, func() error {
		token, expires, p, err := s.Accounts.LogIn(ctx, in.Body.Email, in.Body.Password)
		if err != nil {
			return err
		}
		out.Body.Token, out.Body.Expires = token, expires
		out.Body.Account, err = s.meOf(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	// Another site must not log a browser in as somebody else.
	if raw := requestOf(ctx).raw; raw.Header.Get("Sec-Fetch-Site") == "" && raw.Header.Get("Origin") == "" || s.ownOrigin(raw) {
		out.SetCookie = s.cookie(out.Body.Token, out.Body.Expires)
	}
	return out, nil
}

func (s *Server) logOut(ctx context.Context, _ *struct{}) (*cookieOut, error) {
	if err := s.Accounts.LogOut(ctx, caller(ctx)); err != nil {
		return nil, err
	}
	return &cookieOut{SetCookie: s.cookie("", time.Time{})}, nil
}

// cookie is the session's, or what deletes it.
func (s *Server) cookie(token string, expires time.Time) string {
	c := http.Cookie{Name: s.cookieName(), Value: token, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode, Expires: expires}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// isWrong tells whether somebody guessed a password.
func isWrong(err error) bool {
	return errors.Is(err, account.ErrBadCredentials) || errors.Is(err, account.ErrWrongPassword)
}
