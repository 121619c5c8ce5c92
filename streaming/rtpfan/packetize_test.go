package rtpfan

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// payloads renders pieces.
func payloads(pieces []piece) (out [][]byte) {
	for i := range pieces {
		b := make([]byte, pieces[i].size())
		if n := pieces[i].put(b); n != len(b) {
			panic("size and put disagree")
		}
		out = append(out, b)
	}
	return out
}

func nal(kind byte, size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	b[0] = 0x60 | kind
	return b
}

func TestAnAccessUnitComesBackFromItsPackets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(1, 60), rapid.IntRange(1100, 1300), rapid.IntRange(1, 30000)), 1, 8).Draw(t, "sizes")
		kinds := rapid.SliceOfN(rapid.SampledFrom([]byte{1, 5, 6, 7, 8, 9, 12}), len(sizes), len(sizes)).Draw(t, "kinds")
		var nals [][]byte
		var want []byte
		for i, n := range sizes {
			nals = append(nals, nal(kinds[i], n))
			if kinds[i] != 9 && kinds[i] != 12 {
				want = append(append(want, 0, 0, 0, 1), nals[i]...)
			}
		}
		var got []byte
		var depacketizer codecs.H264Packet
		for i, b := range payloads(splitH264(nil, nals)) {
			if len(b) > payloadMax || i == 0 && len(b) > payloadMax {
				t.Fatalf("a payload of %d bytes", len(b))
			}
			part, err := depacketizer.Unmarshal(b)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, part...)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came back of %d", len(got), len(want))
		}
	})
}

func TestFragmentsAreOfOneSize(t *testing.T) {
	t.Parallel()
	for size := payloadMax + 1; size < 40*payloadMax; size += 97 {
		all := payloads(splitH264(nil, [][]byte{nal(5, size)}))
		for i, b := range all {
			last := i == len(all)-1
			if !last && len(b) != len(all[0]) || last && (len(b) > len(all[0]) || len(b) < len(all[0])-len(all)) {
				t.Fatalf("%d bytes: fragment %d of %d has %d bytes, the first %d", size, i, len(all), len(b), len(all[0]))
			}
		}
		if want := (size - 1 + payloadMax - 3) / (payloadMax - 2); len(all) != want {
			t.Fatalf("%d bytes became %d fragments, %d would do", size, len(all), want)
		}
	}
}

func TestParameterSetsShareAPacket(t *testing.T) {
	t.Parallel()
	all := payloads(splitH264(nil, [][]byte{nal(9, 2), nal(7, 24), nal(8, 4), nal(6, 40), nal(5, 5000)}))
	if all[0][0]&0x1f != nalSTAPA || len(all[0]) != 1+3*2+24+4+40 || all[1][0]&0x1f != nalFUA || len(all) != 6 {
		t.Fatalf("%d packets, the first is %x", len(all), all[0])
	}
}

func TestOpusPacketsTellTheirLength(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		packet []byte
		ticks  int64
	}{
		{[]byte{0xfc, 1}, 960}, {[]byte{0xe8, 1}, 240}, {[]byte{0xfd, 1}, 1920}, {[]byte{0x08, 1}, 960}, {[]byte{0x60, 1}, 480},
		{[]byte{0xff, 0x03, 1}, 2880}, {[]byte{0xff, 0x3f}, 0}, {[]byte{0xff}, 0}, {nil, 0}, {[]byte{0x1b, 0x02}, 5760}, {[]byte{0x1b, 0x03}, 0},
	} {
		if got := opusTicks(c.packet); got != c.ticks {
			t.Errorf("%x is %d ticks long, want %d", c.packet, got, c.ticks)
		}
	}
}

func TestSoundIsCountedInFramesNotInRoundedStamps(t *testing.T) {
	t.Parallel()
	var c opusClock
	for i := range int64(500) {
		// A source that rounds to milliseconds and whose packets are 20 ms: exact; then one that jitters by 7 ms.
		jitter := (i * 7919 % 15) * 48
		if got := c.stamp(96000+i*960+jitter, 960); got != 96000+i*960+(0) && i > 0 {
			t.Fatalf("packet %d is at %d", i, got)
		}
	}
	if got := c.stamp(96000+600*960, 960); got != 96000+600*960 {
		t.Errorf("after a gap sound is at %d", got)
	}
}

