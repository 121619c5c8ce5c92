package transcode

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// ErrLadder is a ladder that cannot be read.
var ErrLadder = errors.New(`transcode: a ladder is a list like "720:2500,360:700": lines of the shorter side, kbit/s`)

// Config is how legs run. The zero value means the defaults.
type Config struct {
	FFmpeg  string `yaml:"ffmpeg"`   // the program; default ffmpeg
	Ladder  string `yaml:"ladder"`   // "lines:kbit/s,…", the largest first; default 720:2500,480:1200,360:700
	LegsMax int    `yaml:"legs_max"` // broadcasts with a ladder at a time; default half the cores, at least 1
	Threads int    `yaml:"threads"`  // of each rung's encoder; default 1
}

const (
	ladderDefault = "720:2500,480:1200,360:700"
	rungsMax      = 6
	linesMin      = 96
	linesMax      = 2160
	kbitMin       = 50
	kbitMax       = 20_000
)

// Rung is one rendition to make.
type Rung struct {
	Lines   int // of the shorter side
	Bitrate int // bits per second
}

// Name is the rendition's.
func (r Rung) Name() string { return strconv.Itoa(r.Lines) + "p" }

// Check reads the ladder and tells what is wrong with it.
func (c Config) Check() error {
	if c.LegsMax < 0 || c.Threads < 0 || c.Threads > 64 {
		return errors.New("transcode: legs_max is not negative, threads are 0 to 64")
	}
	_, err := c.rungs()
	return err
}

func (c Config) rungs() ([]Rung, error) {
	text := c.Ladder
	if text == "" {
		text = ladderDefault
	}
	var out []Rung
	for _, part := range strings.Split(text, ",") {
		lines, kbit, ok := strings.Cut(strings.TrimSpace(part), ":")
		l, err1 := strconv.Atoi(lines)
		k, err2 := strconv.Atoi(kbit)
		if !ok || err1 != nil || err2 != nil || l < linesMin || l > linesMax || l%2 != 0 || k < kbitMin || k > kbitMax {
			return nil, fmt.Errorf("%w: %q", ErrLadder, part)
		}
		if slices.ContainsFunc(out, func(r Rung) bool { return r.Lines == l }) {
			return nil, fmt.Errorf("%w: %d lines twice", ErrLadder, l)
		}
		out = append(out, Rung{Lines: l, Bitrate: k * 1000})
	}
	if len(out) > rungsMax {
		return nil, fmt.Errorf("%w: more than %d rungs", ErrLadder, rungsMax)
	}
	slices.SortFunc(out, func(a, b Rung) int { return b.Lines - a.Lines })
	return out, nil
}

func (c Config) program() string {
	if c.FFmpeg == "" {
		return "ffmpeg"
	}
	return c.FFmpeg
}

func (c Config) legsMax() int {
	if c.LegsMax > 0 {
		return c.LegsMax
	}
	return max(1, runtime.NumCPU()/2)
}

func (c Config) threads() int { return max(1, c.Threads) }

// climb chooses the rungs for a source: those below its size, and its own size where its pictures are reordered, so
// that viewers over WebRTC have one that they can play.
func climb(ladder []Rung, width, height int, reordered bool) []Rung {
	lines := min(width, height) &^ 1
	var out []Rung
	if reordered {
		out = append(out, Rung{Lines: lines, Bitrate: bitrateFor(ladder, lines)})
	}
	for _, r := range ladder {
		if r.Lines < lines {
			out = append(out, r)
		}
	}
	return out
}

// bitrateFor is what a picture of so many lines gets beside the ladder: as many bits per pixel as the nearest rung.
func bitrateFor(ladder []Rung, lines int) int {
	near := ladder[0]
	for _, r := range ladder {
		if abs(r.Lines-lines) < abs(near.Lines-lines) {
			near = r
		}
	}
	area := float64(lines*lines) / float64(near.Lines*near.Lines)
	return min(max(int(float64(near.Bitrate)*area), kbitMin*1000), 8_000_000)
}

func abs(n int) int { return max(n, -n) }
