package streaming

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// PlayerMetrics counts the players of a protocol that watch by a connection of their own. A nil one counts nothing.
type PlayerMetrics struct {
	now   prometheus.Gauge
	bytes prometheus.Counter
	skips prometheus.Counter
	ends  *prometheus.CounterVec
}

// NewPlayerMetrics registers the figures of a protocol's players: rtmp, rtsp.
func NewPlayerMetrics(r prometheus.Registerer, protocol string) *PlayerMetrics {
	is, name := strings.ToUpper(protocol), "hawker_"+protocol
	m := &PlayerMetrics{
		now:   prometheus.NewGauge(prometheus.GaugeOpts{Name: name + "_viewers", Help: "Players that watch over " + is + "."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: name + "_sent_bytes_total", Help: "Bytes of media sent to " + is + " players."}),
		skips: prometheus.NewCounter(prometheus.CounterOpts{Name: name + "_skips_total", Help: "Times that a slow " + is + " player was brought to the newest key picture."}),
		ends:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: name + "_ended_total", Help: is + " players that ended, by reason."}, []string{"reason"}),
	}
	r.MustRegister(m.now, m.bytes, m.skips, m.ends)
	return m
}

// Viewers adds so many who watch now.
func (m *PlayerMetrics) Viewers(n int) {
	if m != nil {
		m.now.Add(float64(n))
	}
}

// Sent adds bytes of media.
func (m *PlayerMetrics) Sent(n int) {
	if m != nil {
		m.bytes.Add(float64(n))
	}
}

// Skipped counts one who was brought to the newest key picture.
func (m *PlayerMetrics) Skipped() {
	if m != nil {
		m.skips.Inc()
	}
}

// Ended counts one who is gone. Reasons are a few words of the protocol's own.
func (m *PlayerMetrics) Ended(reason string) {
	if m != nil {
		m.ends.WithLabelValues(reason).Inc()
	}
}
