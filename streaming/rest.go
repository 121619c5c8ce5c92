package streaming

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrResting is returned where a channel's people have just ended its broadcast and made no other one: most encoders
// connect again by themselves, and would go on air by accident.
var ErrResting = errors.New("streaming: the channel's people have just ended its broadcast")

const restDefault = 30 * time.Second

// rests are the channels that rest, each until a time. It forgets those that are over whenever one is added. It
// stands in memory: a restart is longer than an encoder's first attempts, and costs at most a broadcast by accident.
type rests struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (r *rests) begin(channel string, now, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	for c, t := range r.until {
		if !now.Before(t) {
			delete(r.until, c)
		}
	}
	r.until[channel] = until
}

func (r *rests) lift(channel string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.until, channel)
}

func (r *rests) hold(channel string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until[channel])
}

// MayGoOnAir tells whether a publisher of the channel would be taken now, and changes nothing: ErrResting where it
// would have to make a broadcast while the channel rests.
func (b *Broadcasts) MayGoOnAir(ctx context.Context, channelID string) error {
	now := b.now()
	if !b.rests.hold(channelID, now) {
		return nil
	}
	_, err := b.Store.Take(ctx, Broadcast{ChannelID: channelID}, now)
	return resting(err)
}

// resting puts the store's answer to a channel that rests into words.
func resting(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrResting
	}
	if err != nil {
		return fmt.Errorf("find an armed broadcast: %w", err)
	}
	return nil
}

func (b *Broadcasts) rest() time.Duration {
	if b.Rest > 0 {
		return b.Rest
	}
	return restDefault
}
