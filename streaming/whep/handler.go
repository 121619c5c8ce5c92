package whep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/hawkerlive/hawker/streaming/rtpfan"
)

const (
	typeSDP      = "application/sdp"
	typeFragment = "application/trickle-ice-sdpfrag"
	typeJSON     = "application/json"
)

// ServeHTTP serves the endpoints and the sessions.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Retry-After, Accept-Patch")
	h.Set("Cache-Control", "no-store")
	rest, ok := strings.CutPrefix(r.URL.Path, "/whep/")
	broadcast, rest, isSession := strings.Cut(rest, "/")
	id, below, isBelow := strings.Cut(rest, "/")
	what, known := resources[below]
	if !ok || broadcast == "" || len(broadcast) > 128 || isSession && id == "" || isBelow && (below == "" || !known) {
		refuse(http.StatusNotFound, "not-found", "There is nothing here.").write(w)
		return
	}
	if !isSession {
		what = endpoint
	}
	allow := what.allow
	var p *problem
	switch {
	case r.Method == http.MethodOptions:
		options(w, what)
	case below == "events":
		p = s.events(w, r, broadcast, id)
	case below == "layer":
		p = s.layer(w, r, broadcast, id)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		h.Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && !isSession:
		p = s.post(w, r, broadcast)
		if p == nil {
			s.Metrics.offer("ok")
		} else {
			s.Metrics.offer(p.code)
		}
	case r.Method == http.MethodPatch && isSession:
		p = s.patch(w, r, broadcast, id)
	case r.Method == http.MethodDelete && isSession:
		p = s.remove(w, broadcast, id)
	default:
		h.Set("Allow", allow)
		p = refuse(http.StatusMethodNotAllowed, "method", "This method is not allowed here.")
	}
	if p != nil {
		p.write(w)
	}
}

// resource is what a kind of URL takes.
type resource struct {
	allow string
	post  string // content type of a POST
	patch string
}

var (
	endpoint  = resource{allow: "POST, GET, HEAD, OPTIONS", post: typeSDP}
	resources = map[string]resource{ // below a session
		"":       {allow: "PATCH, DELETE, GET, HEAD, OPTIONS", patch: typeFragment},
		"events": {allow: "POST, GET, DELETE, OPTIONS", post: typeJSON},
		"layer":  {allow: "POST, OPTIONS", post: typeJSON},
	}
)

// options answers a preflight; it needs no grant.
func options(w http.ResponseWriter, what resource) {
	h := w.Header()
	h.Set("Allow", what.allow)
	h.Set("Access-Control-Allow-Methods", what.allow)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Max-Age", "86400")
	if what.patch != "" {
		h.Set("Accept-Patch", what.patch)
	}
	if what.post != "" {
		h.Set("Accept-Post", what.post)
	}
	w.WriteHeader(http.StatusOK)
}

// post makes a session of an offer.
func (s *Server) post(w http.ResponseWriter, r *http.Request, broadcast string) *problem {
	if !s.isOpen() {
		return refuse(http.StatusServiceUnavailable, CodeBusy, "The server is starting or closing.").after(retryBusy)
	}
	if err := s.Access.MayWatch(r.Context(), r, broadcast); err != nil {
		if p := accessProblem(err); p != nil {
			return p
		}
		s.Log.Error("decide who may watch", "broadcast", broadcast, "err", err)
		return refuse(http.StatusInternalServerError, "internal", "Something went wrong on our side.")
	}
	body, p := read(w, r, typeSDP, offerBytesMax)
	if p != nil {
		return p
	}
	o, p := parseOffer(body)
	if p != nil {
		return p
	}
	client := s.clientAddr(r)
	if p := s.admit(client); p != nil {
		return p
	}
	v := newSession(s, broadcast, client, o)
	v.bearer = Bearer(r)
	if p := v.hold(r.Context()); p != nil {
		s.leave(client, broadcast, false)
		return p
	}
	if !s.register(v) {
		v.release()
		s.leave(client, broadcast, false)
		return refuse(http.StatusServiceUnavailable, CodeBusy, "The server is closing.").after(retryBusy)
	}
	h := w.Header()
	h.Set("Content-Type", typeSDP)
	h.Set("Location", fmt.Sprintf("/whep/%s/%s", broadcast, v.id))
	h.Set("ETag", v.etag)
	h.Set("Accept-Patch", typeFragment)
	for _, server := range s.Config.ICEServers {
		h.Add("Link", server)
	}
	h.Add("Link", fmt.Sprintf("<%s>; rel=%q; events=%q", v.eventsURL(), eventsRel, strings.Join(eventNames, ",")))
	h.Add("Link", fmt.Sprintf("<%s>; rel=%q", v.layerURL(), layerRel))
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, s.answer(v, r))
	return nil
}

// Bearer is the bearer token of a request, empty without one.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || len(token) > bearerMax {
		return ""
	}
	return strings.TrimSpace(token)
}

