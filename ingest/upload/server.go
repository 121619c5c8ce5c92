package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	exp "golang.org/x/exp/slog"
)

// Below is where uploads are spoken to.
const Below = "/v1/uploads/"

const (
	sweepEvery  = time.Minute
	settled     = 30 * time.Second // a whole file that nobody handed on by then is handed on by the sweep
	networkWait = 30 * time.Second // a connection that brings nothing for so long is given up
	lockWait    = 10 * time.Second
	finishFor   = 3 * time.Second

	infoSuffix  = ".info"  // tusd's, beside each file
	takenSuffix = ".taken" // beside a file that was handed on: it is not again, whatever becomes of what was made of it
)

// What is refused.
var (
	ErrNobody    = errors.New("upload: nobody is logged in")
	ErrForbidden = errors.New("upload: this channel is not the caller's")
	ErrKind      = errors.New("upload: there is no such kind of video")
	ErrType      = errors.New("upload: this is no video and no picture that we take")
	ErrTools     = errors.New("upload: there is no ffmpeg")
)

// Owner is who sends a file, and where it goes.
type Owner struct{ Account, Shop, Channel string }

// Upload is a whole file.
type Upload struct {
	ID string
	Owner
	Kind, Title string
	Path        string
	Bytes       int64
	CreatedAt   time.Time
}

// Door tells who is there and what they may.
type Door interface {
	// Who returns the account of a request, ErrNobody for nobody.
	Who(r *http.Request) (account string, err error)
	// May returns the owner of what is sent to a channel, ErrForbidden where the request may not.
	May(r *http.Request, channel string) (Owner, error)
	// Ready returns ErrTools where files could not be made into anything.
	Ready() error
}

// Taker makes something of whole files.
type Taker interface {
	// Take hears of a file. It returns ErrKind or ErrType for what it does not want, and nil for one that it knows.
	Take(ctx context.Context, u Upload) error
	// Wants tells whether it still needs a file that it took.
	Wants(ctx context.Context, id string) (bool, error)
}

// Server speaks tus. Any number of goroutines may use it.
type Server struct {
	// Required.
	Dir   string
	Door  Door
	Taker Taker

	// Optional, with defaults.
	Config Config
	Sniff  func(head []byte) error // tells by a file's first bytes whether it is taken; nil takes all
	Log    *slog.Logger            // defaults to discarding
	Now    func() time.Time        // defaults to time.Now

	once    sync.Once
	failed  error
	tus     *handler.Handler
	store   filestore.FileStore
	handler http.Handler
	opening sync.Mutex // one upload is judged and made at a time
	turns   turns
}

// prepare makes the folder and the protocol.
func (s *Server) prepare() error {
	s.once.Do(func() {
		if err := os.MkdirAll(s.Dir, 0o700); err != nil {
			s.failed = fmt.Errorf("make the folder for uploads: %w", err)
			return
		}
		s.store = filestore.New(s.Dir)
		s.store.DirModePerm, s.store.FileModePerm = 0o700, 0o600
		composer := handler.NewStoreComposer()
		composer.UseCore(store{s.store})
		composer.UseTerminater(s.store)
		memorylocker.New().UseIn(composer)
		s.tus, s.failed = handler.NewHandler(handler.Config{
			StoreComposer: composer, BasePath: Below, MaxSize: s.Config.filled().BytesMax, DisableDownload: true, DisableConcatenation: true,
			Cors: &handler.CorsConfig{Disable: true}, Logger: exp.New(exp.NewTextHandler(io.Discard, nil)),
			PreUploadCreateCallback: s.begin, PreFinishResponseCallback: s.finish,
			NetworkTimeout: networkWait, AcquireLockTimeout: lockWait, GracefulRequestCompletionTimeout: finishFor,
		})
		if s.failed == nil {
			s.handler = http.StripPrefix(strings.TrimSuffix(Below, "/"), s.tus)
		}
	})
	return s.failed
}

var uploadID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ServeHTTP answers at and below /v1/uploads/. Whoever began an upload goes on with it, and nobody else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.prepare(); err != nil {
		s.logger().Error("uploads are not taken", "err", err)
		problem(w, http.StatusInternalServerError, "internal", "Something went wrong on our side")
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Other methods in disguise would pass what looks at the method.
	r.Header.Del("X-HTTP-Method-Override")
	id := strings.TrimPrefix(r.URL.Path, Below)
	switch r.Method {
	case http.MethodOptions:
	case http.MethodPost:
		if id != "" {
			problem(w, http.StatusNotFound, "not-found", "There is nothing at this address")
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, r))
	case http.MethodHead, http.MethodPatch, http.MethodDelete:
		if err := s.own(r, id); err != nil {
			refuse(w, err)
			return
		}
		if r.Method == http.MethodPatch {
			if err := s.room(max(0, r.ContentLength)); err != nil {
				refuse(w, err)
				return
			}
		}
		body := &stoppable{ReadCloser: r.Body, control: http.NewResponseController(w)}
		r.Body = body
		leave, ok := s.turns.take(r.Context(), id, body.stop)
		if !ok {
			refuse(w, handler.ErrFileLocked)
			return
		}
		defer leave()
	default:
		h.Set("Allow", "OPTIONS, POST, HEAD, PATCH, DELETE")
		problem(w, http.StatusMethodNotAllowed, "method", "Uploads know POST, HEAD, PATCH and DELETE")
		return
	}
	s.handler.ServeHTTP(w, r)
}

