package overlay

import (
	"context"
	"sync"
	"time"
)

// shard wakes its share of the connections, on one goroutine. There is one per core.
type shard struct {
	mu    sync.Mutex
	queue []*room // each at most once
	some  chan struct{}
}

func newShard() *shard { return &shard{some: make(chan struct{}, 1)} }

// push puts a room into the queue. part.waiting keeps it from standing there twice, so that the queue holds at
// most as many as there are rooms.
func (s *shard) push(r *room) {
	s.mu.Lock()
	s.queue = append(s.queue, r)
	s.mu.Unlock()
	select {
	case s.some <- struct{}{}:
	default:
	}
}

func (s *shard) run(ctx context.Context, f *Feed, number int) {
	check := time.NewTicker(checkEvery)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-check.C:
			now := f.now()
			for _, r := range f.allRooms() {
				r.parts[number].each(func(k sink) { k.check(now) })
			}
		case <-s.some:
			s.mu.Lock()
			queue := s.queue
			s.queue = nil
			s.mu.Unlock()
			for _, r := range queue {
				p := &r.parts[number]
				p.waiting.Store(false) // what comes from here on queues again
				p.each(func(k sink) { k.wake() })
			}
		}
	}
}

func (p *part) each(do func(sink)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.sinks {
		do(k)
	}
}

func (r *room) each(do func(sink)) {
	for i := range r.parts {
		r.parts[i].each(do)
	}
}

// enter makes the sink one of the room's readers; from now on its shard wakes it.
func (r *room) enter(k sink) {
	fw := k.follow()
	p := &r.parts[fw.shard]
	p.mu.Lock()
	fw.index = len(p.sinks)
	p.sinks = append(p.sinks, k)
	p.mu.Unlock()
}

// enter makes a connection one of its room's readers. What left since it looked is taken now; one that comes while
// the node shuts down is sent away like the others.
func (f *Feed) enter(k sink) {
	k.follow().room.enter(k)
	k.wake()
	f.mu.Lock()
	running := f.running
	f.mu.Unlock()
	if !running {
		k.leave()
	}
}

// exit takes the sink out again.
func (r *room) exit(k sink) {
	fw := k.follow()
	p := &r.parts[fw.shard]
	p.mu.Lock()
	last := len(p.sinks) - 1
	p.sinks[fw.index] = p.sinks[last]
	p.sinks[fw.index].follow().index = fw.index
	p.sinks[last] = nil
	p.sinks = p.sinks[:last]
	if cap(p.sinks) > 64 && last < cap(p.sinks)/4 {
		p.sinks = append(make([]sink, 0, cap(p.sinks)/2), p.sinks...)
	}
	p.mu.Unlock()
	r.part()
}

// part counts a reader out.
func (r *room) part() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.joined--; r.joined == 0 {
		r.emptyAt = r.feed.now()
	}
}

// join finds or makes the topic's room and counts the caller in, and waits until the room has its window. The
// caller enters a sink and exits it again, or calls part.
func (f *Feed) join(ctx context.Context, topic string) (*room, error) {
	f.mu.Lock()
	if !f.running {
		f.mu.Unlock()
		return nil, ErrFeedClosed
	}
	r := f.rooms[topic]
	if r == nil {
		life, stop := context.WithCancel(f.ctx)
		r = &room{feed: f, topic: topic, ready: make(chan struct{}), stop: stop, parts: make([]part, len(f.shards))}
		f.rooms[topic] = r
		f.work.Go(func() { r.run(life) })
	}
	r.mu.Lock()
	r.joined++
	r.emptyAt = time.Time{}
	r.mu.Unlock()
	f.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, roomReadyWithin)
	defer cancel()
	select {
	case <-r.ready:
	case <-ctx.Done():
		r.part()
		return nil, ErrFeedClosed
	}
	r.mu.Lock()
	err := r.failed
	r.mu.Unlock()
	if err != nil {
		r.part()
		f.Log.Warn("feed: subscribe", "topic", topic, "error", err)
		f.drop(r)
		return nil, ErrFeedClosed
	}
	return r, nil
}

// place picks the shard of a new connection.
func (f *Feed) place() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn++
	return f.turn % len(f.shards)
}

func (f *Feed) drop(r *room) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rooms[r.topic] == r {
		delete(f.rooms, r.topic)
	}
	r.stop()
}

func (f *Feed) allRooms() []*room {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]*room, 0, len(f.rooms))
	for _, r := range f.rooms {
		out = append(out, r)
	}
	return out
}

// sweep ends rooms that have been empty for a while.
func (f *Feed) sweep(ctx context.Context) {
	t := time.NewTicker(roomKept / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := f.now()
		f.mu.Lock()
		for topic, r := range f.rooms {
			r.mu.Lock()
			if r.joined == 0 && !r.emptyAt.IsZero() && now.Sub(r.emptyAt) >= roomKept {
				delete(f.rooms, topic)
				r.stop()
			}
			r.mu.Unlock()
		}
		f.mu.Unlock()
	}
}

// mark puts a room on the list of those that have something for the next tick.
func (f *Feed) mark(r *room) {
	f.dirtyMu.Lock()
	f.dirty = append(f.dirty, r)
	first := len(f.dirty) == 1
	f.dirtyMu.Unlock()
	if first {
		select {
		case f.ticking <- struct{}{}:
		default:
		}
	}
}

// tickRooms sends what waits at the end of each tick. While nothing waits it sleeps: an idle node is idle.
func (f *Feed) tickRooms(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.ticking:
		}
		now := f.now()
		if !sleep(ctx, now.Truncate(tick).Add(tick).Sub(now)) {
			return
		}
		f.dirtyMu.Lock()
		dirty := f.dirty
		f.dirty = nil
		f.dirtyMu.Unlock()
		for _, r := range dirty {
			r.tick()
		}
	}
}
