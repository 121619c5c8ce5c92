package vod

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
)

const (
	replaysMax   = 64               // kept in memory
	replayFresh  = 30 * time.Second // then it is read again: pins may change, recordings expire
	settleFor    = 3 * time.Second  // a replay that is asked for as the show ends waits so long for its last segment
	readFor      = 10 * time.Second // the database
	writeTimeout = 30 * time.Second // one answer to one client

	typePlaylist   = "application/vnd.apple.mpegurl"
	cacheImmutable = "public, max-age=31536000, immutable"
	cacheShort     = "public, max-age=10"
)

var errNotEnded = errors.New("vod: the broadcast has not ended")

// Server serves replays below /vod/{broadcast}/ and other videos below /hls/v/{video}/. Any number of goroutines may use it.
type Server struct {
	// Required.
	Store      Store
	Blobs      Blobs
	Broadcasts Broadcasts

	// Optional, with defaults.
	Videos   Videos                                                           // nil: there are replays alone
	Captions CaptionStore                                                     // nil: nothing is captioned
	Files    *Files                                                           // nil: nothing is downloaded
	Preview  func(r *http.Request, v Video) bool                              // who may see what is not public; nil: nobody
	Access   hls.Access                                                       // nil lets everybody watch
	Pins     func(ctx context.Context, video string) ([]hls.DateRange, error) // nil names none
	Settled  func(ctx context.Context, source string) error                   // waits for a recording's last uploads; nil does not
	Log      *slog.Logger                                                     // defaults to discarding
	Metrics  *Metrics                                                         // defaults to none
	Now      func() time.Time                                                 // defaults to time.Now

	mu   sync.Mutex
	kept map[string]*slot
}

// slot holds one replay, and lets one caller at a time read it.
type slot struct {
	mu     sync.Mutex
	replay *replay
	read   time.Time

	film     *film // of a video that is no replay
	rendered time.Time
}

var _ http.Handler = (*Server)(nil)

// ServeHTTP answers /vod/{broadcast}/[~{grant}/]{file} and /hls/v/{video}/[~{grant}/]{file}.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, Date, ETag")
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
		s.refuse(w, http.StatusMethodNotAllowed, "method", "Only GET and HEAD are answered here")
		return
	}
	control := http.NewResponseController(w)
	if control.SetWriteDeadline(time.Now().Add(writeTimeout)) == nil {
		defer func() {
			_ = control.Flush() // a small answer is still in a buffer, and would wait without a deadline
			_ = control.SetWriteDeadline(time.Time{})
		}()
	}
	answer := s.answer
	if strings.HasPrefix(r.URL.Path, belowVideos) {
		answer = s.answerVideo
	}
	if err := answer(w, r); err != nil {
		s.problem(w, r, err)
	}
}

func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrDownload):
		s.refuse(w, http.StatusForbidden, "download", "The address of this file is not valid, or no longer")
	case errors.Is(err, ErrRange):
		s.refuse(w, http.StatusNotFound, "range", "Nothing is recorded in this range any more")
	case errors.Is(err, ErrNotFound), errors.Is(err, hls.ErrUnknown):
		s.refuse(w, http.StatusNotFound, "not-found", "There is no such recording")
	case errors.Is(err, errNotEnded):
		w.Header().Set("Retry-After", "2")
		s.refuse(w, http.StatusNotFound, "not-ended", "The broadcast has not ended yet")
	case errors.Is(err, hls.ErrUnauthenticated):
		s.refuse(w, http.StatusUnauthorized, "grant-needed", "A grant is needed to watch this")
	case errors.Is(err, hls.ErrForbidden):
		s.refuse(w, http.StatusForbidden, "forbidden", "This may not be watched with this grant")
	default:
		if r.Context().Err() == nil {
			s.logger().Error("a replay was not served", "err", err)
		}
		s.refuse(w, http.StatusInternalServerError, "internal", "Something went wrong here")
	}
}

