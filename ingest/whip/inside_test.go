package whip

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func packetOf(seq uint16) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{SequenceNumber: seq}, Payload: []byte{1}}
}

func TestPacketsComeInOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   []uint16
		wait time.Duration // between packets
		want []uint16
		lost uint64
	}{
		"in order":                 {[]uint16{65534, 65535, 0, 1}, 0, []uint16{65534, 65535, 0, 1}, 0},
		"swapped":                  {[]uint16{1, 3, 2, 4}, 0, []uint16{1, 2, 3, 4}, 0},
		"doubled":                  {[]uint16{1, 2, 2, 1, 3}, 0, []uint16{1, 2, 3}, 0},
		"one is lost":              {[]uint16{1, 3, 4}, reorderPatience + time.Millisecond, []uint16{1, 3, 4}, 1},
		"one is still waited for":  {[]uint16{1, 3, 4}, time.Millisecond, []uint16{1}, 0},
		"the publisher begins new": {[]uint16{1, 2, 30000, 30001}, 0, []uint16{1, 2, 30000, 30001}, 1},
	} {
		var r reorder
		var got []uint16
		now := time.Unix(0, 0)
		for _, seq := range c.in {
			now = now.Add(c.wait)
			for _, a := range r.push(packetOf(seq), now) {
				got = append(got, a.packet.SequenceNumber)
			}
		}
		same := len(got) == len(c.want)
		for i := range got {
			same = same && got[i] == c.want[i]
		}
		if !same || r.lost != c.lost {
			t.Errorf("%s: %v, %d lost", name, got, r.lost)
		}
	}
}

func TestALostPieceCostsOnePicture(t *testing.T) {
	t.Parallel()
	p := pictures{codec: &h264Parts{}}
	push := func(stamp uint32, gap, marker bool, payload ...byte) (int, bool) {
		out, lost := p.push(arrived{packet: &rtp.Packet{Header: rtp.Header{Timestamp: stamp, Marker: marker}, Payload: payload}, gap: gap})
		return len(out), lost
	}
	if n, lost := push(1, false, true, 0x65, 1, 2); n != 1 || lost {
		t.Errorf("a single NAL unit: %d, %v", n, lost)
	}
	_, _ = push(2, false, false, 0x7c, 0x85, 1)
	if n, lost := push(2, true, true, 0x7c, 0x45, 3); n != 0 || !lost {
		t.Errorf("a fragment is lost: %d, %v", n, lost)
	}
	_, _ = push(3, false, false, 0x7c, 0x85, 1)
	if n, lost := push(3, false, true, 0x7c, 0x45, 3); n != 1 || lost {
		t.Errorf("two fragments: %d, %v", n, lost)
	}
	_, _ = push(4, false, false, 0x41, 1)
	if n, lost := push(5, false, true, 0x41, 1); n != 2 || lost {
		t.Errorf("a marker was never set: %d, %v", n, lost)
	}
	if _, lost := push(6, false, true, 0x78, 0, 200); !lost {
		t.Error("a broken aggregate was taken")
	}
}

func FuzzOffer(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=ice-ufrag:abcd\r\na=setup:actpass\r\n" +
		"a=fingerprint:sha-256 00\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1\r\na=simulcast:send a;b\r\na=rid:a send\r\na=sendonly\r\n")
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102\r\na=ice-ufrag:abcd\r\na=setup:actpass\r\n" +
		"a=fingerprint:sha-256 00\r\na=rtpmap:102 VP8/90000\r\na=simulcast:send h,x;~m;l recv q\r\na=rid:h send max-width=1\r\na=rid:m send\r\na=rid:l send\r\na=sendonly\r\n")
	f.Add("garbage")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readOffer(text)
		if err != nil {
			if _, ok := errors.AsType[*problem](err); !ok {
				t.Fatalf("an error without an answer: %v", err)
			}
			return
		}
		if n := len(o.rids); n == 1 || n > layersMax || n == 0 && strings.Contains(o.text, "\na=simulcast:") {
			t.Fatalf("%d layers in %q", n, o.text)
		}
		if _, err := readOffer(o.text); err != nil {
			t.Fatalf("what we wrote is not taken: %v", err)
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n")
	f.Add("a=ice-ufrag:")
	f.Fuzz(func(t *testing.T, text string) {
		fragment, err := readFragment(text)
		if err == nil && strings.ContainsAny(fragment.ufrag+fragment.pwd, "\r\n ") {
			t.Fatal("a credential that breaks the line")
		}
	})
}

func FuzzDepacketizer(f *testing.F) {
	f.Add(true, []byte{0x7c, 0x85, 1, 2}, []byte{0x7c, 0x45, 3}, true)
	f.Add(true, []byte{0x78, 0, 2, 0x67, 1, 0, 1, 0x68}, []byte{0x65, 1}, false)
	f.Add(false, []byte{0x90, 0x80, 0x01, 0x9d}, []byte{0x80, 1}, true)
	f.Fuzz(func(t *testing.T, h264 bool, first, second []byte, marker bool) {
		p := pictures{codec: &vp8Parts{}}
		if h264 {
			p.codec = &h264Parts{}
		}
		for i, payload := range [][]byte{first, second, first} {
			out, _ := p.push(arrived{packet: &rtp.Packet{Header: rtp.Header{Timestamp: uint32(i / 2), Marker: marker && i == 1}, Payload: payload}})
			for _, one := range out {
				isKey(one.payload, h264)
				for _, part := range one.payload {
					if len(part) > len(first)+len(second)+len(first) {
						t.Fatal("more came out than went in")
					}
				}
			}
		}
	})
}
