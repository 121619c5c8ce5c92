package upload

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
)

// Config bounds uploads. The zero value means the defaults.
type Config struct {
	BytesMax  int64         `yaml:"bytes_max"`  // of one file; default 2 GiB
	OpenMax   int           `yaml:"open_max"`   // unfinished uploads of a channel; default 10
	OpenBytes int64         `yaml:"open_bytes"` // that a channel's unfinished uploads may grow to; default 8 GiB
	FreeBytes int64         `yaml:"free_bytes"` // of the disk that uploads leave free; default 1 GiB
	Keep      time.Duration `yaml:"keep"`       // an upload that nothing was added to for so long is removed; default 24 h
}

func (c Config) filled() Config {
	if c.BytesMax <= 0 {
		c.BytesMax = 2 << 30
	}
	if c.OpenMax <= 0 {
		c.OpenMax = 10
	}
	if c.OpenBytes <= 0 {
		c.OpenBytes = 8 << 30
	}
	if c.FreeBytes <= 0 {
		c.FreeBytes = 1 << 30
	}
	if c.Keep <= 0 {
		c.Keep = 24 * time.Hour
	}
	return c
}

var (
	errQuota = errors.New("upload: the channel has as many unfinished uploads as it may")
	errDisk  = errors.New("upload: the disk is nearly full")
	errSize  = errors.New("upload: the size must be known, and more than nothing")
)

// each calls with every upload in the folder, and when something was last added to it.
func (s *Server) each(do func(info handler.FileInfo, touched time.Time)) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), infoSuffix)
		if !ok || !uploadID.MatchString(id) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(s.Dir, e.Name()))
		var info handler.FileInfo
		if err != nil || json.Unmarshal(text, &info) != nil || info.ID != id {
			continue // it is being written or removed
		}
		file, err := os.Stat(s.path(id))
		if err != nil {
			continue
		}
		info.Offset = file.Size()
		do(info, file.ModTime())
	}
	return nil
}

func (s *Server) quota(channel string, size int64) error {
	c := s.Config.filled()
	n, bytes := 0, size
	err := s.each(func(info handler.FileInfo, _ time.Time) {
		if info.MetaData[metaChannel] == channel && info.Offset < info.Size {
			n++
			bytes += info.Size
		}
	})
	if err == nil && (n >= c.OpenMax || bytes > c.OpenBytes) {
		err = errQuota
	}
	return err
}

func (s *Server) room(size int64) error {
	free, err := diskFree(s.Dir)
	if err == nil && free-size < s.Config.filled().FreeBytes {
		err = errDisk
	}
	return err
}

// Run removes what nobody finishes and what its taker is done with, and hands on what a process before left whole, until
// ctx ends.
func (s *Server) Run(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for wait := time.Duration(0); ; wait = settled {
		if err := s.sweep(ctx, wait); err != nil && ctx.Err() == nil {
			s.logger().Error("uploads were not looked through", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep looks through the folder. Whole files that were there for wait are handed on: their senders may be gone. What was
// handed on goes when its taker does not want it any more.
func (s *Server) sweep(ctx context.Context, wait time.Duration) error {
	var whole []handler.FileInfo
	err := s.each(func(info handler.FileInfo, touched time.Time) {
		idle := s.now().Sub(touched)
		switch {
		case info.Offset == info.Size && idle >= wait:
			whole = append(whole, info)
		case info.Offset < info.Size && idle > s.Config.filled().Keep:
			s.logger().Info("an upload that nobody finished is removed", "upload", info.ID)
			s.remove(info.ID)
		}
	})
	for _, info := range whole {
		err = errors.Join(err, s.settle(ctx, info))
	}
	return err
}

func (s *Server) settle(ctx context.Context, info handler.FileInfo) error {
	if _, err := os.Stat(s.path(info.ID) + takenSuffix); err == nil {
		wanted, err := s.Taker.Wants(ctx, info.ID)
		if err == nil && !wanted {
			s.remove(info.ID)
		}
		return err
	}
	err := s.hand(ctx, info)
	if errors.Is(err, ErrType) || errors.Is(err, ErrKind) {
		s.remove(info.ID)
		return nil
	}
	return err
}

// store is tusd's folder, which tells a full disk from other trouble.
type store struct{ filestore.FileStore }

func (s store) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	u, err := s.FileStore.NewUpload(ctx, info)
	if err != nil {
		return nil, full(err)
	}
	return file{u}, nil
}

func (s store) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	u, err := s.FileStore.GetUpload(ctx, id)
	if err != nil {
		return nil, err
	}
	return file{u}, nil
}

type file struct{ handler.Upload }

// WriteChunk keeps what arrived, and says when the disk took no more.
func (f file) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	n, err := f.Upload.WriteChunk(ctx, offset, src)
	return n, full(err)
}

func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return asTus(errDisk)
	}
	return err
}

// meaning is what a refusal is in HTTP.
var meanings = []struct {
	err         error
	status      int
	code, title string
}{
	{ErrNobody, http.StatusUnauthorized, "unauthenticated", "Log in first"},
	{ErrForbidden, http.StatusForbidden, "forbidden", "Your role does not allow this"},
	{ErrKind, http.StatusUnprocessableEntity, "bad-kind", "The kind is short, story or picture"},
	{ErrType, http.StatusUnsupportedMediaType, "bad-type", "This is not an MP4, MOV, WebM or MKV video, and not a JPEG, PNG or WebP picture"},
	{ErrTools, http.StatusServiceUnavailable, "no-transcoder", "Uploads need ffmpeg on the server: install the package ffmpeg, or name the program in transcode.ffmpeg"},
	{errQuota, http.StatusTooManyRequests, "too-many-uploads", "The channel has as many unfinished uploads as it may; finish or delete one"},
	{errDisk, http.StatusInsufficientStorage, "disk-full", "The disk has no room; go on with this upload later"},
	{errSize, http.StatusUnprocessableEntity, "bad-size", "Upload-Length must be given, and more than 0"},
	{handler.ErrFileLocked, http.StatusLocked, "locked", "Another request is at this upload; ask again in a moment"},
	{handler.ErrNotFound, http.StatusNotFound, "not-found", "There is no such upload, or it is not yours"},
	{fs.ErrNotExist, http.StatusNotFound, "not-found", "There is no such upload, or it is not yours"},
}

func refuse(w http.ResponseWriter, err error) {
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			problem(w, m.status, m.code, m.title)
			return
		}
	}
	problem(w, http.StatusInternalServerError, "internal", "Something went wrong on our side")
}

func problem(w http.ResponseWriter, status int, code, title string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="hawker"`)
	}
	if status == http.StatusServiceUnavailable || status == http.StatusInsufficientStorage {
		h.Set("Retry-After", "60")
	}
	w.WriteHeader(status)
	_, _ = w.Write(problemText(status, code, title)) // whoever asked may have gone
}

func problemText(status int, code, title string) []byte {
	text, err := json.Marshal(map[string]any{"type": "https://hawker.live/problems/" + code, "title": title, "status": status, "code": code})
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	return text
}

// asTus puts a refusal into tusd's words, with our problem as its body.
func asTus(err error) error {
	if err == nil {
		return nil
	}
	for _, m := range meanings {
		if !errors.Is(err, m.err) {
			continue
		}
		e := handler.NewError(m.code, m.title, m.status)
		e.HTTPResponse.Body = string(problemText(m.status, m.code, m.title))
		e.HTTPResponse.Header = handler.HTTPHeader{"Content-Type": "application/problem+json"}
		return e
	}
	return err
}