func FuzzH264(f *testing.F) {
	f.Add([]byte{0, 0, 0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 0, 0, 2, 0x65, 0x88})
	f.Fuzz(func(t *testing.T, b []byte) {
		var nals [][]byte
		for len(b) >= 4 && len(nals) < 64 {
			n := min(int(binary.BigEndian.Uint32(b)&0xffff), len(b)-4)
			nals = append(nals, b[4:4+n])
			b = b[4+n:]
		}
		u := &streaming.Unit{Payload: nals}
		(&order{codec: streaming.H264}).see(u)
		for _, p := range payloads(splitH264(nil, nals)) {
			if len(p) == 0 || len(p) > payloadMax {
				t.Fatalf("a payload of %d bytes", len(p))
			}
		}
	})
}

func FuzzOpusTicks(f *testing.F) {
	f.Add([]byte{0xff, 0x3f})
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := opusTicks(b); n < 0 || n > opusTicksMax {
			t.Fatalf("%d ticks", n)
		}
	})
}

func TestBFramesAreFound(t *testing.T) {
	t.Parallel()
	slice := func(kind byte) []byte { return []byte{0x41, kind} }
	const p, b = 0b1_1_010000, 0b1_010_0000 // first_mb 0 and slice_type: 0 is "1", 1 is "010"
	unit := func(pts, dts int64, key bool, nals ...[]byte) *streaming.Unit {
		return &streaming.Unit{PTS: pts, DTS: dts, Key: key, Payload: nals}
	}
	for name, c := range map[string]struct {
		units []*streaming.Unit
		want  bool
	}{
		"pictures in order":                 {[]*streaming.Unit{unit(0, 0, true, slice(p)), unit(3000, 3000, false, slice(p))}, false},
		"a B slice":                         {[]*streaming.Unit{unit(0, 0, true, slice(p)), unit(3000, 3000, false, slice(b))}, true},
		"presentation goes back":            {[]*streaming.Unit{unit(0, 0, true), unit(9000, 3000, false), unit(3000, 6000, false)}, true},
		"both clocks go back":               {[]*streaming.Unit{unit(9000, 9000, true), unit(12000, 12000, false), unit(0, 0, false)}, false},
		"a key picture after a later stamp": {[]*streaming.Unit{unit(9000, 0, true), unit(3000, 3000, true)}, false},
	} {
		o := order{codec: streaming.H264}
		got := false
		for _, u := range c.units {
			got = o.see(u)
		}
		if got != c.want {
			t.Errorf("%s: found is %v", name, got)
		}
	}
}

func TestAHistoryKeepsTheNewestGroupAndTwoSeconds(t *testing.T) {
	t.Parallel()
	h := newHistory(1, 2, 0xfff0, streaming.VideoClockRate)
	if h.next > 0x7fff {
		t.Fatalf("the sequence starts at %d", h.next)
	}
	frame := mediatime.Time(33_333)
	put := func(i int, key bool) {
		h.append(&Packet{raw: make([]byte, 1000), key: key, media: mediatime.Time(i) * frame})
	}
	for i := range 300 {
		put(i, i%150 == 0) // a group of five seconds
	}
	if !h.keyed || h.at(h.key).media != 150*frame || h.first > h.key {
		t.Fatalf("the newest group of pictures is not held: %d of %d", h.key, h.first)
	}
	for i := 300; i < 310; i++ {
		put(i, i == 300)
	}
	if got := h.span(h.first); got.Seconds() < 1.9 || got.Seconds() > 2.1 {
		t.Errorf("%v are held", got)
	}
	for seq := h.first; seq < h.next; seq++ {
		if n, ok := h.number(uint16(seq)); !ok || n != seq {
			t.Fatalf("number %d is found as %d, %v", seq, n, ok)
		}
	}
	for _, seq := range []uint64{h.first - 1, h.next, h.next + 1000} {
		if _, ok := h.number(uint16(seq)); ok {
			t.Errorf("number %d is not held, but found", seq)
		}
	}
	for i := range 3 * historyPacketsMax {
		put(310, i == 0)
	}
	if n := h.next - h.first; n > historyPacketsMax || h.bytes > historyBytesMax {
		t.Errorf("%d packets, %d bytes are held", n, h.bytes)
	}
}
