package rtpfan

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// witness stands between a viewer's seal and its cipher and holds the rule that SRTP's secrecy hangs on: under one
// key an index is encrypted once, or again with the same header and payload. Every viewer of this package's tests
// has one.
type witness struct {
	cipher.AEAD
	t     testing.TB
	never bool // not even with the same bytes: SRTCP
	seen  map[string][sha256.Size]byte
	again int
}

// watched gives a viewer its witnesses.
func watched(t testing.TB, v *Viewer) (media, reports *witness) {
	media = &witness{AEAD: v.seal.rtp, t: t, seen: map[string][sha256.Size]byte{}}
	reports = &witness{AEAD: v.seal.rtcp, t: t, seen: map[string][sha256.Size]byte{}, never: true}
	v.seal.rtp, v.seal.rtcp = media, reports
	return media, reports
}

// Seal compares with what was sealed under the same nonce before.
func (w *witness) Seal(dst, nonce, plain, header []byte) []byte {
	all := binary.BigEndian.AppendUint32(nil, uint32(len(header)))
	sum := sha256.Sum256(append(append(all, header...), plain...))
	before, ok := w.seen[string(nonce)]
	if ok {
		w.again++
	}
	if ok && (w.never || before != sum) {
		w.t.Errorf("nonce %x was used again, with header %x and %d bytes", nonce, header, len(plain))
	}
	w.seen[string(nonce)] = sum
	return w.AEAD.Seal(dst, nonce, plain, header)
}

// TestNoIndexIsUsedForTwoPackets goes through everything that makes a packet leave: the join's burst, the live edge,
// key pictures at once and spread over time, sound, reports, requests answered by the same packet and by repair, and
// a viewer that stands still and goes on; over a wrap of the sequence.
func TestNoIndexIsUsedForTwoPackets(t *testing.T) {
	t.Parallel()
	s := newStudio(t)
	r := s.fan.stream.Subscribe(streaming.ReadOptions{})
	defer r.Close()
	s.fan.video.first, s.fan.video.next = 0x7f00, 0x7f00 // so that the viewers' sequences wrap
	s.packetize(r)
	s.egress.Spread = 15 * time.Millisecond
	type party struct {
		v     *Viewer
		tape  *tape
		media *witness
	}
	var all []party
	for i := range 4 {
		v := &Viewer{Fan: s.fan, Keys: testKeys(sealed[i&1]), DelayID: uint8(5 * (i & 1)), CNAME: "x"}
		v.Types[FormatH264], v.Types[FormatOpus] = 96, 111
		if i >= 2 {
			v.Repair[FormatH264] = 97
		}
		if err := s.egress.Add(v); err != nil {
			t.Fatal(err)
		}
		p := party{v: v, tape: &tape{}}
		p.media, _ = watched(t, v)
		s.egress.Route(v, s.egress.Conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil)
		if i == 3 {
			s.egress.Route(v, netip.AddrPort{}, p.tape)
		}
		all = append(all, p)
	}
	now := time.Now()
	for i := range 1500 {
		s.write(i%40 == 0, 500+i*37%60_000)
		s.packetize(r)
		if i%2 == 0 {
			raw := append(make([]byte, headerSize), bytes.Repeat([]byte{byte(i)}, 60+i%40)...)
			putHeader(raw, uint32(i)*960, s.fan.audio.ssrc, false, false)
			s.fan.publish(s.fan.audio, []Packet{{raw: raw, format: FormatOpus, key: true}}, 0)
		}
		for _, p := range all {
			p.v.spread = i%3 > 0
			if i%5 == 3 {
				var seqs []uint16
				for k := range uint16(8) {
					seqs = append(seqs, uint16(p.v.video.index(p.v.video.next))-60+9*k)
				}
				s.egress.Resend(p.v, s.fan.video.ssrc, seqs)
				s.egress.Resend(p.v, s.fan.audio.ssrc, []uint16{uint16(p.v.audio.index(p.v.audio.next)) - 2})
			}
			p.tape.full = i%200 > 60 && i%200 < 150
			p.tape.take()
		}
		for range 4 {
			now = now.Add(8 * time.Millisecond)
			s.turn(now)
		}
	}
	for i, p := range all {
		if p.v.video.index(p.v.video.next) < 1<<16 {
			t.Errorf("viewer %d saw no wrap", i)
		}
		if i < 2 && p.media.again < 100 {
			t.Errorf("viewer %d was sent %d packets again", i, p.media.again)
		}
		if i >= 2 && p.v.repairs < 100 {
			t.Errorf("viewer %d was sent %d repairs", i, p.v.repairs)
		}
	}
	if all[3].v.Stats().Skipped == 0 {
		t.Error("no viewer ever stood still")
	}
}

// TestAWitnessSpeaksUp shows that the rule's guard sees what it is for.
func TestAWitnessSpeaksUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(p *Packet, d *dress)
		heard  bool
	}{
		"the same again":  {func(*Packet, *dress) {}, false},
		"another index":   {func(_ *Packet, d *dress) { d.index++ }, false},
		"another payload": {func(p *Packet, _ *dress) { p.raw[headerSize] ^= 1 }, true},
		"another header":  {func(_ *Packet, d *dress) { d.payloadType++ }, true},
	} {
		v := &Viewer{Keys: testKeys(sealed[0])}
		var err error
		if v.seal, err = newSeal(v.Keys); err != nil {
			t.Fatal(err)
		}
		deaf := &listening{TB: t}
		watched(deaf, v)
		p, d := &Packet{raw: make([]byte, headerSize+50)}, &dress{payloadType: 96, index: 7}
		for range 2 {
			if _, err := v.seal.appendRTP(nil, &scratch{}, p, d); err != nil {
				t.Fatal(err)
			}
			c.change(p, d)
		}
		if deaf.faults > 0 != c.heard {
			t.Errorf("%s: %d faults", name, deaf.faults)
		}
	}
}

// listening counts faults in place of failing.
type listening struct {
	testing.TB
	faults int
}

func (l *listening) Errorf(string, ...any) { l.faults++ }