// hold takes the stream's fan and finds out whether it can be sent to this viewer.
func (v *session) hold(ctx context.Context) *problem {
	fan, release, err := v.server.fans.Hold(v.broadcast)
	if err != nil {
		return notLive()
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if p := unplayable(fan.Ready(ctx)); p != nil {
		release()
		return p
	}
	v.fan, v.release = fan, release
	if !v.negotiate() {
		release()
		return unplayable(rtpfan.ErrCodec)
	}
	return nil
}

// negotiate settles what the viewer is sent: every codec that both sides know, so that a later generation may have
// another one, and the feedback that serves. It reports false where the viewer does not take the present one.
func (v *session) negotiate() bool {
	codec, config := v.fan.Video()
	format, _ := rtpfan.FormatOf(codec)
	for i := range v.offer.media {
		m := &v.offer.media[i]
		if m.kind != "video" || m.inactive {
			m.wideID = 0
			continue
		}
		m.codecs = prefer(m.codecs, format, config)
		if codec != "" && m.codecs[0].format != format {
			return false
		}
		if !v.fan.Layered() || !repaired(m.codecs, feedbackWide) {
			m.wideID = 0 // costs an extension and ten packets of feedback a second: only where there is a choice
		}
	}
	return true
}

func notLive() *problem {
	return refuse(http.StatusConflict, CodeNotLive, "The broadcast is not live now.").after(retryNotLive)
}

// unplayable says what a viewer has to do about a fan's error; nil where there is none.
func unplayable(err error) *problem {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, rtpfan.ErrReordered):
		return refuse(http.StatusConflict, CodeBFrames, "The broadcast has B-frames, which WebRTC cannot play. Use LL-HLS.").after(retryBusy)
	case errors.Is(err, rtpfan.ErrCodec):
		return refuse(http.StatusConflict, CodeCodec, "The broadcast's codec is not one that this viewer takes over WebRTC. Use LL-HLS.").after(retryBusy)
	}
	return notLive()
}

func (s *Server) answer(v *session, r *http.Request) string {
	a := &answer{
		session: fmt.Sprint(v.created.UnixMicro()), ufrag: v.now.ufrag, pwd: v.now.pwd, fingerprint: s.fingerprint,
		candidates: s.candidates(r), cname: v.cname,
	}
	video, audio := v.fan.Marks()
	return a.write(v.offer, map[string]track{
		"video": {ssrc: v.fan.VideoSSRC(), repair: v.fan.RepairSSRC(), mark: video}, "audio": {ssrc: v.fan.AudioSSRC(), mark: audio},
	})
}

// patch takes a viewer's candidates, or restarts ICE.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, broadcast, id string) *problem {
	v := s.session(broadcast, id)
	if v == nil {
		return refuse(http.StatusNotFound, "not-found", "There is no such session.")
	}
	body, p := read(w, r, typeFragment, fragmentBytesMax)
	if p != nil {
		return p
	}
	match := r.Header.Get("If-Match")
	if match == "" {
		return refuse(http.StatusPreconditionRequired, "if-match-required", "PATCH needs If-Match.")
	}
	f, p := parseFragment(body)
	if p != nil {
		return p
	}
	v.mu.Lock()
	etag, remote := v.etag, v.now.remote
	v.mu.Unlock()
	if match != "*" && match != etag {
		return refuse(http.StatusPreconditionFailed, "etag", "The session's ICE has been restarted since.")
	}
	if f.ufrag == "" || f.ufrag == remote {
		w.WriteHeader(http.StatusNoContent) // candidates are of no interest to us
		return nil
	}
	if match != "*" || f.pwd == "" {
		return refuse(http.StatusUnprocessableEntity, "ice-restart", "An ICE restart needs If-Match: * and a password.")
	}
	fresh, etag, ok := v.restart(f.ufrag)
	if !ok {
		return refuse(http.StatusNotFound, "not-found", "There is no such session.")
	}
	h := w.Header()
	h.Set("Content-Type", typeFragment)
	h.Set("ETag", etag)
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, restarted(fresh, s.candidates(r), v.offer))
	return nil
}

// remove ends a session. Its URL is the grant.
func (s *Server) remove(w http.ResponseWriter, broadcast, id string) *problem {
	v := s.session(broadcast, id)
	if v == nil {
		return refuse(http.StatusNotFound, "not-found", "There is no such session.")
	}
	v.close("deleted")
	w.WriteHeader(http.StatusOK)
	return nil
}

// afterTooLarge is how much of a body, in bytes, is read and forgotten after its limit so that the refusal arrives.
const afterTooLarge = 1 << 20

// read returns a body of the given type, at most so many bytes long.
func read(w http.ResponseWriter, r *http.Request, want string, atMost int64) ([]byte, *problem) {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || got != want {
		return nil, refuse(http.StatusUnsupportedMediaType, "media-type", "The body must be "+want+".")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, atMost))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		// A client that is still writing when its connection closes sees a reset, and not why: it may write a little on.
		_, _ = io.CopyN(io.Discard, r.Body, afterTooLarge)
		return nil, refuse(http.StatusRequestEntityTooLarge, "too-large", "The body is too large.")
	}
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "unreadable", "The body could not be read.")
	}
	return body, nil
}

func (s *Server) clientAddr(r *http.Request) netip.Addr {
	if s.ClientAddr != nil {
		return s.ClientAddr(r)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

var _ http.Handler = (*Server)(nil)
