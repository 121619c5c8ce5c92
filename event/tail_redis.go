package event

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	readBlock  = 250 * time.Millisecond // how long a blocking read waits; Run ends no sooner
	readMax    = 256                    // entries of one read
	lookEvery  = 2 * time.Second
	retryFirst = 50 * time.Millisecond
	retryMost  = 500 * time.Millisecond
)

// redisPart is one partition as this node sees it.
type redisPart struct {
	number int

	mu      sync.Mutex
	loaded  bool          // what the stream held when this node came is here
	away    bool          // it does not answer
	changed chan struct{} // closed at the next entry or change of state

	// The reader's own.
	life    string
	last    string    // id of the newest entry that was read
	strange string    // id of an entry whose life was not known
	heard   time.Time // when it last answered
}

func (p *redisPart) isAway() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

// next is closed when something changes.
func (p *redisPart) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed
}

func (p *redisPart) set(loaded, away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loaded, p.away = loaded, away
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait returns when the partition is usable: it was read up to its end, or it is away.
func (p *redisPart) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		ready, changed := p.loaded || p.away, p.changed
		p.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tail reads one partition until ctx ends.
func (r *Redis) tail(ctx context.Context, p *redisPart) {
	p.heard = time.Now()
	for pause := retryFirst; ctx.Err() == nil; pause = min(2*pause, retryMost) {
		before := p.heard
		err := r.follow(ctx, p)
		if ctx.Err() != nil {
			return
		}
		r.Metrics.failed("read")
		if p.heard != before {
			pause = retryFirst
		}
		if silent := time.Since(p.heard); silent >= r.AwayAfter && !p.isAway() {
			r.Log.Warn("event bus: redis does not answer; this node goes on alone", "partition", p.number, "silent", silent.Round(time.Millisecond), "error", err)
			r.Metrics.away(1)
			p.life = ""
			p.set(false, true)
			r.forget(p)
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// forget tells the readers of a partition's topics of a gap.
func (r *Redis) forget(p *redisPart) {
	r.Metrics.reset()
	r.local.lose(func(topic string) bool { return r.part(topic) == p })
}

// follow reads until something fails.
func (r *Redis) follow(ctx context.Context, p *redisPart) error {
	for {
		if err := r.look(ctx, p); err != nil {
			return err
		}
		for looked := time.Now(); time.Since(looked) < lookEvery; {
			block := readBlock
			if !p.loaded {
				block = -1
			}
			n, known, err := r.read(ctx, p, block)
			if err != nil {
				return err
			}
			if !known {
				break // entries of a life that we have not heard of
			}
			if n == 0 && !p.loaded {
				p.set(true, false)
			}
		}
	}
}

// look asks for the partition's life. Another one than before means that history may be lost: everybody hears of a
// gap, and reading begins anew.
func (r *Redis) look(ctx context.Context, p *redisPart) error {
	c, err := r.call(p.number, "", false, nil)
	if err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, redisCallMax)
	defer cancel()
	out, err := r.run(short, []scriptCall{c})
	if err != nil {
		return err
	}
	p.heard = time.Now()
	if out[0].life == p.life {
		return nil
	}
	if p.life != "" {
		r.Log.Info("event bus: a partition lost its history; readers reload", "partition", p.number)
	}
	away := p.isAway()
	p.life, p.last = out[0].life, "0"
	p.set(false, false)
	r.forget(p)
	if away {
		r.Metrics.away(-1)
		r.Log.Info("event bus: redis answers again", "partition", p.number)
	}
	return nil
}

// read takes the next entries. known is false where one is of a life that we have not heard of; it is read again.
func (r *Redis) read(ctx context.Context, p *redisPart, block time.Duration) (n int, known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(block, 0)+redisCallMax)
	defer cancel()
	c, err := r.call(p.number, "", false, nil)
	if err != nil {
		return 0, false, err
	}
	streams, err := r.Client.XRead(ctx, &redis.XReadArgs{Streams: []string{c.keys[2], p.last}, Count: readMax, Block: block}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, false, err
	}
	p.heard = time.Now()
	if len(streams) == 0 {
		return 0, true, nil
	}
	for _, m := range streams[0].Messages {
		topic, epoch, from, events, err := readEntry(m.Values)
		switch {
		case err != nil: // nobody of ours wrote it
			r.Metrics.failed("entry")
		case lifeOf(epoch) == p.life:
			r.local.put(topic, epoch, from, events)
		case p.loaded:
			// It is of a newer life, unless a server was replaced by one that still holds an older life's entries.
			if p.strange != m.ID {
				p.strange = m.ID
				return n, false, nil
			}
		}
		p.last = m.ID
		n++
	}
	p.rouse()
	return n, true, nil
}

// rouse wakes who waits for entries.
func (p *redisPart) rouse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

// standIn runs Away while a partition is away.
func (r *Redis) standIn(ctx context.Context) {
	deliver := func(events ...Event) {
		var here []Event
		for _, e := range events {
			if r.part(e.Topic).isAway() {
				here = append(here, e)
			}
		}
		_ = r.local.Publish(ctx, here...) // memory takes everything
	}
	look := time.NewTicker(r.AwayAfter / 8)
	defer look.Stop()
	for {
		if r.anyAway() {
			life, stop := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() {
				defer close(done)
				r.Away(life, deliver)
			}()
			for ctx.Err() == nil && r.anyAway() {
				select {
				case <-look.C:
				case <-ctx.Done():
				}
			}
			stop()
			<-done
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

func (r *Redis) anyAway() bool {
	for _, p := range r.parts {
		if p.isAway() {
			return true
		}
	}
	return false
}
