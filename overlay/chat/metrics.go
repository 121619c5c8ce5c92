package chat

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what is said. A nil one counts nothing.
type Metrics struct {
	messages *prometheus.CounterVec
	waiting  prometheus.Gauge
	batch    prometheus.Histogram
	took     prometheus.Histogram
	actions  *prometheus.CounterVec
	unsent   prometheus.Counter
}

// NewMetrics registers the figures.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_chat_messages_total", Help: "Chat messages, by what became of them: shown, held, again (sent twice), or why they were refused."}, []string{"outcome"}),
		waiting:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "hawker_chat_waiting", Help: "Chat messages that wait to be stored; at 2,000 more are refused."}),
		batch:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_chat_batch_messages", Help: "Chat messages stored in one transaction.", Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200}}),
		took:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_chat_seconds", Help: "From a chat message's arrival until it was stored and sent.", Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}),
		actions:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_chat_moderation_total", Help: "What moderators did, by action."}, []string{"action"}),
		unsent:   prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_chat_unsent_total", Help: "Messages that were stored and that the bus did not take: they are in the history only."}),
	}
	reg.MustRegister(m.messages, m.waiting, m.batch, m.took, m.actions, m.unsent)
	for _, outcome := range []string{"shown", "held", "again", "refused"} {
		m.messages.WithLabelValues(outcome)
	}
	return m
}

var outcomes = map[error]string{
	ErrGuest: "guest", ErrText: "text", ErrTooLong: "long", ErrOff: "off", ErrEnded: "ended", ErrSlow: "slow", ErrTooFast: "fast", ErrRepeated: "repeated",
	ErrFollowers: "followers", ErrNewcomer: "newcomer", ErrMuted: "muted", ErrBanned: "banned", ErrWord: "word", ErrLink: "link", ErrReply: "reply", ErrBusy: "busy", ErrStopping: "stopping",
}

func (m *Metrics) answered(r Result, err error, took time.Duration) {
	if m == nil {
		return
	}
	outcome := string(r.State)
	if r.Again {
		outcome = "again"
	}
	if err != nil {
		outcome = "refused"
		for known, name := range outcomes {
			if errors.Is(err, known) {
				outcome = name
			}
		}
	}
	m.messages.WithLabelValues(outcome).Inc()
	m.took.Observe(took.Seconds())
}

func (m *Metrics) queued(n int) {
	if m != nil {
		m.waiting.Set(float64(n))
	}
}

func (m *Metrics) stored(n int) {
	if m != nil {
		m.batch.Observe(float64(n))
	}
}

func (m *Metrics) acted(action string) {
	if m != nil {
		m.actions.WithLabelValues(action).Inc()
	}
}

func (m *Metrics) lost(n int) {
	if m != nil {
		m.unsent.Add(float64(n))
	}
}
