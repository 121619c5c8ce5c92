package rtpfan

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp8"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp9"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"

	"github.com/hawkerlive/hawker/streaming"
)

// packets puts payloads behind headers, as they come to a receiver.
func packets(pieces []piece) (out []*rtp.Packet) {
	for i, b := range payloads(pieces) {
		out = append(out, &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i), Marker: i == len(pieces)-1}, Payload: b})
	}
	return out
}

// noise is n random bytes behind a header.
func noise(header []byte, n int) []byte {
	b := make([]byte, max(n, len(header)))
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	copy(b, header)
	return b
}

func sizes(t *rapid.T) []int {
	return rapid.SliceOfN(rapid.OneOf(rapid.IntRange(3, 60), rapid.IntRange(1100, 1300), rapid.IntRange(3, 30000)), 1, 9).Draw(t, "sizes")
}

// fits checks what holds of every format's payloads.
func fits(t interface{ Fatalf(string, ...any) }, all [][]byte) {
	for i, b := range all {
		if len(b) == 0 || len(b) > payloadMax {
			t.Fatalf("payload %d of %d has %d bytes", i, len(all), len(b))
		}
	}
}

func TestAnH265UnitComesBackFromItsPackets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var nals, want [][]byte
		for _, n := range sizes(t) {
			kind := rapid.SampledFrom([]byte{1, 19, 32, 33, 34, 35, 38, 39}).Draw(t, "kind")
			nals = append(nals, noise([]byte{kind << 1, 1}, n))
			if kind != nal265Delimiter && kind != nal265Filler {
				want = append(want, nals[len(nals)-1])
			}
		}
		pieces := splitH265(nil, nals)
		fits(t, payloads(pieces))
		d := &rtph265.Decoder{}
		if err := d.Init(); err != nil {
			t.Fatal(err)
		}
		got := 0
		all := packets(pieces)
		for i, p := range all {
			au, err := d.Decode(p)
			if i < len(all)-1 {
				continue // there is more to come
			}
			if err != nil {
				t.Fatal(err)
			}
			for ; got < len(au) && got < len(want); got++ {
				if !bytes.Equal(au[got], want[got]) {
					t.Fatalf("NAL unit %d came back with %d bytes, had %d", got, len(au[got]), len(want[got]))
				}
			}
		}
		if got != len(want) {
			t.Fatalf("%d NAL units came back of %d", got, len(want))
		}
		var other codecs.H265Depacketizer
		for _, p := range all {
			if _, err := other.Unmarshal(p.Payload); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAnAggregationPacketHasTheLowestLayer(t *testing.T) {
	t.Parallel()
	got := payloads(splitH265(nil, [][]byte{{33 << 1, 0x0b, 1}, {34<<1 | 1, 0x2a, 1}, {39 << 1, 0x0c, 1}}))
	if len(got) != 1 || got[0][0] != nal265AP<<1 || got[0][1] != 0x0a {
		t.Fatalf("%x", got)
	}
}

func TestAnAV1UnitComesBackFromItsPackets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.Bool().Draw(t, "key")
		var obus, want [][]byte
		for _, n := range sizes(t) {
			kind := rapid.SampledFrom([]byte{obuSequenceHeader, obuTemporalDelimiter, 3, 5, 6, obuPadding}).Draw(t, "kind")
			obus = append(obus, noise([]byte{kind << 3}, n))
			if kind != obuTemporalDelimiter && kind != obuPadding {
				want = append(want, obus[len(obus)-1])
			}
		}
		pieces := splitAV1(nil, obus, key)
		fits(t, payloads(pieces))
		if len(want) == 0 {
			if len(pieces) > 0 {
				t.Fatalf("%d packets of nothing", len(pieces))
			}
			return
		}
		d := &rtpav1.Decoder{}
		if err := d.Init(); err != nil {
			t.Fatal(err)
		}
		all := packets(pieces)
		var got [][]byte
		for i, p := range all {
			if (p.Payload[0]&av1Sequence != 0) != (key && i == 0) {
				t.Fatalf("packet %d of a key unit (%v) begins with %x", i, key, p.Payload[0])
			}
			if unit, err := d.Decode(p); i == len(all)-1 {
				if err != nil {
					t.Fatal(err)
				}
				got = unit
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d OBUs came back of %d", len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("OBU %d came back with %d bytes, had %d", i, len(got[i]), len(want[i]))
			}
		}
		var other codecs.AV1Depacketizer
		bytesBack := 0
		for _, p := range all {
			b, err := other.Unmarshal(p.Payload)
			if err != nil {
				t.Fatal(err)
			}
			bytesBack += len(b)
		}
		least := 0
		for _, obu := range want {
			least += len(obu)
		}
		if bytesBack < least {
			t.Fatalf("the other library reads %d bytes of %d", bytesBack, least)
		}
	})
}

