package vod

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	downloadLasts = 6 * time.Hour // of an address
	cutsMax       = 8             // kept in memory
	cutsAtOnce    = 2             // being put together
	suffixMP4     = ".mp4"
	downloadParts = 6
)

// ErrDownload is returned for an address that is not one of ours, or no longer.
var ErrDownload = errors.New("vod: the address of this file is not valid, or no longer")

// Signer signs addresses. *account.Signer is one.
type Signer interface {
	Sign(message []byte) (keyID string, mac []byte, err error)
	Verify(keyID string, message, mac []byte) bool
}

// Download says what a file holds: a range of what a video plays. Until 0: to the end.
type Download struct {
	Video       string // a broadcast's id names its recording
	From, Until mediatime.Time
	Rendition   string // "" the publisher's own
	Expires     time.Time
}

// Files makes files of ranges and addresses of files. Any number of goroutines may use it.
type Files struct {
	// Required.
	Store  Store
	Videos Videos
	Blobs  Blobs
	Signer Signer

	// Optional, with defaults.
	Now func() time.Time // defaults to time.Now

	building chan struct{}
	kept     recent
}

// NewFiles returns one.
func NewFiles(s Store, v Videos, b Blobs, signer Signer) *Files {
	return &Files{Store: s, Videos: v, Blobs: b, Signer: signer, building: make(chan struct{}, cutsAtOnce)}
}

// Address is where the file of a range can be fetched for some hours, by whoever has the address. It tells how long
// the file plays and how large it is.
func (f *Files) Address(ctx context.Context, d Download) (url string, length time.Duration, size int64, expires time.Time, err error) {
	if d.Rendition == "" {
		d.Rendition = nameMain
	}
	c, err := f.cut(ctx, d)
	if err != nil {
		return "", 0, 0, expires, err
	}
	d.Expires = f.now().Add(downloadLasts).UTC().Truncate(time.Second)
	text := d.text()
	key, mac, err := f.Signer.Sign([]byte(text))
	if err != nil {
		return "", 0, 0, expires, err
	}
	return "/vod/" + text + "." + key + "." + base64.RawURLEncoding.EncodeToString(mac) + suffixMP4, c.length, c.size, d.Expires, nil
}

func (d Download) text() string {
	return fmt.Sprintf("%s/%d.%d.%s.%d", d.Video, d.From, d.Until, d.Rendition, d.Expires.Unix())
}

// isDownload tells whether a name may be that of a file.
func isDownload(name string) bool {
	return strings.HasSuffix(name, suffixMP4) && strings.Count(name, ".") == downloadParts
}

// parse reads an address.
func (f *Files) parse(video, name string) (d Download, err error) {
	parts := strings.Split(strings.TrimSuffix(name, suffixMP4), ".")
	if len(parts) != downloadParts {
		return d, ErrDownload
	}
	var numbers [3]int64
	for i, p := range []string{parts[0], parts[1], parts[3]} {
		if numbers[i], err = strconv.ParseInt(p, 10, 64); err != nil {
			return d, ErrDownload
		}
	}
	mac, err := base64.RawURLEncoding.Strict().DecodeString(parts[5])
	if err != nil {
		return d, ErrDownload
	}
	d = Download{Video: video, From: mediatime.Time(numbers[0]), Until: mediatime.Time(numbers[1]), Rendition: parts[2], Expires: time.Unix(numbers[2], 0)}
	if !f.Signer.Verify(parts[4], []byte(d.text()), mac) || f.now().After(d.Expires) {
		return d, ErrDownload
	}
	return d, nil
}

// serve answers /vod/{video}/{address}.mp4, whole or in ranges.
func (f *Files) serve(w http.ResponseWriter, r *http.Request, video, name string) error {
	d, err := f.parse(video, name)
	if err != nil {
		return err
	}
	c, err := f.cut(r.Context(), d)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", contentTypeMP4)
	h.Set("Content-Disposition", `attachment; filename="`+video+"-"+strconv.FormatInt(d.From.Duration().Milliseconds(), 10)+suffixMP4+`"`)
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("ETag", fmt.Sprintf(`"%d-%d-%s-%d"`, d.From, d.Until, d.Rendition, c.size))
	body := &cutReader{ctx: r.Context(), blobs: f.Blobs, cut: c}
	defer body.Close()
	http.ServeContent(pacedWriter{w, http.NewResponseController(w)}, r, "", time.Time{}, body)
	return nil
}

// pacedWriter gives each piece of a long answer its own time.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (p pacedWriter) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(writeTimeout)) // where there is none, it waits for the client
	return p.ResponseWriter.Write(b)
}

// cut puts a file together, or takes one that was asked for lately.
func (f *Files) cut(ctx context.Context, d Download) (*cut, error) {
	name := fmt.Sprintf("%s/%d.%d.%s", d.Video, d.From, d.Until, d.Rendition)
	if c := f.kept.find(name, f.now()); c != nil {
		return c, nil
	}
	select {
	case f.building <- struct{}{}:
		defer func() { <-f.building }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := f.build(ctx, d, nil)
	if err == nil {
		f.kept.keep(name, c, f.now())
	}
	return c, err
}

// Film puts a range together with a mark in it, for whoever keeps it. The caller closes it.
func (f *Files) Film(ctx context.Context, d Download, mark []byte) (io.ReadSeekCloser, mediatime.Time, mediatime.Time, error) {
	if d.Rendition == "" {
		d.Rendition = nameMain
	}
	select {
	case f.building <- struct{}{}:
		defer func() { <-f.building }()
	case <-ctx.Done():
		return nil, 0, 0, ctx.Err()
	}
	c, err := f.build(ctx, d, mark)
	if err != nil {
		return nil, 0, 0, err
	}
	return filmReader{&cutReader{ctx: ctx, blobs: f.Blobs, cut: c}}, c.from, c.from + mediatime.Of(c.length), nil
}

type filmReader struct{ *cutReader }

func (r filmReader) Close() error {
	r.cutReader.Close()
	return nil
}

// build puts a file together. mark is put into it.
func (f *Files) build(ctx context.Context, d Download, mark []byte) (*cut, error) {
	v, err := f.Videos.Video(ctx, d.Video)
	if err != nil {
		return nil, err
	}
	from, until := d.From, d.Until
	if from < v.From {
		from = v.From
	}
	if v.Until > 0 && (until <= 0 || until > v.Until) {
		until = v.Until
	}
	if until > 0 && from >= until {
		return nil, ErrRange
	}
	// A key picture may lie before the range.
	inits, lines, err := f.Store.Timeline(ctx, Video{Source: v.Source, From: max(from-mediatime.Of(time.Minute), 0), Until: until})
	if err != nil {
		return nil, err
	}
	return newCut(ctx, f.Blobs, inits, lines, d.Rendition, from, until, mark)
}

func (f *Files) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}
