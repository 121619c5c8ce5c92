package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
)

// collectWithin bounds what one scrape asks of the databases. One that does not answer is told as down.
const collectWithin = 2 * time.Second

// collector tells what no room counts by itself, because it is a state and not an event: it looks when it is scraped.
// Series with a broadcast's label exist for what is on air here and vanish with it.
type collector struct {
	hub     *streaming.Hub
	silence time.Duration
	health  func(broadcast string) (ingest.Health, bool)
	viewers map[string]func(broadcast string) float64 // by transport
	shown   func(broadcast string) map[string]int     // WebRTC viewers by encoding

	databases []*store.DB
	cursor    func(ctx context.Context, source string) (int64, error) // how far a database's facts are folded
	data      string                                                  // folder
	now       func() time.Time
}

// collector makes the collector of the running program.
func (a *app) collector() *collector {
	return &collector{
		hub: a.hub, silence: a.config.Broadcast.Silence, health: a.sessions.Health,
		viewers: map[string]func(string) float64{
			"whep": func(broadcast string) float64 { return float64(a.whep.Viewers(broadcast)) },
			"hls":  func(broadcast string) float64 { s, _ := a.hls.Stats(broadcast); return s.Viewers },
		},
		shown:     a.whep.Showing,
		databases: []*store.DB{a.main, a.activity}, cursor: a.fold.Store.Cursor, data: a.config.Data, now: time.Now,
	}
}

// measure is one series of the collector.
type measure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func gauge(name, help string, labels ...string) measure {
	return measure{prometheus.NewDesc("hawker_"+name, help, labels, nil), prometheus.GaugeValue}
}

func counter(name, help string, labels ...string) measure {
	return measure{prometheus.NewDesc("hawker_"+name, help, labels, nil), prometheus.CounterValue}
}

var (
	buildInfo = gauge("build_info", "Always 1; the labels say what runs.", "version", "go", "revision")

	onAirState   = gauge("broadcast_state", "1 for the state that a broadcast on air is in: live or interrupted.", "broadcast", "state")
	onAirSilent  = gauge("broadcast_silent_seconds", "Since the newest unit of a broadcast on air.", "broadcast")
	onAirUnits   = counter("broadcast_units_total", "Units written into a broadcast's ring since its stream began here.", "broadcast")
	onAirBytes   = counter("broadcast_bytes_total", "Payload bytes written into a broadcast's ring since its stream began here.", "broadcast")
	onAirReaders = gauge("broadcast_readers", "Readers of a broadcast's ring: packagers and fans, not viewers.", "broadcast")
	onAirSkipped = counter("broadcast_skipped_units_total", "Units that readers of a broadcast's ring were too slow for.", "broadcast")
	onAirBegun   = gauge("broadcast_generation", "Number of a broadcast's newest generation. It rises when a publisher comes back, changes or drifts.", "broadcast")
	onAirWatched = gauge("broadcast_viewers", "Viewers that get a broadcast's media from here, by transport; hls is an estimate from playlist requests.", "broadcast", "transport")

	onAirShown = gauge("broadcast_whep_viewers", "WebRTC viewers of a broadcast by the encoding that their link carries: main, a rendition's name, or none where it is sound alone.", "broadcast", "encoding")

	sentKeys = gauge("ingest_key_interval_seconds", "Between the last two key pictures of a broadcast's publisher.", "broadcast")
	sentSkew = gauge("ingest_skew_seconds", "How much later sound arrives than the picture of the same time.", "broadcast")
	sentLost = counter("ingest_lost_packets_total", "Packets lost on the way from a broadcast's publisher, where the protocol can tell.", "broadcast")

	dbUp      = gauge("database_up", "1 where a database answered this scrape.", "database")
	dbQueue   = gauge("database_queue", "Transactions that wait for the one writer of an embedded database, by lane.", "database", "lane")
	dbLimit   = gauge("database_queue_limit", "Transactions that may wait in a lane; beyond it callers wait for a place.", "database")
	dbInUse   = gauge("database_connections_in_use", "Connections that run a transaction.", "database")
	dbMost    = gauge("database_connections_limit", "Connections that there may be.", "database")
	dbWaited  = counter("database_connection_wait_seconds_total", "Time that transactions waited for a connection.", "database")
	dbBytes   = gauge("database_file_bytes", "Size of an embedded database's files: data, and wal, the log that is copied back each second.", "database", "file")
	unrelayed = gauge("outbox_waiting", "Facts that the bus has not been given yet.", "database")
	unrelAge  = gauge("outbox_waiting_seconds", "Age of the oldest of them.", "database")
	unfolded  = gauge("dashboard_behind", "Facts that are not in the sellers' figures yet, by source.", "source")
	unfoldAge = gauge("dashboard_behind_seconds", "Age of the oldest of them.", "source")

	diskFree = gauge("disk_free_bytes", "Free on the disk of the data folder, for who is not root.")
	diskSize = gauge("disk_size_bytes", "Size of the disk of the data folder.")
)

