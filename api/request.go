package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/shop/checkout"
)

const bodyMax = 1 << 20 // bytes of a request body where the route does not say otherwise

// request is what we know of a request while it runs. One goroutine fills it before the handler starts.
type request struct {
	id        string
	route     string
	address   netip.Addr
	principal *account.Principal
	cookie    bool // the principal came, or failed to come, from the cookie
	owner     account.Owner
	key       string // Idempotency-Key
	raw       *http.Request
	writer    http.ResponseWriter
	ticket    checkout.Ticket // of a checkout that was read the fast way
}

// host is the Host header, "" outside of a request.
func (q *request) host() string {
	if q.raw == nil {
		return ""
	}
	return q.raw.Host
}

type requestKey struct{}

// requestOf returns the request of a handler's context, or an empty one outside of a request.
func requestOf(ctx context.Context) *request {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q
	}
	return &request{}
}

// caller is who sent the request; nil for nobody, which only public routes see.
func caller(ctx context.Context) *account.Principal { return requestOf(ctx).principal }

// ownerOf is to whom the thing belongs that the route's Needs name.
func ownerOf(ctx context.Context) account.Owner { return requestOf(ctx).owner }

// observe gives the request its id and tells how it ended.
func (s *Server) observe(c *gin.Context) {
	start := time.Now()
	q := &request{
		id: uuid.Must(uuid.NewV7()).String(), address: s.address(c.Request), key: c.GetHeader("Idempotency-Key"),
		raw: c.Request, writer: c.Writer,
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), requestKey{}, q))
	c.Header("X-Request-Id", q.id)
	c.Next()
	s.answered(c.Request.Context(), q, c.Request.Method, c.Writer.Status(), max(0, c.Writer.Size()), time.Since(start))
}

// method keeps invented methods out of logs and metrics.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// recover turns a panic into a problem and a log line with its stack.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v)
		}
		q := requestOf(c.Request.Context())
		s.Log.Error("panic in a handler", "request", q.id, "route", q.route, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			c.Abort()
			return
		}
		s.write(c, internal(q.id))
	}()
	c.Next()
}
