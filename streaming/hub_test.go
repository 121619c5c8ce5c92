package streaming_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var epoch = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// air is a hub whose clock the test turns.
type air struct {
	hub *streaming.Hub
	mu  sync.Mutex
	at  time.Time
}

func newAir() *air {
	a := &air{at: epoch}
	a.hub = &streaming.Hub{Wall: func() time.Time { a.mu.Lock(); defer a.mu.Unlock(); return a.at }}
	return a
}

func (a *air) pass(d time.Duration) { a.mu.Lock(); a.at = a.at.Add(d); a.mu.Unlock() }

func tracks() []streaming.Track {
	return []streaming.Track{
		{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: streaming.VideoClockRate},
		{ID: 2, Kind: streaming.Audio, Codec: streaming.AAC, ClockRate: 48000, Config: []byte{0x11, 0x90}},
	}
}

func (a *air) publish(t *testing.T) *streaming.Publication {
	t.Helper()
	p, err := a.hub.Publish(t.Context(), "b", tracks())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func picture(n int64, key bool) *streaming.Unit {
	return &streaming.Unit{Track: 1, PTS: n * 3000, DTS: n * 3000, Key: key, Payload: [][]byte{make([]byte, 1000)}}
}

// write sends pictures from..to-1 at 30 per second with a key each second, the wall going along.
func (a *air) write(t *testing.T, p *streaming.Publication, from, to int64) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := p.Write(picture(n, n%30 == 0)); err != nil {
			t.Fatalf("picture %d: %v", n, err)
		}
		a.pass(time.Second / 30)
	}
}

func TestAReaderStartsAtTheNewestKeyUnitAndSeesEveryUnitAfterIt(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	a.write(t, p, 0, 100)
	s, err := a.hub.Stream("b")
	if err != nil {
		t.Fatal(err)
	}
	r := s.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	for n := int64(90); n < 100; n++ {
		u, err := r.Next(t.Context())
		if err != nil || u.PTS != n*3000 {
			t.Fatalf("got %v, %v; want picture %d", u, err, n)
		}
	}
	if u := r.TryNext(); u != nil {
		t.Fatalf("a unit from the future: %v", u)
	}
	live := s.Subscribe(streaming.ReadOptions{Start: streaming.FromLive})
	defer live.Close()
	a.write(t, p, 100, 101)
	if u, err := live.Next(t.Context()); err != nil || u.PTS != 300_000 {
		t.Fatalf("the live reader got %v, %v", u, err)
	}
}

func TestASlowReaderSkipsToTheNewestKeyUnitAndIsCounted(t *testing.T) {
	t.Parallel()
	a := newAir()
	a.hub.Config = streaming.Config{RingTime: 3 * time.Second}
	p := a.publish(t)
	a.write(t, p, 0, 1)
	s, _ := a.hub.Stream("b")
	r := s.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	a.write(t, p, 1, 310)
	u, err := r.Next(t.Context())
	if err != nil || u.PTS != 300*3000 || !u.Key {
		t.Fatalf("got %+v, %v; want the key unit 300", u, err)
	}
	if r.Lost() != 300 || s.Stats().Lost != 300 {
		t.Fatalf("lost %d and %d, want 300", r.Lost(), s.Stats().Lost)
	}
}

func TestTheRingIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	a := newAir()
	a.hub.Config = streaming.Config{RingBytes: 10_000}
	p := a.publish(t)
	a.write(t, p, 0, 29)
	s, _ := a.hub.Stream("b")
	r := s.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	a.write(t, p, 29, 59)
	n := 0
	for r.TryNext() != nil {
		n++
	}
	if n > 10 {
		t.Fatalf("%d units of 1,000 bytes were held within 10,000", n)
	}
	if held := a.hub.Held(); held < 5_000 || held > 10_000 {
		t.Errorf("%d bytes are held", held)
	}
	a.hub.End("b")
	if held := a.hub.Held(); held != 0 {
		t.Errorf("%d bytes are held after the end", held)
	}
}

