package ingest

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// DoorMetrics counts the connections of one listener. A nil one counts nothing.
type DoorMetrics struct {
	conns      prometheus.Gauge
	failed     prometheus.Counter
	turnedAway prometheus.Counter
	bytes      prometheus.Counter
}

// NewDoorMetrics registers the figures of a protocol's listener: hawker_rtmp_connections and so on.
func NewDoorMetrics(r prometheus.Registerer, protocol string) *DoorMetrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_" + protocol + "_" + name, Help: help})
	}
	m := &DoorMetrics{
		conns: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hawker_" + protocol + "_connections", Help: "Open " + strings.ToUpper(protocol) + " connections."}),
		failed:     counter("failed_total", "Connections that ended before they were admitted."),
		turnedAway: counter("turned_away_total", "Connections refused because there were too many."),
		bytes:      counter("received_bytes_total", "Bytes of media from admitted publishers."),
	}
	r.MustRegister(m.conns, m.failed, m.turnedAway, m.bytes)
	return m
}

// Opened counts a connection that was taken.
func (m *DoorMetrics) Opened() {
	if m != nil {
		m.conns.Inc()
	}
}

// Closed counts the end of a connection that was taken.
func (m *DoorMetrics) Closed() {
	if m != nil {
		m.conns.Dec()
	}
}

// Fail counts a connection that ended before it was admitted.
func (m *DoorMetrics) Fail() {
	if m != nil {
		m.failed.Inc()
	}
}

// TurnAway counts a connection that was refused because there were too many.
func (m *DoorMetrics) TurnAway() {
	if m != nil {
		m.turnedAway.Inc()
	}
}

// Received counts bytes of media from an admitted publisher.
func (m *DoorMetrics) Received(n int) {
	if m != nil {
		m.bytes.Add(float64(n))
	}
}
