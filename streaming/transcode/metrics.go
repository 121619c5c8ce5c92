package transcode

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the legs. A nil one counts nothing.
type Metrics struct {
	legs, waiting prometheus.Gauge
	pictures      prometheus.Counter
	failures      prometheus.Counter
	skips         prometheus.Counter
}

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "hawker", Subsystem: "transcode", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hawker", Subsystem: "transcode", Name: name, Help: help})
	}
	m := &Metrics{
		legs: gauge("legs", "Broadcasts that are transcoded now."), waiting: gauge("legs_waiting", "Broadcasts whose ladder waits for a free place."),
		pictures: counter("pictures_total", "Pictures of all rungs put on air."), failures: counter("failures_total", "Times that ffmpeg failed."),
		skips: counter("skips_total", "Times that a leg was too slow and went on at a newer key picture."),
	}
	r.MustRegister(m.legs, m.waiting, m.pictures, m.failures, m.skips)
	return m
}

func (m *Metrics) running(legs, waiting int) {
	if m != nil {
		m.legs.Set(float64(legs))
		m.waiting.Set(float64(waiting))
	}
}

func (m *Metrics) picture() {
	if m != nil {
		m.pictures.Inc()
	}
}

func (m *Metrics) fail() {
	if m != nil {
		m.failures.Inc()
	}
}

func (m *Metrics) skip() {
	if m != nil {
		m.skips.Inc()
	}
}
