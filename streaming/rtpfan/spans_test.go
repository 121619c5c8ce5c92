package rtpfan

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"github.com/hawkerlive/hawker/streaming"
)

// TestRenditionsShareOneSequence is the rule of TestAnIndexIsEncryptedOnceOrAgainWithTheSameBytes where a viewer
// changes between renditions and asks for packets from before: the numbers only go forward, each means one packet,
// and what is sent again is what was sent, as it was or on the repair stream under a number of its own.
func TestRenditionsShareOneSequence(t *testing.T) {
	t.Parallel()
	for _, repair := range []uint8{0, 97} {
		for _, profile := range []srtp.ProtectionProfile{srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAes128CmHmacSha1_80} {
			t.Run(fmt.Sprintf("%v, repair %d", profile, repair), func(t *testing.T) {
				t.Parallel()
				s := newStudio(t)
				low, err := s.fan.stream.AddRendition(streaming.RenditionInfo{Name: "low", Bitrate: 1000})
				if err != nil {
					t.Fatal(err)
				}
				if err := low.Begin(1, streaming.Track{ID: 1, Kind: streaming.Video, Codec: streaming.H264, ClockRate: 90000}); err != nil {
					t.Fatal(err)
				}
				below := &studio{t: t, fan: s.fan.newRung(low.Stream())}
				s.fan.ladder.Store(&[]*Fan{s.fan, below.fan})
				readers := []*streaming.Reader{s.fan.stream.Subscribe(streaming.ReadOptions{}), low.Stream().Subscribe(streaming.ReadOptions{})}
				for _, r := range readers {
					defer r.Close()
				}
				for _, f := range []*Fan{s.fan, below.fan} {
					f.video.first, f.video.next = 0xfff00, 0xfff00
				}
				v, tape := s.viewer()
				v.Keys, v.Repair[FormatH264] = testKeys(profile), repair
				if err := v.open(); err != nil {
					t.Fatal(err)
				}
				theirs := watcher{t: t, v: v, sent: map[uint64][]byte{}, plain: map[uint64][]byte{}}
				if theirs.crypt, err = srtp.CreateContext(v.Keys.Key, v.Keys.Salt, profile, srtp.SRTPNoReplayProtection()); err != nil {
					t.Fatal(err)
				}
				now := time.Now()
				for i := range 1300 {
					at := s.at
					s.write(i%40 == 0, 500+i*37%9_000)
					u := picture(1, 300, i%40 == 20, 60, at)
					if err := low.Write(u); err != nil {
						t.Fatal(err)
					}
					s.packetize(readers[0])
					below.packetize(readers[1])
					if i%90 == 50 && !v.Pick([]string{"low", MainName}[i/90%2]) {
						t.Fatal("there is no such rendition")
					}
					if i%5 == 3 {
						seqs := []uint16{}
						for k := range uint16(12) {
							seqs = append(seqs, theirs.newest-60+5*k)
						}
						s.egress.Resend(v, s.fan.video.ssrc, seqs)
					}
					now = now.Add(33 * time.Millisecond)
					s.turn(now)
					for _, b := range tape.take() {
						theirs.see(b, s.fan)
					}
					if theirs.any && theirs.index < 0x8000 { // the wrap comes soon
						v.video.shift += 0x7e00
						v.video.from = v.video.next
						theirs.index += 0x7e00
					}
				}
				if n := v.choice.switches.Load(); n < 10 || theirs.again < 300 || theirs.cycles == 0 {
					t.Fatalf("nothing was tried: %d changes, %d sent again, %d wraps, up to %x", n, theirs.again, theirs.cycles, theirs.index)
				}
				if repair != 0 && (theirs.same > 0 || theirs.repaired < 300) {
					t.Fatalf("%d packets were sent again as they were, %d repaired", theirs.same, theirs.repaired)
				}
			})
		}
	}
}

// watcher decrypts what a viewer gets and checks it against what it got before.
type watcher struct {
	t           *testing.T
	v           *Viewer
	crypt       *srtp.Context
	sent, plain map[uint64][]byte // by index
	index       uint64            // newest
	newest      uint16
	stamp       uint32
	any         bool
	cycles      int
	repairs     uint16
	again       int
	same        int
	repaired    int
}

func (w *watcher) see(b []byte, f *Fan) {
	w.t.Helper()
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil {
		w.t.Fatal(err)
	}
	plain, err := w.crypt.DecryptRTP(nil, b, nil)
	if err != nil {
		w.t.Fatalf("%d of %x does not decrypt: %v", h.SequenceNumber, h.SSRC, err)
	}
	if h.SSRC == f.repairSSRC {
		if h.SequenceNumber != w.repairs || h.PayloadType != w.v.Repair[FormatH264] {
			w.t.Fatalf("repair packet %d of type %d, want %d", h.SequenceNumber, h.PayloadType, w.repairs)
		}
		w.repairs++
		w.again++
		w.repaired++
		original := w.index - uint64(uint16(w.index)-binary.BigEndian.Uint16(plain[n:]))
		was := w.plain[original]
		if was != nil && was[0]&paddingBit != 0 {
			was = was[:len(was)-int(was[len(was)-1])]
		}
		if was == nil || !bytes.Equal(was[n:], plain[n+2:]) || !bytes.Equal(was[4:8], b[4:8]) || was[1]&0x80 != b[1]&0x80 {
			w.t.Fatalf("%d was repaired with other bytes", original)
		}
		return
	}
	d := h.SequenceNumber - uint16(w.index)
	switch {
	case !w.any:
		w.any, w.index = true, uint64(h.SequenceNumber)
		if w.index >= 0x8000 {
			w.t.Fatalf("the sequence begins at %d", w.index)
		}
	case d == 1:
		w.index++
		if int32(h.Timestamp-w.stamp) < 0 {
			w.t.Fatalf("time goes back by %d at %d", w.stamp-h.Timestamp, w.index)
		}
		if uint16(w.index) == 0 {
			w.cycles++
		}
	case d < 0x8000:
		w.t.Fatalf("%d follows %d", h.SequenceNumber, uint16(w.index))
	default:
		w.again++
		w.same++
		index := w.index - uint64(uint16(w.index)-h.SequenceNumber)
		if !bytes.Equal(w.sent[index], b) || !bytes.Equal(w.plain[index], plain) {
			w.t.Fatalf("%d was sent again with other bytes", index)
		}
		return
	}
	w.newest, w.stamp = h.SequenceNumber, h.Timestamp
	w.sent[w.index], w.plain[w.index] = b, plain
}
