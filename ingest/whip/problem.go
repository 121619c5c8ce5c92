package whip

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/streaming"
)

// problem is an RFC 9457 answer.
type problem struct {
	status int
	code   string
	detail string
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

func refuse(status int, code, detail string) *problem {
	return &problem{status: status, code: code, detail: detail}
}

// problemOf gives every error its answer.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, ingest.ErrRefused):
		return refuse(http.StatusUnauthorized, "unauthenticated", "The stream key is wrong, rotated or missing.")
	case errors.Is(err, streaming.ErrResting):
		return refuse(http.StatusConflict, "resting", "The broadcast was ended a moment ago. Make a new one to go live again.")
	case errors.Is(err, ingest.ErrFull), errors.Is(err, ingest.ErrStopping):
		return refuse(http.StatusServiceUnavailable, "busy", "This server takes no more publishers now.")
	}
	return refuse(http.StatusInternalServerError, "internal", "Something went wrong here.")
}

func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	switch p.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", busyRetrySeconds)
	}
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the publisher may have gone
		"type": "https://hawker.live/problems/" + p.code, "title": http.StatusText(p.status), "status": p.status,
		"detail": p.detail, "code": p.code,
	})
}
