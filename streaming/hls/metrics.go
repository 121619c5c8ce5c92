package hls

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the packagers make and the server sends. A nil one counts nothing.
type Metrics struct {
	packagers prometheus.Gauge
	held      prometheus.Gauge
	waiting   prometheus.Gauge
	parts     prometheus.Counter
	partBytes prometheus.Counter
	segments  prometheus.Counter
	playlists prometheus.Counter
	refused   prometheus.Counter
	silence   prometheus.Counter
	requests  *prometheus.CounterVec
	sent      *prometheus.CounterVec
	viewers   *prometheus.GaugeVec
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		packagers: gauge("hawker_hls_packagers", "Broadcasts that are being packaged."),
		held:      gauge("hawker_hls_held_bytes", "Bytes of parts kept in memory."),
		waiting:   gauge("hawker_hls_waiting", "Requests that wait for a part or a playlist."),
		parts:     counter("hawker_hls_parts_total", "Parts made."),
		partBytes: counter("hawker_hls_part_bytes_total", "Bytes of the parts made."),
		segments:  counter("hawker_hls_segments_total", "Segments completed."),
		playlists: counter("hawker_hls_playlists_total", "Media playlists rendered."),
		refused:   counter("hawker_hls_refused_units_total", "Units that could not be packaged."),
		silence:   counter("hawker_hls_silenced_parts_total", "Parts with silence for sound that did not come in time."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_hls_requests_total", Help: "Requests answered."}, []string{"kind", "status"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_hls_sent_bytes_total", Help: "Bytes of bodies sent."}, []string{"kind"}),
		viewers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_hls_viewers", Help: "Viewers of a broadcast, estimated from its playlist requests."}, []string{"broadcast"}),
	}
	r.MustRegister(m.packagers, m.held, m.waiting, m.parts, m.partBytes, m.segments, m.playlists, m.refused, m.silence,
		m.requests, m.sent, m.viewers)
	return m
}

func (m *Metrics) packaging(d float64) {
	if m != nil {
		m.packagers.Add(d)
	}
}

func (m *Metrics) wait(d float64) {
	if m != nil {
		m.waiting.Add(d)
	}
}

func (m *Metrics) made(bytes int) {
	if m != nil {
		m.parts.Inc()
		m.partBytes.Add(float64(bytes))
		m.held.Add(float64(bytes))
	}
}

func (m *Metrics) gone(bytes int) {
	if m != nil {
		m.held.Sub(float64(bytes))
	}
}

func (m *Metrics) shut() {
	if m != nil {
		m.segments.Inc()
	}
}

func (m *Metrics) rendered() {
	if m != nil {
		m.playlists.Inc()
	}
}

func (m *Metrics) trouble(refused, silenced int) {
	if m != nil {
		m.refused.Add(float64(refused))
		m.silence.Add(float64(silenced))
	}
}

func (m *Metrics) answered(kind string, status int, bytes int64) {
	if m != nil {
		m.requests.WithLabelValues(kind, strconv.Itoa(status)).Inc()
		m.sent.WithLabelValues(kind).Add(float64(bytes))
	}
}

func (m *Metrics) watched(broadcast string, viewers float64) {
	if m != nil {
		m.viewers.WithLabelValues(broadcast).Set(viewers)
	}
}

func (m *Metrics) unwatched(broadcast string) {
	if m != nil {
		m.viewers.DeleteLabelValues(broadcast)
	}
}
