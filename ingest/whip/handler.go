package whip

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"strings"

	"github.com/pion/sdp/v3"

	"github.com/hawkerlive/hawker/ingest"
)

const (
	endpoint     = "/whip"
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag"
)

var _ http.Handler = (*Server)(nil)

// ServeHTTP answers WHIP's requests (RFC 9725, section 4).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch")
	id := strings.Trim(strings.TrimPrefix(r.URL.Path, endpoint), "/")
	allow := "POST, GET, HEAD, OPTIONS"
	if id != "" {
		allow = "PATCH, DELETE, GET, HEAD, OPTIONS"
	}
	var err error
	switch {
	case r.Method == http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
		h.Set("Access-Control-Max-Age", "86400")
		if id == "" {
			h.Set("Accept-Post", sdpType)
		} else {
			h.Set("Accept-Patch", fragmentType)
		}
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		h.Set("Allow", allow)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && id == "" && s.Config.Redirect != "":
		s.redirect(w, r)
	case r.Method == http.MethodPost && id == "":
		err = s.post(w, r)
	case r.Method == http.MethodPatch && id != "":
		err = s.patch(w, r, id)
	case r.Method == http.MethodDelete && id != "":
		err = s.delete(w, r, id)
	default:
		h.Set("Allow", allow)
		err = refuse(http.StatusMethodNotAllowed, "method", "This resource takes "+allow+".")
	}
	if err == nil {
		return
	}
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError && p.code == "internal" {
		s.Log.Error("a WHIP request failed", "method", r.Method, "err", err)
	}
	s.Metrics.answered(p.status)
	p.write(w)
}

// redirect sends a publisher elsewhere, method and body unchanged (RFC 9725, section 4.5).
func (s *Server) redirect(w http.ResponseWriter, r *http.Request) {
	to := s.Config.Redirect
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	s.Metrics.answered(http.StatusTemporaryRedirect)
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// post admits a publisher and answers its offer.
func (s *Server) post(w http.ResponseWriter, r *http.Request) (err error) {
	s.mu.Lock()
	ctx := s.ctx
	s.mu.Unlock()
	if ctx == nil {
		return ingest.ErrStopping
	}
	if !hasType(r, sdpType) {
		return refuse(http.StatusUnsupportedMediaType, "content-type", "The body must be "+sdpType+".")
	}
	client := s.clientIP(r)
	where := ingest.PrefixOf(client)
	if refusal := s.doors.Enter(where); refusal != "" {
		return refuse(http.StatusServiceUnavailable, "busy", "Too many publishers or attempts.")
	}
	admitted, started := false, false
	defer func() {
		if !started {
			s.doors.Leave(where, admitted, errors.Is(err, ingest.ErrRefused))
		}
	}()
	key := bearer(r)
	admission, err := s.Sessions.Admit(r.Context(), ingest.Request{
		Protocol: "whip", StreamKey: key, RemoteAddr: client.String(), Encoder: printable(r.UserAgent()),
		Backup: r.URL.Query().Get("backup") == "1",
	})
	if err != nil {
		return err
	}
	s.doors.Admitted(where)
	admitted = true
	one := &session{
		id: rand.Text(), key: sha256.Sum256([]byte(key)), ingest: admission, metrics: s.Metrics,
		log:   s.Log.With("protocol", "whip", "remote", client.String()),
		inbox: make(chan event, inboxMax), keyWanted: make(chan int, layersMax+1),
		keyInterval: or(s.Config.KeyInterval, keyIntervalDefault),
	}
	answer, err := s.open(r, one)
	if err != nil {
		admission.End(err)
		one.close()
		return err
	}
	etag, _ := one.state()
	if !s.start(ctx, one, where) {
		admission.End(ingest.ErrStopping)
		one.close()
		return ingest.ErrStopping
	}
	started = true
	h := w.Header()
	h.Set("Content-Type", sdpType)
	h.Set("Location", endpoint+"/"+one.id)
	h.Set("ETag", etag)
	h.Set("Accept-Patch", fragmentType)
	for _, server := range s.Config.ICEServers {
		h.Add("Link", server+`; rel="ice-server"`)
	}
	s.Metrics.answered(http.StatusCreated)
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, answer) // the publisher may have gone
	return nil
}

