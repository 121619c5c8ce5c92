package overlay

import (
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the feed does. A nil one counts nothing.
type Metrics struct {
	connections *prometheus.GaugeVec
	batches     *prometheus.CounterVec
	events      *prometheus.CounterVec
	conflated   prometheus.Counter
	lag         prometheus.Histogram
	bytes       prometheus.Counter
	late        prometheus.Histogram
	thinned     prometheus.Counter
	pass        prometheus.Histogram
	reach       prometheus.Histogram
	gaps        *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	drops       *prometheus.CounterVec
	uploads     *prometheus.CounterVec
	forwarded   *prometheus.CounterVec
}

// NewMetrics registers the feed's figures.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "hawker_feed_connections", Help: "Feeds that are open, by topic's sort and wire."}, []string{"topic", "wire"}),
		batches:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_batches_total", Help: "Batches encoded, by what made them leave: urgent, tick, full."}, []string{"lane"}),
		events:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_events_total", Help: "Events that left in batches, by lane."}, []string{"lane"}),
		conflated:   prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_feed_merged_total", Help: "Values replaced by a newer one of their key before they left."}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_feed_lag_seconds", Help: "From an event's making to its leaving in a batch.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_feed_bytes_total", Help: "Bytes written to feeds."}),
		late: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_feed_behind_batches", Help: "Batches that a reader lacked when its connection took more again; a batch is a tick or more.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128}}),
		pass: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_feed_pass_seconds", Help: "A walk of a core through its readers of one topic, writing to each what left: the last one is this late.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}}),
		reach: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_feed_reach_seconds", Help: "From a fact's making, such as a pin's API call, to its write to the last of a core's readers of the topic.",
			Buckets: []float64{.005, .01, .025, .05, .075, .1, .125, .15, .2, .3, .5, 1, 2.5, 5}}),
		thinned:   prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_feed_thinned_total", Help: "Chat messages left out of a tick that had too many."}),
		gaps:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_gaps_total", Help: "Readers told to reload: behind (too slow), position (came back too late), bus (history lost; once per room)."}, []string{"reason"}),
		refusals:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_refused_total", Help: "Feeds not opened, by reason."}, []string{"reason"}),
		drops:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_dropped_total", Help: "Feeds ended by us: stuck (does not read), silent (half open), refused (bad messages)."}, []string{"reason"}),
		uploads:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_uploads_total", Help: "Messages from viewers, by outcome."}, []string{"outcome"}),
		forwarded: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_feed_forwarded_total", Help: "Stock and price events handed from shops to broadcasts, by kind."}, []string{"kind"}),
	}
	reg.MustRegister(m.connections, m.batches, m.events, m.conflated, m.lag, m.bytes, m.late, m.thinned, m.pass, m.reach, m.gaps, m.refusals, m.drops, m.uploads, m.forwarded)
	return m
}

func (m *Metrics) connected(topic string, as wire, by float64) {
	if m == nil {
		return
	}
	sort, _, _ := strings.Cut(topic, "/")
	m.connections.WithLabelValues(sort, as.String()).Add(by)
}

func (m *Metrics) batch(lane string, events []entry, now time.Time) {
	if m == nil {
		return
	}
	m.batches.WithLabelValues(lane).Inc()
	m.events.WithLabelValues(lane).Add(float64(len(events)))
	for _, e := range events {
		m.lag.Observe(max(0, now.Sub(time.UnixMilli(e.event.At)).Seconds()))
	}
}

func (m *Metrics) merged() {
	if m != nil {
		m.conflated.Inc()
	}
}

// walked notes how long a pass took.
func (m *Metrics) walked(d time.Duration) {
	if m != nil {
		m.pass.Observe(d.Seconds())
	}
}

// reached notes that all of a core's readers have a fact that was made then, in Unix milliseconds.
func (m *Metrics) reached(made int64, now time.Time) {
	if m != nil && made != 0 {
		m.reach.Observe(max(0, now.Sub(time.UnixMilli(made)).Seconds()))
	}
}

func (m *Metrics) thin() {
	if m != nil {
		m.thinned.Inc()
	}
}

// behind notes by how many batches a slow reader was behind.
func (m *Metrics) behind(batches uint64) {
	if m != nil {
		m.late.Observe(float64(batches))
	}
}

func (m *Metrics) written(n int64) {
	if m != nil && n > 0 {
		m.bytes.Add(float64(n))
	}
}

func (m *Metrics) gap(reason string) {
	if m != nil {
		m.gaps.WithLabelValues(reason).Inc()
	}
}

func (m *Metrics) refused(err error) {
	if m == nil {
		return
	}
	reason := "access"
	for name, e := range map[string]error{"origin": ErrFeedOrigin, "full": ErrFeedFull, "address": ErrFeedAddress, "upgrade": ErrFeedUpgrade, "closed": ErrFeedClosed, "path": ErrFeedPath, "handshake": ErrFeedHandshake} {
		if errors.Is(err, e) {
			reason = name
		}
	}
	m.refusals.WithLabelValues(reason).Inc()
}

func (m *Metrics) dropped(reason string) {
	if m != nil {
		m.drops.WithLabelValues(reason).Inc()
	}
}

func (m *Metrics) upload(outcome string) {
	if m != nil {
		m.uploads.WithLabelValues(outcome).Inc()
	}
}

func (m *Metrics) forward(kind string) {
	if m != nil {
		m.forwarded.WithLabelValues(kind).Inc()
	}
}
