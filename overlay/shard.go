package overlay

import (
	"context"
	"sync"
	"time"
)

const (
	breath        = 128                    // readers that are written to, a millisecond, before others have the core
	stride        = 512                    // readers that are written to before the next room has its turn
	roundEvery    = 500 * time.Millisecond // a shard looks at a part of its connections
	roundParts    = 10                     // and at all of them in this many rounds
	jointBytesMax = 64 << 10               // bytes put together for one write; more than a socket takes is of no use
	roundAsks     = 2048                   // readers that one round writes to at most; the others come next
)

// shard writes to its share of the connections, on one goroutine. There is one per core. Readers on raw
// descriptors are read by its poller, on another.
type shard struct {
	poll *poller // nil where there is none: all readers have goroutines of their own

	mu    sync.Mutex
	queue []*room // each at most once
	some  chan struct{}

	tableMu   sync.Mutex
	table     []sink // by slot; nil where free
	free      []int32
	at        int         // where the next round begins
	lingering []lingering // those that have been told to leave, in the order of their deadlines
}

// lingering is a reader that has had our goodbye and may answer until a time.
type lingering struct {
	sink  sink
	until time.Time
}

// pass is one walk through a room's readers on a shard.
type pass struct {
	room  *room
	next  int  // index of the reader that it comes to next
	again bool // something new left meanwhile: those at the beginning lack it
	began time.Time
	fact  int64 // see part.fact
}

func newShard(f *Feed) *shard {
	s := &shard{some: make(chan struct{}, 1)}
	p, err := newPoller()
	if err != nil {
		f.Log.Warn("feed: no poller, connections get a goroutine each", "error", err)
		return s
	}
	s.poll = p
	return s
}

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

// run writes until ctx ends. Rooms take turns, so that a large one does not hold up a small one's pin. A room has
// one pass at a time: while it goes on, more comes together for the next.
func (s *shard) run(ctx context.Context, f *Feed, number int) {
	round := time.NewTicker(roundEvery)
	defer round.Stop()
	var active []*pass
	running := map[*room]*pass{}
	var batch [stride]sink
	var shared joint
	never := make(chan struct{})
	busy := make(chan struct{})
	close(busy)
	for {
		ready := never
		if len(active) > 0 {
			ready = busy
		}
		select {
		case <-ctx.Done():
			return
		case <-round.C:
			s.round(f.now())
			continue
		case <-s.some:
			s.mu.Lock()
			queue := s.queue
			s.queue = nil
			s.mu.Unlock()
			for _, r := range queue {
				r.parts[number].waiting.Store(false) // what leaves from here on queues again
				if p := running[r]; p != nil {
					p.again = true
					continue
				}
				p := &pass{room: r}
				running[r] = p
				active = append(active, p)
			}
			continue
		case <-ready:
		}
		p := active[0]
		shared.begin(f.now())
		if p.next == 0 {
			p.began, p.fact = shared.now, p.room.parts[number].fact.Swap(0)
		}
		n := p.room.parts[number].some(p.next, batch[:])
		for i, k := range batch[:n] {
			k.wake(&shared)
			if i%breath == breath-1 && s.poll != nil {
				s.poll.yield()
			}
		}
		clear(batch[:n])
		f.Metrics.written(shared.end())
		active = append(active[:0], active[1:]...)
		if p.next += n; n < stride {
			now := f.now()
			took := now.Sub(p.began)
			p.room.parts[number].walk.Store(int64(took))
			f.Metrics.walked(took)
			f.Metrics.reached(p.fact, now)
			if !p.again {
				delete(running, p.room)
				continue
			}
			p.next, p.again = 0, false
		}
		active = append(active, p)
	}
}

// some copies the part's readers from index at on.
func (p *part) some(at int, to []sink) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at >= len(p.sinks) {
		return 0
	}
	return copy(to, p.sinks[at:])
}

// add gives the sink a slot in the shard's table.
func (s *shard) add(k sink) {
	s.tableMu.Lock()
	defer s.tableMu.Unlock()
	fw := k.follow()
	if n := len(s.free); n > 0 {
		fw.slot = s.free[n-1]
		s.free = s.free[:n-1]
		s.table[fw.slot] = k
		return
	}
	fw.slot = int32(len(s.table))
	s.table = append(s.table, k)
}

