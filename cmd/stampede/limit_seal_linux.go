//go:build amd64 || arm64

package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

type limitSeal struct{ addresses }

// sealed is what a packet becomes: header, payload, tag.
const sealed = 12 + showSize + 16

// message is struct mmsghdr of the kernel.
type message struct {
	header unix.Msghdr
	_      uint32
	_      [4]byte
}

// Run encrypts the show's packets for each viewer and sends each viewer's as one train, 64 trains to a call.
func (l *limitSeal) Run(ctx context.Context) error {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetWriteBuffer(8 << 20)
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	n := len(l.Ports)
	ciphers := make([]cipher.AEAD, n)
	arena := make([]byte, n*showPackets*sealed)
	messages, vectors := make([]message, n), make([]unix.Iovec, n)
	names, controls := make([]unix.RawSockaddrInet4, n), make([][24]byte, n)
	for i, port := range l.Ports {
		block, err := aes.NewCipher([]byte(fmt.Sprintf("%016d", i)))
		if err != nil {
			return err
		}
		if ciphers[i], err = cipher.NewGCM(block); err != nil {
			return err
		}
		names[i] = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&names[i].Port))[:], port)
		vectors[i].Base = &arena[i*showPackets*sealed]
		vectors[i].SetLen(showPackets * sealed)
		c := &controls[i]
		binary.NativeEndian.PutUint64(c[0:], 18) // CMSG_LEN(2)
		binary.NativeEndian.PutUint32(c[8:], unix.IPPROTO_UDP)
		binary.NativeEndian.PutUint32(c[12:], unix.UDP_SEGMENT)
		binary.NativeEndian.PutUint16(c[16:], sealed)
		h := &messages[i].header
		h.Name, h.Namelen, h.Iov = (*byte)(unsafe.Pointer(&names[i])), unix.SizeofSockaddrInet4, &vectors[i]
		h.SetIovlen(1)
		h.Control = &c[0]
		h.SetControllen(len(c))
	}
	plain, nonce := make([]byte, showSize), make([]byte, 12)
	packets, sequence := 0, uint64(0)
	return measured(ctx, l.Duration, func() float64 { return float64(packets) }, func(int) error {
		for range showPackets {
			binary.BigEndian.PutUint64(nonce[4:], sequence)
			sequence++
			for i := range n {
				at := (i*showPackets + int(sequence-1)%showPackets) * sealed
				ciphers[i].Seal(arena[at+12:at+12], nonce, plain, arena[at:at+12])
			}
		}
		packets += n * showPackets
		return sendAll(raw, messages)
	})
}

func sendAll(raw syscall.RawConn, messages []message) error {
	for len(messages) > 0 {
		var sent uintptr
		var errno syscall.Errno
		err := raw.Write(func(fd uintptr) bool {
			sent, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&messages[0])), uintptr(min(64, len(messages))), 0, 0, 0)
			return errno != unix.EAGAIN
		})
		if err != nil {
			return err
		}
		if errno != 0 {
			return errno
		}
		messages = messages[sent:]
	}
	return nil
}

// whole lets a socket take trains without having them cut, as a viewer's machine does for its own.
func whole(c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1) }) // older kernels have none
}