type requestKey struct{}

// own tells whether the upload is the caller's.
func (s *Server) own(r *http.Request, id string) error {
	account, err := s.Door.Who(r)
	if err != nil {
		return err
	}
	if !uploadID.MatchString(id) {
		return handler.ErrNotFound
	}
	info, err := s.info(r.Context(), id)
	if err != nil {
		return err
	}
	if info.MetaData[metaAccount] != account {
		return handler.ErrNotFound
	}
	return nil
}

func (s *Server) info(ctx context.Context, id string) (handler.FileInfo, error) {
	u, err := s.store.GetUpload(ctx, id)
	if err != nil {
		return handler.FileInfo{}, err
	}
	return u.GetInfo(ctx)
}

// Names within an upload's metadata. Those of ours replace what a client calls the same.
const (
	metaAccount = "hawker-account"
	metaShop    = "hawker-shop"
	metaChannel = "channel"
	metaKind    = "kind"
	metaTitle   = "title"
	metaCreated = "hawker-created"
)

// begin judges who wants to send what, before anything is stored.
func (s *Server) begin(hook handler.HookEvent) (out handler.HTTPResponse, change handler.FileInfoChanges, err error) {
	r, ok := hook.Context.Value(requestKey{}).(*http.Request)
	if !ok {
		return out, change, asTus(ErrForbidden)
	}
	if _, err := s.Door.Who(r); err != nil {
		return out, change, asTus(err)
	}
	meta := hook.Upload.MetaData
	owner, err := s.Door.May(r, meta[metaChannel])
	if err != nil {
		return out, change, asTus(err)
	}
	if err := s.Door.Ready(); err != nil {
		return out, change, asTus(err)
	}
	kind := meta[metaKind]
	if kind == "" {
		kind = "short"
	}
	if kind != "short" && kind != "story" && kind != "picture" {
		return out, change, asTus(ErrKind)
	}
	if hook.Upload.SizeIsDeferred || hook.Upload.Size <= 0 {
		return out, change, asTus(errSize)
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if err := s.quota(owner.Channel, hook.Upload.Size); err != nil {
		return out, change, asTus(err)
	}
	if err := s.room(hook.Upload.Size); err != nil {
		return out, change, asTus(err)
	}
	title := []rune(meta[metaTitle])
	change.ID = uuid.Must(uuid.NewV7()).String()
	change.MetaData = handler.MetaData{
		metaAccount: owner.Account, metaShop: owner.Shop, metaChannel: owner.Channel, metaKind: kind, metaTitle: string(title[:min(len(title), 120)]),
		metaCreated: s.now().UTC().Format(time.RFC3339Nano),
	}
	out.Header = handler.HTTPHeader{"X-Video": change.ID}
	return out, change, nil
}

// finish hands a whole file on before its sender hears that it is there.
func (s *Server) finish(hook handler.HookEvent) (out handler.HTTPResponse, err error) {
	err = s.hand(hook.Context, hook.Upload)
	if errors.Is(err, ErrType) || errors.Is(err, ErrKind) {
		s.remove(hook.Upload.ID)
	}
	out.Header = handler.HTTPHeader{"X-Video": hook.Upload.ID}
	return out, asTus(err)
}

// hand gives a whole file to the taker.
func (s *Server) hand(ctx context.Context, info handler.FileInfo) error {
	path := s.path(info.ID)
	if s.Sniff != nil {
		head, err := head(path)
		if err != nil {
			return err
		}
		if err := s.Sniff(head); err != nil {
			return ErrType
		}
	}
	created, err := time.Parse(time.RFC3339Nano, info.MetaData[metaCreated])
	if err != nil {
		created = s.now()
	}
	err = s.Taker.Take(ctx, Upload{
		ID: info.ID, Owner: Owner{info.MetaData[metaAccount], info.MetaData[metaShop], info.MetaData[metaChannel]}, Kind: info.MetaData[metaKind],
		Title: info.MetaData[metaTitle], Path: path, Bytes: info.Size, CreatedAt: created,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path+takenSuffix, nil, 0o600)
}

func (s *Server) path(id string) string { return filepath.Join(s.Dir, id) }

func head(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64))
	return b, err
}

func (s *Server) remove(id string) {
	for _, path := range []string{s.path(id), s.path(id) + infoSuffix, s.path(id) + takenSuffix} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			s.logger().Warn("an upload was not removed", "err", err)
		}
	}
}

func (s *Server) logger() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
