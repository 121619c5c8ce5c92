package making

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/streaming/vod"
)

// Metrics counts what is made. A nil one counts nothing.
type Metrics struct {
	jobs    *prometheus.CounterVec
	seconds prometheus.Counter
}

// NewMetrics registers the figures.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		jobs:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "hawker_video_jobs_total", Help: "Jobs of videos that ended, by kind and result: done, again."}, []string{"kind", "result"}),
		seconds: prometheus.NewCounter(prometheus.CounterOpts{Name: "hawker_video_job_seconds_total", Help: "Time that jobs of videos took."}),
	}
	for _, kind := range []vod.JobKind{vod.JobProcess, vod.JobAnnounce} {
		for _, result := range []string{"done", "again"} {
			m.jobs.WithLabelValues(string(kind), result)
		}
	}
	r.MustRegister(m.jobs, m.seconds)
	return m
}

func (m *Metrics) ended(kind vod.JobKind, err error, took time.Duration) {
	if m == nil {
		return
	}
	result := "done"
	if err != nil {
		result = "again"
	}
	m.jobs.WithLabelValues(string(kind), result).Inc()
	m.seconds.Add(took.Seconds())
}
