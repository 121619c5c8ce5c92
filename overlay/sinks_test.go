package overlay_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

// ways are those in which a WebSocket reaches its sink: raw on Linux, and always a stream.
var ways = map[string]func(http.Handler) *httptest.Server{"plain": httptest.NewServer, "TLS": httptest.NewTLSServer}

// line is a client that sends whatever it likes.
type line struct {
	t    *testing.T
	tcp  *net.TCPConn
	conn net.Conn // TLS over it, perhaps
	r    *bufio.Reader
}

const upgradeRequest = "GET " + feedPath + " HTTP/1.1\r\nHost: hawker.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

// line connects and sends first.
func (s *stage) line(t *testing.T, first string) *line {
	t.Helper()
	scheme, address, _ := strings.Cut(s.url, "://")
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	tcp := conn.(*net.TCPConn)
	if scheme == "https" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) // its certificate is its own
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	l := &line{t, tcp, conn, bufio.NewReader(conn)}
	l.write(first)
	return l
}

func (l *line) write(b string) {
	l.t.Helper()
	if _, err := io.WriteString(l.conn, b); err != nil {
		l.t.Fatal(err)
	}
}

// answer reads the head of an HTTP answer.
func (l *line) answer() *http.Response {
	l.t.Helper()
	resp, err := http.ReadResponse(l.r, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp
}

// upgraded opens a WebSocket and reads its greeting.
func (s *stage) upgraded(t *testing.T, more string) *line {
	t.Helper()
	l := s.line(t, upgradeRequest+more)
	resp := l.answer()
	if resp.StatusCode != http.StatusSwitchingProtocols || resp.Header.Get("Sec-Websocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	if e := resp.Header.Get("Sec-Websocket-Extensions"); e != "" {
		t.Fatalf("negotiated %q", e)
	}
	if op, body := l.frame(); op != ws.OpText || !strings.HasPrefix(body, `{"from":`) {
		t.Fatalf("greeted by %v %q", op, body)
	}
	return l
}

// frame reads one frame of the server's: never masked, never in fragments, no reserved bits.
func (l *line) frame() (ws.OpCode, string) {
	l.t.Helper()
	f, err := ws.ReadFrame(l.r)
	if err != nil {
		l.t.Fatalf("instead of a frame: %v", err)
	}
	if h := f.Header; h.Masked || !h.Fin || h.Rsv != 0 {
		l.t.Fatalf("the server sent %+v", h)
	}
	return f.Header.OpCode, string(f.Payload)
}

// goodbye reads frames up to a close, and that the connection ends after it. It returns the close's code and what
// came before it.
func (l *line) goodbye() (code int, before []string) {
	l.t.Helper()
	for {
		op, body := l.frame()
		if op != ws.OpClose {
			before = append(before, body)
			continue
		}
		if len(body) >= 2 {
			code = int(binary.BigEndian.Uint16([]byte(body)))
		}
		if _, err := l.r.ReadByte(); !errors.Is(err, io.EOF) {
			l.t.Fatalf("after the close: %v", err)
		}
		return code, before
	}
}

// masked is a client's frame as it is on the wire.
func masked(first byte, payload string) string {
	var b bytes.Buffer
	b.WriteByte(first)
	switch n := len(payload); {
	case n < 126:
		b.WriteByte(0x80 | byte(n))
	case n < 1<<16:
		b.Write([]byte{0x80 | 126, byte(n >> 8), byte(n)})
	default:
		b.WriteByte(0x80 | 127)
		_ = binary.Write(&b, binary.BigEndian, uint64(n))
	}
	mask := [4]byte{0x12, 0xfe, 0x34, 0x56}
	b.Write(mask[:])
	body := []byte(payload)
	ws.Cipher(body, mask, 0)
	b.Write(body)
	return b.String()
}

const (
	fin                                   = 0x80
	cont, text, binaryOp, end, ping, pong = 0, 1, 2, 8, 9, 10
)

func status(code int, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason
}

// dialogue is one case: what the client sends, and what must come of it.
type dialogue struct {
	sends  string
	heard  []string // messages that reach us
	pongs  []string
	status int // of the close that ends it; 0: the connection lives, and the client says goodbye itself
}

func dialogues() map[string]dialogue {
	hello := `{"kind":"hello"}`
	cases := map[string]dialogue{
		"nothing":                            {},
		"an empty message":                   {sends: masked(fin|text, ""), heard: []string{""}},
		"three messages in one packet":       {sends: masked(fin|text, "a") + masked(fin|text, "b") + masked(fin|text, "c"), heard: []string{"a", "b", "c"}},
		"in two fragments":                   {sends: masked(text, `{"kind"`) + masked(fin|cont, `:"hello"}`), heard: []string{hello}},
		"in sixteen frames":                  {sends: masked(text, "0") + strings.Repeat(masked(cont, "1"), 14) + masked(fin|cont, "2"), heard: []string{"0" + strings.Repeat("1", 14) + "2"}},
		"empty fragments":                    {sends: masked(text, "") + masked(cont, "") + masked(cont, "x") + masked(fin|cont, ""), heard: []string{"x"}},
		"a ping between fragments":           {sends: masked(text, "a") + masked(fin|ping, "now") + masked(fin|cont, "b"), heard: []string{"ab"}, pongs: []string{"now"}},
		"a letter cut by fragments":          {sends: masked(text, "\xf0\x9f") + masked(fin|cont, "\x99\x82"), heard: []string{"🙂"}},
		"two fragmented messages":            {sends: strings.Repeat(masked(text, "a")+masked(fin|cont, "b"), 2), heard: []string{"ab", "ab"}},
		"a ping":                             {sends: masked(fin|ping, ""), pongs: []string{""}},
		"a ping of 125 bytes":                {sends: masked(fin|ping, strings.Repeat("p", 125)), pongs: []string{strings.Repeat("p", 125)}},
		"a ping that is not text":            {sends: masked(fin|ping, "\xff\x00"), pongs: []string{"\xff\x00"}},
		"ten pings at once":                  {sends: tenPings(), pongs: strings.Split("0123456789", "")},
		"a pong nobody asked for":            {sends: masked(fin|pong, "here") + masked(fin|text, hello), heard: []string{hello}},
		"a ping of 126 bytes":                {sends: masked(fin|ping, strings.Repeat("p", 126)), status: 1002},
		"a ping in fragments":                {sends: masked(ping, "a"), status: 1002},
		"a close in fragments":               {sends: masked(end, ""), status: 1002},
		"a continuation of nothing":          {sends: masked(fin|cont, "x"), status: 1002},
		"a continuation after the end":       {sends: masked(text, "a") + masked(fin|cont, "b") + masked(fin|cont, "c"), heard: []string{"ab"}, status: 1002},
		"a message within a message":         {sends: masked(text, "a") + masked(fin|text, "b"), status: 1002},
		"no mask":                            {sends: "\x81\x02{}", status: 1002},
		"no mask on a ping":                  {sends: "\x89\x00", status: 1002},
		"binary":                             {sends: masked(fin|binaryOp, "x"), status: 1003},
		"binary in fragments":                {sends: masked(binaryOp, "x"), status: 1003},
		"not UTF-8":                          {sends: masked(fin|text, "a\xc0\xafb"), status: 1007},
		"half of a pair of surrogates":       {sends: masked(fin|text, "\xed\xa0\x80"), status: 1007},
		"not UTF-8 in fragments":             {sends: masked(text, "a") + masked(fin|cont, "\xff"), status: 1007},
		"2,048 bytes":                        {sends: masked(fin|text, strings.Repeat("x", 2048)), heard: []string{strings.Repeat("x", 2048)}},
		"2,049 bytes":                        {sends: masked(fin|text, strings.Repeat("x", 2049)), status: 1009},
		"2,049 bytes in fragments":           {sends: masked(text, strings.Repeat("x", 2048)) + masked(fin|cont, "x"), status: 1009},
		"a claim of 65,535 bytes":            {sends: masked(fin|text, strings.Repeat("x", 65535))[:8], status: 1009},
		"a claim of 65,536 bytes":            {sends: "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00", status: 1009},
		"a claim of 2^62 bytes":              {sends: "\x81\xff\x40\x00\x00\x00\x00\x00\x00\x00", status: 1009},
		"a length of 2^63":                   {sends: "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", status: 1002},
		"a short length written long":        {sends: "\x81\xfe\x00\x7d", status: 1002},
		"a middling length written longest":  {sends: "\x81\xff\x00\x00\x00\x00\x00\x00\x00\x80", status: 1002},
		"endless fragments":                  {sends: masked(text, "") + strings.Repeat(masked(cont, ""), 40), status: 1009},
		"a compressed bomb":                  {sends: masked(fin|0x40|text, "\x4a\x4c\x1c\x05\xa3\x60\x14\x0c\x00\x00"), status: 1002},
		"a flood":                            {sends: strings.Repeat(masked(fin|pong, ""), 200), status: 1008},
		"a goodbye":                          {sends: masked(fin|end, ""), status: 1000},
		"a goodbye and more":                 {sends: masked(fin|end, status(1001, "")) + masked(fin|text, "late") + masked(fin|ping, "late"), status: 1001},
		"a goodbye with a reason":            {sends: masked(fin|end, status(1000, strings.Repeat("ü", 61))), status: 1000},
		"a goodbye of one byte":              {sends: masked(fin|end, "\x03"), status: 1002},
		"a goodbye that is too long":         {sends: masked(fin|end, status(1000, strings.Repeat("r", 124))), status: 1002},
		"a goodbye whose reason is not text": {sends: masked(fin|end, status(1000, "\xff")), status: 1007},
	}
	for _, n := range []int{1, 125, 126, 127, 128, 2047} {
		body := strings.Repeat("x", n)
		cases["a message of "+strconv.Itoa(n)] = dialogue{sends: masked(fin|text, body), heard: []string{body}}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		cases["opcode "+strconv.Itoa(int(op))] = dialogue{sends: masked(fin|op, ""), status: 1002}
	}
	for _, op := range []byte{text, ping, end} {
		for _, bit := range []byte{0x10, 0x20, 0x40, 0x70} {
			cases["reserved bits "+strconv.Itoa(int(bit))+" on opcode "+strconv.Itoa(int(op))] = dialogue{sends: masked(fin|bit|op, ""), status: 1002}
		}
	}
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases["goodbye "+strconv.Itoa(code)] = dialogue{sends: masked(fin|end, status(code, "")), status: code}
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		cases["goodbye "+strconv.Itoa(code)] = dialogue{sends: masked(fin|end, status(code, "")), status: 1002}
	}
	return cases
}