func TestVP8AndVP9FramesComeBackFromTheirPackets(t *testing.T) {
	t.Parallel()
	vp8, vp9 := &rtpvp8.Decoder{}, &rtpvp9.Decoder{}
	for _, err := range []error{vp8.Init(), vp9.Init()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for size := 1; size < 40*payloadMax; size += 211 {
		frame := noise(nil, size)
		for name, c := range map[string]struct {
			pieces []piece
			decode func(p *rtp.Packet) ([]byte, error)
			begins func(b []byte) bool
		}{
			"VP8": {splitVP8(nil, frame), vp8.Decode, (&codecs.VP8Packet{}).IsPartitionHead},
			"VP9": {splitVP9(nil, frame, true), vp9.Decode, (&codecs.VP9Packet{}).IsPartitionHead},
		} {
			all := packets(c.pieces)
			fits(t, payloads(c.pieces))
			var got []byte
			for i, p := range all {
				if len(p.Payload) > len(all[0].Payload) || i < len(all)-1 && len(p.Payload) != len(all[0].Payload) {
					t.Fatalf("%s, %d bytes: packet %d has %d, the first %d", name, size, i, len(p.Payload), len(all[0].Payload))
				}
				if c.begins(p.Payload) != (i == 0) {
					t.Fatalf("%s, %d bytes: packet %d begins a frame: %v", name, size, i, i != 0)
				}
				b, err := c.decode(p)
				if i == len(all)-1 {
					if err != nil {
						t.Fatal(name, err)
					}
					got = b
				}
			}
			if !bytes.Equal(got, frame) {
				t.Fatalf("%s: %d bytes came back of %d", name, len(got), size)
			}
		}
	}
	key, inter := payloads(splitVP9(nil, make([]byte, 3000), true)), payloads(splitVP9(nil, make([]byte, 10), false))
	if key[0][0] != vp9Begin || key[1][0] != 0 || key[2][0] != vp9End || inter[0][0] != vp9Inter|vp9Begin|vp9End {
		t.Errorf("descriptors %x %x %x, %x", key[0][0], key[1][0], key[2][0], inter[0][0])
	}
}

// cut makes up to 64 parts of fuzzed bytes, each behind its length.
func cut(b []byte) (parts [][]byte) {
	for len(b) >= 2 && len(parts) < 64 {
		n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
		parts = append(parts, b[2:2+n])
		b = b[2+n:]
	}
	return parts
}

func FuzzSplit(f *testing.F) {
	for format := range byte(FormatOpus) {
		f.Add(format, []byte{0, 4, 0x67, 0x42, 0xc0, 0x1f, 0, 3, 0x65, 0x88, 1})
		f.Add(format, []byte{0, 4, 0x42, 0x01, 0x01, 0x1f, 0, 3, 0x26, 0x01, 1, 0, 0})
		f.Add(format, append([]byte{0, 2, 0x12, 0, 0, 3, 0x0a, 1, 2, 0x0b, 0xb8, 0x32}, make([]byte, 2999)...))
	}
	f.Fuzz(func(t *testing.T, format byte, b []byte) {
		parts := cut(b)
		fan := &Fan{format: Format(format % byte(FormatOpus))}
		u := &streaming.Unit{Key: len(b)%2 == 0, Payload: parts}
		for _, codec := range []streaming.Codec{streaming.H264, streaming.H265, streaming.AV1} {
			(&order{codec: codec}).see(u)
		}
		fan.split(u)
		all := payloads(fan.pieces)
		fits(t, all)
		var h265 codecs.H265Depacketizer
		for _, b := range all {
			var err error
			switch fan.format {
			case FormatH265:
				_, err = h265.Unmarshal(b)
			case FormatVP8:
				_, err = (&codecs.VP8Packet{}).Unmarshal(b)
			case FormatVP9:
				_, err = (&codecs.VP9Packet{}).Unmarshal(b)
			}
			if err != nil {
				t.Fatalf("format %d: %x: %v", fan.format, b[:min(8, len(b))], err)
			}
		}
	})
}
