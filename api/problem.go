package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming"
)

const problemBase = "https://hawker.live/problems/"

// Problem is an RFC 9457 answer. Type and Code are stable; Title, Detail and Errors are for people.
type Problem struct {
	Type    string         `json:"type" format:"uri" doc:"Names the kind of problem."`
	Title   string         `json:"title"`
	Status  int            `json:"status"`
	Detail  string         `json:"detail,omitempty"`
	Code    string         `json:"code" doc:"The last part of type."`
	Request string         `json:"request,omitempty" doc:"The id under which our log knows this request."`
	Errors  []ProblemField `json:"errors,omitempty" doc:"Which parts of the request are wrong."`

	retryAfter time.Duration
}

// ProblemField is one wrong part of a request.
type ProblemField struct {
	Location string `json:"location,omitempty" doc:"Such as body.lines[0].quantity."`
	Message  string `json:"message"`
}

// Error makes a Problem an error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status; huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json; huma asks for it.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders adds Retry-After where waiting helps; huma asks for it.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="hawker"`)
	}
	return h
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

// meaning is what an expected outcome is in HTTP.
type meaning struct {
	err    error
	status int
	slug   string
	title  string
	retry  time.Duration // Retry-After
}

// meanings is the one table from the domains' sentinels to HTTP. The first row that fits counts. A test lists
// every exported Err… of the domains and fails if one is missing here.
var meanings = []meaning{
	{account.ErrUnauthenticated, 401, "unauthenticated", "Log in first", 0},
	{account.ErrBadCredentials, 401, "bad-credentials", "E-mail and password do not match an account", 0},
	{account.ErrKeyRevoked, 401, "stream-key-refused", "The stream key is not, or no longer, valid", 0},
	{account.ErrWrongPassword, 403, "wrong-password", "The password is not the account's", 0},
	{account.ErrForbidden, 403, "forbidden", "Your role does not allow this", 0},
	{account.ErrScope, 403, "scope-missing", "This needs an API token with another scope", 0},
	{ErrOrigin, 403, "foreign-origin", "The request comes from another site", 0},
	{account.ErrNotFound, 404, "not-found", "There is no such thing, or it is not yours", 0},
	{streaming.ErrNotFound, 404, "not-found", "There is no such broadcast", 0},
	{streaming.ErrMove, 409, "wrong-state", "The broadcast's state does not allow this", 0},
	{streaming.ErrOnAirElse, 409, "on-air-elsewhere", "The channel is on air with another broadcast", 0},
	{streaming.ErrOffAir, 409, "off-air", "The broadcast is not on air", 2 * time.Second},
	{streaming.ErrEnded, 409, "ended", "The broadcast has ended", 0},
	{streaming.ErrTitle, 422, "bad-title", "A title has 1 to 120 characters and no control characters", 0},
	{streaming.ErrStartsAt, 422, "bad-start", "A broadcast starts between now and a year from now", 0},
	{account.ErrHandleTaken, 409, "handle-taken", "This handle is taken", 0},
	{account.ErrLastOwner, 409, "last-owner", "The last owner cannot leave; hand over first", 0},
	{account.ErrReplayRunning, 409, "key-in-use", "A request with this idempotency key is still running", time.Second},
	{account.ErrReplayOther, 422, "key-reused", "The idempotency key was used with another request", 0},
	{account.ErrBadEmail, 422, "bad-email", "This is not an e-mail address", 0},
	{account.ErrWeakPassword, 422, "weak-password", "The password is too short, too long, too common, or part of the name or e-mail", 0},
	{account.ErrBadText, 422, "bad-text", "A name is empty, too long, or holds control characters", 0},
	{account.ErrBadLocale, 422, "bad-locale", "The locale is not a language tag", 0},
	{account.ErrBadCurrency, 422, "bad-currency", "The currency is not an ISO 4217 code", 0},
	{account.ErrBadTimeZone, 422, "bad-time-zone", "The time zone is not known", 0},
	{account.ErrBadHandle, 422, "bad-handle", "A handle has 3 to 30 of a-z, 0-9 and inner hyphens, and is not a reserved word", 0},
	{account.ErrBadAddress, 422, "bad-address", "The address lacks a part or a part is too long", 0},
	{account.ErrBadCountry, 422, "bad-country", "The country is not an ISO 3166 code of two letters", 0},
	{account.ErrBadScope, 422, "bad-scope", "There is no such scope", 0},
	{account.ErrBadRole, 422, "bad-role", "There is no such role here", 0},
	{account.ErrTooMany, 422, "too-many", "The limit for this kind of thing is reached", 0},
	{ErrBadCursor, 422, "bad-cursor", "The cursor is not one of ours", 0},
	{ErrBadKey, 422, "bad-key", "An idempotency key has 1 to 128 visible ASCII characters", 0},
	{ErrLimited, 429, "limited", "Too many attempts from this address", time.Minute},
	{account.ErrBusy, 503, "busy", "Too many log-ins at once", 2 * time.Second},
	{account.ErrSecretKey, 500, "internal", "Something went wrong on our side", 0},
	{context.DeadlineExceeded, 503, "timeout", "This took too long", time.Second},
	{context.Canceled, 499, "cancelled", "The request was given up", 0},
}

