package vod

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what is recorded. A nil one counts nothing.
type Metrics struct {
	recordings, spool, halted            prometheus.Gauge
	segments, bytes, losses, tries, sent prometheus.Counter
	requests                             *prometheus.CounterVec
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
		recordings: gauge("hawker_vod_recordings", "Renditions that are being recorded."),
		spool:      gauge("hawker_vod_spool_bytes", "Bytes on local disk that wait for the blob store."),
		halted:     gauge("hawker_vod_stopped", "1 while the disk or the blob store keeps recording from going on."),
		segments:   counter("hawker_vod_segments_total", "Segments stored."),
		bytes:      counter("hawker_vod_stored_bytes_total", "Bytes of the segments stored."),
		losses:     counter("hawker_vod_losses_total", "Times that something was not recorded."),
		tries:      counter("hawker_vod_upload_failures_total", "Uploads that failed and are tried again."),
		sent:       counter("hawker_vod_sent_bytes_total", "Bytes of recordings and their playlists sent."),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_vod_requests_total", Help: "Requests for replays."}, []string{"status"}),
	}
	r.MustRegister(m.recordings, m.spool, m.halted, m.segments, m.bytes, m.losses, m.tries, m.sent, m.requests)
	return m
}

func (m *Metrics) recording(d float64) {
	if m != nil {
		m.recordings.Add(d)
	}
}

func (m *Metrics) spooled(n int64) {
	if m != nil {
		m.spool.Add(float64(n))
	}
}

func (m *Metrics) stopped(yes bool) {
	if m == nil {
		return
	}
	m.halted.Set(0)
	if yes {
		m.halted.Set(1)
	}
}

func (m *Metrics) lost() {
	if m != nil {
		m.losses.Inc()
	}
}

func (m *Metrics) failed() {
	if m != nil {
		m.tries.Inc()
	}
}

func (m *Metrics) stored(n int64) {
	if m != nil {
		m.segments.Inc()
		m.bytes.Add(float64(n))
	}
}

func (m *Metrics) answered(status string) {
	if m != nil {
		m.requests.WithLabelValues(status).Inc()
	}
}

func (m *Metrics) bytesSent(n int64) {
	if m != nil {
		m.sent.Add(float64(n))
	}
}
