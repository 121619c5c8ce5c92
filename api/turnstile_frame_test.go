package api

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

// FuzzTurnstileFrame: what a turnstile takes for a whole request is one to net/http too, with the same body, and
// nothing behind it; and what it waits for can still become one.
func FuzzTurnstileFrame(f *testing.F) {
	whole := "POST /v1/checkout HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hk_tok_a\r\nContent-Length: 2\r\n\r\n{}"
	for _, seed := range []string{
		whole, whole[:40], whole + "x", "GET / HTTP/1.1\r\n\r\n", "POST /v1/checkout HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
		"POST /v1/checkout HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", "POST /v1/checkout HTTP/1.1\r\nA: b\n\r\nContent-Length: 1\r\n\r\nx",
		"POST /v1/checkout HTTP/1.1\r\nConnection: keep-alive\r\ncontent-length:\t3 \r\n\r\nabc", "POST /v1/checkout HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := frameOf(b)
		if got.more && (got.size != 0 || len(b) > turnstileRead) {
			t.Fatalf("waits after %d bytes: %+v", len(b), got)
		}
		if got.size == 0 {
			return
		}
		if got.size != len(b) {
			t.Fatalf("%d of %d bytes", got.size, len(b))
		}
		in := bufio.NewReader(bytes.NewReader(b))
		r, err := http.ReadRequest(in)
		if err != nil {
			return // net/http says what is wrong
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || int64(len(body)) != r.ContentLength || len(r.TransferEncoding) > 0 || r.Close || !bytes.HasSuffix(b, body) || in.Buffered() > 0 {
			t.Fatalf("%q is %q, %v", b, body, err)
		}
		if r.Method != http.MethodPost || r.URL.Path != checkoutPath || (got.token && !byToken(r) && len(r.Header.Values("Authorization")) < 2) {
			t.Fatalf("%q is a %s of %s", b, r.Method, r.URL)
		}
	})
}
