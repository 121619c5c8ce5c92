package rtpfan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/hawkerlive/hawker/streaming"
)

var sealed = []srtp.ProtectionProfile{
	srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80,
}

// randomKeys makes keys of the profile's lengths.
func randomKeys(r *rand.Rand, profile srtp.ProtectionProfile) Keys {
	k := testKeys(profile)
	for _, b := range [][]byte{k.Key, k.Salt} {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
	return k
}

// TestASealedPacketIsTheLibrarysToTheByte compares what a viewer is sent with what the library would have sent, over
// packets of all shapes and a wrap of the sequence.
func TestASealedPacketIsTheLibrarysToTheByte(t *testing.T) {
	t.Parallel()
	for _, profile := range sealed {
		t.Run(profile.String(), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			keys := randomKeys(r, profile)
			ours, err := newSeal(keys)
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := srtp.CreateContext(keys.Key, keys.Salt, profile)
			if err != nil {
				t.Fatal(err)
			}
			var w scratch
			prefix := []byte("before")
			for number := uint64(0xfc00); number < 0x10400; number++ {
				p := Packet{raw: make([]byte, headerSize+extensionSize+r.IntN(payloadMax)), delay: number%7 == 0}
				for i := range p.raw {
					p.raw[i] = byte(r.Uint32())
				}
				putHeader(p.raw, r.Uint32(), 0x80c0ffee, number%3 == 0, p.delay)
				d := &dress{payloadType: 96, delayID: 5, index: number, repair: number%5 == 0, original: uint16(number / 2), ssrc: 0x80c0ffee}
				if number%2 == 0 {
					d.wideID, d.wide = 9, uint16(number*3)
				}
				want, err := theirs.EncryptRTP(nil, p.appendBody(p.appendHead(nil, d), d), nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ours.appendRTP(bytes.Clone(prefix), &w, &p, d)
				if err != nil || !bytes.Equal(got[len(prefix):], want) || !bytes.HasPrefix(got, prefix) {
					t.Fatalf("packet %d (%d bytes): got\n%x, want\n%x, %v", number, len(p.raw), got, want, err)
				}
			}
			for i := range 300 {
				compound := appendReport(nil, 0x80c0ffee, r.Uint64(), r.Uint32(), r.Uint32(), r.Uint32())
				compound = append(compound, make([]byte, 4*r.IntN(20))...)
				want, err := theirs.EncryptRTCP(nil, compound, nil)
				if err != nil {
					t.Fatal(err)
				}
				got, err := ours.appendRTCP(bytes.Clone(prefix), &w, compound)
				if err != nil || !bytes.Equal(got[len(prefix):], want) {
					t.Fatalf("report %d: got\n%x, want\n%x, %v", i, got, want, err)
				}
			}
		})
	}
}

func TestSealRefusesKeysOfAnotherLength(t *testing.T) {
	t.Parallel()
	for _, profile := range sealed {
		for name, spoil := range map[string]func(k *Keys){
			"key":     func(k *Keys) { k.Key = k.Key[1:] },
			"salt":    func(k *Keys) { k.Salt = k.Salt[1:] },
			"nothing": func(k *Keys) { *k = Keys{Profile: profile} },
		} {
			k := testKeys(profile)
			spoil(&k)
			if _, err := newSeal(k); err == nil {
				t.Errorf("%v was opened with a wrong %s", profile, name)
			}
		}
	}
}

// TestSealingAllocatesNothing holds for the profile that browsers end up with.
func TestSealingAllocatesNothing(t *testing.T) {
	s, err := newSeal(testKeys(srtp.ProtectionProfileAeadAes128Gcm))
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{raw: make([]byte, headerSize+payloadMax)}
	putHeader(p.raw, 8, 9, true, false)
	w, arena := &scratch{}, make([]byte, 0, 4*packetMax)
	index := uint64(7)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := s.appendRTP(arena, w, &p, &dress{payloadType: 96, index: index}); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a packet costs %v allocations", n)
	}
}

// TestAViewerThatMissedHalfACycleIsGivenUp: it could not tell which rollover a packet belongs to.
func TestAViewerThatMissedHalfACycleIsGivenUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		missed uint64
		lost   bool
	}{{1<<15 - 100, false}, {1<<15 + 100, true}, {1 << 16, true}} {
		t.Run(fmt.Sprint(c.missed), func(t *testing.T) {
			t.Parallel()
			s := newStudio(t)
			r := s.fan.stream.Subscribe(streaming.ReadOptions{})
			defer r.Close()
			s.packetize(r)
			v, tape := s.viewer()
			now := time.Now()
			s.turn(now)
			if len(tape.take()) == 0 {
				t.Fatal("nothing was sent")
			}
			tape.full = true
			h := s.fan.video
			for end := h.next + c.missed; h.next < end; {
				now = now.Add(33 * time.Millisecond)
				s.write(true, 10_000)
				s.packetize(r)
				s.turn(now)
			}
			tape.full = false
			s.turn(now)
			sent := len(tape.take()) > 0
			if v.Lost() != c.lost || sent == c.lost {
				t.Errorf("lost: %v, sent something: %v", v.Lost(), sent)
			}
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, profile := range sealed {
		keys := testKeys(profile)
		p := Packet{raw: make([]byte, headerSize+payloadMax)}
		putHeader(p.raw, 8, 9, true, false)
		arena := make([]byte, 0, 4*packetMax)
		b.Run("ours/"+profile.String(), func(b *testing.B) {
			s, err := newSeal(keys)
			if err != nil {
				b.Fatal(err)
			}
			w := &scratch{}
			b.ReportAllocs()
			for i := range b.N {
				putHeader(p.raw, 8, 9, true, false)
				if _, err := s.appendRTP(arena, w, &p, &dress{payloadType: 96, index: uint64(i)}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("library/"+profile.String(), func(b *testing.B) {
			c, err := srtp.CreateContext(keys.Key, keys.Salt, profile)
			if err != nil {
				b.Fatal(err)
			}
			header := &rtp.Header{}
			b.ReportAllocs()
			for i := range b.N {
				putHeader(p.raw, 8, 9, true, false)
				if _, err := c.EncryptRTP(arena, p.appendBody(p.appendHead(arena, &dress{payloadType: 96, index: uint64(i)}), &dress{}), header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
