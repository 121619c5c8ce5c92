package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// stage is a set of things that run together and stop together. Stages stop one after the other, in the reverse of
// the order in which the river flows through them: doors first, then what drains, then what stores.
type stage struct {
	name   string
	ctx    context.Context
	cancel context.CancelFunc
	fail   func(error)
	wg     sync.WaitGroup

	mu    sync.Mutex
	parts map[string]int // that run
}

// newStage makes a stage whose failures reach fail. It is not a child of the process's context: a signal starts
// the stopping in order, it does not end everything at once.
func newStage(name string, fail func(error)) *stage {
	ctx, cancel := context.WithCancel(context.Background())
	return &stage{name: name, ctx: ctx, cancel: cancel, fail: fail}
}

// run starts one part. A part that returns before it is told to has failed.
func (s *stage) run(part string, fn func(ctx context.Context) error) {
	s.wg.Add(1)
	s.count(part, 1)
	go func() {
		defer s.wg.Done()
		defer s.count(part, -1)
		err := fn(s.ctx)
		if s.ctx.Err() == nil {
			if err == nil {
				err = errors.New("it ended by itself")
			}
			s.fail(fmt.Errorf("%s: %w", part, err))
		}
	}()
}

func (s *stage) count(part string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[string]int{}
	}
	if s.parts[part] += n; s.parts[part] == 0 {
		delete(s.parts, part)
	}
}

// running names the parts that have not ended.
func (s *stage) running() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.parts))
}

// stop ends the stage and waits for its parts, at most for the given time.
func (s *stage) stop(most time.Duration) error {
	s.cancel()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(most):
		left := s.running()
		if len(left) == 0 { // the last one ended just now
			<-done
			return nil
		}
		return fmt.Errorf("stop %s: not done after %v: %s", s.name, most, strings.Join(left, ", "))
	}
}
