package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hawkerlive/hawker/shop/checkout"
)

const checkoutPath = "/v1/checkout"

// texts are bodies on their way in and out.
var texts = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// Headers of every answer of the fast way. They are shared: nobody changes them.
var (
	fastJSON    = []string{"application/json"}
	fastProblem = []string{"application/problem+json"}
	fastHeaders = map[string][]string{}
)

func init() {
	for name, value := range safeHeaders {
		fastHeaders[name] = []string{value}
	}
}

// ServeHTTP is the way in. POST /v1/checkout has a way of its own, which does the same with a tenth of the work; what
// that does not take goes on to gin with all that was read of it.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == checkoutPath && d.fast != nil {
		way := d.fast
		if d.turnstile.takes(r) {
			way = d.turnstile.pass
		}
		if way(w, r) {
			return
		}
	}
	d.engine.ServeHTTP(w, r)
}

// buyFast is s.buy without gin, huma and reflection, for bodies that scanWish reads. The route that huma knows stays
// the truth: it declares the types, the limits and the problems, and it answers whatever is unusual.
func (s *Server) buyFast(w http.ResponseWriter, r *http.Request) (done bool) {
	return s.buyCounted(w, r, s.Checkout.Enter())
}

// buyCounted is buyFast for a request that was counted when it came in.
func (s *Server) buyCounted(w http.ResponseWriter, r *http.Request, ticket checkout.Ticket) (done bool) {
	defer func() { ticket.Leave() }()
	if !usual(r) {
		return false
	}
	start := time.Now()
	in := texts.Get().(*[]byte)
	defer texts.Put(in)
	length := int(r.ContentLength)
	if cap(*in) < length {
		*in = make([]byte, 0, scanMax)
	}
	read, err := io.ReadFull(r.Body, (*in)[:length])
	if err == nil && s.turnedAway(r, (*in)[:read]) {
		id := newRequestID()
		status, _ := answerFast(w, id, nil, busy(id))
		s.Metrics.answered(checkoutPath, http.MethodPost, status, time.Since(start))
		return true
	}
	wish, ok := scanWish((*in)[:read])
	if err != nil || !ok {
		// The general way reads it again: what was read, then the rest or the same failure.
		r.Body = &again{Reader: io.MultiReader(strings.NewReader(string((*in)[:read])), r.Body), Closer: r.Body}
		return false
	}
	q := &request{id: newRequestID(), route: checkoutPath, address: s.address(r), raw: r, writer: w, key: r.Header.Get("Idempotency-Key")}
	q.ticket, ticket = ticket, checkout.Ticket{}
	defer q.ticket.Leave()
	ctx := context.WithValue(r.Context(), requestKey{}, q)
	status, size := 0, 0
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.Log.Error("panic in a handler", "request", q.id, "route", q.route, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			if status == 0 {
				status, size = answerFast(w, q.id, nil, internal(q.id))
			}
		}
		s.answered(ctx, q, http.MethodPost, status, size, time.Since(start))
		done = true
	}()
	// The deadline for reading the body must not end the connection while the handler works.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	out, err := s.admitFast(ctx, r, q, wish)
	var p *Problem
	if err != nil {
		p = s.problem(ctx, err)
	}
	status, size = answerFast(w, q.id, out, p)
	return true
}

// turnedAway tells whether an integrator's checkout would wait too long: it is told so before anything is done for it,
// who it is included. People, and who asks for a place in the queue, get one.
func (s *Server) turnedAway(r *http.Request, body []byte) bool {
	return byToken(r) && !bytes.Contains(body, []byte(`"queue"`)) && !bytes.Contains(body, []byte(`"place"`)) && s.Checkout.TurnsAway()
}

func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

// busy is shop.ErrBusy's problem.
func busy(id string) *Problem {
	p := problemFor(http.StatusServiceUnavailable, "busy", "")
	p.Title, p.Request, p.retryAfter = "Too many orders at once", id, time.Second
	return p
}

// admitFast is admission and the handler.
func (s *Server) admitFast(ctx context.Context, r *http.Request, q *request, wish checkoutWish) (*checkoutOut, error) {
	if err := s.identify(r, q); err != nil && !q.cookie { // an old cookie does not lock a public route
		s.Metrics.refused("", err)
		return nil, err
	}
	return s.buy(ctx, &checkoutIn{Key: q.key, Body: wish})
}

// answerFast writes a receipt or a problem.
func answerFast(w http.ResponseWriter, id string, out *checkoutOut, p *Problem) (status, size int) {
	b := texts.Get().(*[]byte)
	defer texts.Put(b)
	h := w.Header()
	for name, value := range fastHeaders {
		h[name] = value
	}
	h["X-Request-Id"] = []string{id}
	if status = http.StatusCreated; out != nil && out.Status != 0 {
		status = out.Status
	}
	if p != nil {
		status = p.Status
		h["Content-Type"] = fastProblem
		for name, value := range p.GetHeaders() {
			h[name] = value
		}
		*b = appendProblem((*b)[:0], p)
	} else {
		h["Content-Type"] = fastJSON
		*b = appendReceipt((*b)[:0], &out.Body)
	}
	h["Content-Length"] = []string{strconv.Itoa(len(*b))}
	w.WriteHeader(status)
	_, _ = w.Write(*b) // whoever hung up asks again with the same key
	return status, len(*b)
}

// usual tells whether a request's head holds nothing that needs the general way.
func usual(r *http.Request) bool {
	h := r.Header
	if r.ContentLength <= 0 || r.ContentLength > scanMax || r.URL.RawQuery != "" || len(h["Content-Encoding"]) > 0 || len(h["Expect"]) > 0 {
		return false
	}
	if t := h["Content-Type"]; len(t) == 0 || (t[0] != "application/json" && !strings.HasPrefix(t[0], "application/json;")) {
		return false
	}
	if a := h["Accept"]; len(a) > 1 || (len(a) == 1 && a[0] != "*/*" && a[0] != "application/json") {
		return false
	}
	keys := h["Idempotency-Key"]
	return len(keys) == 0 || (len(keys) == 1 && len(keys[0]) <= 255)
}

// again is a body that was read in part.
type again struct {
	io.Reader
	io.Closer
}

// answered counts and logs how a request ended: the route, never the path or the query, which may hold secrets or
// somebody's name; no address either.
func (s *Server) answered(ctx context.Context, q *request, verb string, status, size int, took time.Duration) {
	s.Metrics.answered(q.route, verb, status, took)
	level := slog.LevelDebug
	if status >= 500 && status != http.StatusServiceUnavailable {
		level = slog.LevelWarn
	}
	if !s.Log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request", q.id), slog.String("method", method(verb)), slog.String("route", q.route),
		slog.Int("status", status), slog.Int("bytes", size), slog.Duration("took", took),
	}
	if q.principal != nil {
		attrs = append(attrs, slog.String("account", q.principal.AccountID))
	}
	s.Log.LogAttrs(ctx, level, "request", attrs...)
}
