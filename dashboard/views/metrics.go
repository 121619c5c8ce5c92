package views

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts viewers. A nil one counts nothing.
type Metrics struct {
	sessions *prometheus.CounterVec
	viewers  *prometheus.GaugeVec
	signals  *prometheus.CounterVec
	lateness *prometheus.HistogramVec
	frames   *prometheus.HistogramVec
	delay    *prometheus.HistogramVec
	drops    prometheus.Counter
}

// NewMetrics registers the figures.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_view_sessions_total", Help: "View sessions issued, by transport at the start and consent."}, []string{"transport", "consent"}),
		viewers:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hawker_viewers", Help: "Sessions with a heartbeat in the last ten seconds, per broadcast."}, []string{"broadcast"}),
		signals:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_view_signals_total", Help: "Players' messages, by kind or why they did not count."}, []string{"kind"}),
		lateness: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hawker_overlay_lateness_seconds", Help: "How much later than its frame a player showed an event, by transport.",
			Buckets: []float64{0, .017, .034, .067, .1, .2, .5, 1, 2, 5, 10}}, []string{"transport"}),
		frames: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hawker_overlay_lateness_frames", Help: "How many presented frames too late a player showed an event, by transport.",
			Buckets: []float64{0, 1, 2, 3, 5, 10, 30, 100}}, []string{"transport"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "hawker_viewer_delay_seconds", Help: "How far behind the live edge players say that they are, by transport.",
			Buckets: []float64{.1, .2, .3, .5, .8, 1.2, 2, 3, 5, 8, 15, 30}}, []string{"transport"}),
		drops: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_view_dropped_total", Help: "Clicks and facts beyond what is held."}),
	}
	reg.MustRegister(m.sessions, m.viewers, m.signals, m.lateness, m.frames, m.delay, m.drops)
	return m
}

func transportLabel(t string) string {
	if t == "" {
		return "unknown"
	}
	return t
}

func (m *Metrics) started(s Session) {
	if m == nil {
		return
	}
	consent := "no"
	if s.Consent {
		consent = "yes"
	}
	m.sessions.WithLabelValues(transportLabel(s.Transport), consent).Inc()
}

func (m *Metrics) watching(broadcast string, n int) {
	if m != nil {
		m.viewers.WithLabelValues(broadcast).Set(float64(n))
	}
}

func (m *Metrics) forget(broadcast string) {
	if m != nil {
		m.viewers.DeleteLabelValues(broadcast)
	}
}

func (m *Metrics) heard(kind string) {
	if m != nil {
		m.signals.WithLabelValues(kind).Inc()
	}
}

func (m *Metrics) late(transport string, ms, frames int64) {
	if m != nil {
		m.lateness.WithLabelValues(transportLabel(transport)).Observe((time.Duration(ms) * time.Millisecond).Seconds())
		m.frames.WithLabelValues(transportLabel(transport)).Observe(float64(frames))
	}
}

func (m *Metrics) lag(transport string, ms int64) {
	if m != nil && ms > 0 {
		m.delay.WithLabelValues(transportLabel(transport)).Observe((time.Duration(ms) * time.Millisecond).Seconds())
	}
}

func (m *Metrics) dropped() {
	if m != nil {
		m.drops.Inc()
	}
}
