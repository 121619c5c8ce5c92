package dashboard

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what is folded. A nil one counts nothing.
type Metrics struct {
	facts *prometheus.CounterVec
	lag   *prometheus.GaugeVec
}

// NewMetrics registers the figures.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		facts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_dashboard_facts_total", Help: "Facts folded into the seller's numbers, by source."}, []string{"source"}),
		lag:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hawker_dashboard_lag_seconds", Help: "Age of the newest fact when it was folded, by source."}, []string{"source"}),
	}
	reg.MustRegister(m.facts, m.lag)
	return m
}

func (m *Metrics) folded(source string, facts []Fact) {
	if m == nil || len(facts) == 0 {
		return
	}
	m.facts.WithLabelValues(source).Add(float64(len(facts)))
	m.lag.WithLabelValues(source).Set(max(0, time.Since(time.UnixMilli(facts[len(facts)-1].At)).Seconds()))
}