// open reads the offer and connects.
func (s *Server) open(r *http.Request, one *session) (answer string, err error) {
	text, err := readBody(r, offerBytesMax)
	if err != nil {
		return "", err
	}
	if one.offer, err = readOffer(text); err != nil {
		return "", err
	}
	api, err := s.api(one.offer)
	if err != nil {
		return "", err
	}
	return one.connect(r.Context(), api)
}

// start lets a session run, unless the server is stopping.
func (s *Server) start(ctx context.Context, one *session, where netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == nil {
		return false
	}
	s.sessions[one.id] = one
	s.running.Add(1)
	s.Metrics.opened()
	go func() {
		defer s.running.Done()
		defer s.Metrics.closed()
		one.run(ctx)
		s.mu.Lock()
		delete(s.sessions, one.id)
		s.mu.Unlock()
		s.doors.Leave(where, true, false)
	}()
	return true
}

// patch takes trickled candidates and ICE restarts.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, id string) error {
	one, err := s.owned(r, id)
	if err != nil {
		return err
	}
	if !hasType(r, fragmentType) {
		return refuse(http.StatusUnsupportedMediaType, "content-type", "The body must be "+fragmentType+".")
	}
	match := r.Header.Get("If-Match")
	if match == "" {
		return refuse(http.StatusPreconditionRequired, "if-match", "If-Match is needed.")
	}
	text, err := readBody(r, fragmentBytesMax)
	if err != nil {
		return err
	}
	f, err := readFragment(text)
	if err != nil {
		return err
	}
	etag, ufrag := one.state()
	restart := f.ufrag != "" && f.ufrag != ufrag
	if match != etag && (match != "*" || !restart) {
		return refuse(http.StatusPreconditionFailed, "if-match", "The session has another entity tag.")
	}
	if !restart {
		// Candidates tell an ICE-lite agent nothing: the publisher's checks do.
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if f.pwd == "" {
		return refuse(http.StatusBadRequest, "malformed", "A restart needs both credentials.")
	}
	answer, etag, err := one.restart(r.Context(), f)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", fragmentType)
	h.Set("ETag", etag)
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, answer) // the publisher may have gone
	return nil
}

// delete ends a session.
func (s *Server) delete(w http.ResponseWriter, r *http.Request, id string) error {
	one, err := s.owned(r, id)
	if err != nil {
		return err
	}
	one.ingest.End(errLeft)
	w.WriteHeader(http.StatusOK)
	return nil
}

// owned finds a session for whoever has its key.
func (s *Server) owned(r *http.Request, id string) (*session, error) {
	key := bearer(r)
	if key == "" {
		return nil, ingest.ErrRefused
	}
	one := s.session(id)
	hash := sha256.Sum256([]byte(key))
	if one == nil || subtle.ConstantTimeCompare(hash[:], one.key[:]) != 1 {
		return nil, refuse(http.StatusNotFound, "not-found", "There is no such session.")
	}
	return one, nil
}

const keyBytesMax = 256

func bearer(r *http.Request) string {
	scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || len(key) > keyBytesMax {
		return ""
	}
	return strings.TrimSpace(key)
}

func hasType(r *http.Request, want string) bool {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && got == want
}

// afterTooLarge is how much of a body, in bytes, is read and forgotten after its limit so that the refusal arrives.
const afterTooLarge = 1 << 20

func readBody(r *http.Request, most int64) (string, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		return "", refuse(http.StatusBadRequest, "malformed", "The body could not be read.")
	}
	if int64(len(body)) > most {
		// A client that is still writing when its connection closes sees a reset, and not why: it may write a little on.
		_, _ = io.CopyN(io.Discard, r.Body, afterTooLarge)
		return "", refuse(http.StatusRequestEntityTooLarge, "too-large", "The body is too large.")
	}
	return string(body), nil
}

const printableMax = 64

// printable bounds what a publisher says of itself.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f {
			return '?'
		}
		return r
	}, s[:min(len(s), printableMax)])
}

// checkAnswer refuses an answer that leaves a track out.
func checkAnswer(answer string, o offer) error {
	var s sdp.SessionDescription
	if err := s.UnmarshalString(answer); err != nil {
		return err
	}
	for _, m := range s.MediaDescriptions {
		_, inactive := m.Attribute("inactive")
		if m.MediaName.Port.Value == 0 || inactive {
			return refuse(http.StatusUnprocessableEntity, "codec", "No coding of the "+m.MediaName.Media+" track can be taken.")
		}
	}
	return nil
}
