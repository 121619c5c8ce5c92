package whep

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the figures of WHEP. A nil Metrics counts nothing.
type Metrics struct {
	viewers    *prometheus.GaugeVec
	halfOpen   prometheus.Gauge
	offers     *prometheus.CounterVec
	ended      *prometheus.CounterVec
	handshakes *prometheus.CounterVec
	setup      prometheus.Histogram
	dropped    *prometheus.CounterVec
	keys       prometheus.Counter
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		viewers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_whep_viewers", Help: "Viewers that receive media, by transport."}, []string{"transport"}),
		halfOpen: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hawker_whep_half_open", Help: "Sessions whose handshake has not ended; new ones are refused at 1000."}),
		offers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_whep_offers_total", Help: "Offers, by answer: ok or the problem's code."}, []string{"answer"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_whep_ended_total", Help: "Sessions that have ended, by reason."}, []string{"reason"}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_whep_handshakes_total", Help: "DTLS handshakes, by outcome."}, []string{"outcome"}),
		setup: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hawker_whep_setup_seconds", Help: "From the offer to the end of the handshake.",
			Buckets: []float64{.01, .02, .05, .1, .2, .5, 1, 2, 5, 10}}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_whep_dropped_datagrams_total", Help: "Datagrams that were not for us, by reason."}, []string{"reason"}),
		keys: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hawker_whep_key_requests_total", Help: "Key pictures that viewers asked for, before merging."}),
	}
	r.MustRegister(m.viewers, m.halfOpen, m.offers, m.ended, m.handshakes, m.setup, m.dropped, m.keys)
	return m
}

func (m *Metrics) viewer(transport string, n float64) {
	if m != nil {
		m.viewers.WithLabelValues(transport).Add(n)
	}
}

func (m *Metrics) waiting(n float64) {
	if m != nil {
		m.halfOpen.Add(n)
	}
}

func (m *Metrics) offer(answer string) {
	if m != nil {
		m.offers.WithLabelValues(answer).Inc()
	}
}

func (m *Metrics) end(reason string) {
	if m != nil {
		m.ended.WithLabelValues(reason).Inc()
	}
}

func (m *Metrics) handshake(outcome string, seconds float64) {
	if m == nil {
		return
	}
	m.handshakes.WithLabelValues(outcome).Inc()
	if outcome == "ok" {
		m.setup.Observe(seconds)
	}
}

// drop counts a datagram that was dropped.
func (m *Metrics) drop(reason string) {
	if m != nil {
		m.dropped.WithLabelValues(reason).Inc()
	}
}

func (m *Metrics) key() {
	if m != nil {
		m.keys.Inc()
	}
}
