package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	childStarts = 15 * time.Second
	childStops  = 8 * time.Second
	jiffy       = 10 * time.Millisecond // of /proc: USER_HZ is 100 everywhere
)

// child is a process that is measured: the server, or a limit.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner // of its standard output
}

// start starts a process. Limits print their address as the first line; output is nil for who prints nothing of use.
func start(ctx context.Context, log io.Writer, name string, args ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, name, args...)}
	c.cmd.Stderr = log
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// line waits for the next line of output.
func (c *child) line() (string, error) {
	if !c.lines.Scan() {
		return "", errors.Join(fmt.Errorf("%s said nothing", c.cmd), c.lines.Err())
	}
	return c.lines.Text(), nil
}

// stop ends the process and waits for it.
func (c *child) stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	late := time.AfterFunc(childStops, func() { _ = c.cmd.Process.Kill() })
	defer late.Stop()
	for c.lines.Scan() {
	}
	return c.cmd.Wait()
}

// cpu is the processor time that the process has used so far.
func (c *child) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("processor time is read from /proc, which Linux has: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc says something else than expected")
	}
	var sum time.Duration
	for _, f := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		sum += time.Duration(n) * jiffy
	}
	return sum, nil
}

// onCPU is how long the process's threads have been on a processor, to the nanosecond: cpu counts in steps of 10 ms.
func (c *child) onCPU() (sum time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that ended meanwhile
		}
		first, _, _ := strings.Cut(string(text), " ")
		n, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		sum += time.Duration(n)
	}
	if err == nil && sum == 0 {
		err = errors.New("time on the processor is read from schedstat, which Linux has")
	}
	return sum, err
}

// spent runs work and returns the processor time that the process used meanwhile, above what it uses idle.
func (c *child) spent(idle float64, work func() error) (time.Duration, error) {
	began := time.Now()
	before, err := c.cpu()
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	after, err := c.cpu()
	return after - before - time.Duration(idle*float64(time.Since(began))), err
}

// idle is what the process uses by itself, in cores.
func (c *child) idle(ctx context.Context, d time.Duration) (float64, error) {
	used, err := c.spent(0, func() error {
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return used.Seconds() / d.Seconds(), err
}
