package event

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	redisPartitions  = 16 // the same on every node, for ever: a topic's partition follows from it
	redisEntriesKept = 8192
	redisAwayAfter   = 2 * time.Second
	redisCallMax     = time.Second     // one call; a server that hangs costs no more
	redisBarrierMax  = 3 * time.Second // until what Redis says has arrived here
)

// Redis is the bus of several nodes: Redis Streams in partitions, and on each node one blocking reader per partition
// that feeds rings like Memory's, from which the node's readers are served. Positions are given by Redis and are the
// same on every node. Fill the fields, start Run, then use it from any number of goroutines.
//
// Redis is a messenger here, nothing is decided by it. A partition that was emptied, restarted or taken over by a
// replica begins a new life: every reader of its topics is told of a gap. One that does not answer for AwayAfter is
// away: its topics live on in this node's memory, under epochs of their own, and their readers are told of a gap once
// more when it is back.
type Redis struct {
	// Required.
	Client redis.UniversalClient
	Log    *slog.Logger

	// Prefix sets installations apart that share a Redis; default "hawker:".
	Prefix string
	// Rings bounds what this node holds.
	Rings MemoryConfig
	// Partitions must be the same on all nodes; default 16.
	Partitions int
	// Entries kept per partition, more or less; default 8192. An entry holds what one call published of one topic.
	Entries int
	// AwayAfter is how long a partition may be silent; default 2 s.
	AwayAfter time.Duration
	// Away, if set, runs while a partition is away and delivers what it hears of by other means; what belongs to
	// partitions that answer is left out. It returns when ctx ends.
	Away func(ctx context.Context, deliver func(...Event))
	// Metrics may be nil.
	Metrics *RedisMetrics

	once    sync.Once
	local   *Memory
	parts   []*redisPart
	entries int
}

// errBehind is returned when what Redis has does not arrive here.
var errBehind = errors.New("event: this node is behind Redis")

var _ Bus = (*Redis)(nil)

func (r *Redis) init() {
	r.once.Do(func() {
		if r.Prefix == "" {
			r.Prefix = "hawker:"
		}
		if r.Partitions == 0 {
			r.Partitions = redisPartitions
		}
		if r.entries = r.Entries; r.entries == 0 {
			r.entries = redisEntriesKept
		}
		if r.AwayAfter == 0 {
			r.AwayAfter = redisAwayAfter
		}
		r.local = NewMemory(r.Rings)
		for n := range r.Partitions {
			r.parts = append(r.parts, &redisPart{number: n, changed: make(chan struct{})})
		}
	})
}

// Run reads the partitions until ctx ends.
func (r *Redis) Run(ctx context.Context) error {
	r.init()
	var work sync.WaitGroup
	for _, p := range r.parts {
		work.Go(func() { r.tail(ctx, p) })
	}
	if r.Away != nil {
		work.Go(func() { r.standIn(ctx) })
	}
	work.Wait()
	return nil
}

func (r *Redis) part(topic string) *redisPart {
	h := fnv.New32a()
	_, _ = h.Write([]byte(topic)) // never fails (hash)
	return r.parts[h.Sum32()%uint32(len(r.parts))]
}

// Publish appends the events to their topics. Those of partitions that are away reach this node's readers only.
func (r *Redis) Publish(ctx context.Context, events ...Event) error {
	r.init()
	var there, here []Event
	for _, e := range events {
		if r.part(e.Topic).isAway() {
			here = append(here, e)
		} else {
			there = append(there, e)
		}
	}
	if len(here) > 0 {
		_ = r.local.Publish(ctx, here...) // memory takes everything
	}
	return r.append(ctx, there)
}

// Lasting is the same bus for a publisher that tries again until Redis has taken its events: with it, publishing to a
// partition that is away fails.
func (r *Redis) Lasting() Bus { r.init(); return lasting{r} }

type lasting struct{ *Redis }

func (l lasting) Publish(ctx context.Context, events ...Event) error { return l.append(ctx, events) }

// append gives events to Redis, those of each topic in their order. What fails half way is published again by
// whoever tries again.
func (r *Redis) append(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, redisCallMax)
	defer cancel()
	byTopic, order := map[string][]Event{}, []string{}
	for _, e := range events {
		if byTopic[e.Topic] == nil {
			order = append(order, e.Topic)
		}
		byTopic[e.Topic] = append(byTopic[e.Topic], e)
	}
	for len(order) > 0 {
		var calls []scriptCall
		var rest []string
		for _, topic := range order { // one entry of each topic per round, so that they cannot overtake each other
			list := byTopic[topic]
			n := entryOf(list)
			c, err := r.call(r.part(topic).number, topic, false, list[:n])
			if err != nil {
				return err
			}
			calls = append(calls, c)
			if byTopic[topic] = list[n:]; n < len(list) {
				rest = append(rest, topic)
			}
		}
		if _, err := r.run(ctx, calls); err != nil {
			r.Metrics.failed("publish")
			return fmt.Errorf("event: publish to redis: %w", err)
		}
		order = rest
	}
	r.Metrics.published(len(events))
	return nil
}

