package api

import (
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/account"
)

// Metrics counts what comes through the door. A nil *Metrics counts nothing.
type Metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refusals *prometheus.CounterVec
	replays  *prometheus.CounterVec
}

// NewMetrics registers the door's metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_api_requests_total", Help: "Answers of the API by route, method and status."}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hawker_api_request_seconds", Help: "Time from request to answer by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3, 10}}, []string{"route"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_api_refusals_total", Help: "Requests that were not admitted, by action and reason."}, []string{"action", "reason"}),
		replays:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_api_replays_total", Help: "Requests with an Idempotency-Key by outcome."}, []string{"outcome"}),
	}
	r.MustRegister(m.requests, m.seconds, m.refusals, m.replays)
	return m
}

func (m *Metrics) answered(route, verb string, status int, took time.Duration) {
	if m == nil {
		return
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, method(verb), strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (m *Metrics) refused(a account.Action, err error) {
	if m == nil {
		return
	}
	reason := "error"
	for _, r := range []struct {
		err  error
		name string
	}{
		{account.ErrUnauthenticated, "unauthenticated"}, {account.ErrForbidden, "forbidden"}, {account.ErrScope, "scope"},
		{account.ErrNotFound, "not_found"}, {ErrOrigin, "origin"},
	} {
		if errors.Is(err, r.err) {
			reason = r.name
		}
	}
	m.refusals.WithLabelValues(string(a), reason).Inc()
}

func (m *Metrics) replayed(outcome string) {
	if m != nil {
		m.replays.WithLabelValues(outcome).Inc()
	}
}