func (s *shard) remove(k sink) {
	s.tableMu.Lock()
	defer s.tableMu.Unlock()
	slot := k.follow().slot
	s.table[slot] = nil
	s.free = append(s.free, slot)
	if len(s.free) == len(s.table) { // nobody is left: nothing is kept of a rush
		s.table, s.free, s.at = nil, nil, 0
	}
}

// sink finds who has a slot; nil where nobody has.
func (s *shard) sink(slot int32) sink {
	s.tableMu.Lock()
	defer s.tableMu.Unlock()
	if int(slot) >= len(s.table) {
		return nil
	}
	return s.table[slot]
}

// linger ends the sink at a later round, should its client not end it before.
func (s *shard) linger(k sink, until time.Time) {
	s.tableMu.Lock()
	s.lingering = append(s.lingering, lingering{k, until})
	s.tableMu.Unlock()
}

// round looks at the next part of the connections: who is gone, who must be asked whether it is there, who has
// not left in time. It needs no timer per connection, and one round asks a bounded number.
func (s *shard) round(now time.Time) {
	s.tableMu.Lock()
	n := 0
	for n < len(s.lingering) && !s.lingering[n].until.After(now) {
		n++
	}
	late := s.lingering[:n:n]
	s.lingering = s.lingering[n:]
	if len(s.lingering) == 0 {
		s.lingering = nil
	}
	if s.at >= len(s.table) {
		s.at = 0
	}
	to := min(len(s.table), s.at+len(s.table)/roundParts+1)
	looked := append([]sink(nil), s.table[s.at:to]...)
	s.at = to
	s.tableMu.Unlock()

	for _, l := range late {
		l.sink.cut()
	}
	asked := 0
	for i, k := range looked {
		if k == nil {
			continue
		}
		if k.check(now) {
			asked++
		}
		if asked == roundAsks {
			s.tableMu.Lock()
			if s.at == to { // nothing was emptied meanwhile
				s.at -= len(looked) - i - 1
			}
			s.tableMu.Unlock()
			return
		}
	}
}

// joint is what most readers of a room lack at one moment, put together once for all of them. It belongs to its
// shard's goroutine.
type joint struct {
	now    time.Time // of the pass
	sent   int64     // bytes, since begin
	window *window
	cursor uint64
	wire   wire
	buffer []byte
	bytes  []byte
	count  int
}

func (j *joint) begin(now time.Time) { j.now, j.sent = now, 0 }

func (j *joint) end() int64 { return j.sent }

// of returns the frames of the window's batches from cursor on, one after another, at most takeMax.
func (j *joint) of(w *window, cursor uint64, as wire) (bytes []byte, count int) {
	if j.window == w && j.cursor == cursor && j.wire == as {
		return j.bytes, j.count
	}
	batches := w.batches[cursor-w.first:]
	j.window, j.cursor, j.wire, j.count, j.bytes = w, cursor, as, 1, as.of(batches[0])
	if len(batches) == 1 || len(j.bytes) > jointBytesMax {
		return j.bytes, 1
	}
	j.buffer = append(j.buffer[:0], j.bytes...)
	for j.count < min(len(batches), takeMax) && len(j.buffer) < jointBytesMax {
		j.buffer = append(j.buffer, as.of(batches[j.count])...)
		j.count++
	}
	j.bytes = j.buffer
	return j.bytes, j.count
}

// wire is how batches look to a reader.
type wire bool

const (
	asFrames wire = false // WebSocket
	asEvents wire = true  // server-sent events
)

func (as wire) of(b *batch) []byte {
	if as == asEvents {
		return b.serverSent()
	}
	return b.frame
}

// gap tells a reader that it missed something.
func (as wire) gap(epoch string, offset uint64) []byte {
	message := gapMessage(epoch, offset)
	if as == asEvents {
		return sseGap(message)
	}
	frame, _ := textFrame(message)
	return frame
}

func (as wire) String() string {
	if as == asEvents {
		return "sse"
	}
	return "ws"
}
