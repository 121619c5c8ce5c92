package develop

import (
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// ErrNoTools says that there is no ffmpeg.
var ErrNoTools = errors.New("develop: there is no ffmpeg or no ffprobe")

// RefusedError says why a file is not taken. It will not be taken the next time either.
type RefusedError struct{ Code string }

// Error names the code.
func (e *RefusedError) Error() string { return "develop: refused: " + e.Code }

// Codes of refusals.
const (
	NotMedia    = "not-media"     // no container that we take
	Broken      = "broken"        // it cannot be read
	NoPicture   = "no-picture"    // there is no video in it
	BadCodec    = "codec"         // in no format that we decode
	TooLong     = "too-long"      // longer than allowed
	TooLarge    = "too-large"     // more pixels than allowed
	TooMany     = "too-many"      // streams
	TooHard     = "too-expensive" // more time, memory or output than it may cost
	OddShape    = "odd-shape"     // thinner than anybody could see
	NotAPicture = "not-a-picture"
)

func refused(code string) error { return &RefusedError{code} }

// Limits of what one file may be and cost. The zero value means the defaults.
type Limits struct {
	Duration time.Duration `yaml:"length_max"`  // default 10 min
	Pixels   int           `yaml:"pixels_max"`  // of one picture; default 4096 × 2304
	Streams  int           `yaml:"streams_max"` // default 16
	Memory   int64         `yaml:"memory_max"`  // address space of one child, bytes; default 4 GiB
	Niceness int           `yaml:"niceness"`    // of the children, 1 to 19: how far they stand behind everything else; default 15
}

func (l Limits) filled() Limits {
	if l.Duration <= 0 {
		l.Duration = 10 * time.Minute
	}
	if l.Pixels <= 0 {
		l.Pixels = 4096 * 2304
	}
	if l.Streams <= 0 {
		l.Streams = 16
	}
	if l.Niceness <= 0 {
		l.Niceness = 15
	}
	if l.Memory <= 0 {
		l.Memory = 4 << 30
	}
	return l
}

const (
	probeWithin = 20 * time.Second
	timesLonger = 10 // than the file is long may making it take, and a minute more
	outputRoom  = 16 << 20
)

// Tools are the programs and their bounds. Any number of goroutines may use them.
type Tools struct {
	FFmpeg  string // default ffmpeg
	FFprobe string // default: ffprobe beside FFmpeg, else in the path
	Ladder  []Rung // the largest first; default 720, 540 and 360 lines
	Limits  Limits
	Threads int // of each encoder; default 1
	// Busy tells that live work needs the machine: children stand still meanwhile. nil: never.
	Busy func() bool
}

// Rung is one rendition to make.
type Rung struct {
	Lines   int // of the shorter side
	Rate    int // constant quality: lower is better and larger
	MaxRate int // bits per second
}

var ladderDefault = []Rung{{720, 23, 2_800_000}, {540, 24, 1_600_000}, {360, 25, 800_000}}

func (t *Tools) ladder() []Rung {
	if len(t.Ladder) == 0 {
		return ladderDefault
	}
	return t.Ladder
}

func (t *Tools) ffmpeg() (string, error) { return find(t.FFmpeg, "ffmpeg") }

func (t *Tools) ffprobe() (string, error) {
	if t.FFprobe == "" && t.FFmpeg != "" && t.FFmpeg != "ffmpeg" {
		if beside, err := exec.LookPath(siblingOf(t.FFmpeg)); err == nil {
			return beside, nil
		}
	}
	return find(t.FFprobe, "ffprobe")
}

func find(name, otherwise string) (string, error) {
	if name == "" {
		name = otherwise
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoTools, err)
	}
	return path, nil
}

// Ready tells whether the programs are there.
func (t *Tools) Ready() error {
	if _, err := t.ffmpeg(); err != nil {
		return err
	}
	_, err := t.ffprobe()
	return err
}
