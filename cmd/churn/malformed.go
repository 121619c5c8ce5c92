package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/hawkerlive/hawker/ingest/rtmp/rtmptest"
	"github.com/hawkerlive/hawker/streaming"
)

const answersWithin = 10 * time.Second // a server that holds a connection longer after its end is stuck

// malformed says what no encoder should say: to RTMP, RTSP, WHIP and OBS's door, SRT, and the ports of WebRTC, by turns.
// Each input follows from its number alone. Half of the publishers have a good key, so that what lies behind it is
// reached. A cycle has failed when nobody listens any more, or a connection is not let go after its end.
func malformed(s *server) (cycle, error) {
	return func(ctx context.Context, n int) error {
		r := rand.New(rand.NewPCG(uint64(n), 0x6861776b6572)) // the same input for the same number
		switch n % 8 {
		case 0, 1, 2:
			return say(ctx, s.rtmp, s.rtmpNonsense(r))
		case 3:
			return say(ctx, s.rtsp, s.rtspNonsense(r))
		case 4:
			return s.whipNonsense(ctx, r)
		case 5:
			return datagrams(ctx, s.srt, srtNonsense(r))
		case 6:
			return datagrams(ctx, s.webrtcIngest, stunNonsense(r))
		default:
			return say(ctx, s.webrtcIngest, stunNonsense(r)[0])
		}
	}, nil
}

// say writes bytes, ends its side, and waits until the server lets go.
func say(ctx context.Context, addr string, said []byte) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // it is over either way
	if err := c.SetDeadline(time.Now().Add(answersWithin)); err != nil {
		return err
	}
	_, _ = c.Write(said)              // it may be closed at any byte
	_ = c.(*net.TCPConn).CloseWrite() // or have been
	_, err = io.Copy(io.Discard, c)   // until the server has enough
	if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
		return fmt.Errorf("%s holds a connection: %w", addr, err)
	}
	return nil
}

// datagrams sends packets to who does not answer strangers.
func datagrams(ctx context.Context, addr string, said [][]byte) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "udp", addr)
	if err != nil {
		return err
	}
	for _, one := range said {
		if _, err := c.Write(one); err != nil && !strings.Contains(err.Error(), "refused") {
			return errors.Join(err, c.Close())
		}
	}
	return c.Close()
}

// damage changes a few places: a flipped bit, a byte of an extreme, a piece left out, doubled, or made of something else.
func damage(r *rand.Rand, said []byte, from int) []byte {
	out := bytes.Clone(said)
	for range 1 + r.IntN(6) {
		if len(out) <= from+1 {
			return out
		}
		at := from + r.IntN(len(out)-from)
		end := min(len(out), at+1+r.IntN(64))
		switch r.IntN(6) {
		case 0:
			out[at] ^= 1 << r.IntN(8)
		case 1:
			out[at] = []byte{0, 0xff, 0x7f, 0x80, 0x1b, '\n'}[r.IntN(6)]
		case 2:
			out = append(out[:at:at], out[end:]...)
		case 3:
			out = append(out[:end:end], out[at:]...)
		case 4:
			for i := at; i < end; i++ {
				out[i] = byte(r.Uint32())
			}
		default:
			out = out[:at]
		}
	}
	return out
}

func (s *server) keyOr(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return s.key
	}
	return "hk_key_\x1b[31m" + fmt.Sprint(r.Uint64())
}

