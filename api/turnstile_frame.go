package api

import (
	"bytes"

	"github.com/hawkerlive/hawker/account"
)

const (
	turnstileHead = 8 << 10                 // bytes of a request's head
	turnstileRead = turnstileHead + scanMax // of a request, and what is read at once
)

// frame is what a turnstile sees of the bytes that came: more must come, or a request that ends after size bytes.
// Neither: it is none of ours.
type frame struct {
	more  bool
	size  int
	token bool // an API token is in it
}

var turnstileLine = []byte("POST " + checkoutPath + " HTTP/1.1\r\n")

// frameOf finds the end of a request. It is stricter than HTTP is: one request line, no folded lines, one length in
// digits, nothing that changes how the body or the connection is read, and nothing behind it. Where it is not sure it
// takes nothing, and net/http reads the bytes.
func frameOf(b []byte) (f frame) {
	if n := min(len(b), len(turnstileLine)); !bytes.Equal(b[:n], turnstileLine[:n]) {
		return frame{}
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return frame{more: len(b) < turnstileHead}
	}
	if end > turnstileHead {
		return frame{}
	}
	length := -1
	for rest := b[len(turnstileLine) : end+2]; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\r\n"))
		rest = after
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !plainName(name) || bytes.ContainsAny(value, "\r\n\x00") {
			return frame{}
		}
		value = bytes.Trim(value, " \t")
		switch {
		case named(name, "content-length"):
			if length >= 0 {
				return frame{}
			}
			if length, ok = digits(value); !ok {
				return frame{}
			}
		case named(name, "connection"):
			if !named(value, "keep-alive") {
				return frame{}
			}
		case named(name, "transfer-encoding"), named(name, "expect"), named(name, "upgrade"), named(name, "trailer"), named(name, "te"), named(name, "http2-settings"):
			return frame{}
		case named(name, "authorization"):
			f.token = bytes.HasPrefix(value, []byte("Bearer "+account.TokenPrefix))
		}
	}
	size := end + 4 + length
	if length <= 0 || length > scanMax || len(b) > size {
		return frame{}
	}
	if len(b) < size {
		return frame{more: true}
	}
	f.size = size
	return f
}

// named compares without regard to case.
func named(name []byte, lower string) bool {
	return len(name) == len(lower) && bytes.EqualFold(name, []byte(lower))
}

// plainName tells whether a header's name is letters, digits and hyphens.
func plainName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

// digits reads a short number.
func digits(text []byte) (n int, ok bool) {
	if len(text) == 0 || len(text) > 5 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}
