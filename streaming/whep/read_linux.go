//go:build amd64 || arm64

package whep

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	portsShared = true
	readBatch   = 32 // datagrams to a system call
)

// sharePort lets sockets of ours have the same port.
func sharePort(_, _ string, raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); e != nil {
		return e
	}
	return err
}

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// reader reads a socket in batches (recvmmsg). One goroutine uses it.
type reader struct {
	raw     syscall.RawConn
	buffers [][]byte
	headers []mmsghdr
	vectors []unix.Iovec
	names   []unix.RawSockaddrInet6 // large enough for both families
	zones   map[uint32]string       // names of interfaces, as many as there are
}

func newReader(conn *net.UDPConn) (*reader, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	r := &reader{
		raw: raw, buffers: make([][]byte, readBatch), headers: make([]mmsghdr, readBatch),
		vectors: make([]unix.Iovec, readBatch), names: make([]unix.RawSockaddrInet6, readBatch), zones: map[uint32]string{},
	}
	room := make([]byte, readBatch*datagramMax)
	for i := range r.buffers {
		r.buffers[i] = room[i*datagramMax : (i+1)*datagramMax]
		r.vectors[i].Base = &r.buffers[i][0]
		r.vectors[i].SetLen(datagramMax)
		h := &r.headers[i].header
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
	}
	return r, nil
}

// read waits for datagrams and hands each over. It returns net.ErrClosed at the end, and other errors that pass.
func (r *reader) read(receive func(b []byte, from path)) error {
	var n uintptr
	var errno syscall.Errno
	err := r.raw.Read(func(fd uintptr) bool {
		for i := range r.headers {
			r.headers[i].header.Namelen = unix.SizeofSockaddrInet6
		}
		for {
			n, _, errno = unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers[0])), readBatch, 0, 0, 0)
			if errno != unix.EINTR {
				return errno != unix.EAGAIN
			}
		}
	})
	if err != nil {
		return err
	}
	if errno != 0 {
		return errno
	}
	for i := range int(n) {
		length := int(r.headers[i].length)
		if from := r.sender(&r.names[i]); from.IsValid() && length <= datagramMax {
			receive(r.buffers[i][:length], path{addr: from})
		}
	}
	return nil
}

// sender reads a socket address.
func (r *reader) sender(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	switch name.Family {
	case unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), port)
	case unix.AF_INET6:
		a := netip.AddrFrom16(name.Addr).Unmap()
		if name.Scope_id != 0 && a.Is6() {
			a = a.WithZone(r.zone(name.Scope_id))
		}
		return netip.AddrPortFrom(a, port)
	}
	return netip.AddrPort{}
}

// read reads the shard's socket until it is closed.
func (h *shard) read() {
	r, err := newReader(h.conn)
	if err != nil {
		return // closed already
	}
	for {
		err := r.read(h.receive)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			h.server.Metrics.drop("read") // such as a refused port of a viewer that has gone
		}
	}
}

// zone is what an interface is called, its number where it has gone. The kernel names none that do not exist.
func (r *reader) zone(index uint32) string {
	name, ok := r.zones[index]
	if !ok {
		name = strconv.Itoa(int(index))
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		r.zones[index] = name
	}
	return name
}
