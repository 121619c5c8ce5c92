package overlay

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// FuzzMessageReader feeds whatever a stranger may send: it never panics, never holds more than a message, and
// what comes out is text in bounds.
func FuzzMessageReader(f *testing.F) {
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
		first := len(sent) / 2
		r := messageReader{first: sent[:first], source: iotest.OneByteReader(bytes.NewReader(sent[first:]))}
		for n := 0; ; n++ {
			op, message, err := r.next()
			if len(r.parts) > uploadMax {
				t.Fatalf("%d bytes are held of a message", len(r.parts))
			}
			if err != nil {
				var protocol ws.ProtocolError
				var no refusal
				if !errors.As(err, &protocol) && !errors.As(err, &no) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, ws.ErrHeaderLengthMSB) && !errors.Is(err, ws.ErrHeaderLengthUnexpected) {
					t.Fatalf("%T: %v", err, err)
				}
				return
			}
			if len(message) > uploadMax || (op == ws.OpText && !utf8.Valid(message)) || (op != ws.OpText && !op.IsControl()) {
				t.Fatalf("op %v: %q", op, message)
			}
			if n > len(sent) {
				t.Fatal("more messages than bytes")
			}
		}
	})
}

func TestAGateBoundsARate(t *testing.T) {
	t.Parallel()
	var g gate
	now := time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC)
	heard := 0
	for range 1000 { // in one moment
		if ok, enough := g.pass(now); ok {
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
		if ok, _ := patient.pass(now); !ok {
			t.Fatal("an allowed rate was refused")
		}
	}
}
