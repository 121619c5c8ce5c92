package whep_test

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtph265"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp8"
	"github.com/bluenviron/gortsplib/v4/pkg/format/rtpvp9"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/whep"
)

// made is a picture of a codec, of noise but for what the codec's payload format looks at.
func made(codec streaming.Codec, key bool, size, seed int) [][]byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7+seed)&0x7f | 1
	}
	switch codec {
	case streaming.H265:
		b[0], b[1] = 1<<1, 1
		if key {
			b[0] = 19 << 1
			return [][]byte{{32 << 1, 1, 2}, {33 << 1, 1, 3}, {34 << 1, 1, 4}, b}
		}
	case streaming.AV1:
		b[0] = 6 << 3
		if key {
			return [][]byte{{1 << 3, 9, 9, byte(seed)}, b}
		}
	}
	return [][]byte{b}
}

// reader puts packets of a codec together again; nil without an error where there is more to come.
func reader(t *testing.T, codec streaming.Codec) func(p *rtp.Packet) ([][]byte, error) {
	t.Helper()
	one := func(f func(p *rtp.Packet) ([]byte, error)) func(p *rtp.Packet) ([][]byte, error) {
		return func(p *rtp.Packet) ([][]byte, error) {
			b, err := f(p)
			return [][]byte{b}, err
		}
	}
	var err error
	var out func(p *rtp.Packet) ([][]byte, error)
	switch codec {
	case streaming.H265:
		d := &rtph265.Decoder{}
		err, out = d.Init(), d.Decode
	case streaming.AV1:
		d := &rtpav1.Decoder{}
		err, out = d.Init(), d.Decode
	case streaming.VP8:
		d := &rtpvp8.Decoder{}
		err, out = d.Init(), one(d.Decode)
	case streaming.VP9:
		d := &rtpvp9.Decoder{}
		err, out = d.Init(), one(d.Decode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func videoOf(codec streaming.Codec) []streaming.Track {
	return []streaming.Track{{ID: 1, Kind: streaming.Video, Codec: codec, ClockRate: streaming.VideoClockRate}}
}

// writeMade publishes pictures of a codec, the first one a key picture, and returns them.
func writeMade(t *testing.T, h *house, broadcast string, codec streaming.Codec, n int) (pictures [][][]byte) {
	t.Helper()
	p, err := h.hub.Publish(t.Context(), broadcast, videoOf(codec))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		u := &streaming.Unit{Track: 1, PTS: int64(i) * frameTicks, DTS: int64(i) * frameTicks, Key: i == 0, Payload: made(codec, i == 0, 200+i*1700, i)}
		if err := p.Write(u); err != nil {
			t.Fatal(err)
		}
		pictures = append(pictures, u.Payload)
	}
	return pictures
}

func TestEveryVideoCodecReachesItsViewer(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	for _, codec := range []streaming.Codec{streaming.H265, streaming.AV1, streaming.VP8, streaming.VP9} {
		t.Run(string(codec), func(t *testing.T) {
			pictures := writeMade(t, h, string(codec), codec, 8)
			v := watch(h, string(codec), nil)
			read := reader(t, codec)
			for i, want := range pictures {
				for {
					p := next(t, v.packets)
					got, err := read(p)
					if !p.Marker {
						continue
					}
					if err != nil {
						t.Fatal(err)
					}
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Fatalf("picture %d came back as %d parts", i, len(got))
					}
					break
				}
			}
			v.close()
		})
	}
}

func TestAGenerationMayChangeThePayloadType(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(10)
	v := watchWith(h, "show", watching{codecs: []string{webrtc.MimeTypeH264, webrtc.MimeTypeVP8}})
	first := next(t, v.packets)
	event(t, h)
	writeMade(t, h, "show", streaming.VP8, 3)
	last := first
	for last.PayloadType == first.PayloadType {
		last = next(t, v.packets)
	}
	if !strings.Contains(v.answer, fmt.Sprintf("a=rtpmap:%d VP8/90000", last.PayloadType)) || last.SSRC != first.SSRC || last.Payload[0] != 0x10 {
		t.Fatalf("after the change packets have type %d and begin with %x", last.PayloadType, last.Payload[0])
	}
	// VP9 was not offered.
	follow := h.follow(v)
	writeMade(t, h, "show", streaming.VP9, 3)
	follow.expect("event: reconnect")
	follow.expect(`data: {"reason":"` + whep.CodeCodec + `"}`)
	if e := event(t, h); e.Reason != whep.CodeCodec {
		t.Errorf("the hook was told %+v", e)
	}
}

func TestTheAnswerKeepsWhatBothSidesKnow(t *testing.T) {
	t.Parallel()
	h := run(t, nil)
	p := publish(t, h.hub, "show", "clip.h264")
	p.write(5)
	b, err := readTestdata("chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	res := h.do(http.MethodPost, "/whep/show", sdpType, string(b), nil)
	if res.StatusCode != http.StatusCreated {
		t.Fatal(res.Status, res.body)
	}
	for _, line := range []string{
		`m=video 9 UDP/TLS/RTP/SAVPF 108 109 `, `a=rtpmap:96 VP8/90000`, `a=rtpmap:98 VP9/90000`, `a=rtpmap:\d+ AV1/90000`,
		`a=rtpmap:109 rtx/90000`, `a=fmtp:109 apt=108`, `a=ssrc-group:FID \d+ \d+`, `a=rtcp-fb:96 goog-remb`, `a=rtcp-fb:96 nack pli`,
	} {
		if !regexp.MustCompile(line).MatchString(res.body) {
			t.Errorf("the answer lacks %q:\n%s", line, res.body)
		}
	}
	// One picture only: nothing to choose, so nobody has to tell how packets arrive.
	if bytes.Contains([]byte(res.body), []byte("transport-")) {
		t.Errorf("the answer asks for transport-wide feedback:\n%s", res.body)
	}
}
