package audio

import (
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the bridges do. A nil one counts nothing.
type Metrics struct {
	running  *prometheus.GaugeVec
	units    *prometheus.CounterVec
	failures *prometheus.CounterVec
	refusals *prometheus.CounterVec
	seconds  *prometheus.CounterVec
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	codec := []string{"codec"}
	m := &Metrics{
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_audio_bridges", Help: "Audio bridges that run, by the codec they make."}, codec),
		units: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_audio_units_total", Help: "Audio units that left a bridge."}, codec),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_audio_failures_total", Help: "Audio units that a decoder or encoder failed on; each became silence."}, codec),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_audio_refusals_total", Help: "Generations whose audio cannot be bridged."}, codec),
		seconds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_audio_busy_seconds_total", Help: "Time spent decoding and encoding audio."}, codec),
	}
	r.MustRegister(m.running, m.units, m.failures, m.refusals, m.seconds)
	return m
}

func (m *Metrics) started(c streaming.Codec) {
	if m != nil {
		m.running.WithLabelValues(string(c)).Inc()
	}
}

func (m *Metrics) stopped(c streaming.Codec) {
	if m != nil {
		m.running.WithLabelValues(string(c)).Dec()
	}
}

func (m *Metrics) made(c streaming.Codec) {
	if m != nil {
		m.units.WithLabelValues(string(c)).Inc()
	}
}

func (m *Metrics) fail(c streaming.Codec) {
	if m != nil {
		m.failures.WithLabelValues(string(c)).Inc()
	}
}

func (m *Metrics) refuse(c streaming.Codec) {
	if m != nil {
		m.refusals.WithLabelValues(string(c)).Inc()
	}
}

func (m *Metrics) spent(c streaming.Codec, d time.Duration) {
	if m != nil {
		m.seconds.WithLabelValues(string(c)).Add(d.Seconds())
	}
}
