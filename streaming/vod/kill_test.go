package vod_test

import (
	"bufio"
	"encoding/gob"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// What a child of the test is told by its environment.
const (
	childDir  = "HAWKER_TEST_VOD_DIR"
	childTurn = "HAWKER_TEST_VOD_TURN"
	killTurns = "HAWKER_TEST_VOD_KILLS" // how many times the server is killed; default 5
)

const (
	turnLasts = 30 * time.Second // of media time, from one child's beginning to the next one's
	childPace = 6                // times as fast as the wall
)

type filmFile struct {
	Tracks []streaming.Track
	Units  []*streaming.Unit
}

// child is a server that goes on with the show where the one before was killed, and says each part that it packages.
func child(dir string) {
	if err := childRuns(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func childRuns(dir string) error {
	turn, err := strconv.Atoi(os.Getenv(childTurn))
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, "film"))
	if err != nil {
		return err
	}
	var film filmFile
	if err := gob.NewDecoder(f).Decode(&film); err != nil {
		return err
	}
	h, err := build(dir, func(h *house) { h.hls.Record = teller{h.recorder} })
	if err != nil {
		return err
	}
	h.wall.Store(int64(turn) * turnLasts.Microseconds())
	if turn > 0 {
		h.hub.Resume("show", mediatime.Anchors{{Generation: turn, Media: mediatime.Of(time.Duration(turn-1) * turnLasts), Wall: firstWall.Add(time.Duration(turn-1) * turnLasts)}})
	}
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	start := time.Duration(turn) * turnLasts
	return h.write(film.Tracks, film.Units, func(int) {
		if time.Duration(h.wall.Load())*time.Microsecond == start {
			began = time.Now() // the first picture
		}
		for time.Duration(h.wall.Load())*time.Microsecond-start > childPace*time.Since(began) {
			<-tick.C
		}
	})
}

// teller says each part when viewers would be told of it.
type teller struct{ hls.Recorder }

func (t teller) Record(broadcast, rendition, life string) hls.Recording {
	r := t.Recorder.Record(broadcast, rendition, life)
	if r == nil {
		return nil
	}
	return &told{Recording: r}
}

type told struct {
	hls.Recording
	parts []*hls.Part
}

func (t *told) Add(p *hls.Part) {
	t.parts = append(t.parts, p)
	t.Recording.Add(p)
}

func (t *told) Written() {
	t.Recording.Written()
	for _, p := range t.parts {
		fmt.Printf("part %d\n", p.Duration.Microseconds())
	}
	t.parts = nil
}

// The server is killed in the middle of a show, again and again. Each time the next one keeps all but one part at most
// of what was packaged, and the whole plays without an error in it.
func TestAKillLosesOnePartAtMost(t *testing.T) {
	tracks, units := film(t)
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "film"))
	if err != nil {
		t.Fatal(err)
	}
	if err := gob.NewEncoder(f).Encode(filmFile{tracks, units}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	turns := 5
	if n, err := strconv.Atoi(os.Getenv(killTurns)); err == nil {
		turns = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var kept time.Duration
	for turn := range turns {
		parts := killedAfter(t, dir, turn, 2+random.IntN(14), time.Duration(random.IntN(60))*time.Millisecond)
		h := open(t, dir, nil)
		var all time.Duration
		for _, p := range parts {
			all += p
		}
		least := all - parts[len(parts)-1]
		eventually(t, "the spool to be carried over", func() bool {
			left, err := os.ReadDir(filepath.Join(dir, "spool"))
			return err == nil && len(left) == 0
		})
		got := total(h.lines(t)) - kept
		if got < least || got > all+5*time.Second {
			t.Errorf("turn %d: %d parts of %v were packaged, %v are kept", turn, len(parts), all, got)
		}
		kept += got
		if err := h.stop(); err != nil {
			t.Fatal(err)
		}
	}
	h := open(t, dir, nil)
	h.books.ended.Store(true)
	plays(t, h, kept, turns)
}

// killedAfter runs a child, kills it a moment after it has told so many parts, and returns the parts that it told.
func killedAfter(t *testing.T, dir string, turn, most int, moment time.Duration) (parts []time.Duration) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), childDir+"="+dir, childTurn+"="+strconv.Itoa(turn))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		micros, err := strconv.ParseInt(strings.TrimPrefix(lines.Text(), "part "), 10, 64)
		if err != nil {
			continue
		}
		parts = append(parts, time.Duration(micros)*time.Microsecond)
		if len(parts) == most {
			time.AfterFunc(moment, func() { _ = c.Process.Kill() })
		}
	}
	if err := c.Wait(); err == nil || len(parts) < most {
		t.Fatalf("turn %d: the child told %d parts and ended by itself: %v", turn, len(parts), err)
	}
	return parts
}
