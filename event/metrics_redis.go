package event

import "github.com/prometheus/client_golang/prometheus"

// RedisMetrics counts what the bus does. A nil one counts nothing.
type RedisMetrics struct {
	events, resets prometheus.Counter
	errors         *prometheus.CounterVec
	parts          prometheus.Gauge
}

// NewRedisMetrics registers the figures.
func NewRedisMetrics(reg prometheus.Registerer) *RedisMetrics {
	m := &RedisMetrics{
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_bus_published_total", Help: "Events that Redis took."}),
		resets: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_bus_resets_total", Help: "Times that a partition's readers were told of a gap: Redis was emptied, restarted, taken over or out of reach."}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_bus_errors_total", Help: "Calls to Redis that failed, by what they were for."}, []string{"call"}),
		parts:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "hawker_bus_partitions_away", Help: "Partitions that this node carries alone because Redis does not answer."}),
	}
	reg.MustRegister(m.events, m.resets, m.errors, m.parts)
	return m
}

func (m *RedisMetrics) published(n int) {
	if m != nil {
		m.events.Add(float64(n))
	}
}

func (m *RedisMetrics) failed(call string) {
	if m != nil {
		m.errors.WithLabelValues(call).Inc()
	}
}

func (m *RedisMetrics) reset() {
	if m != nil {
		m.resets.Inc()
	}
}

func (m *RedisMetrics) away(n float64) {
	if m != nil {
		m.parts.Add(n)
	}
}
