package account

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts who comes in. A nil *Metrics counts nothing. Refusals of a role are counted at the door (api).
type Metrics struct{ signups, logins, publishes *prometheus.CounterVec }

// NewMetrics registers the metrics.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"})
	}
	m := &Metrics{
		signups:   counter("hawker_account_signups_total", "Sign-ups: new, or the e-mail was taken."),
		logins:    counter("hawker_account_logins_total", "Log-ins: ok, refused, or shed because too many came at once."),
		publishes: counter("hawker_account_publish_authorizations_total", "Stream keys and publish tokens shown: ok, refused, malformed."),
	}
	r.MustRegister(m.signups, m.logins, m.publishes)
	return m
}

func (m *Metrics) signedUp(outcome string) {
	if m != nil {
		m.signups.WithLabelValues(outcome).Inc()
	}
}

func (m *Metrics) loggedIn(outcome string) {
	if m != nil {
		m.logins.WithLabelValues(outcome).Inc()
	}
}

func (m *Metrics) published(outcome string) {
	if m != nil {
		m.publishes.WithLabelValues(outcome).Inc()
	}
}
