package api

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const turnstileEvents = 256 // connections that are looked at in one round

// turnstilePoll watches connections: an epoll set of our own, which Go's poller watches in its turn, so that the
// goroutine sleeps without a thread while nothing comes. News are told once (edge-triggered): a connection whose
// request is being carried out costs nothing meanwhile.
type turnstilePoll struct {
	file  *os.File
	fd    int
	ended atomic.Bool

	mu    sync.Mutex
	slots []*parked
	free  []int32
}

func newTurnstilePoll() (*turnstilePoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll set: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that Go's poller takes it
		return nil, errors.Join(fmt.Errorf("prepare an epoll set: %w", err), unix.Close(fd))
	}
	return &turnstilePoll{file: os.NewFile(uintptr(fd), "epoll"), fd: fd}, nil
}

// keep takes a connection whose last request has been answered. What came in the meantime is told at once.
func (t *Turnstile) keep(conn *net.TCPConn) {
	control, err := conn.SyscallConn()
	if err == nil {
		c := &parked{of: t, conn: conn, remote: conn.RemoteAddr().String()}
		c.since.Store(time.Now().UnixMilli())
		// The descriptor stays open for as long as c holds conn, which nobody else does.
		if failed := control.Control(func(fd uintptr) { c.fd = int(fd); err = t.poll.add(c) }); err == nil {
			err = failed
		}
	}
	if err != nil {
		t.Log.Debug("turnstile: a connection was not kept", "error", err)
		_ = conn.Close()
	}
}

func (p *turnstilePoll) add(c *parked) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended.Load() {
		return net.ErrClosed
	}
	if n := len(p.free); n > 0 {
		c.slot, p.free = p.free[n-1], p.free[:n-1]
	} else {
		c.slot = int32(len(p.slots))
		p.slots = append(p.slots, nil)
	}
	p.slots[c.slot] = c
	c.of.kept.Add(1)
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, c.fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET, Fd: c.slot})
	if err != nil {
		p.forget(c)
	}
	return err
}

// forget runs under mu.
func (p *turnstilePoll) forget(c *parked) {
	if p.slots[c.slot] == c {
		p.slots[c.slot] = nil
		p.free = append(p.free, c.slot)
		c.of.kept.Add(-1)
	}
}

// leave stops watching a connection that is the caller's. It stays busy for ever, so that late news find nobody.
func (c *parked) leave() {
	p := c.of.poll
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended.Load() {
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, c.fd, nil)
	}
	p.forget(c)
}

func (p *turnstilePoll) at(slot int32) *parked {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(slot) >= len(p.slots) {
		return nil
	}
	return p.slots[slot]
}

// run looks at connections until close.
func (p *turnstilePoll) run(t *Turnstile) error {
	control, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, turnstileEvents)
	buffer := make([]byte, turnstileRead)
	for {
		n := 0
		var failed error
		if err := control.Read(func(uintptr) bool {
			n, failed = unix.EpollWait(p.fd, events, 0)
			return n > 0 || (failed != nil && !errors.Is(failed, unix.EINTR))
		}); err != nil {
			if p.ended.Load() {
				return nil
			}
			return err
		}
		if failed != nil {
			return fmt.Errorf("wait for connections: %w", failed)
		}
		for _, e := range events[:n] {
			if c := p.at(e.Fd); c != nil {
				c.woken(buffer)
			}
		}
		runtime.Gosched() // to whom they were given
	}
}

// sweep closes connections that rest and have been silent for too long.
func (t *Turnstile) sweep(now time.Time) {
	if t.poll == nil {
		return
	}
	t.poll.mu.Lock()
	all := append([]*parked(nil), t.poll.slots...)
	t.poll.mu.Unlock()
	for _, c := range all {
		if c == nil || now.Sub(time.UnixMilli(c.since.Load())) < turnstileHalf || !c.state.CompareAndSwap(resting, busyNow) {
			continue
		}
		silent := now.Sub(time.UnixMilli(c.since.Load()))
		if silent >= turnstileIdle || (len(c.half) > 0 && silent >= turnstileHalf) {
			c.close()
		} else if !c.rest() {
			c.look(make([]byte, turnstileRead))
		}
	}
}

// read reads what has come. open is false when the other side has gone.
func (c *parked) read(buffer []byte) (n int, open bool) {
	for {
		n, err := unix.Read(c.fd, buffer)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, true
		case err != nil || n == 0:
			return 0, false
		}
		return n, true
	}
}

// write writes an answer that always fits into what the kernel keeps for the other side, unless that takes nothing.
func (c *parked) write(text []byte) bool {
	for {
		n, err := unix.Write(c.fd, text)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n == len(text)
		}
	}
}

func (p *turnstilePoll) close() error {
	p.mu.Lock()
	p.ended.Store(true)
	p.mu.Unlock()
	return p.file.Close()
}
