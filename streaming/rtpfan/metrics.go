package rtpfan

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the figures of packetizing and sending. A nil Metrics counts nothing.
type Metrics struct {
	fans       prometheus.Gauge
	packets    prometheus.Counter
	refused    prometheus.Counter
	sent       prometheus.Counter
	sentBytes  prometheus.Counter
	datagrams  prometheus.Counter
	calls      prometheus.Counter
	failed     prometheus.Counter
	resent     prometheus.Counter
	unanswered *prometheus.CounterVec
	skipped    prometheus.Counter
	behind     prometheus.Histogram
	choices    *prometheus.CounterVec
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		fans: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hawker_rtpfan_streams", Help: "Streams that are packetized for WebRTC viewers."}),
		packets:   counter("hawker_rtpfan_packetized_packets_total", "RTP packets made, once per stream."),
		refused:   counter("hawker_rtpfan_refused_units_total", "Audio units that could not be packetized."),
		sent:      counter("hawker_rtpfan_sent_packets_total", "SRTP packets sent to viewers."),
		sentBytes: counter("hawker_rtpfan_sent_bytes_total", "SRTP bytes sent to viewers."),
		datagrams: counter("hawker_rtpfan_sent_trains_total", "Messages handed to the kernel; one carries up to 64 packets where it segments."),
		calls:     counter("hawker_rtpfan_send_calls_total", "System calls that sent them."),
		failed:    counter("hawker_rtpfan_failed_sends_total", "Messages that the kernel refused."),
		resent:    counter("hawker_rtpfan_resent_packets_total", "Packets sent again on request."),
		unanswered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_rtpfan_unanswered_nacks_total", Help: "Requested packets that were not sent again, by reason."},
			[]string{"reason"}),
		skipped: counter("hawker_rtpfan_skipped_viewers_total", "Times that a viewer was too slow and went on at the newest key picture."),
		behind: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hawker_rtpfan_round_seconds", Help: "Time to send what was new to all viewers of an egress.",
			Buckets: []float64{.0001, .0005, .001, .002, .005, .01, .02, .05, .1, .5}}),
	}
	m.choices = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hawker_rtpfan_rendition_changes_total",
		Help: "Viewers that changed to another rendition, by why: up, down, gone, picked; dark: to sound alone."},
		[]string{"why"})
	r.MustRegister(m.choices, m.fans, m.packets, m.refused, m.sent, m.sentBytes, m.datagrams, m.calls, m.failed, m.resent,
		m.unanswered, m.skipped, m.behind)
	return m
}

func (m *Metrics) fan(n float64) {
	if m != nil {
		m.fans.Add(n)
	}
}

func (m *Metrics) packetized(n int) {
	if m != nil {
		m.packets.Add(float64(n))
	}
}

func (m *Metrics) refuse() {
	if m != nil {
		m.refused.Inc()
	}
}

func (m *Metrics) flushed(packets, bytes, trains, calls, failed int) {
	if m == nil {
		return
	}
	m.sent.Add(float64(packets))
	m.sentBytes.Add(float64(bytes))
	m.datagrams.Add(float64(trains))
	m.calls.Add(float64(calls))
	m.failed.Add(float64(failed))
}

func (m *Metrics) resend() {
	if m != nil {
		m.resent.Inc()
	}
}

// leave counts a packet that was asked for and not sent again.
func (m *Metrics) leave(reason string) {
	if m != nil {
		m.unanswered.WithLabelValues(reason).Inc()
	}
}

// chose counts a change of rendition.
func (m *Metrics) chose(why string) {
	if m != nil {
		m.choices.WithLabelValues(why).Inc()
	}
}

func (m *Metrics) skip() {
	if m != nil {
		m.skipped.Inc()
	}
}

func (m *Metrics) round(seconds float64) {
	if m != nil {
		m.behind.Observe(seconds)
	}
}
