package event

import "time"

// What follows lets another bus keep its readers' history in a Memory: that bus numbers the events, and the rings
// hold what arrived.

// put takes events that were numbered elsewhere: those after from in an epoch of a topic. What is here already is
// left out; where events are missing before from, or the epoch is another one, the history begins anew and its
// readers are told of a gap.
func (m *Memory) put(name, epoch string, from uint64, events []Event) {
	now := m.c.Now()
	t := m.fed(name, epoch, from, now)
	defer t.mu.Unlock()
	known := t.next - 1 - from
	if known >= uint64(len(events)) {
		return
	}
	for _, e := range events[known:] {
		t.append(e, now, m.c)
	}
	t.trim(now, m.c)
	t.rouse()
}

// fed returns the topic in that epoch, which reaches at least up to from, with its lock held.
func (m *Memory) fed(name, epoch string, from uint64, now time.Time) *memoryTopic {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	t := m.topics[name]
	if t != nil {
		t.mu.Lock()
		if t.epoch == epoch && from < t.next {
			t.used = now
			return t
		}
		t.end()
		t.mu.Unlock()
		delete(m.topics, name)
	}
	if len(m.topics) >= m.c.Topics {
		m.dropOldest()
	}
	t = &memoryTopic{epoch: epoch, first: from + 1, next: from + 1, used: now}
	m.topics[name] = t
	t.mu.Lock()
	return t
}

// end tells the readers of a topic of a gap. It runs under t.mu.
func (t *memoryTopic) end() {
	t.dead = true
	t.rouse()
}

// lose ends the history of every topic that which names.
func (m *Memory) lose(which func(topic string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, t := range m.topics {
		if which(name) {
			t.mu.Lock()
			t.end()
			t.mu.Unlock()
			delete(m.topics, name)
		}
	}
}

// join subscribes to a topic from just after at, if the topic is here in that epoch. A place that has not arrived
// yet is waited for.
func (m *Memory) join(name string, p Position) (s Subscription, here bool, err error) {
	t := m.held(name)
	if t == nil {
		return nil, false, nil
	}
	defer t.mu.Unlock()
	if t.epoch != p.Epoch {
		return nil, false, nil
	}
	t.trim(m.c.Now(), m.c)
	if p.Offset+1 < t.first || p.Offset+1 == 0 {
		return nil, true, ErrGap
	}
	t.readers++
	return &memorySubscription{m: m, t: t, at: p.Offset}, true, nil
}

// newest is the position of a topic that is here.
func (m *Memory) newest(name string) (Position, bool) {
	t := m.held(name)
	if t == nil {
		return Position{}, false
	}
	defer t.mu.Unlock()
	return Position{t.epoch, t.next - 1}, true
}

// held returns a topic that is here with its lock held, or nil.
func (m *Memory) held(name string) *memoryTopic {
	m.mu.Lock()
	t := m.topics[name]
	m.mu.Unlock()
	if t == nil {
		return nil
	}
	t.mu.Lock()
	if t.dead {
		t.mu.Unlock()
		return nil
	}
	t.used = m.c.Now()
	return t
}
