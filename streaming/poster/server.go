package poster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming"
)

const (
	every       = 10 * time.Second // a picture is good for this long
	keptFor     = time.Minute      // after the last one that could be made
	previewsMax = 6                // pictures kept of a broadcast
	keptMax     = 500              // broadcasts with pictures; when full all are forgotten and made anew
	waitingMax  = 64               // requests that wait for ffmpeg
	makeWithin  = 5 * time.Second
)

// What a request is refused for.
var (
	ErrNotFound  = errors.New("poster: no such broadcast")
	ErrForbidden = errors.New("poster: this viewer may not watch")
	errNone      = errors.New("poster: there is no picture yet")
	errBusy      = errors.New("poster: too many wait for a picture")
	errCodec     = errors.New("poster: a picture of this codec cannot be made")
	errProgram   = errors.New("poster: there is no ffmpeg")
)

// Access decides who may see a broadcast. private says that no shared cache may keep it. It answers from memory: nil,
// ErrNotFound or ErrForbidden.
type Access interface {
	MaySee(ctx context.Context, broadcast, grant string) (private bool, err error)
}

// Server answers …/{broadcast}/poster.jpg and …/{broadcast}/previews/{n}.jpg, the newest being 0. Any number of
// goroutines may use it.
type Server struct {
	// Required.
	Hub    *streaming.Hub
	Access Access

	// Past finds the recording of a broadcast that is over: fragmented MP4 that begins with a key picture, of which the
	// first few megabytes are enough. It returns ErrNotFound where there is none. Nil: there is none of any.
	Past func(ctx context.Context, broadcast string) ([]byte, error)

	// Optional, with defaults.
	Program string           // defaults to ffmpeg
	Within  time.Duration    // for one picture; defaults to 5 s
	Log     *slog.Logger     // defaults to discarding
	Metrics *Metrics         // defaults to none
	Now     func() time.Time // defaults to time.Now

	once sync.Once
	gate chan struct{} // has room for the one that runs

	mu      sync.Mutex
	waiting int
	kept    map[string]*roll
}

// roll is what is kept of a broadcast.
type roll struct {
	making   sync.Mutex
	pictures []picture // newest first; under the server's lock
	past     bool      // of a recording, whose picture stays; under the server's lock
}

type picture struct {
	jpeg []byte
	tag  string
	at   time.Time
}

var _ http.Handler = (*Server)(nil)

// ServeHTTP answers below /v1/broadcasts/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	broadcast, back := r.PathValue("id"), 0
	if name := r.PathValue("picture"); name != "" {
		n, err := strconv.Atoi(strings.TrimSuffix(name, ".jpg"))
		if err != nil || n < 0 || n >= previewsMax || !strings.HasSuffix(name, ".jpg") {
			s.refuse(w, ErrNotFound)
			return
		}
		back = n
	}
	private, err := s.Access.MaySee(r.Context(), broadcast, r.URL.Query().Get("grant"))
	var p picture
	if err == nil {
		p, err = s.find(r.Context(), broadcast, back)
	}
	if err != nil {
		s.refuse(w, err)
		return
	}
	cache := "public, max-age=5"
	if private {
		cache = "private, max-age=5"
	}
	h.Set("Cache-Control", cache)
	h.Set("ETag", `"`+p.tag+`"`)
	h.Set("Content-Type", "image/jpeg")
	s.Metrics.answered("picture")
	if strings.Contains(r.Header.Get("If-None-Match"), p.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(p.jpeg)))
	_, _ = w.Write(p.jpeg) // whoever asked may have gone
}

// find returns a picture, made now where the newest is too old. One that cannot be made leaves the one of before.
func (s *Server) find(ctx context.Context, broadcast string, back int) (picture, error) {
	one := s.roll(broadcast)
	err := s.refresh(ctx, broadcast, one)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(one.pictures) == 0 || !one.past && s.now().Sub(one.pictures[0].at) > keptFor {
		if err == nil {
			err = errNone
		}
		return picture{}, err
	}
	if back >= len(one.pictures) {
		return picture{}, errNone
	}
	return one.pictures[back], nil
}

func (s *Server) roll(broadcast string) *roll {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.kept[broadcast]
	if one == nil {
		one = &roll{}
		if s.kept == nil || len(s.kept) >= keptMax {
			s.kept = map[string]*roll{}
		}
		s.kept[broadcast] = one
	}
	return one
}

func (s *Server) fresh(one *roll) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(one.pictures) > 0 && (one.past || s.now().Sub(one.pictures[0].at) < every)
}

// refresh makes a new picture where it is time. Those who ask together wait for one.
func (s *Server) refresh(ctx context.Context, broadcast string, one *roll) error {
	if s.fresh(one) {
		return nil
	}
	stream, offAir := s.Hub.Stream(broadcast)
	if offAir != nil && s.Past == nil {
		return offAir
	}
	s.mu.Lock()
	if s.waiting >= waitingMax {
		s.mu.Unlock()
		return errBusy
	}
	s.waiting++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}()
	one.making.Lock()
	defer one.making.Unlock()
	if s.fresh(one) {
		return nil
	}
	within := s.Within
	if within == 0 {
		within = makeWithin
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within) // others wait for it too
	defer cancel()
	s.once.Do(func() { s.gate = make(chan struct{}, 1) })
	select {
	case s.gate <- struct{}{}:
	case <-ctx.Done():
		return errBusy
	}
	defer func() { <-s.gate }()
	began := s.now()
	jpeg, err := s.picture(ctx, broadcast, stream)
	s.Metrics.made(err, s.now().Sub(began))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(jpeg)
	s.mu.Lock()
	defer s.mu.Unlock()
	one.pictures = append([]picture{{jpeg, hex.EncodeToString(sum[:12]), s.now()}}, one.pictures...)
	one.pictures = one.pictures[:min(len(one.pictures), previewsMax)]
	if offAir != nil {
		one.pictures, one.past = one.pictures[:1], true
	}
	return nil
}

// picture makes one of a stream, or without one of the broadcast's recording.
func (s *Server) picture(ctx context.Context, broadcast string, stream *streaming.Stream) ([]byte, error) {
	if stream != nil {
		format, coded, err := newest(stream)
		if err != nil {
			return nil, err
		}
		return s.make(ctx, format, coded)
	}
	coded, err := s.Past(ctx, broadcast)
	if err != nil {
		return nil, err
	}
	return s.make(ctx, "mp4", coded)
}

// refuse answers with an RFC 9457 problem.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	status, code, title, wait := http.StatusServiceUnavailable, "busy", "No picture could be made just now", 5
	switch {
	case errors.Is(err, ErrNotFound):
		status, code, title, wait = http.StatusNotFound, "not-found", "There is no such picture", 0
	case errors.Is(err, ErrForbidden):
		status, code, title, wait = http.StatusForbidden, "grant-needed", "This show is not for everybody; ask by watch first", 0
	case errors.Is(err, streaming.ErrOffAir), errors.Is(err, errNone), errors.Is(err, errCodec):
		status, code, title, wait = http.StatusNotFound, "no-picture", "There is no picture of this broadcast now", 0
	case errors.Is(err, errProgram):
		code, title, wait = "no-transcoder", "Pictures of broadcasts need ffmpeg on the server: install the package ffmpeg, or name the program in transcode.ffmpeg", 60
	case errors.Is(err, errBusy):
	default:
		s.log().Warn("a picture of a broadcast was not made", "err", err)
	}
	s.Metrics.answered(code)
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if wait > 0 {
		h.Set("Retry-After", strconv.Itoa(wait))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "https://hawker.live/problems/" + code, "title": title, "status": status, "code": code})
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
