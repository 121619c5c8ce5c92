package hls

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// problem is an RFC 9457 answer.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Code   string `json:"code"`

	after time.Duration // Retry-After
}

const problemBase = "https://hawker.live/problems/"

func newProblem(status int, code, title, detail string) *problem {
	return &problem{Type: problemBase + code, Title: title, Status: status, Detail: detail, Code: code}
}

func (p *problem) retry(after time.Duration) *problem {
	p.after = after
	return p
}

var (
	problemPath       = newProblem(http.StatusNotFound, "not-found", "There is nothing here", "")
	problemGone       = newProblem(http.StatusNotFound, "not-found", "This part of the broadcast is not kept any more, or is not there yet", "")
	problemOffAir     = newProblem(http.StatusNotFound, "off-air", "The broadcast is not on air", "").retry(2 * time.Second)
	problemGrant      = newProblem(http.StatusUnauthorized, "grant-needed", "A grant is needed to watch this", "")
	problemForbidden  = newProblem(http.StatusForbidden, "forbidden", "This may not be watched with this grant", "")
	problemMethod     = newProblem(http.StatusMethodNotAllowed, "method", "Only GET and HEAD are answered here", "")
	problemUnplayable = newProblem(http.StatusConflict, "not-playable", "The publisher's codec cannot be watched over HLS", "").retry(5 * time.Second)
	problemStarting   = newProblem(http.StatusServiceUnavailable, "starting", "The broadcast has no playlist yet", "").retry(time.Second)
	problemBusy       = newProblem(http.StatusServiceUnavailable, "busy", "The server has as much to do as it may", "").retry(2 * time.Second)
	problemAddress    = newProblem(http.StatusServiceUnavailable, "busy", "This address asks for more than it may", "").retry(5 * time.Second)
	problemInternal   = newProblem(http.StatusInternalServerError, "internal", "Something went wrong here", "")
)

func problemDirective(detail string) *problem {
	return newProblem(http.StatusBadRequest, "delivery-directive", "This playlist request cannot be answered", detail)
}

// write sends the problem. It reports the number of bytes.
func (p *problem) write(w http.ResponseWriter) int64 {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if p.after > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.after.Seconds())))
	}
	w.WriteHeader(p.Status)
	n, _ := w.Write(body)
	return int64(n)
}
