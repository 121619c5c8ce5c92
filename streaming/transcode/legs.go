package transcode

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"sort"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// What Legs refuses.
var (
	ErrProgram = errors.New("transcode: ffmpeg is not installed")
	ErrFull    = errors.New("transcode: too many broadcasts want a ladder")
)

const (
	wantsMax   = 1000
	tick       = 250 * time.Millisecond
	backOffMin = time.Second
	backOffMax = 30 * time.Second
	steadyFor  = time.Minute // a leg that ran so long starts again at once
)

// State is where a broadcast's ladder stands.
type State string

// The states.
const (
	Off      State = "off"
	Waiting  State = "waiting"  // for a publisher, or for a place among the legs
	Starting State = "starting" // ffmpeg has made no picture yet
	Running  State = "running"
	Failing  State = "failing" // ffmpeg ends by itself and is started again
)

// Status is a ladder's state and what it makes.
type Status struct {
	State   State
	Rungs   []streaming.RenditionInfo
	Problem string // of the newest failure
}

// Legs runs a leg for each broadcast that wants one and is on air, as many as Config allows, the oldest wish first.
// Run it; any number of goroutines may use it.
type Legs struct {
	// Required.
	Hub *streaming.Hub

	// Optional, with defaults.
	Config  Config
	Log     *slog.Logger // defaults to discarding
	Metrics *Metrics     // defaults to none

	mu    sync.Mutex
	wants map[string]*want
	count uint64
	wake  chan struct{}
}

// want is one broadcast's wish.
type want struct {
	number uint64
	status Status
	cancel context.CancelFunc // of the running leg; nil: none
}

// Want switches a broadcast's ladder on or off. It returns ErrProgram where there is no ffmpeg,
// ErrFull where a thousand want one already. A ladder ends with its broadcast.
func (l *Legs) Want(broadcast string, on bool) error {
	if _, err := exec.LookPath(l.Config.program()); on && err != nil {
		return ErrProgram
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.wants[broadcast]
	switch {
	case on && w == nil && len(l.wants) >= wantsMax:
		return ErrFull
	case on && w == nil:
		if l.wants == nil {
			l.wants = map[string]*want{}
		}
		l.count++
		l.wants[broadcast] = &want{number: l.count, status: Status{State: Waiting}}
	case !on && w != nil:
		delete(l.wants, broadcast)
		if w.cancel != nil {
			w.cancel()
		}
	}
	select {
	case l.waker() <- struct{}{}:
	default: // Run is going to look anyway
	}
	return nil
}

// waker runs under the lock.
func (l *Legs) waker() chan struct{} {
	if l.wake == nil {
		l.wake = make(chan struct{}, 1)
	}
	return l.wake
}

// Status tells how a broadcast's ladder does.
func (l *Legs) Status(broadcast string) Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.wants[broadcast]; w != nil {
		return w.status
	}
	return Status{State: Off}
}

// Run starts and ends legs until ctx is done, and waits for all of them.
func (l *Legs) Run(ctx context.Context) error {
	l.mu.Lock()
	wake := l.waker()
	l.mu.Unlock()
	var legs sync.WaitGroup
	defer legs.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		l.look(ctx, &legs)
		select {
		case <-t.C:
		case <-wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// look starts legs for those on air, as far as there are places.
func (l *Legs) look(ctx context.Context, legs *sync.WaitGroup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	running := 0
	var waiting []string
	for id, w := range l.wants {
		if w.cancel != nil {
			running++
		} else {
			waiting = append(waiting, id)
		}
	}
	sort.Slice(waiting, func(i, j int) bool { return l.wants[waiting[i]].number < l.wants[waiting[j]].number })
	held := 0
	for _, id := range waiting {
		s, err := l.Hub.Stream(id)
		if err != nil || !s.Publishing() {
			continue
		}
		if running >= l.Config.legsMax() {
			held++
			continue
		}
		running++
		w := l.wants[id]
		mine, cancel := context.WithCancel(ctx)
		w.cancel, w.status = cancel, Status{State: Starting}
		legs.Go(func() {
			defer cancel()
			l.drive(mine, id, w, s)
		})
	}
	l.Metrics.running(running, held)
}

// drive runs legs for one broadcast, one after the other, until it ends or is not wanted any more.
func (l *Legs) drive(ctx context.Context, id string, w *want, s *streaming.Stream) {
	log := l.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	log = log.With("broadcast", id)
	defer l.set(func() { w.cancel, w.status = nil, Status{State: Waiting, Problem: w.status.Problem} })
	pause := backOffMin
	for {
		began := time.Now()
		err := (&leg{
			config: l.Config, stream: s, metrics: l.Metrics,
			told: func(rungs []Rung, width, height int) {
				log.Info("ladder starts", "rungs", len(rungs), "source", []int{width, height})
				l.set(func() { w.status.Rungs = infos(rungs, width, height) })
			},
			wrote: func() {
				l.Metrics.picture()
				l.set(func() { w.status.State = Running })
			},
		}).run(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, streaming.ErrEnded):
			l.set(func() { delete(l.wants, id) })
			return
		case errors.Is(err, errNewGeneration), errors.Is(err, streaming.ErrDisplaced): // the publisher sends one of them itself now
			l.set(func() { w.status.State = Starting })
			continue
		}
		l.Metrics.fail()
		log.Warn("ladder failed", "err", err, "again_in", pause)
		l.set(func() { w.status = Status{State: Failing, Problem: err.Error()} })
		if time.Since(began) > steadyFor {
			pause = backOffMin
		}
		t := time.NewTimer(pause)
		pause = min(2*pause, backOffMax)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

func (l *Legs) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func infos(rungs []Rung, width, height int) []streaming.RenditionInfo {
	out := make([]streaming.RenditionInfo, len(rungs))
	for i, r := range rungs {
		w, h := size(width, height, r.Lines)
		out[i] = streaming.RenditionInfo{Name: r.Name(), Width: w, Height: h, Bitrate: r.Bitrate}
	}
	return out
}
