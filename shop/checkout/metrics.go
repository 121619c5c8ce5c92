package checkout

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/shop"
)

// Metrics are what an operator sees of the checkout. All methods work on nil.
type Metrics struct {
	batchClaims, batchNews, applySeconds, checkoutSeconds prometheus.Histogram
	outcomes, settlements, charges, refunds, finds        *prometheus.CounterVec
	failures, yields                                      prometheus.Counter
	allocator                                             atomic.Pointer[Allocator]
}

// NewMetrics registers the checkout's figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	sizes := []float64{1, 2, 5, 10, 20, 50, 100, 200, 500}
	times := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "hawker_checkout_" + name, Help: help, Buckets: buckets})
	}
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_checkout_" + name, Help: help}, []string{label})
	}
	m := &Metrics{
		batchClaims:     histogram("batch_claims", "Claims per transaction.", sizes),
		batchNews:       histogram("batch_settlements", "Settlements per transaction.", sizes),
		applySeconds:    histogram("transaction_seconds", "Time of one transaction, its commit included.", times),
		checkoutSeconds: histogram("seconds", "Time from a checkout's arrival to its answer.", times),
		outcomes:        counter("outcomes_total", "Checkouts by how they were answered.", "outcome"),
		settlements:     counter("settlements_total", "Settlements by what they did.", "kind"),
		charges:         counter("charges_total", "Charges by the provider's answer.", "answer"),
		refunds:         counter("refunds_total", "Refunds by the provider's answer.", "answer"),
		finds:           counter("finds_total", "Orders that ended before the provider had said what became of the charge, by its answer when it is asked.", "answer"),
		failures:        prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_checkout_failed_transactions_total", Help: "Transactions that failed and were tried again or halved."}),
	}
	m.yields = prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_checkout_yields_total", Help: "Pauses between two batches because live sending was late."})
	gauge := func(name, help string, value func(a *Allocator) float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "hawker_checkout_" + name, Help: help}, func() float64 {
			if a := m.allocator.Load(); a != nil {
				return value(a)
			}
			return 0
		})
	}
	r.MustRegister(m.batchClaims, m.batchNews, m.applySeconds, m.checkoutSeconds, m.outcomes, m.settlements, m.charges, m.refunds, m.finds, m.failures, m.yields,
		gauge("inbox_depth", "Claims that wait.", func(a *Allocator) float64 { return float64(len(a.claims)) }),
		gauge("inbox_limit", "Claims that may wait; beyond it they are turned away.", func(a *Allocator) float64 { return float64(a.InboxMax) }),
		gauge("wait_seconds", "Estimated wait of a claim for its batch; beyond checkout.queue_for claims are turned away.", func(a *Allocator) float64 { return a.Wait().Seconds() }),
		gauge("queue", "Buyers who wait in line.", func(a *Allocator) float64 { return float64(a.Room.Waiting()) }),
		gauge("queue_held", "Requests of theirs that are held until there is news.", func(a *Allocator) float64 { return float64(a.Room.Held()) }),
		gauge("settlements_waiting", "Settlements that wait.", func(a *Allocator) float64 { return float64(len(a.news)) }),
		gauge("charges_waiting", "Charges that wait for a worker.", func(a *Allocator) float64 { return float64(len(a.charges)) }),
		gauge("open", "Claims, settlements and charges that are not finished.", func(a *Allocator) float64 { return float64(a.open.Load()) }))
	return m
}

func (m *Metrics) watch(a *Allocator) {
	if m != nil {
		m.allocator.Store(a)
	}
}

func (m *Metrics) batch(claims, news int) {
	if m != nil {
		m.batchClaims.Observe(float64(claims))
		m.batchNews.Observe(float64(news))
	}
}

func (m *Metrics) failed() {
	if m != nil {
		m.failures.Inc()
	}
}

func (m *Metrics) shed() {
	if m != nil {
		m.outcomes.WithLabelValues("shed").Inc()
	}
}

func (m *Metrics) yielded() {
	if m != nil {
		m.yields.Inc()
	}
}

// now is the clock of the figures; it is written down nowhere.
func now() time.Time { return time.Now() }

func (m *Metrics) applied() func() {
	if m == nil {
		return func() {}
	}
	started := now()
	return func() { m.applySeconds.Observe(now().Sub(started).Seconds()) }
}

func (m *Metrics) settled(kind shop.SettlementKind, s shop.Settled) {
	if m == nil {
		return
	}
	what := string(kind)
	switch {
	case s.Err != nil:
		what += "_refused"
	case s.Refund:
		what += "_given_back"
	case !s.Changed:
		what += "_repeated"
	}
	m.settlements.WithLabelValues(what).Inc()
}

func (m *Metrics) charge(answer string) {
	if m != nil {
		m.charges.WithLabelValues(answer).Inc()
	}
}

func (m *Metrics) refund(answer string) {
	if m != nil {
		m.refunds.WithLabelValues(answer).Inc()
	}
}

func (m *Metrics) found(answer string) {
	if m != nil {
		m.finds.WithLabelValues(answer).Inc()
	}
}

func (m *Metrics) begin() time.Time {
	if m == nil {
		return time.Time{}
	}
	return now()
}

func (m *Metrics) end(started time.Time, r Receipt, err error) {
	if m == nil {
		return
	}
	m.checkoutSeconds.Observe(now().Sub(started).Seconds())
	m.outcomes.WithLabelValues(outcomeOf(r, err)).Inc()
}

var outcomes = []struct {
	err  error
	name string
}{
	{shop.ErrSoldOut, "sold_out"}, {shop.ErrNotOpen, "not_open"}, {shop.ErrLimited, "limited"}, {shop.ErrQueued, "queued"}, {shop.ErrTooFast, "too_fast"}, {shop.ErrBusy, "shed"}, {shop.ErrUnavailable, "unknown"}, {shop.ErrKeyReused, "key_reused"},
}

func outcomeOf(r Receipt, err error) string {
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o.name
		}
	}
	switch {
	case err != nil:
		return "refused"
	case r.Known:
		return "repeated"
	}
	if r.Claim != nil {
		return string(r.Claim.State)
	}
	return string(r.Orders[0].State)
}
