//go:build amd64 || arm64

package rtpfan

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

// sender hands batches to the kernel: many messages to a system call (sendmmsg), each a train of packets that the
// kernel cuts (UDP_SEGMENT), or one packet where it refuses to. One goroutine uses it.
type sender struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	ipv6    bool // the socket's family
	segment bool
	refused int // trains in a row whose packets went through one by one
	zones   map[string]uint32

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

// segments tells whether the kernel cuts trains.
func (s *sender) segments() bool { return s.segment }

// Trains that the kernel refuses in a row, though it takes their packets, before it gets no more trains.
const refusedMax = 8

// send sends the batch and reports how many system calls it took and how many messages were refused. A refused
// message is lost, as a datagram may be; a refused train is tried packet by packet, for its path may not segment.
func (s *sender) send(b *batch) (calls, failed int) {
	s.prepare(b, s.segment)
	for at := 0; at < len(s.headers); {
		n, err := s.call(s.headers[at:min(len(s.headers), at+batchTrainsMax)])
		calls++
		at += n
		if n > 0 && s.segment && b.trains[at-1].count > 1 {
			s.refused = 0
		}
		if err == nil && n > 0 {
			continue
		}
		if s.segment && b.trains[at].count > 1 && (errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL)) {
			c, f := s.unpack(b, at)
			calls, failed = calls+c, failed+f
			s.prepare(b, s.segment) // its structures were used
			if !s.segment {
				rest := batch{arena: b.arena, trains: b.trains[at+1:]}
				c, f := s.send(&rest)
				return calls + c, failed + f
			}
		} else {
			failed++
		}
		at++
	}
	return calls, failed
}

// unpack sends a train that was refused packet by packet.
func (s *sender) unpack(b *batch, at int) (calls, failed int) {
	one := batch{arena: b.arena, trains: b.trains[at : at+1]}
	s.prepare(&one, false)
	for i := 0; i < len(s.headers); {
		n, err := s.call(s.headers[i:])
		calls++
		i += n
		if err != nil || n == 0 {
			failed++
			i++
		}
	}
	if failed == 0 {
		s.refused++
		s.segment = s.refused < refusedMax
	}
	return calls, failed
}

// prepare fills the kernel's structures.
func (s *sender) prepare(b *batch, segment bool) {
	count := len(b.trains)
	if !segment {
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
		if segment {
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
	h.header.Namelen = s.putName(&s.names[i], to)
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

// putName writes a socket address and returns its length.
func (s *sender) putName(name *unix.RawSockaddrInet6, to netip.AddrPort) uint32 {
	addr := to.Addr()
	if !s.ipv6 {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		*v4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: addr.Unmap().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&v4.Port))[:], to.Port())
		return unix.SizeofSockaddrInet4
	}
	*name = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: addr.As16()}
	if zone := addr.Zone(); zone != "" {
		name.Scope_id = s.zone(zone)
	}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], to.Port())
	return unix.SizeofSockaddrInet6
}

// zone is the number of the interface that a link-local address names.
func (s *sender) zone(name string) uint32 {
	if id, ok := s.zones[name]; ok {
		return id
	}
	id := uint32(0)
	if i, err := net.InterfaceByName(name); err == nil {
		id = uint32(i.Index)
	} else if n, err := strconv.Atoi(name); err == nil {
		id = uint32(n)
	}
	if s.zones == nil || len(s.zones) > 64 {
		s.zones = map[string]uint32{}
	}
	s.zones[name] = id
	return id
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
