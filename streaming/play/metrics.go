package play

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts RTMP players. A nil *Metrics counts nothing.
type Metrics struct {
	now   prometheus.Gauge
	bytes prometheus.Counter
	skips prometheus.Counter
	ends  *prometheus.CounterVec
}

// NewMetrics registers the figures of RTMP play.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		now:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "hawker_rtmp_viewers", Help: "Players that watch over RTMP."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_rtmp_sent_bytes_total", Help: "Bytes of media sent to RTMP players."}),
		skips: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_rtmp_skips_total", Help: "Times that a slow RTMP player was brought to the newest key picture."}),
		ends:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_rtmp_ended_total", Help: "RTMP players that ended, by reason."}, []string{"reason"}),
	}
	r.MustRegister(m.now, m.bytes, m.skips, m.ends)
	return m
}

func (m *Metrics) viewers(n int) {
	if m != nil {
		m.now.Add(float64(n))
	}
}

func (m *Metrics) sent(n int) {
	if m != nil {
		m.bytes.Add(float64(n))
	}
}

func (m *Metrics) skipped() {
	if m != nil {
		m.skips.Inc()
	}
}

func (m *Metrics) ended(err error) {
	if m == nil {
		return
	}
	reason := "left"
	switch {
	case err == nil:
		reason = "ended"
	case errors.Is(err, ErrRevoked):
		reason = "revoked"
	case errors.Is(err, ErrCodec), errors.Is(err, ErrChanged):
		reason = "codec"
	case errors.Is(err, context.Canceled):
		reason = "stopped"
	}
	m.ends.WithLabelValues(reason).Inc()
}