// refuse writes an RFC 9457 answer.
func (s *Server) refuse(w http.ResponseWriter, status int, code, title string) {
	s.Metrics.answered(strconv.Itoa(status))
	body, err := json.Marshal(map[string]any{"type": "https://hawker.live/problems/" + code, "title": title, "status": status, "code": code})
	if err != nil {
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// parsePath reads {video}/[~{grant}/]{file}.
func parsePath(path string) (video, grant, name string, ok bool) {
	parts := strings.Split(path, "/")
	if len(parts) == 3 {
		if grant, ok = strings.CutPrefix(parts[1], "~"); !ok || grant == "" || len(grant) > 1024 {
			return "", "", "", false
		}
	} else if len(parts) != 2 {
		return "", "", "", false
	}
	video, name = parts[0], parts[len(parts)-1]
	return video, grant, name, video != "" && len(video) <= 128 && name != "" && len(name) <= 256
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) error {
	video, grant, name, ok := parsePath(strings.TrimPrefix(r.URL.Path, "/vod/"))
	if !ok {
		return ErrNotFound
	}
	if s.Files != nil && grant == "" && isDownload(name) {
		return s.Files.serve(w, r, video, name)
	}
	if s.Access != nil {
		if err := s.Access.MayWatch(r.Context(), r, video, grant); err != nil {
			return err
		}
	}
	play, err := s.find(r.Context(), video)
	if err != nil {
		return err
	}
	f, ok := play.files[name]
	if !ok {
		return ErrNotFound
	}
	short, immutable := cacheShort, cacheImmutable
	if grant != "" { // a shared cache would go on after the grant
		short, immutable = strings.Replace(short, "public", "private", 1), strings.Replace(immutable, "public", "private", 1)
	}
	return s.send(w, r, name, f, short, immutable)
}

// send answers with a file: a text, or a blob that never changes.
func (s *Server) send(w http.ResponseWriter, r *http.Request, name string, f file, short, immutable string) error {
	h := w.Header()
	if f.text != nil {
		h.Set("Content-Type", cmp.Or(f.kind, typePlaylist))
		h.Set("Cache-Control", short)
		h.Set("Vary", "Accept-Encoding")
		body, tag := f.text, f.tag
		if f.zipped != nil && acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body, tag = f.zipped, tag+"-gz"
		}
		h.Set("ETag", `"`+tag+`"`)
		return s.content(w, r, bytes.NewReader(body))
	}
	h.Set("Content-Type", cmp.Or(f.kind, contentTypeMP4))
	h.Set("Cache-Control", immutable)
	tag := strings.TrimSuffix(name, ".m4s")
	if f.kind != "" { // its name may stand for another blob one day
		tag = fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(f.key)))
		h.Set("Cache-Control", short)
	}
	h.Set("ETag", `"`+tag+`"`)
	b := &blobReader{ctx: r.Context(), blobs: s.Blobs, key: f.key, size: f.size}
	defer b.close()
	if r.Method == http.MethodGet {
		if err := b.open(); err != nil { // before the status is sent
			return err
		}
	}
	return s.content(w, r, b)
}

func (s *Server) content(w http.ResponseWriter, r *http.Request, body io.ReadSeeker) error {
	c := &counted{ReadSeeker: body}
	http.ServeContent(w, r, "", time.Time{}, c)
	s.Metrics.answered("200")
	s.Metrics.bytesSent(c.n)
	return nil
}

// counted counts what is read.
type counted struct {
	io.ReadSeeker
	n int64
}

func (c *counted) Read(p []byte) (n int, err error) {
	n, err = c.ReadSeeker.Read(p)
	c.n += int64(n)
	return n, err
}

// find returns a video's replay: from memory, or read anew. It waits for a recording that is just ending.
func (s *Server) find(ctx context.Context, video string) (*replay, error) {
	one := s.slot(video)
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.replay != nil && s.now().Sub(one.read) < replayFresh {
		return one.replay, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	play, err := s.read(ctx, video)
	if err != nil {
		s.drop(video, one)
		return nil, err
	}
	one.replay, one.read = play, s.now()
	return play, nil
}

// slot finds the place of a video. When all are taken, all are given up: they are read again in a moment.
func (s *Server) slot(video string) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.kept[video]
	if one == nil {
		if s.kept == nil || len(s.kept) >= replaysMax {
			s.kept = map[string]*slot{}
		}
		one = &slot{}
		s.kept[video] = one
	}
	return one
}

func (s *Server) read(ctx context.Context, video string) (*replay, error) {
	// A replay has its broadcast's id: what is still on its way can be waited for before there is a video.
	facts, err := s.Broadcasts.BroadcastFacts(ctx, video)
	if err != nil {
		return nil, err
	}
	if !facts.Ended {
		return nil, errNotEnded
	}
	s.settle(ctx, video)
	v, err := s.Store.Video(ctx, video)
	if err != nil {
		return nil, err
	}
	inits, lines, err := s.Store.Timeline(ctx, v)
	if err != nil {
		return nil, err
	}
	var pins []hls.DateRange
	if s.Pins != nil {
		if pins, err = s.Pins(ctx, v.ID); err != nil {
			s.logger().Warn("a replay's playlist names no pins", "video", v.ID, "err", err)
		}
	}
	said, err := CaptionsOf(ctx, s.Captions, v)
	if err != nil {
		return nil, err
	}
	return newReplay(v, inits, lines, pins, said), nil
}

// settle waits for a recording that is just ending. What is not there by then is seen by those who come later.
func (s *Server) settle(ctx context.Context, source string) {
	if s.Settled == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	_ = s.Settled(ctx, source)
}

// Recorded tells whether there is something of an ended broadcast to play.
func (s *Server) Recorded(ctx context.Context, broadcast string) (bool, error) {
	_, err := s.Store.Video(ctx, broadcast)
	if errors.Is(err, ErrNotFound) {
		s.settle(ctx, broadcast) // its first segment may be on the way
		_, err = s.Store.Video(ctx, broadcast)
	}
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (s *Server) logger() *slog.Logger {
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

func acceptsGzip(r *http.Request) bool {
	if r.Header.Get("Range") != "" {
		return false
	}
	for one := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, quality, _ := strings.Cut(strings.TrimSpace(one), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			return strings.Trim(strings.TrimPrefix(strings.TrimSpace(quality), "q="), "0.") != "" || quality == ""
		}
	}
	return false
}
