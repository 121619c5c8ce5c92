package event

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Defaults of MemoryConfig, and how much one Next returns at most.
const (
	memoryHistoryDefault = 4096
	memoryBytesDefault   = 16 << 20
	memoryAgeDefault     = 5 * time.Minute
	memoryIdleDefault    = 10 * time.Minute
	memoryTopicsDefault  = 100_000
	frameMax             = 256
	onceMax              = 1024 // ids that a topic remembers of what is told once
)

// MemoryConfig bounds what the memory bus holds. The zero value means the defaults.
type MemoryConfig struct {
	History int              `yaml:"history"` // events kept per topic; default 4096. The oldest goes first
	Bytes   int              `yaml:"bytes"`   // data bytes kept per topic; default 16 MiB. The newest event is always kept
	Age     time.Duration    `yaml:"age"`     // an event older than this may be dropped; default 5 min
	Idle    time.Duration    `yaml:"idle"`    // a topic that nobody used for this long is dropped; default 10 min
	Topics  int              `yaml:"topics"`  // topics held; default 100,000. Beyond it the tenth unused longest goes, if nobody reads it
	Now     func() time.Time `yaml:"-"`
}

// Memory is the bus of one process: a ring per topic. A topic that was dropped has another epoch when it is
// used again, so that an old position is a gap and never a wrong place. Any number of goroutines may use it.
type Memory struct {
	c    MemoryConfig
	name string // of this process's life; part of every epoch

	mu     sync.Mutex // before topic.mu where both are held
	topics map[string]*memoryTopic
	made   uint64
	swept  time.Time
}

type memoryTopic struct {
	mu          sync.Mutex
	epoch       string
	dead        bool // dropped, or its history was lost: look it up again
	ring        []memorySlot
	first, next uint64 // offsets [first, next) are held; the first offset of all is 1
	bytes       int
	readers     int
	used        time.Time
	wake        chan struct{} // made by a reader that waits, closed by the next publish
	said        said
}

type memorySlot struct {
	event Event
	at    time.Time // when the bus received it
}

var _ Bus = (*Memory)(nil)

// NewMemory makes an empty bus.
func NewMemory(c MemoryConfig) *Memory {
	c.History = cmp.Or(c.History, memoryHistoryDefault)
	c.Bytes = cmp.Or(c.Bytes, memoryBytesDefault)
	c.Age = cmp.Or(c.Age, memoryAgeDefault)
	c.Idle = cmp.Or(c.Idle, memoryIdleDefault)
	c.Topics = cmp.Or(c.Topics, memoryTopicsDefault)
	if c.Now == nil {
		c.Now = time.Now
	}
	name := make([]byte, 6)
	_, _ = rand.Read(name) // never fails (crypto/rand)
	return &Memory{c: c, name: hex.EncodeToString(name), topics: map[string]*memoryTopic{}, swept: c.Now()}
}

// Publish appends the events to their topics.
func (m *Memory) Publish(_ context.Context, events ...Event) error {
	now := m.c.Now()
	for len(events) > 0 {
		n := 1
		for n < len(events) && events[n].Topic == events[0].Topic {
			n++
		}
		t := m.lock(events[0].Topic, now)
		for _, e := range events[:n] {
			t.append(e, now, m.c)
		}
		t.trim(now, m.c)
		t.rouse()
		t.mu.Unlock()
		events = events[n:]
	}
	return nil
}

// Once appends those of the events that were not appended by it before.
func (m *Memory) Once(_ context.Context, events ...Event) error {
	now := m.c.Now()
	for _, e := range events {
		t := m.lock(e.Topic, now)
		if t.said.first(e.ID) {
			t.append(e, now, m.c)
			t.trim(now, m.c)
			t.rouse()
		}
		t.mu.Unlock()
	}
	return nil
}

// said remembers the ids of the newest events that are to be told once.
type said struct {
	ids  map[string]bool
	ring []string
	next int
}

func (s *said) first(id string) bool {
	if s.ids[id] {
		return false
	}
	if s.ids == nil {
		s.ids = map[string]bool{}
	}
	if len(s.ring) < onceMax {
		s.ring = append(s.ring, id)
	} else {
		delete(s.ids, s.ring[s.next])
		s.ring[s.next] = id
		s.next = (s.next + 1) % onceMax
	}
	s.ids[id] = true
	return true
}

// Position is the newest position of a topic.
func (m *Memory) Position(_ context.Context, topic string) (Position, error) {
	t := m.lock(topic, m.c.Now())
	defer t.mu.Unlock()
	return Position{t.epoch, t.next - 1}, nil
}

// Subscribe follows a topic. A position of another epoch, or one that lies in the future, is a gap.
func (m *Memory) Subscribe(_ context.Context, topic string, since *Position) (Subscription, error) {
	now := m.c.Now()
	t := m.lock(topic, now)
	defer t.mu.Unlock()
	t.trim(now, m.c)
	at := t.next - 1
	if since != nil {
		if since.Epoch != t.epoch || since.Offset >= t.next || since.Offset+1 < t.first {
			return nil, ErrGap
		}
		at = since.Offset
	}
	t.readers++
	return &memorySubscription{m: m, t: t, at: at}, nil
}

