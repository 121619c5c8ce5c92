package overlay

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

const (
	unansweredMax = 20 * time.Second // the kernel gives up a connection whose peer acknowledges nothing for so long
	eventsSaysMax = 16 << 10         // bytes that a reader of server-sent events may send us; we ignore them
)

// raw is a reader on a descriptor of our own: no goroutine, no timer, and no buffer while it is idle. Its shard
// writes to it, the shard's poller reads from it and is the only one to close it.
type raw struct {
	follower
	addr   netip.Addr
	is     *identity    // nil for a guest who named no session
	speaks *speaker     // made when it first says something; the poller's
	heard  atomic.Int64 // when the client last said something, Unix ms
	junk   int32        // bytes that it should not have sent; the poller's
	as     wire

	mu      sync.Mutex // held while writing, which never waits. Before tableMu
	fd      int32      // -1 when it is closed
	blocked bool       // the kernel takes no more; the poller tells when it does
	armed   bool       // and the poller has been asked to
	polled  bool       // the poller knows it
	closing bool       // control ends with a close, or it has been sent
	shut    bool       // nothing is written any more
	killed  bool       // and nothing is read
	pinged  bool
	rest    []byte // of a frame that has begun: shared, never changed
	control []byte // frames that go before the next batch
	wrote   int64  // last time, Unix ms
	since   int64  // it is blocked since, Unix ms
}

// identity is who is on the other end.
type identity struct {
	session string
	caller  Caller
}

// raw makes the connection a raw reader, which takes it over with its place in admit's count; false leaves it
// as it is. first goes to the client before everything else, rest has come from it already.
func (f *Feed) raw(conn net.Conn, place follower, q request, first, rest []byte) bool {
	poll := f.shards[place.shard].poll
	tcp, ok := conn.(*net.TCPConn)
	if !ok || poll == nil {
		return false
	}
	fd, err := detach(tcp)
	if err != nil {
		f.Log.Debug("feed: detach a connection", "error", err)
		return false
	}
	k := &raw{follower: place, addr: q.addr, as: wire(!q.socket), fd: fd, control: first}
	if q.session != "" || q.caller != (Caller{}) {
		k.is = &identity{q.session, q.caller}
	}
	k.heard.Store(f.now().UnixMilli())
	if q.socket && len(rest) > 0 {
		k.said(rest)
	}
	f.Metrics.connected(q.topic, k.as, 1)
	f.enter(k)
	k.mu.Lock()
	err = poll.add(fd, k.slot, k.blocked)
	k.armed, k.polled = k.blocked, true
	k.flush(&joint{now: f.now()}) // what came to say meanwhile
	k.mu.Unlock()
	if err != nil { // the kernel watches as many as it may: nobody else will ever close this one
		f.Log.Warn("feed: watch a connection", "error", err)
		k.gone()
	}
	return true
}

// rawEvents is raw for server-sent events. Where the connection turns out to be none of ours it streams here.
func (f *Feed) rawEvents(w http.ResponseWriter, r *http.Request, place follower, q request, first []byte) bool {
	if r.TLS != nil || r.ProtoMajor != 1 || f.shards[place.shard].poll == nil {
		return false
	}
	header := w.Header()
	conn, _, err := hijack(w)
	if err != nil {
		return false
	}
	first = append(streaming(header, f.now()), first...)
	if !f.raw(conn, place, q, first, nil) {
		f.listen(r.Context(), place, q, first, func(p []byte) (int, error) {
			_ = conn.SetWriteDeadline(time.Now().Add(writeWithin))
			return conn.Write(p)
		})
		conn.Close()
	}
	return true
}

// detach takes a connection's descriptor out of Go's poller: ours is a copy, the original is closed.
func detach(c *net.TCPConn) (fd int32, err error) {
	_ = c.SetWriteBuffer(sendBuffer)
	control, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var no error
	if err := control.Control(func(old uintptr) {
		var n int
		n, no = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
		fd = int32(n)
	}); err != nil {
		return 0, err
	}
	if no != nil {
		return 0, no
	}
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unansweredMax.Milliseconds()))
	_ = c.Close()
	return fd, nil
}

