package overlay

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	pollEvents = 256
	pollBuffer = 16 << 10 // what one reader may have sent at one look
)

// poller tells which of a shard's raw readers have said something, can be written to again, or are gone. It is an
// epoll set that Go's own poller watches: while nothing happens its goroutine sleeps without holding a thread.
// Readiness is level-triggered, so that a reader which sends a lot takes turns with the others.
type poller struct {
	file  *os.File // the set
	fd    int
	bell  *os.File // an eventfd: see yield
	rings syscall.RawConn
	ended atomic.Bool
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll set: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that Go's poller takes it
		return nil, errors.Join(fmt.Errorf("prepare an epoll set: %w", err), unix.Close(fd))
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll"), fd: fd}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make an eventfd: %w", err), p.file.Close())
	}
	p.bell = os.NewFile(uintptr(bell), "eventfd")
	if p.rings, err = p.bell.SyscallConn(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// yield lets others have the core, those too whom the network wakes. runtime.Gosched is not enough: while a goroutine
// is ready to run, Go looks at the network every 10 ms only, and on one core a request would wait that long for each
// of its steps. So the shard waits for something that the network poller tells: a bell that it rings itself.
func (p *poller) yield() {
	rung := false
	_ = p.rings.Read(func(fd uintptr) bool {
		var one [8]byte
		if !rung {
			rung, one[0] = true, 1
			_, err := unix.Write(int(fd), one[:]) // host order is of no matter: any count rings
			return err != nil
		}
		_, err := unix.Read(int(fd), one[:])
		return err == nil
	})
}

// run serves the shard's readers until close.
func (p *poller) run(s *shard, now func() time.Time) error {
	control, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	events := make([]unix.EpollEvent, pollEvents)
	buffer := make([]byte, pollBuffer)
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
		at := now()
		for _, e := range events[:n] {
			k, ok := s.sink(e.Fd).(*raw)
			if !ok {
				continue
			}
			if e.Events&unix.EPOLLOUT != 0 {
				k.writable(at)
			}
			if e.Events&^unix.EPOLLOUT != 0 {
				k.readable(buffer, at)
			}
		}
	}
}

func (p *poller) add(fd, slot int32, writable bool) error {
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, int(fd), interest(slot, writable))
}

// change fails for descriptors only that are not in the set.
func (p *poller) change(fd, slot int32, writable bool) {
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, int(fd), interest(slot, writable))
}

// remove takes a descriptor out before it is closed: a child that is just being started may hold a copy, and the
// set would go on telling of it.
func (p *poller) remove(fd int32) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, int(fd), nil) }

// interest asks for what comes, and for room to write where that is waited for. The event's number is a slot.
func interest(slot int32, writable bool) *unix.EpollEvent {
	e := &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: slot}
	if writable {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

func (p *poller) close() error {
	p.ended.Store(true)
	return errors.Join(p.file.Close(), p.bell.Close())
}
