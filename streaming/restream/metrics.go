package restream

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts targets. A nil one counts nothing.
type Metrics struct {
	now     prometheus.Gauge
	bytes   prometheus.Counter
	drops   prometheus.Counter
	endings *prometheus.CounterVec
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		now:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "hawker_restream_live", Help: "Targets that are being pushed to."}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_restream_sent_bytes_total", Help: "Bytes of media that targets took."}),
		drops: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_restream_dropped_units_total", Help: "Pictures and sounds that targets were too slow for."}),
		endings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_restream_ended_total", Help: "Attempts to push to a target that ended before their broadcast, by reason."}, []string{"reason"}),
	}
	r.MustRegister(m.now, m.bytes, m.drops, m.endings)
	return m
}

func (m *Metrics) live(n int) {
	if m != nil {
		m.now.Add(float64(n))
	}
}

func (m *Metrics) sent(n int) {
	if m != nil {
		m.bytes.Add(float64(n))
	}
}

func (m *Metrics) drop(n uint64) {
	if m != nil {
		m.drops.Add(float64(n))
	}
}

func (m *Metrics) ended(why Reason) {
	if m != nil {
		m.endings.WithLabelValues(string(why)).Inc()
	}
}
