package srt_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/crypto"
	"github.com/datarhei/gosrt/packet"

	"github.com/hawkerlive/hawker/ingest/ingesttest"
	"github.com/hawkerlive/hawker/ingest/srt"
)

const (
	headerBytes   = 16
	answersWithin = 5 * time.Second // fuzzing takes what lasts ten for a deadlock
	secret        = "correct horse battery"
)

// caller speaks SRT by hand.
type caller struct {
	net.Conn
	cookie uint32
	socket uint32 // of the newest attempt
}

func call(t testing.TB, addr string) *caller {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{Conn: conn}
	t.Cleanup(func() { _ = c.Close() }) // it is over
	c.induce(t)
	return c
}

// control is a packet of the protocol itself.
func control(kind, sub uint16, specific, to uint32, body []byte) []byte {
	head := make([]byte, headerBytes, headerBytes+len(body))
	binary.BigEndian.PutUint16(head, 1<<15|kind)
	binary.BigEndian.PutUint16(head[2:], sub)
	binary.BigEndian.PutUint32(head[4:], specific)
	binary.BigEndian.PutUint32(head[12:], to)
	return append(head, body...)
}

func (c *caller) say(t testing.TB, packet []byte) {
	t.Helper()
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
}

// hear returns the first packet that is wanted, nil where none came.
func (c *caller) hear(t testing.TB, within time.Duration, wanted func(p []byte) bool) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2048)
	for {
		n, err := c.Read(b)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			t.Fatal(err)
		case n >= headerBytes && wanted(b[:n]):
			return b[:n]
		}
	}
}

// hand is a handshake as it stands in a packet.
func hand(h packet.CIFHandshake) []byte {
	h.InitialPacketSequenceNumber = circular.New(1, packet.MAX_SEQUENCENUMBER)
	h.MaxFlowWindowSize = 8192
	var b bytes.Buffer
	h.Marshal(&b)
	return control(packet.CTRLTYPE_HANDSHAKE.Value(), 0, 0, 0, b.Bytes())
}

// induce asks for the cookie. The listener does one thing after the other: its answer tells that it is through with
// what came before, and lives.
func (c *caller) induce(t testing.TB) {
	t.Helper()
	c.socket++
	me := c.socket
	for range 5 { // a datagram may be lost
		c.say(t, hand(packet.CIFHandshake{Version: 4, MaxTransmissionUnitSize: 1500, HandshakeType: packet.HSTYPE_INDUCTION, SRTSocketId: me}))
		p := c.hear(t, answersWithin/5, func(p []byte) bool {
			return len(p) >= headerBytes+48 && binary.BigEndian.Uint32(p[12:]) == me && binary.BigEndian.Uint32(p[headerBytes+20:]) == packet.HSTYPE_INDUCTION.Val()
		})
		if p != nil {
			c.cookie = binary.BigEndian.Uint32(p[headerBytes+28:])
			return
		}
	}
	t.Fatal("the listener does not answer any more")
}

// conclusion is the second half of a handshake that is in order.
func (c *caller) conclusion(t testing.TB, streamID string) []byte {
	t.Helper()
	cr, err := crypto.New(16)
	if err != nil {
		t.Fatal(err)
	}
	km := &packet.CIFKeyMaterialExtension{}
	if err := cr.MarshalKM(km, secret, packet.EvenKeyEncrypted); err != nil {
		t.Fatal(err)
	}
	c.socket++
	flags := packet.CIFHandshakeExtensionFlags{TSBPDSND: true, TSBPDRCV: true, CRYPT: true, TLPKTDROP: true, PERIODICNAK: true, REXMITFLG: true}
	return hand(packet.CIFHandshake{
		IsRequest: true, Version: 5, MaxTransmissionUnitSize: 1500, HandshakeType: packet.HSTYPE_CONCLUSION, SRTSocketId: c.socket,
		SynCookie: c.cookie, HasHS: true, HasKM: true, SRTKM: km, HasSID: true, StreamId: streamID,
		SRTHS: &packet.CIFHandshakeExtension{SRTVersion: 0x010401, SRTFlags: flags, RecvTSBPDDelay: 120, SendTSBPDDelay: 120},
	})
}

// enter comes in with a good key and returns the listener's socket.
func (c *caller) enter(t testing.TB) uint32 {
	t.Helper()
	said := c.conclusion(t, "publish:"+ingesttest.GoodKey)
	me := c.socket
	for range 5 {
		c.say(t, said)
		p := c.hear(t, answersWithin/5, func(p []byte) bool {
			return len(p) >= headerBytes+48 && binary.BigEndian.Uint32(p[12:]) == me && binary.BigEndian.Uint16(p) == 1<<15
		})
		if p == nil {
			continue
		}
		if kind := binary.BigEndian.Uint32(p[headerBytes+20:]); kind != packet.HSTYPE_CONCLUSION.Val() {
			t.Fatalf("refused: %d", kind)
		}
		return binary.BigEndian.Uint32(p[headerBytes+24:])
	}
	t.Fatal("the conclusion gets no answer")
	return 0
}

// lives tells whether the connection answers still.
func (c *caller) lives(t testing.TB, to uint32) bool {
	t.Helper()
	alive := packet.CTRLTYPE_KEEPALIVE.Value()
	c.say(t, control(alive, 0, 0, to, nil))
	return c.hear(t, 20*time.Millisecond, func(p []byte) bool { return binary.BigEndian.Uint16(p) == 1<<15|alive }) != nil
}