func TestANewPublisherTakesOverAndTheReadersStay(t *testing.T) {
	t.Parallel()
	a := newAir()
	first := a.publish(t)
	a.write(t, first, 0, 60)
	s, _ := a.hub.Stream("b")
	r := s.Subscribe(streaming.ReadOptions{Start: streaming.FromLive})
	defer r.Close()

	second := a.publish(t)
	a.write(t, first, 60, 61) // the first one writes until the second one does
	a.pass(4 * time.Second)
	a.write(t, second, 900, 901)
	if err := first.Write(picture(61, false)); !errors.Is(err, streaming.ErrDisplaced) {
		t.Fatalf("the displaced publisher could write: %v", err)
	}
	select {
	case <-first.Displaced():
	default:
		t.Fatal("the displaced publisher was not told")
	}
	old, _ := r.Next(t.Context())
	now, err := r.Next(t.Context())
	if err != nil || old.Generation != 1 || now.Generation != 2 {
		t.Fatalf("generations %d and %d, %v", old.Generation, now.Generation, err)
	}
	g, ok := s.GenerationOf(2)
	if !ok {
		t.Fatal("the second generation is unknown")
	}
	track, _ := g.Track(1)
	want := mediatime.Of(epoch.Add(61*(time.Second/30) + 4*time.Second).Sub(epoch))
	if got := track.Time(now.PTS); got != want || g.Anchor.Media != want {
		t.Fatalf("the second publisher starts at %d (anchor %d), want %d: the wall's time since the first frame", got, g.Anchor.Media, want)
	}
	if first.Close(); s.Publishing() != true {
		t.Fatal("the displaced publisher's farewell silenced its successor")
	}
}

func TestMediaTimeNeverGoesBackWhenThePublisherRanAhead(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	for n := range int64(80) { // 2.6 s of media in no time
		if err := p.Write(picture(n, n == 0)); err != nil {
			t.Fatal(err)
		}
	}
	s, _ := a.hub.Stream("b")
	before := s.Last()
	if err := p.Write(picture(80, true)); err != nil { // a key unit more than a second ahead of the wall
		t.Fatal(err)
	}
	g := s.Generation()
	if g.Number != 2 || g.Anchor.Media <= before {
		t.Fatalf("generation %d starts at %d, after %d", g.Number, g.Anchor.Media, before)
	}
	if !g.Anchor.Wall.Equal(epoch) {
		t.Fatalf("the new anchor is dated %v, the wall says %v", g.Anchor.Wall, epoch)
	}
}

func TestAStallThatIsCaughtUpIsNoDrift(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	a.write(t, p, 0, 60)
	a.pass(3 * time.Second)            // the uplink stalls …
	for n := int64(60); n < 150; n++ { // … and delivers three seconds at once
		if err := p.Write(picture(n, n%30 == 0)); err != nil {
			t.Fatal(err)
		}
	}
	a.write(t, p, 150, 300)
	if g := p.Generation(); g.Number != 1 {
		t.Fatalf("a stall made generation %d", g.Number)
	}
}

func TestAPublisherThatStaysBehindIsAnchoredAnew(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	a.write(t, p, 0, 60)
	a.pass(3 * time.Second) // a gap in the clock that is never caught up
	a.write(t, p, 60, 270)
	g := p.Generation()
	track, _ := g.Track(1)
	if date := g.Anchor.Date(track.Time(269 * 3000)); g.Number != 2 || a.at.Sub(date) > time.Second {
		t.Fatalf("generation %d, %v behind", g.Number, a.at.Sub(date))
	}
}

func TestAudioAndVideoShareOneZero(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	if err := p.Write(picture(30, true)); err != nil {
		t.Fatal(err)
	}
	g := p.Generation()
	video, _ := g.Track(1)
	audio, _ := g.Track(2)
	if at := video.Time(90_000); at != 0 {
		t.Fatalf("the first frame is at %d", at)
	}
	if at := audio.Time(48_000); at != 0 {
		t.Fatalf("audio of the same instant is at %d", at)
	}
}

func TestKeyRequestsAreMerged(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	n := 0
	p.OnKeyRequest(func() { n++ })
	a.write(t, p, 0, 1)
	s, _ := a.hub.Stream("b")
	for range 500 {
		s.RequestKey()
	}
	a.pass(time.Second)
	s.RequestKey()
	if n != 2 {
		t.Fatalf("%d requests reached the publisher, want 2", n)
	}
}