// Describe sends nothing: the series depend on what is on air. The names are checked by a test.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect looks at everything once.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	tell := func(m measure, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
	}
	tell(buildInfo, 1, version, runtime.Version(), revision())
	for _, s := range c.hub.Streams() {
		c.broadcast(s, tell)
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectWithin)
	defer cancel()
	for _, db := range c.databases {
		c.database(ctx, db, tell)
	}
	if free, size, ok := diskSpace(c.data); ok {
		tell(diskFree, free)
		tell(diskSize, size)
	}
}

type teller func(m measure, value float64, labels ...string)

func (c *collector) broadcast(s *streaming.Stream, tell teller) {
	state := "interrupted"
	if s.Active(c.silence) {
		state = "live"
	}
	tell(onAirState, 1, s.ID, state)
	stats := s.Stats()
	if !stats.Last.IsZero() {
		tell(onAirSilent, max(0, c.now().Sub(stats.Last).Seconds()), s.ID)
	}
	tell(onAirUnits, float64(stats.Units), s.ID)
	tell(onAirBytes, float64(stats.Bytes), s.ID)
	tell(onAirReaders, float64(stats.Readers), s.ID)
	tell(onAirSkipped, float64(stats.Lost), s.ID)
	if a, ok := s.Anchors().Newest(); ok {
		tell(onAirBegun, float64(a.Generation), s.ID)
	}
	for transport, viewers := range c.viewers {
		tell(onAirWatched, viewers(s.ID), s.ID, transport)
	}
	for encoding, viewers := range c.shown(s.ID) {
		if encoding == "" {
			encoding = "none"
		}
		tell(onAirShown, float64(viewers), s.ID, encoding)
	}
	if h, ok := c.health(s.ID); ok {
		tell(sentKeys, float64(h.KeyIntervalMS)/1000, s.ID)
		tell(sentSkew, float64(h.SkewMS)/1000, s.ID)
		tell(sentLost, float64(h.Lost), s.ID)
	}
}

func (c *collector) database(ctx context.Context, db *store.DB, tell teller) {
	name := string(db.Schema())
	load := db.Load()
	tell(dbQueue, float64(load.First), name, "first")
	tell(dbQueue, float64(load.Normal), name, "normal")
	tell(dbLimit, float64(load.LaneMax), name)
	tell(dbInUse, float64(load.InUse), name)
	tell(dbMost, float64(load.InUseMax), name)
	tell(dbWaited, load.Waited.Seconds(), name)
	if db.Engine() == store.SQLite {
		for file, suffix := range map[string]string{"data": "", "wal": "-wal"} {
			if info, err := os.Stat(filepath.Join(c.data, name+".db"+suffix)); err == nil {
				tell(dbBytes, float64(info.Size()), name, file)
			}
		}
	}
	if err := c.history(ctx, db, name, tell); err != nil {
		tell(dbUp, 0, name)
		return
	}
	tell(dbUp, 1, name)
}

// history tells how far a database's facts have come.
func (c *collector) history(ctx context.Context, db *store.DB, name string, tell teller) error {
	waiting, err := outbox.Waiting(ctx, db)
	if err != nil {
		return err
	}
	tell(unrelayed, float64(waiting.Events), name)
	tell(unrelAge, c.age(waiting), name)
	position, err := c.cursor(ctx, name)
	if err != nil {
		return err
	}
	behind, err := outbox.Behind(ctx, db, position)
	if err != nil {
		return err
	}
	tell(unfolded, float64(behind.Events), name)
	tell(unfoldAge, c.age(behind), name)
	return nil
}

func (c *collector) age(b outbox.Backlog) float64 {
	if b.Oldest.IsZero() {
		return 0
	}
	return max(0, c.now().Sub(b.Oldest).Seconds())
}

// revision is the commit that the binary was built from, where the build knew.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}

var _ prometheus.Collector = (*collector)(nil)
