package vod

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
)

func spoolOf(t testing.TB, parts ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.spool")
	s, err := createSpool(path, header{Version: headerVersion, Source: "show", Init: []byte("init")})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := s.add(&hls.Part{Duration: 350 * time.Millisecond, Data: []byte(p)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.file.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) != s.bytes {
		t.Fatalf("%d bytes on disk, %d counted, %v", len(b), s.bytes, err)
	}
	return b
}

// Wherever a file ends, what stands whole before it is kept, and nothing else.
func TestWholePartsAreKeptWhereverTheFileEnds(t *testing.T) {
	t.Parallel()
	parts := []string{"first part", "second", "the third one"}
	file := spoolOf(t, parts...)
	whole := len(spoolOf(t))
	ends := []int{whole}
	for _, p := range parts {
		whole += recordHeadBytes + partHeadBytes + len(p)
		ends = append(ends, whole)
	}
	for n := range len(file) + 1 {
		s, err := readSpool(bytes.NewReader(file[:n]))
		if n < ends[0] {
			if !errors.Is(err, errNoHeader) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		want, text := 0, ""
		for want < len(parts) && n >= ends[want+1] {
			text += parts[want]
			want++
		}
		got, failed := io.ReadAll(s.media(bytes.NewReader(file)))
		if err != nil || failed != nil || len(s.pieces) != want || string(got) != text || s.duration != time.Duration(want)*350*time.Millisecond {
			t.Fatalf("%d bytes: %d parts of %v, %q, %v, %v", n, len(s.pieces), s.duration, got, err, failed)
		}
	}
}

func TestWhatTheDiskSpoilsEndsTheSegment(t *testing.T) {
	t.Parallel()
	file := spoolOf(t, "first part", "second")
	file[len(file)-1] ^= 1
	if s, err := readSpool(bytes.NewReader(file)); err != nil || len(s.pieces) != 1 {
		t.Errorf("%d parts, %v", len(s.pieces), err)
	}
}

func FuzzReadSpool(f *testing.F) {
	file := spoolOf(f, "first part", "second")
	f.Add(file)
	f.Add(file[:len(file)-3])
	f.Add([]byte{recordHeader, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSpool(bytes.NewReader(b))
		if err != nil {
			return
		}
		got, err := io.ReadAll(s.media(bytes.NewReader(b)))
		if err != nil || int64(len(got)) != s.bytes {
			t.Fatalf("%d bytes of %d, %v", len(got), s.bytes, err)
		}
	})
}