func tenPings() (all string) {
	for i := range 10 {
		all += masked(fin|ping, strconv.Itoa(i))
	}
	return all
}

// TestWebSocketsOnEverySink holds the protocol (RFC 6455) on both sinks, whichever way the bytes are cut.
func TestWebSocketsOnEverySink(t *testing.T) {
	t.Parallel()
	for way, open := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := serveBy(t, open, nil)
			for name, d := range dialogues() {
				t.Run(name, func(t *testing.T) { d.play(t, s, "at once") })
				if len(d.sends) < 600 {
					t.Run(name+", byte by byte", func(t *testing.T) { d.play(t, s, "byte by byte") })
				}
				t.Run(name+", with the upgrade", func(t *testing.T) { d.play(t, s, "with the upgrade") })
			}
			// Nobody else was disturbed.
			c := s.upgraded(t, "")
			s.publish(pin(topic, 1))
			if op, body := c.frame(); op != ws.OpText || !strings.Contains(body, `"pin.placed"`) {
				t.Fatalf("%v %q", op, body)
			}
		})
	}
}

func (d dialogue) play(t *testing.T, s *stage, how string) {
	s.heard.mu.Lock()
	s.heard.messages = nil
	s.heard.mu.Unlock()
	var l *line
	switch how {
	case "with the upgrade":
		l = s.upgraded(t, d.sends)
	default:
		l = s.upgraded(t, "")
		step := len(d.sends)
		if how == "byte by byte" {
			step = 1
		}
		for b := range slices.Chunk([]byte(d.sends), max(1, step)) {
			if _, err := l.conn.Write(b); err != nil && d.status == 0 { // a refusal may come before the end
				t.Fatal(err)
			}
		}
	}
	want := d.status
	if want == 0 {
		want = 1000
		l.write(masked(fin|end, ""))
	}
	code, before := l.goodbye()
	if code != want {
		t.Errorf("closed with %d, want %d", code, want)
	}
	if !slices.Equal(before, d.pongs) {
		t.Errorf("answered %q, want %q", before, d.pongs)
	}
	s.heard.mu.Lock()
	defer s.heard.mu.Unlock()
	if !slices.Equal(s.heard.messages, d.heard) {
		t.Errorf("heard %q, want %q", s.heard.messages, d.heard)
	}
}
