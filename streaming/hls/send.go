package hls

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func cacheFor(d time.Duration) string {
	return fmt.Sprintf("public, max-age=%d", int(d.Seconds()))
}

// send writes an answer. It reports the status and the bytes of the body.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a answer) (int, int64) {
	size := 0
	for _, c := range a.chunks {
		size += len(c)
	}
	// The deadline is this answer's own; the connection may carry others.
	control := http.NewResponseController(w)
	if control.SetWriteDeadline(time.Now().Add(s.config.WriteTimeout)) == nil {
		defer func() {
			_ = control.Flush() // a small answer is still in a buffer, and would wait without a deadline
			_ = control.SetWriteDeadline(time.Time{})
		}()
	}
	switch {
	case a.problem != nil:
		return a.problem.Status, a.problem.write(w)
	case a.document != nil:
		return sendDocument(w, r, a)
	case a.past != nil:
		defer a.past.Close()
		sendHead(w.Header(), a)
		count := &counter{ResponseWriter: w, status: http.StatusOK}
		http.ServeContent(count, r, "", time.Time{}, a.past)
		return count.status, count.n
	}
	return sendMedia(w, r, a, size)
}

func sendDocument(w http.ResponseWriter, r *http.Request, a answer) (int, int64) {
	h := w.Header()
	h.Set("Cache-Control", a.cache)
	h.Set("Vary", "Accept-Encoding")
	body, etag := a.document.text(), a.document.etag
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		if zipped := a.document.gzip(); zipped != nil {
			h.Set("Content-Encoding", "gzip")
			body = zipped
			if etag != "" {
				etag += "-gz"
			}
		}
	}
	if etag != "" {
		h.Set("ETag", `"`+etag+`"`)
		if matches(r.Header.Get("If-None-Match"), etag) {
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return http.StatusNotModified, 0
		}
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return http.StatusOK, 0
	}
	n, _ := w.Write(body)
	return http.StatusOK, int64(n)
}

func sendMedia(w http.ResponseWriter, r *http.Request, a answer, size int) (int, int64) {
	h := w.Header()
	sendHead(h, a)
	if r.Header.Get("Range") != "" {
		count := &counter{ResponseWriter: w, status: http.StatusOK}
		http.ServeContent(count, r, "", time.Time{}, &chunkReader{chunks: a.chunks, size: int64(size)})
		return count.status, count.n
	}
	h.Set("Accept-Ranges", "bytes")
	if matches(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified, 0
	}
	h.Set("Content-Length", strconv.Itoa(size))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return http.StatusOK, 0
	}
	var sent int64
	for _, c := range a.chunks {
		n, err := w.Write(c)
		sent += int64(n)
		if err != nil {
			break
		}
	}
	return http.StatusOK, sent
}

func sendHead(h http.Header, a answer) {
	h.Set("Cache-Control", a.cache)
	h.Set("Content-Type", a.contentType)
	h.Set("ETag", `"`+a.etag+`"`)
}

// matches tells whether an If-None-Match names a tag (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == `"`+etag+`"` {
			return true
		}
	}
	return false
}

func acceptsGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q, ok := strings.CutPrefix(strings.TrimSpace(params), "q=")
			v, err := strconv.ParseFloat(q, 64)
			return !ok || err != nil || v > 0
		}
	}
	return false
}

// counter remembers what went through a response.
type counter struct {
	http.ResponseWriter
	status int
	n      int64
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.n += int64(n)
	return n, err
}

// chunkReader reads slices of bytes as one file.
type chunkReader struct {
	chunks [][]byte
	size   int64
	at     int64
}

func (c *chunkReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	if offset < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	c.at = offset
	return offset, nil
}

func (c *chunkReader) Read(b []byte) (int, error) {
	from := c.at
	for _, chunk := range c.chunks {
		if from < int64(len(chunk)) {
			n := copy(b, chunk[from:])
			c.at += int64(n)
			return n, nil
		}
		from -= int64(len(chunk))
	}
	return 0, io.EOF
}
