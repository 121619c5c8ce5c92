//go:build amd64 || arm64

package rtpfan

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sender hands batches to the kernel: many messages to a system call (sendmmsg), each a train of packets that the
// kernel cuts (UDP_SEGMENT), or one packet where it refuses to. One goroutine uses it.
type sender struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	ipv6    bool // the socket's family
	segment bool

	headers  []mmsghdr
	vectors  []unix.Iovec
	names    []unix.RawSockaddrInet6 // large enough for both families
	controls []control
}

// mmsghdr is struct mmsghdr.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// control is a control message with one 16-bit value.
type control [24]byte

const controlLen = 18 // CMSG_LEN(2)

func newSender(conn *net.UDPConn, plain bool) *sender {
	s := &sender{conn: conn}
	raw, err := conn.SyscallConn()
	if err != nil {
		return s
	}
	s.raw = raw
	_ = raw.Control(func(fd uintptr) {
		if domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil {
			s.ipv6 = domain == unix.AF_INET6
		}
		if _, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT); err == nil {
			s.segment = !plain
		}
	})
	return s
}

// send sends the batch and reports how many system calls it took and how many messages were refused. A refused
// message is lost, as a datagram may be.
func (s *sender) send(b *batch) (calls, failed int) {
	s.prepare(b)
	for at := 0; at < len(s.headers); {
		n, err := s.call(s.headers[at:min(len(s.headers), at+batchTrainsMax)])
		calls++
		at += n
		if err == nil {
			continue
		}
		if s.segment && (errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL)) {
			// This path cannot segment: go on without, from the train that failed.
			s.segment = false
			rest := *b
			rest.trains = b.trains[at:]
			c, f := s.send(&rest)
			return calls + c, failed + f
		}
		failed++
		at++
	}
	return calls, failed
}

// prepare fills the kernel's structures.
func (s *sender) prepare(b *batch) {
	count := len(b.trains)
	if !s.segment {
		count = 0
		for i := range b.trains {
			count += b.trains[i].count
		}
	}
	if cap(s.headers) < count {
		s.headers, s.vectors = make([]mmsghdr, count), make([]unix.Iovec, count)
		s.names, s.controls = make([]unix.RawSockaddrInet6, count), make([]control, count)
	}
	s.headers, s.vectors, s.names, s.controls = s.headers[:count], s.vectors[:count], s.names[:count], s.controls[:count]
	i := 0
	for t := range b.trains {
		tr := &b.trains[t]
		if s.segment {
			s.message(i, tr.to, b.arena[tr.start:tr.end], tr.segment, tr.count)
			i++
			continue
		}
		for at := tr.start; at < tr.end; at += tr.segment {
			s.message(i, tr.to, b.arena[at:min(at+tr.segment, tr.end)], tr.segment, 1)
			i++
		}
	}
}

func (s *sender) message(i int, to netip.AddrPort, data []byte, segment, count int) {
	v := &s.vectors[i]
	v.Base = &data[0]
	v.SetLen(len(data))
	h := &s.headers[i]
	*h = mmsghdr{}
	h.header.Iov = v
	h.header.SetIovlen(1)
	h.header.Name = (*byte)(unsafe.Pointer(&s.names[i]))
	h.header.Namelen = putName(&s.names[i], to, s.ipv6)
	if count > 1 {
		c := &s.controls[i]
		binary.NativeEndian.PutUint64(c[0:], controlLen)
		binary.NativeEndian.PutUint32(c[8:], unix.IPPROTO_UDP)
		binary.NativeEndian.PutUint32(c[12:], unix.UDP_SEGMENT)
		binary.NativeEndian.PutUint16(c[16:], uint16(segment))
		h.header.Control = &c[0]
		h.header.SetControllen(len(c))
	}
}

// putName writes a socket address for a socket of the given family and returns its length.
func putName(name *unix.RawSockaddrInet6, to netip.AddrPort, ipv6 bool) uint32 {
	addr := to.Addr()
	if !ipv6 {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.Unmap().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:], to.Port())
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: addr.As16()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], to.Port())
	return unix.SizeofSockaddrInet6
}

// call sends messages and returns how many the kernel took. It waits while the socket's buffer is full.
func (s *sender) call(messages []mmsghdr) (int, error) {
	if s.raw == nil {
		return 0, net.ErrClosed
	}
	var n uintptr
	var errno syscall.Errno
	err := s.raw.Write(func(fd uintptr) bool {
		for {
			n, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, fd,
				uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), 0, 0, 0)
			if errno != unix.EINTR {
				return errno != unix.EAGAIN
			}
		}
	})
	if err != nil {
		return 0, err
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
