package overlay

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const sendBuffer = 64 << 10 // kernel memory that a reader who does not read can hold

// handshake checks the client's half of the upgrade (RFC 6455, 4.2.1) and returns our proof.
func handshake(r *http.Request) (accept string, err error) {
	key := r.Header.Get("Sec-Websocket-Key")
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 16 || r.ProtoMajor != 1 || r.ProtoMinor < 1 || !hasToken(r.Header["Connection"], "upgrade") {
		return "", ErrFeedHandshake
	}
	if r.Header.Get("Sec-Websocket-Version") != "13" {
		return "", ErrFeedUpgrade
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}

func hasToken(values []string, token string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// upgraded is the head of the answer that switches protocols.
func upgraded(accept string) []byte {
	return []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n\r\n")
}

// sseHeaders are those of an answer of server-sent events.
func sseHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies hand on at once
	h.Set("X-Content-Type-Options", "nosniff")
}

// streaming is the head of an answer of server-sent events that ends with its connection.
func streaming(h http.Header, now time.Time) []byte {
	h = h.Clone()
	sseHeaders(h)
	h.Set("Connection", "close")
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	out := bytes.NewBufferString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(out) // a buffer takes everything
	out.WriteString("\r\n")
	return out.Bytes()
}

// hijack takes the connection over from net/http, with what the client has sent already.
func hijack(w http.ResponseWriter) (net.Conn, []byte, error) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	var rest []byte
	if n := rw.Reader.Buffered(); n > 0 {
		rest = make([]byte, n)
		_, _ = io.ReadFull(rw.Reader, rest)
	}
	return conn, rest, nil
}
