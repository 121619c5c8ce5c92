package whep

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// What Access may answer; anything else is an internal error.
var (
	ErrUnauthorized = errors.New("whep: a valid grant is needed")
	ErrForbidden    = errors.New("whep: this viewer may not watch")
	ErrNotFound     = errors.New("whep: no such broadcast")
)

// problem is an RFC 9457 answer. Players tell kinds apart by code: on CodeNotLive they wait and try again, on
// CodeBFrames and CodeCodec they go to LL-HLS.
type problem struct {
	status int
	code   string
	detail string
	retry  time.Duration
}

// Codes that a player acts on.
const (
	CodeNotLive = "not-live"
	CodeBFrames = "b-frames"
	CodeCodec   = "codec-not-playable"
	CodeBusy    = "busy"
)

func (p *problem) Error() string { return p.code + ": " + p.detail }

func refuse(status int, code, detail string) *problem {
	return &problem{status: status, code: code, detail: detail}
}

func (p *problem) after(d time.Duration) *problem {
	p.retry = d
	return p
}

// accessProblem is what an answer of Access looks like outside.
func accessProblem(err error) *problem {
	switch {
	case errors.Is(err, ErrUnauthorized):
		return refuse(http.StatusUnauthorized, "unauthenticated", "A grant is needed to watch this broadcast.")
	case errors.Is(err, ErrForbidden):
		return refuse(http.StatusForbidden, "forbidden", "This viewer may not watch this broadcast.")
	case errors.Is(err, ErrNotFound):
		return refuse(http.StatusNotFound, "not-found", "There is no such broadcast.")
	}
	return nil
}

func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retry+time.Second-1)/time.Second)))
	}
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="hawker"`)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "https://hawker.live/problems/" + p.code, "title": http.StatusText(p.status),
		"status": p.status, "detail": p.detail, "code": p.code,
	})
}
