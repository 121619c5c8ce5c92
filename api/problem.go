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

	"github.com/hawkerlive/hawker/shop"
	"github.com/hawkerlive/hawker/shop/checkout"
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
	OpensAt *time.Time     `json:"opens_at,omitempty" doc:"Where the sale has not opened yet: when it does."`
	Queue   *queueBody     `json:"queue,omitempty" doc:"Where more want to buy than can: the caller's place in the queue."`

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

// detailed is an error that carries a sentence for the caller.
type detailed interface{ ProblemDetail() string }

// located is an error that knows which part of the request is wrong.
type located interface {
	ProblemField() (location, message string)
}

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
		var l located
		if errors.As(err, &l) {
			location, message := l.ProblemField()
			p.Errors = []ProblemField{{location, message}}
		}
		var place *checkout.QueuedError
		if errors.As(err, &place) {
			p.Queue = queueOf(place.Standing)
		}
		var closed *shop.NotOpenError
		if errors.As(err, &closed) {
			p.OpensAt, p.retryAfter = moment(closed.OpensAt), max(time.Second, closed.OpensAt.Sub(s.Now()).Truncate(time.Second)+time.Second)
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
