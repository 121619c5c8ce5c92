package overlay

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// FuzzDecoder feeds whatever a stranger may send: it never panics, never holds more than a message and a frame,
// what comes out is text in bounds, and how the bytes were cut makes no difference.
func FuzzDecoder(f *testing.F) {
	masked := func(frames ...ws.Frame) []byte {
		var b bytes.Buffer
		for _, frame := range frames {
			ws.MustWriteFrame(&b, ws.MaskFrameInPlaceWith(frame, [4]byte{1, 2, 3, 4}))
		}
		return b.Bytes()
	}
	text := func(s string) ws.Frame { return ws.NewTextFrame([]byte(s)) }
	f.Add(masked(text(`{"kind":"heartbeat"}`), ws.NewPingFrame([]byte("x")), text(`{}`)))
	f.Add(masked(ws.NewFrame(ws.OpText, false, []byte(`{"a`)), ws.NewPongFrame(nil), ws.NewFrame(ws.OpContinuation, true, []byte(`":1}`))))
	f.Add(masked(text(string(make([]byte, uploadMax)))))
	f.Add(masked(text(string(make([]byte, uploadMax+1)))))
	f.Add(masked(ws.NewBinaryFrame([]byte("x"))))
	f.Add(masked(text("\xff\xfe")))
	f.Add(masked(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "bye"))))
	f.Add(ws.MustCompileFrame(text("unmasked")))
	f.Add([]byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})
	f.Add([]byte{0xc1, 0x80, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, sent []byte) {
		whole, pieces := decoded(t, sent, len(sent)+1), decoded(t, sent, 1)
		if !slices.Equal(whole, pieces) {
			t.Fatalf("in one piece %q, byte by byte %q", whole, pieces)
		}
		if half := decoded(t, sent, len(sent)/2+1); !slices.Equal(whole, half) {
			t.Fatalf("in one piece %q, in two %q", whole, half)
		}
	})
}

// decoded feeds bytes in pieces of n and returns what came out, with the error at the end.
func decoded(t *testing.T, sent []byte, n int) []string {
	var d decoder
	var out hearings
	for piece := range slices.Chunk(bytes.Clone(sent), n) {
		err := d.feed(piece, &out)
		if len(d.parts) > uploadMax || len(d.held) > uploadMax+14 {
			t.Fatalf("%d and %d bytes are held", len(d.parts), len(d.held))
		}
		if err != nil {
			var no refusal
			if !errors.As(err, &no) || no.code == 0 || len(no.reason) > controlMax-2 {
				t.Fatalf("%T: %v", err, err)
			}
			return append(out, err.Error())
		}
	}
	for _, m := range out {
		if len(m) > uploadMax+1 || !utf8.ValidString(m) && m[0] == byte(ws.OpText) {
			t.Fatalf("%q", m)
		}
	}
	return out
}

// hearings notes messages, each behind its opcode.
type hearings []string

func (h *hearings) hear(op ws.OpCode, payload []byte) error {
	*h = append(*h, string(byte(op))+string(payload))
	return nil
}

// FuzzCloseCode: what is answered to a close may be sent (RFC 6455, 7.4.1).
func FuzzCloseCode(f *testing.F) {
	for _, seed := range []string{"", "\x03", "\x03\xe8bye", "\x03\xed", "\x0b\xb8", "\x13\x88", "\x03\xe8\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, err := closeCode(body)
		var no refusal
		switch {
		case err != nil && errors.As(err, &no):
		case err != nil:
			t.Fatalf("%T: %v", err, err)
		case code.IsProtocolReserved() || code < 1000 || code > 4999:
			t.Fatalf("%q is answered with %d", body, code)
		}
	})
}

// FuzzUpgrade: whatever a stranger asks for, the request is refused with a status or understood within bounds.
func FuzzUpgrade(f *testing.F) {
	f.Add("/v1/broadcasts/b/feed?since=e:1&session=s", "websocket", "keep-alive, Upgrade", "dGhlIHNhbXBsZSBub25jZQ==", "13", "", "")
	f.Add("/v1/shops/s/feed", "", "", "", "", "text/event-stream", "e:7")
	f.Add("/v1/broadcasts//feed", "websocket", "Upgrade", "", "12", "", "")
	f.Add("/v1/broadcasts/b/feed?since=%zz", "WebSocket", "upgrade", "c2hvcnQ=", "13", "", ":")
	f.Fuzz(func(t *testing.T, target, upgrade, connection, key, version, accept, last string) {
		at, err := url.ParseRequestURI(target)
		if err != nil {
			t.Skip("no server sees it")
		}
		r := &http.Request{Method: http.MethodGet, URL: at, ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: "192.0.2.1:5", Header: http.Header{}}
		for name, value := range map[string]string{"Upgrade": upgrade, "Connection": connection, "Sec-Websocket-Key": key, "Sec-Websocket-Version": version, "Accept": accept, "Last-Event-Id": last} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		q, err := (&Feed{}).read(r)
		if err == nil && q.socket {
			_, err = handshake(r)
		}
		if err != nil {
			if s := statusOf(err); s < 400 || s > 499 {
				t.Fatalf("%v is a %d", err, s)
			}
			return
		}
		if len(q.session) > 64 || len(q.topic) > 80 || (q.since != nil && len(q.since.Epoch) > 64) {
			t.Fatalf("%+v", q)
		}
	})
}

func TestAGateBoundsARate(t *testing.T) {
	t.Parallel()
	var g gate
	rate := Rate{uploadRate, uploadBurst}
	now := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	heard := 0
	for range 1000 { // in one moment
		if ok, enough := g.pass(now, rate); ok {
			heard++
		} else if enough {
			break
		}
	}
	if heard != uploadBurst || g.excess != uploadExcess {
		t.Fatalf("%d heard, %d ignored", heard, g.excess)
	}
	var patient gate
	for range 1000 { // at the allowed rate, for ever
		now = now.Add(time.Second / uploadRate)
		if ok, _ := patient.pass(now, rate); !ok {
			t.Fatal("an allowed rate was refused")
		}
	}
}
