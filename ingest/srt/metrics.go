package srt

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts connections. A nil one counts nothing.
type Metrics struct {
	conns      prometheus.Gauge
	failed     prometheus.Counter
	turnedAway prometheus.Counter
	bytes      prometheus.Counter
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		conns: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hawker_srt_connections", Help: "Open SRT connections."}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hawker_srt_failed_total", Help: "Connections that ended before they were admitted."}),
		turnedAway: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hawker_srt_turned_away_total", Help: "Connections refused because there were too many."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hawker_srt_received_bytes_total", Help: "Bytes of media from admitted publishers."}),
	}
	r.MustRegister(m.conns, m.failed, m.turnedAway, m.bytes)
	return m
}

func (m *Metrics) opened() {
	if m != nil {
		m.conns.Inc()
	}
}

func (m *Metrics) closed() {
	if m != nil {
		m.conns.Dec()
	}
}

func (m *Metrics) fail() {
	if m != nil {
		m.failed.Inc()
	}
}

func (m *Metrics) turnAway() {
	if m != nil {
		m.turnedAway.Inc()
	}
}

func (m *Metrics) received(n int) {
	if m != nil {
		m.bytes.Add(float64(n))
	}
}