// Once appends those of the events that no node has appended by it in this epoch of their topic, each topic's in their
// order. What belongs to partitions that are away is told once at this node.
func (r *Redis) Once(ctx context.Context, events ...Event) error {
	r.init()
	var here []Event
	var calls []scriptCall
	for _, e := range events {
		if r.part(e.Topic).isAway() {
			here = append(here, e)
			continue
		}
		c, err := r.callOnce(e)
		if err != nil {
			return err
		}
		calls = append(calls, c)
	}
	if len(here) > 0 {
		_ = r.local.Once(ctx, here...) // memory takes everything
	}
	if len(calls) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, redisCallMax)
	defer cancel()
	if _, err := r.run(ctx, calls); err != nil {
		r.Metrics.failed("publish")
		return fmt.Errorf("event: publish to redis: %w", err)
	}
	r.Metrics.published(len(calls))
	return nil
}

// entryOf is how many of the events go into one entry.
func entryOf(events []Event) int {
	bytes := 0
	for i, e := range events {
		if bytes += len(e.Data); i == entryEvents || (i > 0 && bytes > entryBytes) {
			return i
		}
	}
	return len(events)
}

// touch asks Redis how far a topic is, and makes it known if nobody used it yet. announce lets every node hear of it.
func (r *Redis) touch(ctx context.Context, topic string, announce bool) (Position, error) {
	ctx, cancel := context.WithTimeout(ctx, redisCallMax)
	defer cancel()
	c, err := r.call(r.part(topic).number, topic, announce, nil)
	if err != nil {
		return Position{}, err
	}
	out, err := r.run(ctx, []scriptCall{c})
	if err != nil {
		r.Metrics.failed("position")
		return Position{}, fmt.Errorf("event: ask redis for a position: %w", err)
	}
	return out[0].Position, nil
}

// Position is the newest position of a topic. While Redis does not answer it is the newest that arrived here: what
// comes after it is still delivered.
func (r *Redis) Position(ctx context.Context, topic string) (Position, error) {
	r.init()
	p := r.part(topic)
	if err := p.wait(ctx); err != nil {
		return Position{}, err
	}
	if p.isAway() {
		return r.local.Position(ctx, topic)
	}
	at, err := r.touch(ctx, topic, false)
	if err != nil {
		if at, ok := r.local.newest(topic); ok {
			return at, nil
		}
	}
	return at, err
}

// Subscribe follows a topic. What this node holds it serves without asking Redis.
func (r *Redis) Subscribe(ctx context.Context, topic string, since *Position) (Subscription, error) {
	r.init()
	p := r.part(topic)
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	newest, here := r.local.newest(topic)
	if since != nil && here && newest.Epoch == since.Epoch && since.Offset <= newest.Offset {
		if s, ok, err := r.local.join(topic, *since); ok {
			return s, err
		}
	}
	if p.isAway() {
		return r.local.Subscribe(ctx, topic, since)
	}
	now, err := r.touch(ctx, topic, false)
	if err != nil {
		if since == nil && here {
			if s, ok, joined := r.local.join(topic, newest); ok {
				return s, joined
			}
		}
		return nil, err
	}
	if at, ok := r.local.newest(topic); !ok || at.Epoch != now.Epoch {
		if now, err = r.touch(ctx, topic, true); err != nil {
			return nil, err
		}
	}
	switch {
	case since == nil:
		return r.await(ctx, topic, now)
	case since.Epoch != now.Epoch || since.Offset > now.Offset:
		return nil, ErrGap
	}
	return r.await(ctx, topic, *since)
}

// await subscribes as soon as the topic is here in the position's epoch: its announcement is on its way.
func (r *Redis) await(ctx context.Context, topic string, at Position) (Subscription, error) {
	ctx, cancel := context.WithTimeout(ctx, redisBarrierMax)
	defer cancel()
	p := r.part(topic)
	for {
		changed := p.next()
		if s, here, err := r.local.join(topic, at); here {
			return s, err
		}
		if p.isAway() {
			return nil, ErrGap
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, errBehind
			}
			return nil, ctx.Err()
		}
	}
}

// lifeOf is the life that an epoch belongs to.
func lifeOf(epoch string) string {
	life, _, _ := strings.Cut(epoch, "-")
	return life
}
