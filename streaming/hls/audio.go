package hls

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// AudioLegs makes AAC of a stream's audio where it is Opus.
type AudioLegs interface {
	// Open returns a leg that carries the stream's audio as AAC from a media time on, as far as it is still held.
	Open(s *streaming.Stream, from mediatime.Time) (AudioLeg, error)
}

// AudioLeg is one reader of a stream's audio in AAC. Close it.
type AudioLeg interface {
	// Track is the leg's audio track in a generation. It reports false where there is none.
	Track(generation int) (streaming.Track, bool)
	Next(ctx context.Context) (*streaming.Unit, error)
	TryNext() *streaming.Unit
	Close()
}

// A bridge that has just begun needs a moment for the sound of what is already there.
const (
	bridgeBehind   = 150 * time.Millisecond // sound that is no further behind the pictures is not waited for
	bridgePatience = 2 * time.Second        // of waiting, in the first generation
	bridgeAgain    = 400 * time.Millisecond // in a later one: viewers wait for the picture's return, and not every publisher has sound at once
)

// bridge reads a leg beside the stream. One goroutine uses it.
type bridge struct {
	leg      AudioLeg
	track    streaming.Track // in the present generation
	number   int             // of the present generation
	held     *streaming.Unit // of a generation to come
	newest   mediatime.Time
	patience time.Duration
	begun    bool // viewers have seen a generation
}

// enter prepares for a generation. It reports false where the leg has no sound for it.
func (b *bridge) enter(number int) bool {
	t, ok := b.leg.Track(number)
	b.track, b.number, b.patience = t, number, bridgePatience
	if b.begun {
		b.patience = bridgeAgain
	}
	b.begun, b.newest = true, 0
	return ok
}

// drain hands on what the leg has for the present generation.
func (b *bridge) drain(to func(*streaming.Unit)) {
	for {
		u := b.held
		if u == nil {
			u = b.leg.TryNext()
		}
		if !b.hand(u, to) {
			return
		}
	}
}

// hand gives one unit on. It reports false where no more can follow now.
func (b *bridge) hand(u *streaming.Unit, to func(*streaming.Unit)) bool {
	b.held = nil
	switch {
	case u == nil:
		return false
	case u.Generation > b.number:
		b.held = u
		return false
	case u.Generation == b.number:
		b.newest = b.track.Time(u.PTS)
		to(u)
	}
	return true
}

// catchUp waits until the sound has come near the pictures, at the most for what is left of the patience.
func (b *bridge) catchUp(ctx context.Context, pictures mediatime.Time, to func(*streaming.Unit)) {
	for b.held == nil && b.patience > 0 && pictures-b.newest > mediatime.Of(bridgeBehind) {
		began := time.Now()
		waiting, cancel := context.WithTimeout(ctx, b.patience)
		u, err := b.leg.Next(waiting)
		cancel()
		b.patience -= time.Since(began)
		if err != nil || !b.hand(u, to) {
			return
		}
	}
}