var strangersAllowed = srt.Config{LoopbackFree: true, Passphrase: secret, HalfOpen: 1 << 20, Failed: 1 << 30, PerAddress: 1 << 20, Conns: 1 << 20}

func TestAHandshakeByHandComesIn(t *testing.T) {
	t.Parallel()
	s := start(t, strangersAllowed)
	c := call(t, s.addr)
	to := c.enter(t)
	ingesttest.Eventually(t, "the publisher", func() bool { return len(s.Sessions.OfChannel("channel")) == 1 })
	ingesttest.Eventually(t, "an answer", func() bool { return c.lives(t, to) })
	c.say(t, control(packet.CTRLTYPE_SHUTDOWN.Value(), 0, 0, to, make([]byte, 4)))
	ingesttest.Eventually(t, "the end", func() bool { return len(s.Sessions.OfChannel("channel")) == 0 })
}

// A caller names the size of its datagrams; below the library's own headers it would have gigabytes made for each.
func TestTooSmallDatagramsAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, strangersAllowed)
	c := call(t, s.addr)
	for _, size := range []uint32{0, 1, 34, 43, 44, 75} {
		said := c.conclusion(t, "publish:"+ingesttest.GoodKey)
		me := c.socket
		binary.BigEndian.PutUint32(said[headerBytes+12:], size)
		c.say(t, said)
		p := c.hear(t, answersWithin, func(p []byte) bool { return len(p) >= headerBytes+48 && binary.BigEndian.Uint16(p) == 1<<15 })
		if p == nil {
			t.Fatalf("%d bytes: no answer to socket %d", size, me)
		}
		if kind := packet.HandshakeType(binary.BigEndian.Uint32(p[headerBytes+20:])); !kind.IsRejection() {
			t.Fatalf("%d bytes: %v", size, kind)
		}
		c.induce(t)
	}
	c.enter(t)
}

// What a stranger says before the listener knows a key: the fields and extensions of the second half of a handshake.
func FuzzHandshake(f *testing.F) {
	s := start(f, strangersAllowed)
	c := call(f, s.addr)
	good := c.conclusion(f, "publish:"+ingesttest.GoodKey)[headerBytes:]
	f.Add(uint32(5), uint16(2), uint16(7), uint32(1500), good[48:])
	f.Add(uint32(4), uint16(0), uint16(2), uint32(1500), []byte{})
	f.Add(uint32(5), uint16(2), uint16(7), uint32(1), good[48:])
	f.Add(uint32(5), uint16(0), uint16(1), uint32(1500), append(bytes.Clone(good[48:64]), 0, 5))
	f.Add(uint32(5), uint16(0), uint16(4), uint32(1500), unhex("0005ffff41424344"))
	f.Add(uint32(5), uint16(2), uint16(2), uint32(1500), unhex("0003000100000001"))
	f.Fuzz(func(t *testing.T, version uint32, encryption, extension uint16, mtu uint32, extensions []byte) {
		p := append(bytes.Clone(control(packet.CTRLTYPE_HANDSHAKE.Value(), 0, 0, 0, good[:48])), extensions[:min(len(extensions), 1300)]...)
		c.socket++
		h := p[headerBytes:]
		binary.BigEndian.PutUint32(h, version)
		binary.BigEndian.PutUint16(h[4:], encryption)
		binary.BigEndian.PutUint16(h[6:], extension)
		binary.BigEndian.PutUint32(h[12:], mtu)
		binary.BigEndian.PutUint32(h[24:], c.socket)
		binary.BigEndian.PutUint32(h[28:], c.cookie)
		c.say(t, p)
		c.induce(t)
	})
}

// What a publisher says in packets of the protocol: each goes to goroutines of the library, where no panic is caught.
func FuzzPackets(f *testing.F) {
	s := start(f, strangersAllowed)
	c := call(f, s.addr)
	to := c.enter(f)
	km := c.conclusion(f, "x")
	for kind := range uint16(9) {
		f.Add(true, kind, uint16(0), uint32(1), []byte{0, 0, 0, 1})
		f.Add(true, kind, uint16(0), uint32(1<<31), bytes.Repeat([]byte{0x80, 0, 0, 1}, 7))
	}
	for sub := range uint16(9) {
		f.Add(true, packet.CTRLTYPE_USER.Value(), sub, uint32(0), bytes.Repeat([]byte{1}, 12))
	}
	f.Add(true, packet.CTRLTYPE_USER.Value(), packet.EXTTYPE_KMREQ.Value(), uint32(0), km[headerBytes+48+16+4:headerBytes+48+16+4+56])
	f.Add(true, packet.CTRLTYPE_USER.Value(), packet.EXTTYPE_KMREQ.Value(), uint32(0), unhex("00000003"))
	f.Add(true, packet.CTRLTYPE_NAK.Value(), uint16(0), uint32(0), unhex("80000001ffffffff7fffffff"))
	f.Add(false, uint16(0), uint16(1), uint32(0xc8000001), make([]byte, 188))
	f.Add(false, uint16(0), uint16(1), uint32(0xd8000001), []byte{})
	f.Add(false, uint16(0x7fff), uint16(0xffff), uint32(0xe0000001), make([]byte, 188))
	f.Fuzz(func(t *testing.T, ofControl bool, kind, sub uint16, specific uint32, body []byte) {
		p := control(kind, sub, specific, to, body[:min(len(body), 1400)])
		if !ofControl {
			p[0] &= 0x7f
		}
		c.say(t, p)
		if c.lives(t, to) {
			return
		}
		c.induce(t) // the listener must; that connection need not
		to = c.enter(t)
	})
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
