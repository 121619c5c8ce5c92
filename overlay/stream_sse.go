package overlay

import (
	"net/http"
	"sync/atomic"
	"time"
)

const commentAfter = 15 * time.Second // of silence: keeps proxies from closing, and finds readers that are gone

// listener is a reader of server-sent events: the goroutine of its request writes. What comes up goes elsewhere.
type listener struct {
	follower
	signal  chan struct{} // there may be something to take; holds one
	goodbye chan struct{} // holds one
	wrote   atomic.Int64  // Unix ms
	quiet   atomic.Bool   // a comment is due
}

// serveEvents answers until the client or the server goes. admit has counted it in.
func (f *Feed) serveEvents(w http.ResponseWriter, r *http.Request, q request) error {
	defer f.release(q.addr)
	room, err := f.join(r.Context(), q.topic)
	if err != nil {
		return err
	}
	l := &listener{signal: make(chan struct{}, 1), goodbye: make(chan struct{}, 1)}
	l.follower = follower{room: room, shard: f.place()}
	lacks, gap := l.begin(r.Context(), q.since)
	f.Metrics.connected(q.topic, "sse", 1)
	defer f.Metrics.connected(q.topic, "sse", -1)
	f.enter(l)
	defer room.exit(l)

	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies hand on at once
	h.Set("X-Content-Type-Options", "nosniff")
	c := http.NewResponseController(w)
	send := func(p []byte) bool {
		_ = c.SetWriteDeadline(time.Now().Add(writeWithin))
		n, err := w.Write(p)
		if err == nil {
			err = c.Flush()
		}
		f.Metrics.written(int64(n))
		l.wrote.Store(f.now().UnixMilli())
		return err == nil
	}
	first := newBatch(l.epoch, l.at, l.at, nil, time.Time{}).serverSent()
	switch {
	case gap:
		f.Metrics.gap("position")
		first = sseGap(gapMessage(l.epoch, l.at))
	case lacks != nil:
		first = lacks.serverSent()
	}
	for ok := send(first); ok; {
		batches, gap := l.take()
		if gap {
			f.Metrics.gap("behind")
			ok = send(sseGap(gapMessage(l.epoch, l.at)))
			continue
		}
		if len(batches) > 0 {
			ok = send(joined(batches))
			continue
		}
		if l.quiet.Swap(false) {
			ok = send([]byte(": here\n\n"))
		}
		select {
		case <-l.signal:
		case <-l.goodbye:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}

func sseGap(message []byte) []byte {
	return append(append([]byte("data: "), message...), "\n\n"...)
}

func joined(batches []*batch) []byte {
	if len(batches) == 1 {
		return batches[0].serverSent()
	}
	var out []byte
	for _, b := range batches {
		out = append(out, b.serverSent()...)
	}
	return out
}

func (l *listener) wake() {
	select {
	case l.signal <- struct{}{}:
	default:
	}
}

func (l *listener) leave() {
	select {
	case l.goodbye <- struct{}{}:
	default:
	}
}

func (l *listener) check(now time.Time) {
	if now.UnixMilli()-l.wrote.Load() > commentAfter.Milliseconds() {
		l.quiet.Store(true)
		l.wake()
	}
}

var _ sink = (*listener)(nil)