func (k *raw) wake(j *joint) {
	var own joint
	if j == nil {
		own.now = k.room.feed.now()
		j = &own
	}
	k.mu.Lock()
	k.flush(j)
	k.mu.Unlock()
	if j == &own {
		k.room.feed.Metrics.written(own.sent)
	}
}

// flush writes what there is until the kernel takes no more. It runs under k.mu.
func (k *raw) flush(j *joint) {
	for !k.blocked && !k.shut && k.fd >= 0 {
		switch {
		case len(k.rest) > 0:
			n := k.write(k.rest, j)
			if k.rest = k.rest[n:]; len(k.rest) == 0 {
				k.rest = nil
			}
		case len(k.control) > 0:
			k.rest, k.control = k.control, nil
		case k.closing:
			k.shut = true
			_ = unix.Shutdown(int(k.fd), unix.SHUT_WR)
		case !k.batches(j):
			return
		}
	}
}

// batches writes the batches that the reader lacks; false says that there are none.
func (k *raw) batches(j *joint) bool {
	w := k.room.window.Load()
	if k.behind(w) {
		k.skip(w)
		k.room.feed.Metrics.gap("behind")
		k.rest = k.as.gap(k.epoch, k.at)
		return true
	}
	if k.cursor == w.next() {
		return false
	}
	first := int(k.cursor - w.first)
	if b := w.batches[first]; b.from != k.at {
		k.cursor++
		if b.to > k.at { // it began in the middle of this one
			k.rest, k.at = k.as.of(b.after(k.at)), b.to
		}
		return true
	}
	bytes, count := j.of(w, k.cursor, k.as)
	n := k.write(bytes, j)
	for _, b := range w.batches[first : first+count] {
		frame := k.as.of(b)
		if n == 0 {
			break
		}
		k.cursor++
		k.at = b.to
		if n < len(frame) {
			k.rest = frame[n:]
			break
		}
		n -= len(frame)
	}
	return true
}

// write hands bytes to the kernel and returns how many it took.
func (k *raw) write(p []byte, j *joint) int {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(k.fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		switch errno {
		case 0:
			j.sent += int64(n)
			k.wrote = j.now.UnixMilli()
			if int(n) < len(p) {
				k.block(j.now)
			}
			return int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			k.block(j.now)
			return 0
		default:
			k.kill()
			return 0
		}
	}
}

// block waits for the kernel to take more.
func (k *raw) block(now time.Time) {
	k.blocked, k.since = true, now.UnixMilli()
	if k.polled && !k.armed {
		k.armed = true
		k.room.feed.shards[k.shard].poll.change(k.fd, k.slot, true)
	}
}

// writable goes on where the kernel had taken no more. It is the poller's.
func (k *raw) writable(now time.Time) {
	j := joint{now: now}
	k.mu.Lock()
	if k.blocked {
		k.blocked = false
		if w := k.room.window.Load(); w.epoch == k.epoch && w.next() > k.cursor {
			k.room.feed.Metrics.behind(w.next() - k.cursor)
		}
		k.flush(&j)
	}
	if k.armed && !k.blocked && k.fd >= 0 {
		k.armed = false
		k.room.feed.shards[k.shard].poll.change(k.fd, k.slot, false)
	}
	k.mu.Unlock()
	k.room.feed.Metrics.written(j.sent)
}

// readable reads once what has come: one that sends a lot waits for the others. It is the poller's.
func (k *raw) readable(buffer []byte, now time.Time) {
	k.mu.Lock()
	killed := k.killed
	k.mu.Unlock()
	if killed { // whatever it goes on to send
		k.gone()
		return
	}
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(k.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buffer))), uintptr(len(buffer)))
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0 || n == 0:
		k.gone()
	case k.as == asFrames:
		k.heard.Store(now.UnixMilli())
		k.said(buffer[:n])
	default:
		if k.junk += int32(n); k.junk > eventsSaysMax {
			k.room.feed.Metrics.dropped("refused")
			k.cut()
		}
	}
}

