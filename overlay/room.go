package overlay

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hawkerlive/hawker/event"
)

const (
	ringBatchesMax  = 128       // batches that a reader may be behind: 6.4 s at twenty a second
	ringBytesMax    = 4 << 20   // and their bytes
	pendingMax      = 1024      // events that wait for the tick; more leave at once
	pendingBytesMax = 256 << 10 // and their bytes
	talkMax         = 10        // chat messages that leave in one tick: 200 a second are more than anybody reads
	retryBus        = 500 * time.Millisecond
)

// window is the newest stretch of a topic that readers may take from. It is replaced, never changed.
type window struct {
	epoch   string
	first   uint64 // sequence number of batches[0]
	begins  uint64 // offset before batches[0]
	ends    uint64 // offset up to which batches exist
	batches []*batch
}

func (w *window) next() uint64 { return w.first + uint64(len(w.batches)) }

// room is a topic with at least one reader on this node: one subscription to the bus, one window for all.
type room struct {
	feed  *Feed
	topic string
	ready chan struct{} // closed when the window is there, or failed is set
	stop  context.CancelFunc

	window atomic.Pointer[window]
	parts  []part // one per shard

	mu        sync.Mutex
	failed    error
	epoch     string
	from, to  uint64 // of what waits
	pending   []entry
	dead      int            // merged away in pending
	keys      map[string]int // of values in pending
	talk      []int          // where chat stands in pending
	bytes     int            // of pending
	ringBytes int
	flushed   time.Time
	urgent    bool      // a fact is among what waits
	dirty     bool      // in the feed's list for the next tick
	emptyAt   time.Time // since when it has no reader; zero while it has, or while one is coming
	joined    int       // readers, and those that are coming
}

// part is a shard's share of a room's readers.
type part struct {
	mu      sync.Mutex
	sinks   []sink
	waiting atomic.Bool  // in the shard's queue
	walk    atomic.Int64 // nanoseconds that the last pass through them took
	fact    atomic.Int64 // when the oldest fact was made that has left and that no pass has begun to write, Unix ms; 0: none
}

// restShare is which part of the time a room's passes leave to everything else: facts, joins, pictures. A room whose
// pass takes long has longer ticks, with more in each.
const restShare = 2 // one in so many, of the time of a pass, between passes

// run follows the bus until ctx ends.
func (r *room) run(ctx context.Context) {
	defer r.fail(ErrFeedClosed) // whoever still waits for the first subscription
	var since *event.Position
	for ctx.Err() == nil {
		sub, err := r.feed.Bus.Subscribe(ctx, r.topic, since)
		switch {
		case errors.Is(err, event.ErrGap):
			since = nil
			continue
		case err != nil:
			if ctx.Err() != nil || r.fail(err) {
				return
			}
			r.feed.Log.Warn("feed: subscribe", "topic", r.topic, "error", err)
			sleep(ctx, retryBus)
			continue
		}
		if since == nil {
			r.begin(sub.Position())
		}
		err = r.follow(ctx, sub)
		p := sub.Position()
		sub.Close()
		since = &p
		if errors.Is(err, event.ErrGap) {
			since = nil
		} else if ctx.Err() == nil {
			r.feed.Log.Warn("feed: read the bus", "topic", r.topic, "error", err)
			sleep(ctx, retryBus)
		}
	}
}

func (r *room) follow(ctx context.Context, sub event.Subscription) error {
	for {
		f, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		r.take(f)
	}
}

// fail ends a room that never got its first subscription. It reports whether it did.
func (r *room) fail(err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.window.Load() != nil || r.failed != nil {
		return false
	}
	r.failed = err
	close(r.ready)
	return true
}

// begin starts the window at a position. Readers of an earlier window find that theirs is gone: a gap.
func (r *room) begin(p event.Position) {
	r.mu.Lock()
	old := r.window.Load()
	w := &window{epoch: p.Epoch, begins: p.Offset, ends: p.Offset}
	if old != nil {
		w.first = old.next() + 1
	}
	r.epoch, r.from, r.to = p.Epoch, p.Offset, p.Offset
	r.clear()
	r.ringBytes = 0
	r.window.Store(w)
	r.mu.Unlock()
	if old == nil {
		close(r.ready)
		return
	}
	r.feed.Metrics.gap("bus")
	r.wake()
}

