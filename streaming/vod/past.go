package vod

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/hawkerlive/hawker/streaming/hls"
)

// shelfMax is how many segments of one life can be wound back: half a day of two seconds each.
const shelfMax = 1 << 15

// shelf knows where the segments of broadcasts on air are, so that viewers can wind back.
type shelf struct {
	mu    sync.Mutex
	lives map[lifeName]map[int64]shelved
}

type lifeName struct{ source, rendition, life string }

// shelved is a segment in the spool or, with a key, in the blob store.
type shelved struct {
	spool string
	key   string
	size  int64
}

func (s *shelf) begin(n lifeName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lives == nil {
		s.lives = map[lifeName]map[int64]shelved{}
	}
	s.lives[n] = map[int64]shelved{}
}

// put notes where a segment is. What nobody can ask for is not noted.
func (s *shelf) put(n lifeName, number int64, at shelved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.lives[n]; kept != nil && len(kept) < shelfMax {
		kept[number] = at
	}
}

func (s *shelf) find(n lifeName, number int64) (shelved, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.lives[n][number]
	return at, ok
}

func (s *shelf) forget(n lifeName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lives, n)
}

var _ hls.Past = (*Recorder)(nil)

// Recorded tells whether a segment of a broadcast on air is on disk or in the blob store.
func (r *Recorder) Recorded(broadcast, rendition, life string, number int64) bool {
	_, ok := r.shelf.find(lifeName{broadcast, rendition, life}, number)
	return ok
}

// Forget says that nobody will ask for a life any more.
func (r *Recorder) Forget(broadcast, rendition, life string) {
	r.shelf.forget(lifeName{broadcast, rendition, life})
}

// Segment reads one from where it is. It returns ErrNotFound for one that is not recorded.
func (r *Recorder) Segment(ctx context.Context, broadcast, rendition, life string, number int64) (io.ReadSeekCloser, error) {
	n := lifeName{broadcast, rendition, life}
	at, ok := r.shelf.find(n, number)
	if !ok {
		return nil, ErrNotFound
	}
	if at.key == "" {
		b, err := spooledMedia(at.spool)
		if err == nil {
			return closer{bytes.NewReader(b)}, nil
		}
		if at, _ = r.shelf.find(n, number); !errors.Is(err, fs.ErrNotExist) || at.key == "" {
			return nil, fmt.Errorf("read a spool file: %w", err)
		}
	}
	return closing{&blobReader{ctx: ctx, blobs: r.Blobs, key: at.key, size: at.size}}, nil
}

func spooledMedia(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := readSpool(f)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(s.media(f))
}

type closer struct{ io.ReadSeeker }

func (closer) Close() error { return nil }

type closing struct{ *blobReader }

func (c closing) Close() error {
	c.close()
	return nil
}
