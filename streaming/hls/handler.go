package hls

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

// answer is what a request gets: a problem, or content.
type answer struct {
	problem *problem

	contentType string
	cache       string
	etag        string
	chunks      [][]byte // the content, in order
	past        io.ReadSeekCloser
	document    *document
}

// ServeHTTP answers /hls/{broadcast}/[~{grant}/]{file}.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.prepare()
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Date, ETag, Retry-After")
	h.Set("X-Content-Type-Options", "nosniff")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Range, If-None-Match")
		h.Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		problemMethod.write(w)
		return
	}
	where, counted := s.counted(r)
	if counted && !s.budget.enter(where, s.config, s.now()) {
		problemAddress.write(w)
		return
	}
	if counted {
		defer s.budget.leave(where)
	}
	t, ok := parsePath(strings.TrimPrefix(r.URL.Path, "/hls/"))
	kind := "none"
	a := answer{problem: problemPath}
	if ok {
		kind = t.kind.String()
		a = s.answer(r, t)
		if a.problem == nil && s.confidential(r.Context(), t) {
			a.cache = strings.Replace(a.cache, cachePublic, cachePrivate, 1)
		}
	}
	if counted && a.problem.failure() {
		s.budget.fail(where, s.now())
	}
	status, n := s.send(w, r, a)
	s.Metrics.answered(kind, status, n)
}

// confidential tells whether only the one who asks may keep the answer.
func (s *Server) confidential(ctx context.Context, t target) bool {
	if t.grant != "" {
		return true
	}
	c, ok := s.Access.(Confider)
	return ok && c.Confidential(ctx, t.broadcast)
}

func (s *Server) answer(r *http.Request, t target) answer {
	if s.Access != nil {
		if err := s.Access.MayWatch(r.Context(), r, t.broadcast, t.grant); err != nil {
			return answer{problem: s.problemOf(err)}
		}
	}
	lists := t.kind == fileIndex || t.kind == filePlaylist || t.kind == fileTSPlaylist
	p, err := s.packager(t.broadcast, lists)
	if err != nil {
		return answer{problem: s.problemOf(err)}
	}
	switch t.kind {
	case fileIndex:
		return s.index(r.Context(), p, t.dvr)
	case filePlaylist:
		return s.playlist(r, p, t)
	case fileTSPlaylist:
		if problem := s.start(r.Context(), p); problem != nil {
			return answer{problem: problem}
		}
		return s.tsAnswer(p, t)
	case fileTSSegment:
		return s.tsAnswer(p, t)
	}
	return s.media(r.Context(), p, t)
}

func (s *Server) problemOf(err error) *problem {
	for from, to := range map[error]*problem{
		streaming.ErrOffAir: problemOffAir, ErrUnknown: problemPath, ErrUnauthenticated: problemGrant,
		ErrForbidden: problemForbidden, errBusy: problemBusy, errStopping: problemBusy,
	} {
		if errors.Is(err, from) {
			return to
		}
	}
	s.logger().Error("a request was not answered", "err", err)
	return problemInternal
}

// wait blocks until one of the channels is closed, or for d. It reports false where nobody may wait any more, or the
// client has gone.
func (p *packager) wait(ctx context.Context, d time.Duration, a <-chan struct{}) bool {
	if p.waiting.Add(1) > int64(p.config.WaitingMax) {
		p.waiting.Add(-1)
		return false
	}
	p.metrics.wait(1)
	t := time.NewTimer(d)
	defer func() {
		t.Stop()
		p.waiting.Add(-1)
		p.metrics.wait(-1)
	}()
	select {
	case <-a:
	case <-t.C:
	case <-p.done:
	case <-ctx.Done():
		return false
	}
	return true
}

// start waits for the first playlists.
func (s *Server) start(ctx context.Context, p *packager) *problem {
	select {
	case <-p.ready:
		return nil
	default:
	}
	if p.unplayable.Load() {
		return problemUnplayable
	}
	if !p.wait(ctx, s.config.StartWait, p.ready) {
		return problemBusy
	}
	select {
	case <-p.ready:
		return nil
	default:
	}
	if p.unplayable.Load() {
		return problemUnplayable
	}
	if p.finished.Load() {
		return problemOffAir
	}
	return problemStarting
}

const (
	typePlaylist   = "application/vnd.apple.mpegurl"
	typeMP4        = "video/mp4"
	cachePublic    = "public"
	cachePrivate   = "private"
	cacheImmutable = cachePublic + ", max-age=31536000, immutable"
	cacheShort     = cachePublic + ", max-age=1"
)

