package views_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/dashboard/views"
	"github.com/hawkerlive/hawker/dashboard/views/viewstest"
	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/event/eventtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type house struct {
	*views.Service
	store *viewstest.Model
	bus   *event.Memory
	t     *testing.T
}

// run runs test with a service in a bubble of its own time.
func run(t *testing.T, test func(h *house)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &house{store: &viewstest.Model{}, bus: event.NewMemory(event.MemoryConfig{}), t: t}
		h.Service = &views.Service{Store: h.store, Bus: h.bus, Log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		synctest.Wait()
		test(h)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func (h *house) watch(s views.Start) views.Session {
	h.t.Helper()
	v, err := h.Watch(context.Background(), s)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *house) say(v views.Session, format string, args ...any) {
	h.t.Helper()
	if err := h.Hear(event.BroadcastTopic(v.Broadcast), v.ID, fmt.Appendf(nil, format, args...)); err != nil {
		h.t.Fatal(err)
	}
}

const playing = `{"kind":"heartbeat","transport":"whep","media_time":5.25,"lag_ms":300,"playing":true}`

// counted adds up what the facts say.
func (h *house) counted() (views_, clicks int, impressions int64, samples []int) {
	for _, e := range h.store.Facts() {
		var c views.Counted
		if err := json.Unmarshal(e.Data, &c); err != nil {
			h.t.Fatal(err)
		}
		views_ += len(c.Views)
		clicks += len(c.Clicks)
		for _, i := range c.Impressions {
			impressions += i.Count
		}
		if c.Viewers != nil {
			samples = append(samples, *c.Viewers)
		}
	}
	return views_, clicks, impressions, samples
}

func TestViewersNowHaveAHeartbeatInTenSeconds(t *testing.T) {
	run(t, func(h *house) {
		sub, err := h.bus.Subscribe(context.Background(), event.BroadcastTopic("b"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer sub.Close()
		one, two := h.watch(views.Start{Broadcast: "b"}), h.watch(views.Start{Broadcast: "b"})
		h.watch(views.Start{Broadcast: "b"}) // never says anything
		for range 4 {
			h.say(one, playing)
			h.say(two, playing)
			time.Sleep(5 * time.Second)
		}
		if n := h.Viewers("b"); n != 2 {
			t.Fatalf("%d viewers, want 2", n)
		}
		for range 3 {
			h.say(one, playing)
			time.Sleep(5 * time.Second)
		}
		if n := h.Viewers("b"); n != 1 {
			t.Fatalf("%d viewers after one left, want 1", n)
		}
		time.Sleep(20 * time.Second)
		if n := h.Viewers("b"); n != 0 {
			t.Fatalf("%d viewers after all left", n)
		}
		var told []int
		for _, e := range eventtest.Read(t, sub, 3) {
			var data views.ViewersFact
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			told = append(told, data.Viewers)
		}
		if fmt.Sprint(told) != "[2 1 0]" {
			t.Fatalf("told %v: each change once, and no more", told)
		}
		_, _, _, samples := h.counted()
		if len(samples) < 5 || samples[len(samples)-1] != 0 {
			t.Fatalf("samples %v", samples)
		}
	})
}

func TestAViewIsAPlayerShownForThreeSeconds(t *testing.T) {
	run(t, func(h *house) {
		short, paused, long := h.watch(views.Start{Broadcast: "b"}), h.watch(views.Start{Broadcast: "b"}), h.watch(views.Start{Broadcast: "b"})
		time.Sleep(2 * time.Second)
		h.say(short, playing)
		for range 3 {
			h.say(paused, `{"kind":"heartbeat","transport":"hls","playing":false}`)
			h.say(long, playing)
			time.Sleep(5 * time.Second)
		}
		if n, _, _, _ := h.counted(); n != 1 {
			t.Fatalf("%d views, want 1", n)
		}
	})
}

func TestAReloadWithinHalfAnHourIsTheSameView(t *testing.T) {
	run(t, func(h *house) {
		start := views.Start{Broadcast: "b", Consent: true}
		first := h.watch(start)
		start.Visitor = first.Visitor
		time.Sleep(29 * time.Minute)
		if again := h.watch(start); again.ID != first.ID {
			t.Fatal("a reload after 29 min is another session")
		}
		h.say(first, playing)
		time.Sleep(29 * time.Minute)
		if again := h.watch(start); again.ID != first.ID {
			t.Fatal("a session in use ended")
		}
		time.Sleep(31 * time.Minute)
		later := h.watch(start)
		if later.ID == first.ID || later.Visitor != first.Visitor {
			t.Fatalf("after 31 min: %+v, first %+v", later, first)
		}
		other := start
		other.Broadcast = "c"
		if v := h.watch(other); v.ID == later.ID || v.Visitor != first.Visitor {
			t.Fatalf("another broadcast: %+v", v)
		}
	})
}

func TestWithoutConsentNothingTiesSessionsTogether(t *testing.T) {
	run(t, func(h *house) {
		known := h.watch(views.Start{Broadcast: "b", Consent: true})
		one := h.watch(views.Start{Broadcast: "b", Visitor: known.Visitor})
		two := h.watch(views.Start{Broadcast: "b", Visitor: known.Visitor})
		if one.ID == two.ID || one.Visitor == two.Visitor || one.Visitor == known.Visitor {
			t.Fatalf("%+v %+v", one, two)
		}
		h.say(one, `{"kind":"click","product":"p","pin":"pin-1","media_time":7}`)
		h.say(known, `{"kind":"click","product":"p"}`)
		time.Sleep(2 * time.Second)
		var sessions []string
		for _, e := range h.store.Facts() {
			var c views.Counted
			_ = json.Unmarshal(e.Data, &c)
			for _, click := range c.Clicks {
				sessions = append(sessions, click.Session)
			}
		}
		if fmt.Sprint(sessions) != fmt.Sprint([]string{"", known.ID}) {
			t.Fatalf("clicks name the sessions %v", sessions)
		}
	})
}

func TestSignalsCostNoWriteEach(t *testing.T) {
	run(t, func(h *house) {
		v := h.watch(views.Start{Broadcast: "b", Consent: true})
		for second := range 100 {
			for n := range 15 {
				h.say(v, `{"kind":"impression","product":"p%d","pin":"x%d"}`, n, second)
				h.say(v, `{"kind":"click","product":"p"}`)
			}
			for range 100 { // not heard
				h.say(v, `{"kind":"impression","product":"p","pin":"x"}`)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Second)
		_, clicks, impressions, _ := h.counted()
		// 15 products by each of 100 pins, until 1,024 products and pins are remembered.
		if impressions != 960 || clicks != 1000 {
			t.Fatalf("%d impressions, %d clicks: want 960, and 1000 clicks of one session at most", impressions, clicks)
		}
		if n := len(h.store.Facts()); n > 102 {
			t.Fatalf("%d facts for 100 seconds", n)
		}
	})
}

// A set's card shows several products: each counts once per view, and so does the pin; without a pin, the product.
func TestWhatIsShownCountsOncePerView(t *testing.T) {
	run(t, func(h *house) {
		one, two := h.watch(views.Start{Broadcast: "b"}), h.watch(views.Start{Broadcast: "b"})
		for range 3 {
			for _, product := range []string{"cup", "bowl", "plate"} {
				h.say(one, `{"kind":"impression","product":%q,"pin":"set"}`, product)
			}
			h.say(two, `{"kind":"impression","product":"bowl","pin":"set"}`)
			h.say(two, `{"kind":"impression","product":"bowl","pin":"alone"}`)
			h.say(two, `{"kind":"impression","product":"bowl"}`)
			time.Sleep(2 * time.Second)
		}
		got := map[string]views.Impression{}
		for _, e := range h.store.Facts() {
			var c views.Counted
			if err := json.Unmarshal(e.Data, &c); err != nil {
				t.Fatal(err)
			}
			for _, i := range c.Impressions {
				sum := got[i.Product+" "+i.Pin]
				got[i.Product+" "+i.Pin] = views.Impression{Product: i.Product, Pin: i.Pin, Count: sum.Count + i.Count, Further: sum.Further + i.Further}
			}
		}
		want := map[string]views.Impression{
			"cup set":    {Product: "cup", Pin: "set", Count: 1},
			"bowl set":   {Product: "bowl", Pin: "set", Count: 2, Further: 1},
			"plate set":  {Product: "plate", Pin: "set", Count: 1, Further: 1},
			"bowl alone": {Product: "bowl", Pin: "alone", Count: 1},
			"bowl ":      {Product: "bowl", Count: 1},
		}
		if !maps.Equal(got, want) {
			t.Errorf("%+v\nwant %+v", got, want)
		}
	})
}

// Of each card a player tells how late it was: of those that were late at once, of those on their frame with a heartbeat.
func TestLatenessIsMeasured(t *testing.T) {
	run(t, func(h *house) {
		figures := prometheus.NewRegistry()
		h.Metrics = views.NewMetrics(figures)
		v := h.watch(views.Start{Broadcast: "b", Transport: "hls"})
		h.say(v, `{"kind":"lateness","ms":66,"frames":2}`)
		h.say(v, `{"kind":"heartbeat","transport":"hls","playing":true,"exact":3}`)
		h.say(v, `{"kind":"heartbeat","transport":"hls","playing":true}`)
		for _, bad := range []string{`{"kind":"heartbeat","exact":-1}`, `{"kind":"heartbeat","exact":101}`, `{"kind":"lateness","frames":1e300}`} {
			if err := h.Hear("broadcast/b", v.ID, []byte(bad)); !errors.Is(err, views.ErrMessage) {
				t.Errorf("%s: %v", bad, err)
			}
		}
		families, err := figures.Gather()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if got := m.GetHistogram(); got != nil && strings.HasPrefix(f.GetName(), "hawker_overlay_lateness") {
					seen[f.GetName()] = fmt.Sprint(m.GetLabel()[0].GetValue(), " ", got.GetSampleCount(), " ", got.GetBucket()[0].GetCumulativeCount(), " ", got.GetSampleSum())
				}
			}
		}
		// Four of HLS, three of them in the bucket of nothing.
		if want := map[string]string{"hawker_overlay_lateness_frames": "hls 4 3 2", "hawker_overlay_lateness_seconds": "hls 4 3 0.066"}; !maps.Equal(seen, want) {
			t.Errorf("%v, want %v", seen, want)
		}
	})
}

func TestADatabaseInTroubleLosesNothingThatIsBounded(t *testing.T) {
	run(t, func(h *house) {
		h.store.Break(errors.New("disk full"))
		v := h.watch(views.Start{Broadcast: "b"})
		h.say(v, `{"kind":"impression","product":"p"}`)
		time.Sleep(3 * time.Second)
		h.say(v, `{"kind":"impression","product":"q"}`)
		time.Sleep(3 * time.Second)
		h.store.Break(nil)
		time.Sleep(2 * time.Second)
		if _, _, n, _ := h.counted(); n != 2 {
			t.Fatalf("%d impressions, want 2", n)
		}
		if got, _ := h.store.Sessions(context.Background(), []string{v.ID}); len(got) != 1 {
			t.Fatal("the session was not written")
		}
	})
}

func TestASessionOfAnEarlierProcessGoesOn(t *testing.T) {
	run(t, func(h *house) {
		old := views.Session{ID: "old", Broadcast: "b", Visitor: "0f5f5c9e-58ab-4bbf-8c0e-7c6a7ad1d1c1", Consent: true, StartedAt: time.Now().Add(-time.Minute)}
		if err := h.store.Save(context.Background(), []views.Session{old}, nil); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			h.say(old, playing)
			h.say(views.Session{ID: "forged", Broadcast: "b"}, playing)
			h.say(views.Session{ID: old.ID, Broadcast: "c"}, playing) // a session is good for its broadcast only
			time.Sleep(5 * time.Second)
		}
		if h.Viewers("b") != 1 || h.Viewers("c") != 0 {
			t.Fatalf("%d and %d viewers", h.Viewers("b"), h.Viewers("c"))
		}
		if again := h.watch(views.Start{Broadcast: "b", Consent: true, Visitor: old.Visitor}); again.ID != old.ID {
			t.Fatal("the visitor's session was not found")
		}
	})
}

func TestStartsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	s := &views.Service{Store: &viewstest.Model{}}
	for name, start := range map[string]views.Start{
		"transport": {Broadcast: "b", Transport: "carrier pigeon"},
		"language":  {Broadcast: "b", Language: "a language tag that goes on and on and on"},
		"source":    {Broadcast: "b", Source: "two\nlines"},
		"broadcast": {Broadcast: "../b"},
	} {
		if _, err := s.Watch(context.Background(), start); !errors.Is(err, views.ErrStart) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v, err := s.Watch(context.Background(), views.Start{Broadcast: "b", Consent: true, Visitor: "robert'); drop table"}); err != nil || len(v.Visitor) != 36 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestCountedIsWhatItsSampleShows(t *testing.T) {
	t.Parallel()
	n := 1204
	eventtest.CheckWriter(t, event.AudienceCounted, views.Counted{
		Broadcast: "b", Viewers: &n, Views: []views.View{{Session: "s", Viewer: "v"}},
		Impressions: []views.Impression{{Product: "p", Pin: "x", Count: 2, Further: 1}}, Clicks: []views.Click{{ID: "c"}},
	})
	eventtest.CheckWriter(t, event.ViewersChanged, views.ViewersFact{Viewers: 1})
}

func FuzzHear(f *testing.F) {
	for _, s := range []string{
		playing, `{"kind":"impression","pin":"a","product":"b","media_time":1}`, `{"kind":"click","product":"b","variant":"c"}`,
		`{"kind":"lateness","ms":-5,"frames":1}`, `{"kind":"heartbeat","lag_ms":-1}`, `{"kind":"click"}`, `{}`, `[]`, ``, `{"kind":"x"}`,
		`{"kind":"click","product":"p","media_time":1e300}`, `{"kind":"impression","product":"<script>"}`,
	} {
		f.Add([]byte(s))
	}
	store := &viewstest.Model{}
	s := &views.Service{Store: store}
	v, err := s.Watch(context.Background(), views.Start{Broadcast: "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if err := s.Hear("broadcast/b", v.ID, message); err != nil && !errors.Is(err, views.ErrMessage) {
			t.Fatalf("%q: %v", message, err)
		}
	})
}

func TestTheViewersOfAllNodesAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, store := event.NewMemory(event.MemoryConfig{}), &viewstest.Model{}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 2)
		var nodes []*views.Service
		for _, name := range []string{"one", "two"} {
			n := &views.Service{Store: store, Bus: bus, Log: slog.New(slog.DiscardHandler), Node: name}
			go func() { done <- n.Run(ctx) }()
			nodes = append(nodes, n)
		}
		synctest.Wait()
		beat := func(n *views.Service, viewers int) {
			for range viewers {
				s, err := n.Watch(ctx, views.Start{Broadcast: "b", Transport: "whep"})
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Hear(event.BroadcastTopic("b"), s.ID, []byte(`{"kind":"heartbeat","playing":true}`)); err != nil {
					t.Fatal(err)
				}
			}
		}
		beat(nodes[0], 2)
		beat(nodes[1], 3)
		time.Sleep(3 * time.Second)
		for i, n := range nodes {
			if got := n.Viewers("b"); got != 5 {
				t.Errorf("node %d says %d", i, got)
			}
		}
		if got := nodes[0].Viewers("c"); got != 0 {
			t.Errorf("%d watch what nobody does", got)
		}
		time.Sleep(15 * time.Second) // nobody beats any more
		for i, n := range nodes {
			if got := n.Viewers("b"); got != 0 {
				t.Errorf("node %d says %d after all have left", i, got)
			}
		}
		cancel()
		for range nodes {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
