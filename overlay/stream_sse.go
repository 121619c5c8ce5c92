package overlay

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

const commentAfter = 15 * time.Second // of silence: keeps proxies from closing, and finds readers that are gone

var comment = []byte(": here\n\n")

// listener is a reader of server-sent events on a stream (TLS, HTTP/2, or where there is no poller): the goroutine
// of its request writes. What comes up goes elsewhere.
type listener struct {
	follower
	session string
	caller  Caller
	signal  chan struct{} // there may be something to take; holds one
	goodbye chan struct{} // holds one
	wrote   atomic.Int64  // Unix ms
	quiet   atomic.Bool   // a comment is due
}

// serveEvents answers until the client or the server goes. admit has counted it in.
func (f *Feed) serveEvents(w http.ResponseWriter, r *http.Request, q request) error {
	room, err := f.join(r.Context(), q.topic)
	if err != nil {
		f.release(q.addr)
		return err
	}
	place := follower{room: room, shard: int32(f.place())}
	lacks, gap := place.begin(r.Context(), q.since)
	first := place.greeting(asEvents, lacks, gap)
	if f.rawEvents(w, r, place, q, first) {
		return nil
	}
	sseHeaders(w.Header())
	c := http.NewResponseController(w)
	f.listen(r.Context(), place, q, first, func(p []byte) (int, error) {
		_ = c.SetWriteDeadline(time.Now().Add(writeWithin))
		n, err := w.Write(p)
		if err == nil {
			err = c.Flush()
		}
		return n, err
	})
	return nil
}

// listen writes to a reader of server-sent events until it or the server goes.
func (f *Feed) listen(ctx context.Context, place follower, q request, first []byte, write func([]byte) (int, error)) {
	defer f.release(q.addr)
	l := &listener{follower: place, session: q.session, caller: q.from(), signal: make(chan struct{}, 1), goodbye: make(chan struct{}, 1)}
	f.Metrics.connected(q.topic, asEvents, 1)
	defer f.Metrics.connected(q.topic, asEvents, -1)
	f.enter(l)
	defer f.exit(l)
	send := func(p []byte) bool {
		n, err := write(p)
		f.Metrics.written(int64(n))
		l.wrote.Store(f.now().UnixMilli())
		return err == nil
	}
	for ok := send(first); ok; {
		batches, gap := l.take()
		if gap {
			f.Metrics.gap("behind")
			ok = send(asEvents.gap(l.epoch, l.at))
			continue
		}
		if len(batches) > 0 {
			ok = send(joined(batches))
			continue
		}
		if l.quiet.Swap(false) {
			ok = send(comment)
		}
		select {
		case <-l.signal:
		case <-l.goodbye:
			return
		case <-ctx.Done():
			return
		}
	}
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

func (l *listener) wake(*joint) {
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

func (l *listener) expel() { l.leave() }

func (l *listener) cut() { l.leave() }

func (l *listener) who() (string, Caller) { return l.session, l.caller }

func (l *listener) check(now time.Time) (asked bool) {
	if now.UnixMilli()-l.wrote.Load() <= commentAfter.Milliseconds() {
		return false
	}
	l.quiet.Store(true)
	l.wake(nil)
	return true
}

var _ sink = (*listener)(nil)
