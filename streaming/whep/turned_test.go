package whep_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/pion/rtp"
)

// Parameter sets of 540 × 960 and of 960 × 540.
var (
	setsTall = []string{"6764001facb201103cf7e022000003000200000300781e306490", "68ebc3cb22c0"}
	setsWide = []string{"6742c01fd900f0117ef011000003000100000300320f183248", "68cb83cb20"}
)

// turnedTo replaces the parameter sets of a sample.
func turnedTo(t *testing.T, units [][][]byte, sets []string) (out [][][]byte) {
	t.Helper()
	var with [][]byte
	for _, s := range sets {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		with = append(with, b)
	}
	for _, nals := range units {
		rest := slices.DeleteFunc(slices.Clone(nals), func(nal []byte) bool { return nal[0]&0x1f == 7 || nal[0]&0x1f == 8 })
		if isKey(nals) {
			rest = append(slices.Clone(with), rest...)
		}
		out = append(out, rest)
	}
	return out
}

// sizes tells the size of the picture that each key picture announces.
type sizes struct {
	decoder rtph264.Decoder
	last    *rtp.Packet
}

// next reads up to the next key picture and returns its size. Numbers and stamps must go on without a step back.
func (s *sizes) next(t *testing.T, v *viewer) (width, height int) {
	t.Helper()
	for {
		p := next(t, v.packets)
		if s.last != nil && (p.SSRC != s.last.SSRC || p.PayloadType != s.last.PayloadType ||
			int16(p.SequenceNumber-s.last.SequenceNumber) <= 0 || int32(p.Timestamp-s.last.Timestamp) < 0) {
			t.Fatalf("after %+v comes %+v", s.last.Header, p.Header)
		}
		s.last = p
		unit, err := s.decoder.Decode(p)
		if errors.Is(err, rtph264.ErrMorePacketsNeeded) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, nal := range unit {
			if nal[0]&0x1f != 7 {
				continue
			}
			var sps h264.SPS
			if err := sps.Unmarshal(nal); err != nil {
				t.Fatal(err)
			}
			return sps.Width(), sps.Height()
		}
	}
}

// A phone is turned again and again, first within its stream and then with a new one each time: the viewer has the new
// size from the first picture on, in one session, one source and one numbering.
func TestAPhoneIsTurnedBeforeItsViewers(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	group := accessUnits(t, "clip.h264")
	if n := slices.IndexFunc(group[1:], isKey); n > 0 {
		group = group[:n+1]
	}
	tall, wide := turnedTo(t, group, setsTall), turnedTo(t, group, setsWide)
	p := publish(t, h.hub, "show", "clip.h264")
	p.units = tall
	p.write(3)
	v := watch(h, "show", nil)
	var seen sizes
	if err := seen.decoder.Init(); err != nil {
		t.Fatal(err)
	}
	expect := func(turn int) {
		t.Helper()
		want := [2]int{540, 960}
		if turn%2 == 1 {
			want = [2]int{960, 540}
		}
		if w, h := seen.next(t, v); [2]int{w, h} != want {
			t.Fatalf("after turn %d the picture is %d × %d, want %v", turn, w, h, want)
		}
	}
	expect(0)
	p.write(len(group) - 3)
	for turn := 1; turn <= 6; turn++ {
		p.units = [][][][]byte{tall, wide}[turn%2]
		p.write(len(group))
		expect(turn)
	}
	for turn := 7; turn <= 12; turn++ {
		p = publish(t, h.hub, "show", "clip.h264")
		p.units = [][][][]byte{tall, wide}[turn%2]
		p.write(len(group))
		expect(turn)
	}
	if s, err := h.hub.Stream("show"); err != nil || s.Generation().Number < 7 {
		t.Errorf("%v, %v", s, err)
	}
}
