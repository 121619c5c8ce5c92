package whip

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts sessions. A nil one counts nothing.
type Metrics struct {
	sessions prometheus.Gauge
	answers  *prometheus.CounterVec
	lost     prometheus.Counter
	keys     prometheus.Counter
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hawker_whip_sessions", Help: "WebRTC publishers."}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_whip_answers_total", Help: "Answers to publishers' offers and refused requests, by status."}, []string{"status"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hawker_whip_lost_packets_total", Help: "Packets of publishers that never arrived in time."}),
		keys: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hawker_whip_key_requests_total", Help: "Key pictures that publishers were asked for."}),
	}
	r.MustRegister(m.sessions, m.answers, m.lost, m.keys)
	return m
}

func (m *Metrics) opened() {
	if m != nil {
		m.sessions.Inc()
	}
}

func (m *Metrics) closed() {
	if m != nil {
		m.sessions.Dec()
	}
}

func (m *Metrics) answered(status int) {
	if m != nil {
		m.answers.WithLabelValues(strconv.Itoa(status)).Inc()
	}
}

func (m *Metrics) lose(n uint64) {
	if m != nil {
		m.lost.Add(float64(n))
	}
}

func (m *Metrics) keyRequested() {
	if m != nil {
		m.keys.Inc()
	}
}