func TestTheEndReachesReadersAfterTheLastUnit(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	a.write(t, p, 0, 1)
	s, _ := a.hub.Stream("b")
	r := s.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	a.hub.End("b")
	if u, err := r.Next(t.Context()); err != nil || u == nil {
		t.Fatalf("the last unit was lost: %v", err)
	}
	if _, err := r.Next(t.Context()); !errors.Is(err, streaming.ErrEnded) {
		t.Fatalf("got %v", err)
	}
	if err := p.Write(picture(1, false)); !errors.Is(err, streaming.ErrEnded) {
		t.Fatalf("the publisher could write: %v", err)
	}
	if _, err := a.hub.Stream("b"); !errors.Is(err, streaming.ErrOffAir) {
		t.Fatalf("the ended stream is still there: %v", err)
	}
}

func TestManyReadersAndOneWriterAgree(t *testing.T) {
	t.Parallel()
	a := newAir()
	p := a.publish(t)
	a.write(t, p, 0, 1)
	s, _ := a.hub.Stream("b")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 50 {
		r := s.Subscribe(streaming.ReadOptions{})
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer r.Close()
			for n := int64(0); n < 300; n++ {
				u, err := r.Next(ctx)
				if err != nil || u.PTS != n*3000 {
					t.Errorf("picture %d: %v, %v", n, u, err)
					return
				}
			}
		}()
	}
	a.write(t, p, 1, 300)
	wg.Wait()
	if got := s.Stats(); got.Readers != 0 || got.Units != 300 || got.Lost != 0 {
		t.Fatalf("stats %+v", got)
	}
}

func TestABroadcastResumedAfterARestartContinuesItsTimeline(t *testing.T) {
	t.Parallel()
	a := newAir()
	a.hub.Resume("b", mediatime.Anchors{{Generation: 3, Media: 50_000_000, Wall: epoch.Add(-10 * time.Second)}})
	if _, err := a.hub.Stream("b"); !errors.Is(err, streaming.ErrOffAir) {
		t.Fatalf("a stream without a publisher is on air: %v", err)
	}
	if now, ok := a.hub.Now("b"); !ok || now != 60_000_000 {
		t.Fatalf("the clock says %d", now)
	}
	p := a.publish(t)
	a.write(t, p, 0, 1)
	if g := p.Generation(); g.Number != 4 || g.Anchor.Media != 60_000_000 {
		t.Fatalf("generation %d at %d", g.Number, g.Anchor.Media)
	}
}

func TestAnchorsAreBoundedHoweverOftenAPublisherComesAnew(t *testing.T) {
	t.Parallel()
	a := newAir()
	var early mediatime.Anchors
	const times = 4000
	for n := 1; n <= times; n++ {
		p := a.publish(t)
		a.write(t, p, 0, 1)
		p.Close()
		s, err := a.hub.Stream("b")
		if err != nil {
			t.Fatal(err)
		}
		anchors := s.Anchors()
		if newest, _ := anchors.Newest(); newest.Generation != n || len(anchors) > mediatime.AnchorsKept*5/4 {
			t.Fatalf("%d anchors up to generation %d after %d publishers", len(anchors), newest.Generation, n)
		}
		if n == 10 {
			early = anchors
		}
	}
	s, err := a.hub.Stream("b")
	if err != nil {
		t.Fatal(err)
	}
	anchors := s.Anchors()
	for i, one := range anchors[1:] {
		if want := times - len(anchors) + 2 + i; one.Generation != want || one.Media <= anchors[i].Media {
			t.Fatalf("anchor %d is of generation %d at %d, want %d", i+1, one.Generation, one.Media, want)
		}
	}
	if anchors[0].Generation != 1 || len(anchors) < mediatime.AnchorsKept {
		t.Errorf("%d anchors from generation %d", len(anchors), anchors[0].Generation)
	}
	for i, one := range early {
		if one.Generation != i+1 {
			t.Errorf("a list that was handed out has generation %d at %d now", one.Generation, i)
		}
	}
	// A time in a generation that was given up is counted from the first one: the wall has gone along with both.
	gone := early[9]
	if counted, ok := anchors.For(gone.Media); !ok || counted.Date(gone.Media).Sub(gone.Wall).Abs() > time.Millisecond {
		t.Errorf("%+v by %+v", gone, counted)
	}
}
