package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/outbox"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
)

// samples gathers a collector's series as name{label="value",…} → value.
func samples(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := f.GetName() + "{" + strings.Join(labels, ",") + "}"
			out[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return out
}

// observed is a collector over a hub and databases of its own.
func observed(t *testing.T, now func() time.Time) *collector {
	t.Helper()
	dir := t.TempDir()
	c := &collector{
		shown: func(string) map[string]int { return map[string]int{"main": 2, "": 1} },
		hub:   &streaming.Hub{Wall: now}, silence: time.Second, data: dir, now: now,
		health: func(string) (ingest.Health, bool) { return ingest.Health{KeyIntervalMS: 2000, SkewMS: -40}, true },
		viewers: map[string]func(string) float64{
			"whep": func(string) float64 { return 3 }, "hls": func(string) float64 { return 1.5 },
		},
		cursor: func(context.Context, string) (int64, error) { return 1, nil },
	}
	for _, s := range []store.Schema{store.Hawker, store.Activity} {
		db, err := store.Open(t.Context(), store.Config{Dir: dir}, s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		c.databases = append(c.databases, db)
	}
	return c
}

func TestABroadcastHasItsSeriesAsLongAsItIsOnAir(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := observed(t, func() time.Time { return now })
	p, err := c.hub.Publish(t.Context(), "b1", []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(&streaming.Unit{Track: 1, Key: true, Payload: [][]byte{make([]byte, 700)}}); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"hawker_broadcast_state{broadcast=b1,state=live}":           1,
		"hawker_broadcast_silent_seconds{broadcast=b1}":             0,
		"hawker_broadcast_units_total{broadcast=b1}":                1,
		"hawker_broadcast_bytes_total{broadcast=b1}":                700,
		"hawker_broadcast_generation{broadcast=b1}":                 1,
		"hawker_broadcast_viewers{broadcast=b1,transport=whep}":     3,
		"hawker_broadcast_whep_viewers{broadcast=b1,encoding=main}": 2,
		"hawker_broadcast_whep_viewers{broadcast=b1,encoding=none}": 1,
		"hawker_broadcast_viewers{broadcast=b1,transport=hls}":      1.5,
		"hawker_ingest_key_interval_seconds{broadcast=b1}":          2,
		"hawker_ingest_skew_seconds{broadcast=b1}":                  -0.04,
		"hawker_database_up{database=hawker}":                       1,
		"hawker_database_up{database=activity}":                     1,
		"hawker_database_queue{database=hawker,lane=first}":         0,
		"hawker_database_queue_limit{database=hawker}":              1024,
		"hawker_outbox_waiting{database=hawker}":                    0,
		"hawker_outbox_waiting_seconds{database=hawker}":            0,
	}
	got := samples(t, c)
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, value)
		}
	}
	now = now.Add(3 * time.Second)
	got = samples(t, c)
	if got["hawker_broadcast_state{broadcast=b1,state=interrupted}"] != 1 || got["hawker_broadcast_silent_seconds{broadcast=b1}"] != 3 {
		t.Errorf("a silent broadcast is told as %v", got)
	}
	c.hub.End("b1")
	for name := range samples(t, c) {
		if strings.Contains(name, "b1") {
			t.Errorf("%s stays when the broadcast has ended", name)
		}
	}
}

func TestFactsThatWaitAreCountedWithTheirAge(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := observed(t, func() time.Time { return now })
	db := c.databases[0]
	add := func(n int, at time.Time) {
		var events []event.Event
		for range n {
			events = append(events, event.New("shop/s", "order.placed", 0, at, struct{}{}))
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error { return outbox.Append(t.Context(), tx, events...) }); err != nil {
			t.Fatal(err)
		}
	}
	add(4, now.Add(-time.Minute))
	got := samples(t, c)
	if got["hawker_outbox_waiting{database=hawker}"] != 4 || int(got["hawker_outbox_waiting_seconds{database=hawker}"]) != 60 {
		t.Errorf("four facts of a minute ago are told as %v", got)
	}
	relay := func(published int) {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if _, err := tx.Exec(t.Context(), `UPDATE outbox SET position = (SELECT COUNT(*) FROM outbox AS o WHERE o.id <= outbox.id) WHERE position IS NULL`); err != nil {
				return err
			}
			_, err := tx.Exec(t.Context(), `UPDATE outbox_relay SET published = $1 WHERE id = 1`, published)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	relay(4)
	add(2, now.Add(-time.Second))
	got = samples(t, c)
	for name, value := range map[string]float64{
		"hawker_outbox_waiting{database=hawker}":           2,
		"hawker_dashboard_behind{source=hawker}":           5, // the fold has read one
		"hawker_outbox_waiting{database=activity}":         0,
		"hawker_dashboard_behind_seconds{source=activity}": 0,
	} {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
	if age := got["hawker_dashboard_behind_seconds{source=hawker}"]; int(age) != 60 {
		t.Errorf("the oldest fact that is not folded is %v s old", age)
	}
}

func TestADatabaseThatDoesNotAnswerIsDownAndHidesNothingElse(t *testing.T) {
	t.Parallel()
	c := observed(t, time.Now)
	c.cursor = func(_ context.Context, source string) (int64, error) {
		if source == "hawker" {
			return 0, errors.New("gone")
		}
		return 0, nil
	}
	got := samples(t, c)
	if got["hawker_database_up{database=hawker}"] != 0 || got["hawker_database_up{database=activity}"] != 1 {
		t.Errorf("up: %v", got)
	}
	if got["hawker_disk_size_bytes{}"] <= 0 || got["hawker_database_file_bytes{database=activity,file=data}"] <= 0 {
		t.Error("the disk is not told")
	}
}

// scrape reads the running program's /metrics and returns the labels of each series' name.
func scrape(t *testing.T, a *app) map[string]map[string]bool {
	t.Helper()
	resp, err := http.Get("http://" + a.addresses["metrics"] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("/metrics answers %s", resp.Status)
	}
	series, label := regexp.MustCompile(`^([a-z_:][a-z0-9_:]*)(\{.*\})? `), regexp.MustCompile(`([a-z_]+)="(?:[^"\\]|\\.)*"`)
	out := map[string]map[string]bool{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		m := series.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		if out[m[1]] == nil {
			out[m[1]] = map[string]bool{}
		}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			out[m[1]][l[1]] = true
		}
	}
	return out
}
