package poster

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts pictures. A nil *Metrics counts nothing.
type Metrics struct {
	pictures *prometheus.CounterVec
	answers  *prometheus.CounterVec
	seconds  prometheus.Counter
}

// NewMetrics registers the figures of posters.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		pictures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_posters_made_total", Help: "Pictures of broadcasts that ffmpeg made, by outcome."}, []string{"outcome"}),
		answers:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_posters_answered_total", Help: "Requests for pictures of broadcasts, by what was answered."}, []string{"answer"}),
		seconds:  prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_posters_seconds_total", Help: "Time that making pictures of broadcasts took."}),
	}
	r.MustRegister(m.pictures, m.answers, m.seconds)
	return m
}

func (m *Metrics) made(err error, took time.Duration) {
	if m == nil {
		return
	}
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	m.pictures.WithLabelValues(outcome).Inc()
	m.seconds.Add(max(0, took.Seconds()))
}

func (m *Metrics) answered(what string) {
	if m != nil {
		m.answers.WithLabelValues(what).Inc()
	}
}
