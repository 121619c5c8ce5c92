package overlay

import (
	"context"
	"time"
)

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
	if err := r.wait(ctx); err != nil {
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

// wait waits until the room has its window or never will.
func (r *room) wait(ctx context.Context) error {
	select {
	case <-r.ready: // nearly always: no timer for it
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, roomReadyWithin)
	defer cancel()
	select {
	case <-r.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enter makes a connection one of its room's readers. What left since it looked is taken now; one that comes while
// the node shuts down is sent away like the others.
func (f *Feed) enter(k sink) {
	fw := k.follow()
	f.shards[fw.shard].add(k)
	fw.room.enter(k)
	k.wake(nil)
	f.mu.Lock()
	running := f.running
	f.mu.Unlock()
	if !running {
		k.leave()
	}
}

// exit is the other end of enter.
func (f *Feed) exit(k sink) {
	fw := k.follow()
	f.shards[fw.shard].remove(k)
	fw.room.exit(k)
}

// place picks the shard of a new connection.
func (f *Feed) place() int {
	return int(f.turn.Add(1) % uint64(len(f.shards)))
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

// Topics lists the topics that are followed here.
func (f *Feed) Topics() []string {
	var out []string
	for _, r := range f.allRooms() {
		out = append(out, r.topic)
	}
	return out
}

// End sends those of a topic's readers away that which picks, and returns how many they are: what let them in
// holds no longer. They are told by the closing status (WebSocket) or the end of the stream.
func (f *Feed) End(topic string, which func(session string, c Caller) bool) (ended int) {
	f.mu.Lock()
	r := f.rooms[topic]
	f.mu.Unlock()
	if r == nil {
		return 0
	}
	for _, k := range r.all() {
		if session, caller := k.who(); which(session, caller) {
			k.expel()
			ended++
		}
	}
	return ended
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

// tickRooms sends what waits at the end of each tick. While nothing waits it sleeps: an idle node is idle. A room that
// is not ready for a further pass is looked at again half a tick later.
func (f *Feed) tickRooms(ctx context.Context) {
	var later []*room
	for {
		every := tick / 2
		if len(later) == 0 {
			every = tick
			select {
			case <-ctx.Done():
				return
			case <-f.ticking:
			}
		}
		now := f.now()
		if !sleep(ctx, now.Truncate(every).Add(every).Sub(now)) {
			return
		}
		f.dirtyMu.Lock()
		dirty := f.dirty
		f.dirty = nil
		f.dirtyMu.Unlock()
		dirty, later = append(later, dirty...), nil
		for _, r := range dirty {
			if !r.tick() {
				later = append(later, r)
			}
		}
	}
}

// enter makes the sink one of the room's readers; from now on its shard wakes it.
func (r *room) enter(k sink) {
	fw := k.follow()
	p := &r.parts[fw.shard]
	p.mu.Lock()
	fw.index = int32(len(p.sinks))
	p.sinks = append(p.sinks, k)
	p.mu.Unlock()
}

// exit takes the sink out again. The one that takes its place is woken: a pass that goes on just then may have
// been beyond that place.
func (r *room) exit(k sink) {
	fw := k.follow()
	p := &r.parts[fw.shard]
	p.mu.Lock()
	last := len(p.sinks) - 1
	moved := p.sinks[last]
	p.sinks[fw.index] = moved
	moved.follow().index = fw.index
	p.sinks[last] = nil
	p.sinks = p.sinks[:last]
	if cap(p.sinks) > 64 && last < cap(p.sinks)/4 {
		p.sinks = append(make([]sink, 0, cap(p.sinks)/2), p.sinks...)
	}
	p.mu.Unlock()
	if moved != k {
		moved.wake(nil)
	}
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

// all is everybody who follows the room now.
func (r *room) all() (out []sink) {
	for i := range r.parts {
		p := &r.parts[i]
		p.mu.Lock()
		out = append(out, p.sinks...)
		p.mu.Unlock()
	}
	return out
}
