package ingest

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts publishers. A nil one counts nothing.
type Metrics struct {
	sessions *prometheus.GaugeVec
	admitted *prometheus.CounterVec
	refused  *prometheus.CounterVec
	restarts *prometheus.CounterVec
	takes    *prometheus.CounterVec
	bitrate  *prometheus.GaugeVec
	fps      *prometheus.GaugeVec
	drift    *prometheus.GaugeVec
	frames   *prometheus.CounterVec
	dropped  *prometheus.CounterVec
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	protocol, broadcast := []string{"protocol"}, []string{"broadcast"}
	m := &Metrics{
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_ingest_sessions", Help: "Publishers that are connected and admitted."}, protocol),
		admitted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_ingest_admitted_total", Help: "Publishers that were let in."}, protocol),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_ingest_refused_total", Help: "Publishers with a wrong, rotated or missing stream key."}, protocol),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_ingest_restarts_total", Help: "Generations begun by a clock jump or a change of parameters."}, protocol),
		takes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_ingest_takeovers_total", Help: "Times that a publisher took the air from another: arrival, silence or studio."}, []string{"why"}),
		bitrate: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_ingest_bitrate", Help: "Bits per second that a broadcast's publisher sends."}, broadcast),
		fps: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_ingest_fps", Help: "Pictures per second that a broadcast's publisher sends."}, broadcast),
		drift: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "hawker_ingest_drift_seconds", Help: "Publisher's clock minus the wall."}, broadcast),
		frames: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_ingest_frames_total", Help: "Units that a broadcast's publisher brought on air."}, broadcast),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hawker_ingest_dropped_total", Help: "Units of a broadcast's publisher that could not be used."}, broadcast),
	}
	r.MustRegister(m.sessions, m.admitted, m.refused, m.restarts, m.takes, m.bitrate, m.fps, m.drift, m.frames, m.dropped)
	return m
}

func (m *Metrics) opened(protocol string) {
	if m != nil {
		m.sessions.WithLabelValues(protocol).Inc()
		m.admitted.WithLabelValues(protocol).Inc()
	}
}

func (m *Metrics) closedSession(protocol string) {
	if m != nil {
		m.sessions.WithLabelValues(protocol).Dec()
	}
}

func (m *Metrics) refuse(protocol string) {
	if m != nil {
		m.refused.WithLabelValues(protocol).Inc()
	}
}

func (m *Metrics) restart(protocol string) {
	if m != nil {
		m.restarts.WithLabelValues(protocol).Inc()
	}
}

func (m *Metrics) takeover(why string) {
	if m != nil {
		m.takes.WithLabelValues(why).Inc()
	}
}

// second tells the figures of a whole second; since is what was told before.
func (m *Metrics) second(h, since Health) {
	if m == nil || h.Broadcast == "" {
		return
	}
	m.bitrate.WithLabelValues(h.Broadcast).Set(float64(h.VideoBitrate + h.AudioBitrate))
	m.fps.WithLabelValues(h.Broadcast).Set(h.FPS)
	m.drift.WithLabelValues(h.Broadcast).Set(float64(h.DriftMS) / 1000)
	m.frames.WithLabelValues(h.Broadcast).Add(float64(h.Frames - since.Frames))
	m.dropped.WithLabelValues(h.Broadcast).Add(float64(h.Dropped - since.Dropped))
}

// forget removes a broadcast's figures.
func (m *Metrics) forget(broadcast string) {
	if m == nil || broadcast == "" {
		return
	}
	m.bitrate.DeleteLabelValues(broadcast)
	m.fps.DeleteLabelValues(broadcast)
	m.drift.DeleteLabelValues(broadcast)
	m.frames.DeleteLabelValues(broadcast)
	m.dropped.DeleteLabelValues(broadcast)
}