func (s *Server) index(ctx context.Context, p *packager, dvr bool) answer {
	if problem := s.start(ctx, p); problem != nil {
		return answer{problem: problem}
	}
	until := s.now().Add(joinWait)
	for {
		settled, changed := p.lines.settled()
		left := until.Sub(s.now())
		if settled || left <= 0 || p.asked.Load() || !p.wait(ctx, left, changed) {
			break
		}
	}
	p.asked.Store(true)
	if main := p.lines.find(renditionMain); dvr && (main == nil || !main.lasts()) {
		return answer{problem: problemPath}
	}
	return answer{contentType: typePlaylist, cache: cacheShort, document: p.multivariant(dvr)}
}

// playlist answers a media playlist request: at once, or when what it asks for is there, or unchanged after half a
// target duration, which players take better than a late answer.
func (s *Server) playlist(r *http.Request, p *packager, t target) answer {
	q, wrong := parseReload(r.URL.RawQuery)
	if wrong != "" {
		return answer{problem: problemDirective(wrong)}
	}
	if problem := s.start(r.Context(), p); problem != nil {
		return answer{problem: problem}
	}
	rd := p.lines.find(t.rendition)
	if rd == nil || t.dvr && !rd.lasts() {
		return answer{problem: problemPath}
	}
	v, problem := s.first(r.Context(), p, rd)
	if problem != nil {
		return answer{problem: problem}
	}
	met := true
	if q.msn >= 0 {
		if v.absurd(q.msn, q.part) {
			return answer{problem: problemDirective("What is asked for lies too far ahead.")}
		}
		until := s.now().Add(v.target / 2)
		for !v.has(q.msn, q.part) && met {
			left := until.Sub(s.now())
			if left <= 0 {
				met = false
				break
			}
			if !p.wait(r.Context(), left, v.wake) {
				return answer{problem: problemBusy}
			}
			if rd.gone.Load() {
				return answer{problem: problemGone}
			}
			select {
			case <-p.done:
				met = false
			default:
			}
			v = rd.now.Load()
		}
	}
	if t.rendition != renditionAudio {
		p.polls.Add(1)
	}
	p.used.Store(s.now().UnixNano())
	a := answer{contentType: typePlaylist, cache: cacheShort, document: v.forms[form{dvr: t.dvr, skip: q.skip, dates: q.dates}]}
	if q.msn >= 0 && met {
		a.cache = cacheFor(v.target)
	}
	return a
}

// first is a rendition's newest playlist. One that has just joined makes it in a moment.
func (s *Server) first(ctx context.Context, p *packager, rd *rendition) (*view, *problem) {
	for until := s.now().Add(s.config.StartWait); ; {
		_, changed := p.lines.settled()
		if v := rd.now.Load(); v != nil && !rd.gone.Load() {
			return v, nil
		}
		left := until.Sub(s.now())
		if rd.gone.Load() || left <= 0 || p.finished.Load() {
			return nil, problemGone
		}
		if !p.wait(ctx, left, changed) {
			return nil, problemBusy
		}
	}
}

// media answers for an init segment, a segment or a part. A request for the next part waits for it.
func (s *Server) media(ctx context.Context, p *packager, t target) answer {
	rd := p.lines.find(t.rendition)
	if rd == nil || rd.life != t.life {
		return answer{problem: problemGone}
	}
	chunks, next, ok := rd.content(t.kind, t.number)
	if v := rd.now.Load(); !ok && v != nil && !v.ended && t.kind == filePart && t.number == next {
		until := s.now().Add(v.target / 2)
		for !ok && t.number == next && until.After(s.now()) {
			if !p.wait(ctx, until.Sub(s.now()), v.wake) {
				return answer{problem: problemBusy}
			}
			if v = rd.now.Load(); v.ended {
				break
			}
			select {
			case <-p.done:
				return answer{problem: problemGone}
			default:
			}
			if rd.gone.Load() {
				break
			}
			chunks, next, ok = rd.content(t.kind, t.number)
		}
	}
	a := answer{
		contentType: typeMP4, cache: cacheImmutable, chunks: chunks,
		etag: t.rendition + "-" + t.life + "-" + t.kind.String() + "-" + itoa(t.number),
	}
	if ok {
		return a
	}
	if t.kind == fileSegment && rd.remembers(t.number) {
		past, err := s.Past.Segment(ctx, t.broadcast, t.rendition, t.life, t.number)
		if err == nil {
			a.past = past
			return a
		}
		s.logger().Warn("a recorded segment cannot be read", "broadcast", t.broadcast, "number", t.number, "err", err)
	}
	return answer{problem: problemGone}
}