// lock returns the topic, made if it is missing, with its lock held.
func (m *Memory) lock(name string, now time.Time) *memoryTopic {
	for {
		m.mu.Lock()
		m.sweep(now)
		t := m.topics[name]
		if t == nil {
			if len(m.topics) >= m.c.Topics {
				m.dropOldest()
			}
			m.made++
			t = &memoryTopic{epoch: m.name + "-" + strconv.FormatUint(m.made, 36), first: 1, next: 1, used: now}
			m.topics[name] = t
		}
		m.mu.Unlock()
		t.mu.Lock()
		if !t.dead {
			t.used = now
			return t
		}
		t.mu.Unlock()
	}
}

// sweep forgets, now and then, the topics that were not used for long, and of the others what is too old. It runs
// under m.mu.
func (m *Memory) sweep(now time.Time) {
	if now.Sub(m.swept) < m.c.Idle/4 {
		return
	}
	m.swept = now
	m.drop(func(t *memoryTopic) bool {
		t.trim(now, m.c)
		return now.Sub(t.used) >= m.c.Idle
	})
}

// drop forgets the topics that nobody reads and of which which says so. It runs under m.mu.
func (m *Memory) drop(which func(*memoryTopic) bool) {
	for name, t := range m.topics {
		t.mu.Lock()
		if t.readers == 0 && which(t) {
			t.dead = true
			delete(m.topics, name)
		}
		t.mu.Unlock()
	}
}

// dropOldest makes room for new topics. It runs under m.mu.
func (m *Memory) dropOldest() {
	var used []time.Time
	for _, t := range m.topics {
		t.mu.Lock()
		if t.readers == 0 {
			used = append(used, t.used)
		}
		t.mu.Unlock()
	}
	if len(used) == 0 {
		return // all are read: their readers are bounded elsewhere
	}
	slices.SortFunc(used, time.Time.Compare)
	limit := used[len(used)/10]
	m.drop(func(t *memoryTopic) bool { return !t.used.After(limit) })
}

func (t *memoryTopic) append(e Event, now time.Time, c MemoryConfig) {
	if n := uint64(len(t.ring)); t.next-t.first == n {
		if n < uint64(c.History) {
			t.grow(min(max(2*n, 16), uint64(c.History)))
		} else {
			t.forget()
		}
	}
	t.ring[t.next%uint64(len(t.ring))] = memorySlot{e, now}
	t.next++
	t.bytes += len(e.Data)
}

// rouse wakes the readers that wait.
func (t *memoryTopic) rouse() {
	if t.wake != nil {
		close(t.wake)
		t.wake = nil
	}
}

func (t *memoryTopic) trim(now time.Time, c MemoryConfig) {
	for t.next-t.first > 1 && t.bytes > c.Bytes {
		t.forget()
	}
	for t.next > t.first && now.Sub(t.slot(t.first).at) > c.Age {
		t.forget()
	}
	if t.first == t.next {
		t.ring = nil
	}
}

func (t *memoryTopic) forget() {
	s := t.slot(t.first)
	t.bytes -= len(s.event.Data)
	*s = memorySlot{}
	t.first++
}

func (t *memoryTopic) grow(n uint64) {
	ring := make([]memorySlot, n)
	for o := t.first; o < t.next; o++ {
		ring[o%n] = *t.slot(o)
	}
	t.ring = ring
}

func (t *memoryTopic) slot(offset uint64) *memorySlot { return &t.ring[offset%uint64(len(t.ring))] }

type memorySubscription struct {
	m      *Memory
	t      *memoryTopic
	at     uint64
	closed bool
}

func (s *memorySubscription) Next(ctx context.Context) (Frame, error) {
	t := s.t
	for {
		if err := ctx.Err(); err != nil {
			return Frame{}, err
		}
		t.mu.Lock()
		if t.dead || s.at+1 < t.first {
			t.mu.Unlock()
			return Frame{}, ErrGap
		}
		if t.next-1 > s.at { // a reader of a fed topic may be ahead of what has arrived
			n := min(t.next-1-s.at, frameMax)
			f := Frame{From: Position{t.epoch, s.at}, To: Position{t.epoch, s.at + n}, Events: make([]Event, 0, n)}
			for o := s.at + 1; o <= s.at+n; o++ {
				f.Events = append(f.Events, t.slot(o).event)
			}
			s.at += n
			t.mu.Unlock()
			return f, nil
		}
		if t.wake == nil {
			t.wake = make(chan struct{})
		}
		wake := t.wake
		t.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return Frame{}, ctx.Err()
		}
	}
}

func (s *memorySubscription) Position() Position { return Position{s.t.epoch, s.at} }

func (s *memorySubscription) Close() {
	if s.closed {
		return
	}
	s.closed = true
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	s.t.readers--
	s.t.used = s.m.c.Now()
}
