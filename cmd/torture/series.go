package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// series is trials of one kind that go on after the last line of their evidence.
type series struct {
	path    string
	columns []string
	trials  int
	seed    uint64 // of the first; 0: the one after the last line
	out     io.Writer
}

// outcome is what was found in a trial.
type outcome interface {
	fmt.Stringer
	clean() bool
	note(format string, args ...any)
	line(seed uint64, sources string) []string
}

// live lives through the trials, each in a folder of its own that is kept where something was found.
func (s series) live(ctx context.Context, one func(dir string, seed uint64) (outcome, error)) (err error) {
	if s.seed == 0 {
		if s.seed, err = nextSeed(s.path); err != nil {
			return err
		}
	}
	dirty, sources := 0, commit()
	for n := range uint64(s.trials) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		dir, err := os.MkdirTemp("", "hawker-trial-")
		if err != nil {
			return err
		}
		found, err := one(dir, s.seed+n)
		if err != nil {
			return fmt.Errorf("seed %d: %w (kept in %s)", s.seed+n, err, dir)
		}
		if found.clean() {
			err = os.RemoveAll(dir)
		} else {
			dirty++
			found.note("kept in %s", dir)
		}
		fmt.Fprintf(s.out, "seed %d: %s\n", s.seed+n, found)
		if err := errors.Join(err, appendRow(s.path, s.columns, found.line(s.seed+n, sources))); err != nil {
			return err
		}
	}
	if dirty > 0 {
		return fmt.Errorf("%d of %d trials found something", dirty, s.trials)
	}
	return nil
}
