package play_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/play"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// air is a hub whose wall clock goes with what is written.
type air struct {
	hub   *streaming.Hub
	clock atomic.Int64 // nanoseconds
}

func newAir() *air {
	a := &air{}
	a.clock.Store(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano())
	a.hub = &streaming.Hub{Wall: func() time.Time { return time.Unix(0, a.clock.Load()) }}
	return a
}

// show is a publication of a film.
type show struct {
	t      *testing.T
	air    *air
	tracks []streaming.Track
	units  []*streaming.Unit
	out    *streaming.Publication
	begun  int64 // of the wall
}

func (a *air) publish(t *testing.T, seconds string, more ...string) *show {
	t.Helper()
	tracks, units := hlstest.Film(t, append(hlstest.FilmFor(seconds), more...)...)
	p, err := a.hub.Publish(t.Context(), "show", configured(tracks, units))
	if err != nil {
		t.Fatal(err)
	}
	return &show{t: t, air: a, tracks: tracks, units: units, out: p, begun: a.clock.Load()}
}

// configured gives the picture's track the configuration that its first picture holds.
func configured(tracks []streaming.Track, units []*streaming.Unit) []streaming.Track {
	u := units[0]
	for _, one := range units {
		if one.Track == tracks[0].ID {
			u = one
			break
		}
	}
	put := func(b []byte, set []byte) []byte {
		return append(append(b, byte(len(set)>>8), byte(len(set))), set...)
	}
	switch tracks[0].Codec {
	case streaming.H264:
		sps, pps := u.Payload[0], u.Payload[1]
		c := put([]byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}, sps)
		tracks[0].Config = put(append(c, 1), pps)
	case streaming.H265:
		c := append(make([]byte, 22), 3)
		for i, kind := range []byte{32, 33, 34} {
			c = put(append(c, kind, 0, 1), u.Payload[i])
		}
		tracks[0].Config = c
	}
	return tracks
}

// write sends what is decoded before a time.
func (s *show) write(until time.Duration) {
	s.t.Helper()
	for len(s.units) > 0 {
		u := s.units[0]
		rate := 0
		for _, t := range s.tracks {
			if t.ID == u.Track {
				rate = t.ClockRate
			}
		}
		at := time.Duration(u.DTS) * time.Second / time.Duration(rate)
		if at >= until {
			return
		}
		s.air.clock.Store(s.begun + int64(at))
		if err := s.out.Write(u); err != nil {
			s.t.Fatal(err)
		}
		s.units = s.units[1:]
	}
}

// message is what a player got.
type message struct {
	kind  byte
	stamp uint32
	body  []byte
}

func (m message) isConfig() bool {
	return m.kind == play.TypeVideo && (m.body[0] == 0x17 && m.body[1] == 0 || m.body[0] == 0x90) ||
		m.kind == play.TypeAudio && (m.body[0] == 0xaf && m.body[1] == 0 || m.body[0] == 0x90)
}

func (m message) isKey() bool {
	return m.kind == play.TypeVideo && !m.isConfig() && (m.body[0] == 0x17 || m.body[0] == 0x91)
}

// sink is a player that takes what it gets, as fast as it is let.
type sink struct {
	mu       sync.Mutex
	accepted bool
	got      []message
	changed  chan struct{}
	gate     chan struct{} // closed: it reads
}

func newSink() *sink {
	gate := make(chan struct{})
	close(gate)
	return &sink{changed: make(chan struct{}, 1), gate: gate}
}

func (s *sink) Accept() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted = true
	return nil
}

func (s *sink) Send(kind byte, stamp uint32, body []byte) error {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	<-gate
	s.mu.Lock()
	s.got = append(s.got, message{kind, stamp, body})
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return nil
}

// until waits for messages that fit, and returns all.
func (s *sink) until(t *testing.T, what string, fits func([]message) bool) []message {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		got := append([]message(nil), s.got...)
		s.mu.Unlock()
		if fits(got) {
			return got
		}
		select {
		case <-s.changed:
		case <-patience:
			t.Fatalf("waited for %s; got %d messages", what, len(got))
		}
	}
}

// watch plays until the test ends or stop is called.
func watch(t *testing.T, s *play.Server, p play.Player) (ended chan error) {
	t.Helper()
	ended = make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); ended <- s.Play(ctx, p) }()
	t.Cleanup(func() { cancel(); <-done })
	return ended
}

func last(got []message) uint32 { return got[len(got)-1].stamp }

func TestAPlayerBeginsWithTheNewestKeyPicture(t *testing.T) {
	t.Parallel()
	a := newAir()
	show := a.publish(t, "5")
	show.write(3 * time.Second)
	s, out := &play.Server{Hub: a.hub}, newSink()
	watch(t, s, play.Player{Broadcast: "show", Sink: out})
	out.until(t, "the second so far", func(got []message) bool { return len(got) > 3 && last(got) >= 950 })
	show.write(5 * time.Second)
	got := out.until(t, "the film", func(got []message) bool { return len(got) > 3 && last(got) >= 2900 })
	if got[0].kind != play.TypeData || !got[1].isConfig() || !got[2].isConfig() || got[1].kind != play.TypeVideo || got[2].kind != play.TypeAudio {
		t.Fatalf("it begins with %v", got[:3])
	}
	if string(got[1].body[5:]) != string(show.tracks[0].Config) || string(got[2].body[2:]) != string(show.tracks[1].Config) {
		t.Error("the configurations are not the tracks'")
	}
	pictures := 0
	for i, m := range got[3:] {
		if m.kind != play.TypeVideo {
			continue
		}
		if pictures == 0 && (!m.isKey() || m.stamp != 0 || i != 0) {
			t.Errorf("the first picture: key %v at %d ms, as message %d", m.isKey(), m.stamp, i)
		}
		if want := pictures * 1000 / 30; int(m.stamp) < want-1 || int(m.stamp) > want+1 {
			t.Fatalf("picture %d at %d ms, want %d", pictures, m.stamp, want)
		}
		pictures++
	}
	if pictures < 88 || pictures > 90 {
		t.Errorf("%d pictures of three seconds", pictures)
	}
}