// take adds what the bus delivered. A fact leaves at once when the last batch left longer than a tick ago;
// everything else waits for the tick, of a value only the newest per key, of chat only the newest few messages.
func (r *room) take(f event.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range f.Events {
		offset := f.To.Offset - uint64(len(f.Events)-1-i)
		if key := e.ValueKey(); key != "" {
			if j, ok := r.keys[key]; ok {
				r.forget(j)
				r.feed.Metrics.merged()
			}
			r.keys[key] = len(r.pending)
		}
		class := r.feed.classOf(e.Kind)
		if class == event.Talk {
			if len(r.talk) == talkMax {
				r.forget(r.talk[0])
				r.talk = r.talk[:copy(r.talk, r.talk[1:])]
				r.feed.Metrics.thin()
			}
			r.talk = append(r.talk, len(r.pending))
		}
		r.pending = append(r.pending, entry{e, offset})
		r.bytes += len(e.Data)
		r.urgent = r.urgent || class == event.Fact
		if r.to = offset; len(r.pending) >= pendingMax || r.bytes >= pendingBytesMax {
			r.flush("full")
		}
	}
	r.to = f.To.Offset
	switch {
	case r.to == r.from:
	case r.urgent && r.feed.now().Sub(r.flushed) >= tick:
		r.flush("urgent")
	case !r.dirty:
		r.dirty = true
		r.feed.mark(r)
	}
}

// forget takes an event out of what waits. Its position is accounted for all the same.
func (r *room) forget(i int) {
	r.bytes -= len(r.pending[i].event.Data)
	r.pending[i] = entry{}
	r.dead++
}

// tick sends what waits, and reports false where that has to wait for a later tick: the readers are so many that the
// pass before has only just come round. A fact does not wait for that.
func (r *room) tick() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.urgent {
		walk := int64(0)
		for i := range r.parts {
			walk = max(walk, r.parts[i].walk.Load())
		}
		if between := time.Duration(walk + walk/restShare); between > tick && r.feed.now().Sub(r.flushed) < min(between, tickMost) {
			return false
		}
	}
	r.dirty = false
	if r.to != r.from {
		r.flush("tick")
	}
	return true
}

// flush makes a batch of what waits and lets the readers have it. It runs under r.mu.
func (r *room) flush(lane string) {
	events := make([]entry, 0, len(r.pending)-r.dead)
	for _, e := range r.pending {
		if e.offset != 0 {
			events = append(events, e)
		}
	}
	now := r.feed.now()
	b := newBatch(r.epoch, r.from, r.to, events, now)
	old := r.window.Load()
	drop := max(0, len(old.batches)+1-ringBatchesMax)
	r.ringBytes += len(b.frame)
	for _, gone := range old.batches[:drop] {
		r.ringBytes -= len(gone.frame)
	}
	for drop < len(old.batches) && r.ringBytes > ringBytesMax {
		r.ringBytes -= len(old.batches[drop].frame)
		drop++
	}
	w := &window{epoch: r.epoch, first: old.first + uint64(drop), ends: b.to, batches: make([]*batch, 0, len(old.batches)-drop+1)}
	w.batches = append(append(w.batches, old.batches[drop:]...), b)
	w.begins = w.batches[0].from
	r.window.Store(w)
	r.from, r.flushed = r.to, now
	r.clear()
	r.feed.Metrics.batch(lane, events, now)
	r.factLeft(events)
	r.wake()
}

// factLeft tells each shard of the oldest fact among events, for who asks how long it takes to reach the last reader.
func (r *room) factLeft(events []entry) {
	for _, e := range events {
		if e.event.At > 0 && r.feed.classOf(e.event.Kind) == event.Fact {
			for i := range r.parts {
				r.parts[i].fact.CompareAndSwap(0, e.event.At)
			}
			return
		}
	}
}

// clear forgets what waits. It runs under r.mu.
func (r *room) clear() {
	r.pending, r.dead, r.bytes, r.talk = r.pending[:0], 0, 0, r.talk[:0]
	r.urgent = false
	clear(r.pending[:cap(r.pending)])
	if cap(r.pending) > pendingMax/4 {
		r.pending = nil // a rush does not keep its memory
	}
	if r.keys == nil || len(r.keys) > 0 {
		r.keys = map[string]int{}
	}
}

// wake tells every shard that holds readers of the room.
func (r *room) wake() {
	for i := range r.parts {
		if p := &r.parts[i]; p.waiting.CompareAndSwap(false, true) {
			r.feed.shards[i].push(r)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
