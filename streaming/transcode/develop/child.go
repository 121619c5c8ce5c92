package develop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	lookEvery = 250 * time.Millisecond
	saidMax   = 400             // bytes of a child's complaint that are kept
	drainFor  = 2 * time.Second // a child that was ended has left its pipes by then
)

// child is one run of a program in its cage.
type child struct {
	path   string
	args   []string
	dir    string
	within time.Duration // of its own: standing still does not count
	memory int64
	output int64 // bytes of any file that it writes
	out    io.Writer
}

// errTooHard is what a child died of that met one of its bounds.
var errTooHard = errors.New("develop: the child met its bounds")

func siblingOf(ffmpeg string) string {
	return filepath.Join(filepath.Dir(ffmpeg), strings.Replace(filepath.Base(ffmpeg), "ffmpeg", "ffprobe", 1))
}

// run runs a child until it ends, its time is up or ctx ends. It stands still while live work needs the machine.
func (t *Tools) run(ctx context.Context, c child) error {
	path, args := c.path, c.args
	if nice, err := exec.LookPath("nice"); err == nil {
		path, args = nice, append([]string{"-n", strconv.Itoa(t.Limits.filled().Niceness), path}, args...)
	}
	// The kernel ends the child when the thread that made it ends: it must not, while the child runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = c.dir, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1"}
	cmd.SysProcAttr = cage()
	cmd.WaitDelay = drainFor
	said := &bounded{most: saidMax}
	cmd.Stdout, cmd.Stderr = c.out, said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(c.path), err)
	}
	limit(cmd.Process.Pid, c)
	ended := make(chan error, 1)
	watch := make(chan bool, 1) // whether the time was up
	stop := make(chan struct{})
	go func() { watch <- t.watch(ctx, cmd.Process.Pid, c.within, stop) }()
	go func() { ended <- cmd.Wait() }()
	err := <-ended
	close(stop)
	late := <-watch
	endGroup(cmd.Process.Pid) // what it started, if anything
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case late, metBounds(cmd.ProcessState, said.String()):
		return fmt.Errorf("%w: %s", errTooHard, strings.TrimSpace(said.String()))
	case err != nil:
		return fmt.Errorf("%s: %w: %s", filepath.Base(c.path), err, strings.TrimSpace(said.String()))
	}
	return nil
}

// watch ends the child when its time is up or ctx ends, and has it stand still while live work needs the machine.
func (t *Tools) watch(ctx context.Context, pid int, within time.Duration, stop <-chan struct{}) (late bool) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	still, stood := false, standing(0)
	for ran := time.Duration(0); ; {
		select {
		case <-stop:
			return late
		case <-ctx.Done():
			endGroup(pid)
			<-stop
			return late
		case <-tick.C:
		}
		if now := stood.look(t.Busy != nil && t.Busy()); now != still {
			still = now
			pauseGroup(pid, still)
		}
		if still {
			continue
		}
		if ran += lookEvery; ran > within && !late {
			late = true
			endGroup(pid)
		}
	}
}

// standing is for how many looks a child has stood still of late. Live work that never has enough of the machine would
// have it stand for ever: after stillMost it goes on for one look in so many.
type standing int

const (
	stillMost  = 12 // looks: three seconds
	stillShare = 3
)

// look tells whether the child stands still until the next look.
func (s *standing) look(busy bool) bool {
	if busy && *s < stillMost {
		*s++
		return true
	}
	*s = max(0, *s-stillShare)
	return false
}

// metBounds tells whether a child died of what it may cost.
func metBounds(state *os.ProcessState, said string) bool {
	return strings.Contains(said, "Cannot allocate memory") || strings.Contains(said, "File too large") || state != nil && killedByLimit(state)
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	bytes.Buffer
	most int
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.most-b.Len())
	b.over = b.over || keep < len(p)
	_, _ = b.Buffer.Write(p[:keep])
	return len(p), nil
}