// detailed is an error that carries a sentence for the caller.
type detailed interface{ ProblemDetail() string }

// waiting is an error that knows how long to wait.
type waiting interface{ RetryAfter() time.Duration }

// problem is what an error looks like outside. What is not expected is logged here and told without its text.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	q := requestOf(ctx)
	var ready *Problem
	if errors.As(err, &ready) {
		p := *ready
		p.Request = q.id
		return &p
	}
	for _, m := range meanings {
		if !errors.Is(err, m.err) {
			continue
		}
		if m.status == http.StatusInternalServerError {
			break
		}
		p := problemFor(m.status, m.slug, "")
		p.Title, p.Request, p.retryAfter = m.title, q.id, m.retry
		var d detailed
		if errors.As(err, &d) {
			p.Detail = d.ProblemDetail()
		}
		var w waiting
		if errors.As(err, &w) {
			p.retryAfter = w.RetryAfter()
		}
		return p
	}
	s.Log.Error("request failed", "request", q.id, "route", q.route, "error", err)
	return internal(q.id)
}

func internal(request string) *Problem {
	p := problemFor(http.StatusInternalServerError, "internal", "")
	p.Title, p.Request = "Something went wrong on our side", request
	return p
}

// problemFor makes a problem of the door itself.
func problemFor(status int, slug, detail string) *Problem {
	return &Problem{Type: problemBase + slug, Title: http.StatusText(status), Status: status, Detail: detail, Code: slug}
}

// invalid is a problem of one part of a request that huma's schema cannot express.
func invalid(location, message string) *Problem {
	p := problemFor(http.StatusUnprocessableEntity, "invalid", "A part of the request is wrong.")
	p.Errors = []ProblemField{{location, message}}
	return p
}

// write answers a problem outside of huma.
func (s *Server) write(c *gin.Context, p *Problem) {
	if p.Request == "" {
		p.Request = requestOf(c.Request.Context()).id
	}
	for k, v := range p.GetHeaders() {
		c.Writer.Header()[k] = v
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	c.Data(p.Status, "application/problem+json", b)
	c.Abort()
}

// ours turns huma's own errors (validation, media type, size) into our problems. Values are left out: they would
// echo passwords.
func ours(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	slug := "invalid"
	switch e.Status {
	case http.StatusRequestEntityTooLarge:
		slug = "body-too-large"
	case http.StatusUnsupportedMediaType:
		slug = "media-type"
	case http.StatusNotAcceptable:
		slug = "not-acceptable"
	case http.StatusRequestTimeout:
		slug = "body-too-slow"
	case http.StatusInternalServerError:
		slug = "internal"
	}
	p := problemFor(e.Status, slug, e.Detail)
	p.Request = requestOf(ctx.Context()).id
	for _, d := range e.Errors {
		if d != nil && slug != "internal" {
			p.Errors = append(p.Errors, ProblemField{d.Location, d.Message})
		}
	}
	return p, nil
}

func problemResponse(schemas huma.Registry) *huma.Response {
	return &huma.Response{Description: "A problem (RFC 9457)", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")},
	}}
}