// rtmpNonsense is a publisher's whole side, damaged behind the handshake, or in it.
func (s *server) rtmpNonsense(r *rand.Rand) []byte {
	var out bytes.Buffer
	out.Write(append([]byte{3}, make([]byte, 1536+1536)...))
	size := []int{128, 128, 1, 4096, 1 << 20}[r.IntN(5)]
	out.Write(rtmptest.Chunks(2, rtmptest.SetChunkSize, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(size)), 128, true))
	message := func(stream uint32, kind byte, stamp uint32, body []byte) {
		out.Write(rtmptest.Chunks(stream, kind, stamp, 1, body, size, r.IntN(4) > 0))
	}
	command := func(values ...any) {
		body, err := amf0.Data(values).Marshal()
		if err == nil {
			message(3, rtmptest.Command, 0, body)
		}
	}
	command("connect", 1.0, amf0.Object{{Key: "app", Value: "live"}, {Key: "flashVer", Value: "x\x1b[2J\n"}, {Key: "tcUrl", Value: "rtmp://x/live"}, {Key: "capsEx", Value: 15.0}})
	command("createStream", 2.0, nil)
	command("publish", 3.0, nil, s.keyOr(r), "live")
	u := &streaming.Unit{Track: 1, Key: true, Payload: picture}
	if r.IntN(3) == 0 { // an AMF bomb
		message(4, rtmptest.Data, 0, append([]byte{2, 0, 1, 'x'}, bytes.Repeat([]byte{3, 0, 1, 'a'}, 1+r.IntN(1<<18))...))
	}
	message(6, rtmptest.Video, 0, rtmptest.Legacy(track, nil, rtmptest.Config(track, u)))
	for i := range 3 + r.IntN(20) {
		stamp := uint32(i*40) + []uint32{0, 0, 0, 1<<31 - 60, 0xfffffff0}[r.IntN(5)]
		message(6, rtmptest.Video, stamp, rtmptest.Legacy(track, u, nil))
		message(uint32(4+r.IntN(80)), rtmptest.Video, stamp, rtmptest.Tracks(streaming.Video, byte(r.IntN(8)), true, byte(r.IntN(4)), [][]byte{rtmptest.Nanoseconds(r.IntN(1 << 24))},
			rtmptest.Track{ID: byte(r.IntN(4)), Codec: streaming.H264, Data: rtmptest.Body(track, u)}))
	}
	from := 1 + 1536 + 1536
	if r.IntN(10) == 0 {
		from = 0
	}
	return damage(r, out.Bytes(), from)
}

func (s *server) rtspNonsense(r *rand.Rand) []byte {
	var sdp strings.Builder
	sdp.WriteString("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=\x1b[31m\r\nt=0 0\r\n")
	for i := range 1 + r.IntN(200) {
		fmt.Fprintf(&sdp, "m=video 0 RTP/AVP %d\r\na=rtpmap:%d H264/90000\r\na=fmtp:%d packetization-mode=1; sprop-parameter-sets=Z01AH9kAtAobARAAAAMAEAAAAwPA8YMkgA==,aOvDyyA=\r\na=control:trackID=%d\r\n", 96+i%30, 96+i%30, 96+i%30, i)
	}
	url := "rtsp://" + s.rtsp + "/live?key=" + s.keyOr(r)
	text := fmt.Sprintf("OPTIONS %s RTSP/1.0\r\nCSeq: 1\r\n\r\nANNOUNCE %s RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"+
		"SETUP %s/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n\r\nRECORD %s RTSP/1.0\r\nCSeq: 4\r\nSession: 1\r\n\r\n$\x00\x00\x10garbage garbage",
		url, url, sdp.Len(), sdp.String(), url, url)
	return damage(r, []byte(text), 0)
}

