package transcode_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls/hlstest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/transcode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// show is a hub that a film is published to at its own pace.
type show struct {
	hub    *streaming.Hub
	legs   *transcode.Legs
	stream *streaming.Stream
}

// air publishes the film's pictures until the test ends.
func air(t *testing.T, config transcode.Config, film ...string) *show {
	t.Helper()
	tracks, units := hlstest.Film(t, film...)
	s := &show{hub: &streaming.Hub{}}
	s.legs = &transcode.Legs{Hub: s.hub, Config: config, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	p, err := s.hub.Publish(t.Context(), "b", tracks)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	t.Cleanup(func() { cancel(); <-done; <-done; s.hub.Close() })
	go func() {
		defer func() { done <- struct{}{} }()
		began := time.Now()
		for loop := int64(0); ; loop++ {
			for _, u := range units {
				track := tracks[u.Track-1]
				c := *u
				length := int64(4 * track.ClockRate)
				c.DTS, c.PTS = c.DTS+loop*length, c.PTS+loop*length
				select {
				case <-time.After(time.Until(began.Add(mediatime.FromTicks(c.DTS, track.ClockRate).Duration()))):
				case <-ctx.Done():
					return
				}
				if p.Write(&c) != nil {
					return
				}
			}
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		_ = s.legs.Run(ctx)
	}()
	eventually(t, "the stream", func() bool { s.stream, err = s.hub.Stream("b"); return err == nil })
	return s
}

// eventually waits on a condition, for at most a minute: ffmpeg runs behind everything else.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); !is(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// named are the renditions on air.
func (s *show) named() (names []string) {
	for _, r := range s.stream.Renditions() {
		if r.Generation() != nil {
			info, _ := r.Rendition()
			names = append(names, info.Name)
		}
	}
	return names
}

const ladder = "480:900,240:300,120:100"

func TestALadderHasTheKeyPicturesOfItsSourceAtTheSameTimes(t *testing.T) {
	t.Parallel()
	s := air(t, transcode.Config{Ladder: ladder}, hlstest.FilmFor("4")...)
	if err := s.legs.Want("b", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two renditions", func() bool { return len(s.named()) == 2 })
	if names := s.named(); !slices.Equal(names, []string{"240p", "120p"}) {
		t.Fatalf("the renditions are %v: none may be larger than the source", names)
	}
	rungs := s.stream.Renditions()
	eventually(t, "three seconds of pictures", func() bool {
		return rungs[0].Stats().Units > 90 && rungs[1].Stats().Units > 90
	})
	theirs := instants(t, s.stream, 300)
	for _, r := range rungs {
		for at := range instants(t, r, 120) {
			if !theirs[at] {
				t.Errorf("the source has no such picture at %+v", at)
			}
		}
	}
	if status := s.legs.Status("b"); status.State != transcode.Running || len(status.Rungs) != 2 || status.Rungs[0].Width != 240 {
		t.Errorf("%+v", status)
	}
	if err := s.legs.Want("b", false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "their end", func() bool { return len(s.stream.Renditions()) == 0 })
	if s.legs.Status("b").State != transcode.Off {
		t.Error("it is not off")
	}
}

// instant is when a picture is shown, and whether a reader may start at it.
type instant struct {
	at  mediatime.Time
	key bool
}

// instants are those of the pictures that a stream holds, at most so many.
func instants(t *testing.T, s *streaming.Stream, most int) map[instant]bool {
	t.Helper()
	r := s.Subscribe(streaming.ReadOptions{Start: streaming.FromOldest})
	defer r.Close()
	out := map[instant]bool{}
	for u := r.TryNext(); u != nil && len(out) < most; u = r.TryNext() {
		g, _ := s.GenerationOf(u.Generation)
		if track, _ := g.First(streaming.Video); track.ID == u.Track {
			out[instant{track.Time(u.PTS), u.Key}] = true
		}
	}
	return out
}

func TestPicturesOutOfOrderGetARenditionOfTheSameSizeInOrder(t *testing.T) {
	t.Parallel()
	film := hlstest.FilmFor("4")
	film[slices.Index(film, "-bf")+1] = "2"
	s := air(t, transcode.Config{Ladder: ladder}, film...)
	if err := s.legs.Want("b", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "three renditions", func() bool { return len(s.named()) == 3 })
	if names := s.named(); names[0] != "320p" {
		t.Fatalf("the renditions are %v", names)
	}
	r := s.stream.Renditions()[0].Subscribe(streaming.ReadOptions{})
	defer r.Close()
	last := int64(-1 << 60)
	for range 60 {
		u, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if u.PTS <= last {
			t.Fatalf("picture %d after %d", u.PTS, last)
		}
		last = u.PTS
	}
}

// A rendition that the publisher sends itself stays its own: the ladder makes the others, and lets go of one that the
// publisher begins to send later.
func TestThePublishersOwnRenditionIsNotReplaced(t *testing.T) {
	t.Parallel()
	s := air(t, transcode.Config{Ladder: ladder}, hlstest.FilmFor("4")...)
	own := func(name string) *streaming.RenditionPublication {
		t.Helper()
		p, err := s.stream.AddRendition(streaming.RenditionInfo{Name: name, Width: 180, Height: 320})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Remove)
		return p
	}
	stands := func(p *streaming.RenditionPublication) {
		t.Helper()
		select {
		case <-p.Displaced():
			t.Error("the publisher's own rendition was replaced")
		default:
		}
	}
	larger := own("240p")
	if err := s.legs.Want("b", true); err != nil {
		t.Fatal(err)
	}
	makes := func(n int) func() bool {
		return func() bool {
			status := s.legs.Status("b")
			return len(status.Rungs) == n && status.Problem == "" && (n == 0 || status.State == transcode.Running)
		}
	}
	eventually(t, "one rendition of the ladder", makes(1))
	if rungs := s.legs.Status("b").Rungs; rungs[0].Name != "120p" {
		t.Errorf("the ladder makes %+v", rungs)
	}
	smaller := own("120p")
	eventually(t, "the ladder to make none", makes(0))
	stands(larger)
	stands(smaller)
	if n := len(s.stream.Renditions()); n != 2 {
		t.Errorf("%d renditions", n)
	}
}

func TestAKilledFFmpegIsStartedAgainAndAFailingOneIsNamed(t *testing.T) {
	t.Parallel()
	s := air(t, transcode.Config{Ladder: "140:100"}, hlstest.FilmFor("4")...)
	if err := s.legs.Want("b", true); err != nil {
		t.Fatal(err)
	}
	running := func() bool { return s.legs.Status("b").State == transcode.Running }
	eventually(t, "the ladder", running)
	killed := 0
	for _, pid := range children(t, "scale=140:") {
		if exec.Command("kill", "-9", pid).Run() == nil {
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("no ffmpeg was found")
	}
	eventually(t, "the failure", func() bool { return s.legs.Status("b").State == transcode.Failing })
	eventually(t, "its return", running)
}

// children are this process's, by a word of their command line.
func children(t *testing.T, word string) (pids []string) {
	t.Helper()
	out, err := exec.Command("ps", "--ppid", strconv.Itoa(os.Getpid()), "-o", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, word) {
			pids = append(pids, strings.Fields(line)[0])
		}
	}
	return pids
}

func TestThereAreOnlySoManyLegs(t *testing.T) {
	t.Parallel()
	s := air(t, transcode.Config{Ladder: "120:100", LegsMax: 1}, hlstest.FilmFor("4")...)
	tracks, units := hlstest.Film(t, hlstest.FilmFor("1")...)
	p, err := s.hub.Publish(t.Context(), "second", tracks)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(units[0]); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"b", "second"} {
		if err := s.legs.Want(id, true); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the first", func() bool { return s.legs.Status("b").State == transcode.Running })
	if got := s.legs.Status("second").State; got != transcode.Waiting {
		t.Errorf("the second is %s", got)
	}
	s.hub.End("b")
	eventually(t, "the second's turn", func() bool { return s.legs.Status("second").State == transcode.Starting })
}

func TestAMissingProgramIsNamed(t *testing.T) {
	t.Parallel()
	l := &transcode.Legs{Hub: &streaming.Hub{}, Config: transcode.Config{FFmpeg: "/nowhere/ffmpeg"}}
	if err := l.Want("b", true); !errors.Is(err, transcode.ErrProgram) {
		t.Errorf("%v", err)
	}
}

func TestLaddersAreRead(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"": true, "720:2500": true, "360:700, 720:2500": true, "721:2500": false, "720": false, "720:1": false, "x:y": false,
		"720:2500,720:2000": false, "96:50,98:50,100:50,102:50,104:50,106:50,108:50": false, "-2:500": false, "99999999999999999999:500": false,
	} {
		if err := (transcode.Config{Ladder: text}).Check(); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
