package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// What Open refuses.
var (
	ErrNoAudio          = errors.New("audio: the stream has no audio track")
	ErrUnsupportedAudio = errors.New("audio: this coding cannot be bridged")
	ErrClosed           = errors.New("audio: closed")
)

const lingerDefault = 30 * time.Second

// Legs holds the bridges of this node. Any number of goroutines may use it.
type Legs struct {
	// Optional, with defaults.
	Log     *slog.Logger  // defaults to discarding
	Metrics *Metrics      // defaults to none
	Foreign *Foreign      // decodes what is not decoded in process; nil refuses it
	Linger  time.Duration // how long a bridge goes on after its last leg was closed; default 30 s

	mu      sync.Mutex
	bridges map[key]*bridge
	closed  bool
	running sync.WaitGroup
}

type key struct {
	stream *streaming.Stream
	codec  streaming.Codec
}

// Open returns a leg that carries the stream's audio in the codec, Opus or AAC, and starts the bridge where none
// runs. The stream's present generation must have audio that can be had in that codec. Close the leg.
func (l *Legs) Open(s *streaming.Stream, to streaming.Codec) (*Leg, error) {
	if to != streaming.Opus && to != streaming.AAC {
		return nil, fmt.Errorf("%w: to %s", ErrUnsupportedAudio, to)
	}
	g := s.Generation()
	if g == nil {
		return nil, ErrNoAudio
	}
	source, ok := g.First(streaming.Audio)
	if !ok {
		return nil, ErrNoAudio
	}
	if _, err := Translate(source, to, l.Foreign); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	k := key{s, to}
	b := l.bridges[k]
	if b == nil {
		if l.bridges == nil {
			l.bridges = map[key]*bridge{}
		}
		b = l.start(k)
		l.bridges[k] = b
	}
	if b.linger != nil {
		b.linger.Stop()
		b.linger = nil
	}
	b.legs++
	return &Leg{legs: l, bridge: b}, nil
}

// start runs under the lock.
func (l *Legs) start(k key) *bridge {
	ctx, cancel := context.WithCancel(context.Background())
	log := l.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &bridge{
		stream: k.stream, to: k.codec, metrics: l.Metrics, foreign: l.Foreign, cancel: cancel, wake: make(chan struct{}),
		reader: k.stream.Subscribe(streaming.ReadOptions{Start: streaming.FromKey}), tracks: map[int]streaming.Track{},
		log: log.With("broadcast", k.stream.ID, "audio", string(k.codec)),
	}
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		defer cancel()
		b.run(ctx)
		l.mu.Lock()
		if l.bridges[k] == b {
			delete(l.bridges, k)
		}
		l.mu.Unlock()
	}()
	return b
}

// release gives one leg back. The last one leaves the bridge running for Linger.
func (l *Legs) release(b *bridge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.legs--; b.legs > 0 || l.closed {
		return
	}
	d := l.Linger
	if d == 0 {
		d = lingerDefault
	}
	b.linger = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if b.legs > 0 {
			return
		}
		k := key{b.stream, b.to}
		if l.bridges[k] == b {
			delete(l.bridges, k)
		}
		b.cancel()
	})
}

// Run waits for ctx and then stops every bridge and waits for it. Open is refused from then on.
func (l *Legs) Run(ctx context.Context) error {
	<-ctx.Done()
	l.mu.Lock()
	l.closed = true
	for _, b := range l.bridges {
		if b.linger != nil {
			b.linger.Stop()
		}
		b.cancel()
	}
	l.mu.Unlock()
	l.running.Wait()
	return nil
}