func TestANewGenerationIsTold(t *testing.T) {
	t.Parallel()
	a := newAir()
	first := a.publish(t, "2")
	first.write(time.Second)
	s, out := &play.Server{Hub: a.hub}, newSink()
	watch(t, s, play.Player{Broadcast: "show", Sink: out})
	before := len(out.until(t, "the first", func(got []message) bool { return len(got) > 3 && last(got) >= 950 }))
	second := a.publish(t, "2", "-vf", "scale=160:284")
	second.write(time.Second)
	got := out.until(t, "the second", func(got []message) bool { return len(got) > before+3 && last(got) >= 1900 })[before:]
	for len(got) > 0 && got[0].kind != play.TypeData {
		got = got[1:] // of the first one still
	}
	if len(got) < 4 || !got[1].isConfig() || !got[2].isConfig() || string(got[1].body[5:]) != string(second.tracks[0].Config) {
		t.Fatal("the second picture's configuration did not come")
	}
	if !got[3].isKey() || got[3].stamp < 950 {
		t.Errorf("then came %x at %d ms", got[3].body[:2], got[3].stamp)
	}
}

func TestEnhancedCodecs(t *testing.T) {
	t.Parallel()
	a := newAir()
	show := a.publish(t, "2", "-c:v", "libx265", "-x265-params", "bframes=0:keyint=30:log-level=none", "-c:a", "libopus")
	show.write(time.Second)
	s := &play.Server{Hub: a.hub}
	knows, not := newSink(), newSink()
	watch(t, s, play.Player{Broadcast: "show", Opus: true, Sink: knows})
	watch(t, s, play.Player{Broadcast: "show", Sink: not})
	enough := func(got []message) bool { return len(got) > 3 && last(got) >= 900 }
	got := knows.until(t, "the film", enough)
	if string(got[1].body[:5]) != "\x90hvc1" || string(got[2].body[:13]) != "\x90OpusOpusHead" || string(got[3].body[:5]) != "\x91hvc1" {
		t.Errorf("%q %q %q", got[1].body[:5], got[2].body[:13], got[3].body[:5])
	}
	for _, m := range not.until(t, "the film", enough) {
		if m.kind == play.TypeAudio {
			t.Fatal("Opus for a player that knows none")
		}
	}
}

func TestASlowPlayerSkipsToTheNewestKeyPicture(t *testing.T) {
	t.Parallel()
	a := newAir()
	show := a.publish(t, "12")
	show.write(time.Second)
	s, slow := &play.Server{Hub: a.hub}, newSink()
	watch(t, s, play.Player{Broadcast: "show", Sink: slow})
	before := len(slow.until(t, "the beginning", func(got []message) bool { return len(got) > 3 && last(got) >= 900 }))
	gate := make(chan struct{})
	slow.mu.Lock()
	slow.gate = gate
	slow.mu.Unlock()
	show.write(9500 * time.Millisecond)
	close(gate)
	got := slow.until(t, "the newest", func(got []message) bool { return last(got) >= 9400 })
	skipped := false
	for i := before; i < len(got); i++ {
		if got[i].stamp > got[i-1].stamp+1000 {
			skipped = true
			if !got[i].isKey() || got[i].stamp != 8000 {
				t.Errorf("it goes on at %d ms, key %v", got[i].stamp, got[i].isKey())
			}
		}
	}
	if !skipped {
		t.Error("eight seconds were sent after all")
	}
}

func TestWhoMayNotPlays(t *testing.T) {
	t.Parallel()
	a := newAir()
	s := &play.Server{Hub: a.hub, PlayersMax: 1}
	out := newSink()
	if err := s.Play(t.Context(), play.Player{Broadcast: "show", Sink: out}); !errors.Is(err, streaming.ErrOffAir) || out.accepted {
		t.Errorf("off air: %v", err)
	}
	show := a.publish(t, "2")
	show.write(time.Second)
	ended := watch(t, s, play.Player{Broadcast: "show", Pass: "good", Sink: out})
	out.until(t, "the film", func(got []message) bool { return len(got) > 3 })
	if err := s.Play(t.Context(), play.Player{Broadcast: "show", Sink: newSink()}); !errors.Is(err, play.ErrFull) {
		t.Errorf("a second one: %v", err)
	}
	s.Recheck(func(string) func(string) bool { return nil })
	s.Recheck(func(string) func(string) bool { return func(pass string) bool { return pass == "good" } })
	if n := s.Viewers("show"); n != 1 {
		t.Fatalf("%d watch", n)
	}
	s.Recheck(func(string) func(string) bool { return func(string) bool { return false } })
	if err := <-ended; !errors.Is(err, play.ErrRevoked) {
		t.Errorf("revoked: %v", err)
	}
	again := watch(t, s, play.Player{Broadcast: "show", Sink: newSink()})
	a.hub.End("show")
	if err := <-again; err != nil && !errors.Is(err, streaming.ErrOffAir) {
		t.Errorf("the end: %v", err)
	}
}
