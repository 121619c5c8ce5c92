package access

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts decisions. A nil *Metrics counts nothing.
type Metrics struct {
	decisions *prometheus.CounterVec
	revoked   prometheus.Gauge
}

// NewMetrics registers the metrics of access.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_access_decisions_total", Help: "Who asked to watch a restricted broadcast, by its level and the outcome."}, []string{"level", "outcome"}),
		revoked:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "hawker_access_revocations", Help: "Revocations that grants are checked against."}),
	}
	r.MustRegister(m.decisions, m.revoked)
	return m
}

func (m *Metrics) decided(b Broadcast, err error) {
	if m == nil {
		return
	}
	level, outcome := string(b.Level), "granted"
	if b.TeamOnly {
		level = "team"
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrTokenBusy):
		outcome = "busy"
	case errors.Is(err, ErrFollow), errors.Is(err, ErrToken), errors.Is(err, ErrTokenRefused), errors.Is(err, ErrTeam):
		outcome = "refused"
	default:
		outcome = "failed"
	}
	m.decisions.WithLabelValues(level, outcome).Inc()
}

func (m *Metrics) took(size int) {
	if m != nil {
		m.revoked.Set(float64(size))
	}
}
