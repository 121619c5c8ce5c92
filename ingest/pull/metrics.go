package pull

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts sources. A nil one counts nothing.
type Metrics struct {
	now  prometheus.Gauge
	ends *prometheus.CounterVec
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		now: prometheus.NewGauge(prometheus.GaugeOpts{Name: "hawker_pull_live", Help: "Sources that are fetched and bring media."}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_pull_ended_total", Help: "Attempts to fetch a source that ended, by reason."}, []string{"reason"}),
	}
	r.MustRegister(m.now, m.ends)
	return m
}

func (m *Metrics) live(n int) {
	if m != nil {
		m.now.Add(float64(n))
	}
}

func (m *Metrics) ended(why Reason) {
	if m != nil {
		m.ends.WithLabelValues(string(why)).Inc()
	}
}
