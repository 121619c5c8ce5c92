package develop

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

const (
	boxBytesMax    = 256 << 20
	fragmentsMax   = 100_000
	headBytes      = 8
	largeHeadBytes = 16
)

// Piece is a stretch of a rendition's file.
type Piece struct {
	Offset, Bytes int64
	From          int64 // microseconds of its first picture or sample
	Duration      time.Duration
}

// Split is a rendition's file as it is served: the init segment, then a segment per fragment.
type Split struct {
	Init     Piece
	Codecs   string
	Segments []Piece
}

// ErrFragments says that a file is not what Film makes.
var ErrFragments = errors.New("develop: this is no fragmented file of one track")

// SplitFile finds the segments of a file that Film made.
func SplitFile(path string) (Split, error) {
	f, err := os.Open(path)
	if err != nil {
		return Split{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Split{}, err
	}
	return split(f, info.Size())
}

// split walks the boxes at the top. Times are computed from ticks, never added up from rounded ones.
func split(f io.ReaderAt, size int64) (s Split, err error) {
	var scale, origin int64
	var moof int64 = -1
	for at := int64(0); at+headBytes <= size; {
		kind, length, err := box(f, at, size)
		if err != nil {
			return s, err
		}
		switch kind {
		case "moov":
			s.Init = Piece{Offset: 0, Bytes: at + length}
			if s.Codecs, scale, err = track(f, s.Init.Bytes); err != nil {
				return s, err
			}
		case "moof":
			moof = at
		case "mdat":
			if moof < 0 || scale == 0 || len(s.Segments) >= fragmentsMax {
				return s, ErrFragments
			}
			from, ticks, err := times(f, moof, at+length-moof)
			if err != nil {
				return s, err
			}
			if len(s.Segments) == 0 {
				origin = from
			}
			begin, end := micros(from-origin, scale), micros(from-origin+ticks, scale)
			if end > begin {
				s.Segments = append(s.Segments, Piece{moof, at + length - moof, begin, time.Duration(end-begin) * time.Microsecond})
			}
			moof = -1
		}
		at += length
	}
	if len(s.Segments) == 0 {
		return s, ErrFragments
	}
	return s, nil
}

func micros(ticks, scale int64) int64 { return (ticks*1_000_000 + scale/2) / scale }

func box(f io.ReaderAt, at, size int64) (kind string, length int64, err error) {
	var head [largeHeadBytes]byte
	if _, err := f.ReadAt(head[:headBytes], at); err != nil {
		return "", 0, fmt.Errorf("read a box: %w", err)
	}
	length = int64(binary.BigEndian.Uint32(head[:]))
	kind = string(head[4:8])
	if length == 1 {
		if _, err := f.ReadAt(head[:], at); err != nil {
			return "", 0, fmt.Errorf("read a box: %w", err)
		}
		length = int64(binary.BigEndian.Uint64(head[8:]))
	}
	if length < headBytes || length > size-at {
		return "", 0, ErrFragments
	}
	return kind, length, nil
}

func read(f io.ReaderAt, at, length int64) ([]byte, error) {
	if length > boxBytesMax {
		return nil, ErrFragments
	}
	b := make([]byte, length)
	if _, err := f.ReadAt(b, at); err != nil {
		return nil, fmt.Errorf("read a fragment: %w", err)
	}
	return b, nil
}

// track reads the init segment: how the one track is coded, and its clock.
func track(f io.ReaderAt, length int64) (coded string, scale int64, err error) {
	b, err := read(f, 0, length)
	if err != nil {
		return "", 0, err
	}
	var i fmp4.Init
	if err := i.Unmarshal(bytes.NewReader(b)); err != nil || len(i.Tracks) != 1 {
		return "", 0, errors.Join(ErrFragments, err)
	}
	switch c := i.Tracks[0].Codec.(type) {
	case *codecs.H264:
		if len(c.SPS) < 4 {
			return "", 0, ErrFragments
		}
		coded = fmt.Sprintf("avc1.%02x%02x%02x", c.SPS[1], c.SPS[2], c.SPS[3])
	case *codecs.MPEG4Audio:
		coded = fmt.Sprintf("mp4a.40.%d", c.Config.Type)
	default:
		return "", 0, ErrFragments
	}
	return coded, int64(i.Tracks[0].TimeScale), nil
}

// times is the first presentation time of a fragment and how long its samples last, in ticks.
func times(f io.ReaderAt, at, length int64) (from, ticks int64, err error) {
	b, err := read(f, at, length)
	if err != nil {
		return 0, 0, err
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(b); err != nil || len(parts) != 1 || len(parts[0].Tracks) != 1 {
		return 0, 0, errors.Join(ErrFragments, err)
	}
	t := parts[0].Tracks[0]
	from = int64(t.BaseTime)
	if len(t.Samples) > 0 {
		from += int64(t.Samples[0].PTSOffset)
	}
	for _, sample := range t.Samples {
		ticks += int64(sample.Duration)
	}
	return from, ticks, nil
}