// whipNonsense sends damaged offers, fragments and questions of OBS. Whatever the answer is, it must be one.
func (s *server) whipNonsense(ctx context.Context, r *rand.Rand) error {
	const section = "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=sendonly\r\na=rtcp-mux\r\n" +
		"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n" +
		"a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\na=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n"
	offer := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n" + strings.Repeat(section, 1+r.IntN(3)*r.IntN(3)*50)
	method, path, body := http.MethodPost, "/whip", damage(r, []byte(offer), 0)
	switch r.IntN(6) {
	case 0:
		method, path = http.MethodPatch, "/whip/"+fmt.Sprint(r.Uint64())
	case 1:
		path, body = "/obs/multitrack", damage(r, []byte(`{"authentication":"`+s.key+`","preferences":{"width":1920,"height":1080,"framerate":{"numerator":60,"denominator":1}},"capabilities":{"gpu":[{"vendor_id":4318}]}}`), 0)
	}
	q, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if r.IntN(4) > 0 {
		q.Header.Set("Authorization", "Bearer "+s.key)
	}
	q.Header.Set("Content-Type", "application/sdp")
	q.Header.Set("User-Agent", "x\xffy")
	res, err := s.http.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode == http.StatusInternalServerError {
		err = fmt.Errorf("%s %s got 500: %.200s", method, path, answer)
	}
	if location := res.Header.Get("Location"); res.StatusCode == http.StatusCreated && location != "" {
		gone, bad := s.whip(ctx, http.MethodDelete, location, "")
		if bad != nil {
			return bad
		}
		_ = gone.Body.Close() // it is empty
	}
	return err
}

// srtNonsense is a caller's handshake, damaged, and packets of nobody's.
func srtNonsense(r *rand.Rand) [][]byte {
	induction := make([]byte, 64)
	induction[0] = 0x80
	binary.BigEndian.PutUint32(induction[16:], 4)
	binary.BigEndian.PutUint16(induction[22:], 2)
	binary.BigEndian.PutUint32(induction[28:], 1500)
	binary.BigEndian.PutUint32(induction[32:], 8192)
	binary.BigEndian.PutUint32(induction[36:], 1)
	binary.BigEndian.PutUint32(induction[40:], r.Uint32())
	conclusion := append(bytes.Clone(induction), 0, 1, 0, 3, 0, 1, 5, 3, 0, 0, 0, 0xbf, 0, 120, 0, 120, 0, 5, 0, 2, 'i', 'l', 'b', 'u', ':', 'h', 's', 0x1b)
	binary.BigEndian.PutUint32(conclusion[16:], 5)
	binary.BigEndian.PutUint32(conclusion[36:], 0xffffffff)
	data := make([]byte, 16+188)
	out := [][]byte{damage(r, induction, 0), damage(r, conclusion, 0), damage(r, data, 0), damage(r, induction, 16), damage(r, conclusion, 16)}
	for i, one := range out {
		if len(one) > 1400 {
			out[i] = one[:1400]
		}
	}
	return out
}

// stunNonsense is a check of somebody's connectivity, damaged; DTLS and RTP come out of it as well.
func stunNonsense(r *rand.Rand) [][]byte {
	check := append([]byte{0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)
	check = append(check, 0, 6, 0, 9, 'a', 'b', 'c', 'd', ':', 'e', 'f', 'g', 'h', 0, 0, 0)
	check[3] = byte(len(check) - 20)
	hello := append([]byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1, 0, 0, 28}, make([]byte, 36)...)
	out := make([][]byte, 4)
	for i := range out {
		one := damage(r, [][]byte{check, hello, append([]byte{0x80, 111}, make([]byte, 60)...)}[r.IntN(3)], 0)
		out[i] = one[:min(len(one), 1400)]
	}
	return out
}

// ears listen to what the server logs: a line with control bytes is one that a stranger wrote.
type ears struct {
	out io.Writer

	mu    sync.Mutex
	fault string
}

func (e *ears) Write(p []byte) (int, error) {
	e.mu.Lock()
	if i := bytes.IndexFunc(p, func(r rune) bool { return r < 0x20 && r != '\n' && r != '\t' || r == 0x7f }); i >= 0 && e.fault == "" {
		e.fault = fmt.Sprintf("%q", p[max(0, i-100):min(len(p), i+100)])
	}
	e.mu.Unlock()
	return e.out.Write(p)
}

func (e *ears) heard() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fault != "" {
		return errors.New("the log has control bytes: " + e.fault)
	}
	return nil
}