// said takes what came up. Who has never said anything has no speaker.
func (k *raw) said(data []byte) {
	if k.speaks == nil {
		k.speaks = &speaker{feed: k.room.feed, topic: k.room.topic, out: k}
	}
	k.speaks.said(data)
}

// gone closes the descriptor and forgets the reader. It is the poller's.
func (k *raw) gone() {
	f := k.room.feed
	k.mu.Lock()
	fd := k.fd
	k.fd, k.shut, k.rest, k.control = -1, true, nil, nil
	k.mu.Unlock()
	f.shards[k.shard].poll.remove(fd)
	_ = unix.Close(int(fd))
	f.exit(k)
	f.Metrics.connected(k.room.topic, k.as, -1)
	f.release(k.addr)
}

// kill ends the connection without a word: the poller finds it ended. It runs under k.mu.
func (k *raw) kill() {
	k.shut, k.killed, k.rest, k.control = true, true, nil, nil
	if k.fd >= 0 { // what the kernel still holds for it is of no use to anybody
		_ = unix.SetsockoptLinger(int(k.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		_ = unix.Shutdown(int(k.fd), unix.SHUT_RDWR)
	}
}

// send puts a frame before the next batch. Where much waits already it is dropped: a client that asks faster than
// it reads gets fewer answers.
func (k *raw) send(frame []byte, closing bool) {
	f := k.room.feed
	j := joint{now: f.now()}
	k.mu.Lock()
	if k.closing || k.shut || (len(k.control) > controlsMax && !closing) {
		k.mu.Unlock()
		return
	}
	k.control, k.closing = append(k.control[:len(k.control):len(k.control)], frame...), closing
	if closing { // the client reads why, then it closes, or a round does
		f.shards[k.shard].linger(k, j.now.Add(closeWithin))
	}
	if k.polled { // else whoever is about to enter it writes
		k.flush(&j)
	}
	k.mu.Unlock()
	f.Metrics.written(j.sent)
}

func (k *raw) leave() { k.part(ws.StatusGoingAway, "the server goes away") }

func (k *raw) expel() { k.part(ws.StatusPolicyViolation, "access has ended") }

// part says goodbye. The end of a stream of events has no status.
func (k *raw) part(code ws.StatusCode, reason string) {
	var frame []byte
	if k.as == asFrames {
		frame = closeFrame(code, reason)
	}
	k.send(frame, true)
}

func (k *raw) cut() {
	k.mu.Lock()
	k.kill()
	k.mu.Unlock()
}

func (k *raw) who() (string, Caller) {
	if k.is == nil {
		return "", Caller{Address: k.addr}
	}
	c := k.is.caller
	c.Address = k.addr
	return k.is.session, c
}

func (k *raw) check(now time.Time) (asked bool) {
	ms := now.UnixMilli()
	silent := time.Duration(ms-k.heard.Load()) * time.Millisecond
	k.mu.Lock()
	defer k.mu.Unlock()
	if silent <= pingAfter {
		k.pinged = false
	}
	switch {
	case k.shut || k.fd < 0 || !k.polled:
	case k.blocked && ms-k.since > writeWithin.Milliseconds():
		k.room.feed.Metrics.dropped("stuck")
		k.kill()
	case k.as == asFrames && silent > goneAfter:
		k.room.feed.Metrics.dropped("silent")
		k.kill()
	case k.closing || k.blocked:
	case k.as == asFrames && silent > pingAfter && !k.pinged:
		k.pinged, k.control = true, append(k.control, pingFrame...)
		k.flush(&joint{now: now})
		return true
	case k.as == asEvents && ms-k.wrote > commentAfter.Milliseconds():
		k.control = append(k.control, comment...)
		k.flush(&joint{now: now})
		return true
	}
	return false
}

var _ = sink((*raw)(nil))
