package vod

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// A spool file is one segment: a header, then its parts as they were made. Each is a record: kind (1 byte), length of
// the body (4, big endian), CRC-32C of the body (4), body. A part's body is its duration in microseconds (8) and its
// bytes. What does not stand whole at the end of the file was being written when the process died.
const (
	recordHeader = 'h'
	recordPart   = 'p'

	recordHeadBytes = 9
	partHeadBytes   = 8
	headerBytesMax  = 1 << 20
	partBytesMax    = 128 << 20

	spoolSuffix = ".spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errNoHeader = errors.New("vod: the spool file has no whole header")

// header is all that is known of a segment before its parts. The blob's key is in it, so that an upload that is done
// again replaces the first one.
type header struct {
	Version                       int
	Shop, Source, Rendition, Life string
	Number, InitNumber            int64
	Generation                    int
	Anchor                        mediatime.Anchor
	Video, Audio                  bool
	Codecs                        string
	Width, Height                 int
	Init                          []byte
	Discontinuity, Independent    bool
	DateMicros                    int64
	From                          mediatime.Time
	Key                           string
}

const headerVersion = 1

// spoolFile is a segment that is being written.
type spoolFile struct {
	file  *os.File
	path  string
	bytes int64 // on disk, whole records only
	parts int
}

func createSpool(path string, h header) (*spoolFile, error) {
	body, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("write a spool header: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a spool file: %w", err)
	}
	s := &spoolFile{file: f, path: path}
	if err := s.record(recordHeader, body); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return s, nil
}

func (s *spoolFile) add(p *hls.Part) error {
	var d [partHeadBytes]byte
	binary.BigEndian.PutUint64(d[:], uint64(p.Duration.Microseconds()))
	if err := s.record(recordPart, d[:], p.Data); err != nil {
		return err
	}
	s.parts++
	return nil
}

// record appends one, whole or not at all as far as the file is still ours to cut.
func (s *spoolFile) record(kind byte, body ...[]byte) error {
	size, sum := 0, uint32(0)
	for _, b := range body {
		size += len(b)
		sum = crc32.Update(sum, castagnoli, b)
	}
	head := [recordHeadBytes]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(size))
	binary.BigEndian.PutUint32(head[5:], sum)
	for _, b := range append([][]byte{head[:]}, body...) {
		if _, err := s.file.Write(b); err != nil {
			return errors.Join(fmt.Errorf("write to the spool: %w", err), s.file.Truncate(s.bytes))
		}
	}
	s.bytes += int64(recordHeadBytes + size)
	return nil
}

// spooled is a segment as its file has it.
type spooled struct {
	header   header
	duration time.Duration
	pieces   []piece // of the file: the parts' bytes, in order
	bytes    int64   // of the parts
}

type piece struct{ offset, length int64 }

// readSpool reads what stands whole in a spool file. It returns errNoHeader for one that holds nothing to keep.
func readSpool(r io.Reader) (spooled, error) {
	var s spooled
	b := bufio.NewReaderSize(r, 1<<16)
	kind, body, err := readRecord(b)
	if err != nil || kind != recordHeader || json.Unmarshal(body, &s.header) != nil || s.header.Version != headerVersion {
		return s, errNoHeader
	}
	at := int64(recordHeadBytes + len(body))
	for {
		kind, body, err := readRecord(b)
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
		if kind == recordPart && len(body) > partHeadBytes {
			micros := int64(binary.BigEndian.Uint64(body))
			if micros <= 0 || micros > int64(time.Minute/time.Microsecond) {
				return s, nil
			}
			p := piece{at + recordHeadBytes + partHeadBytes, int64(len(body) - partHeadBytes)}
			s.pieces = append(s.pieces, p)
			s.bytes += p.length
			s.duration += time.Duration(micros) * time.Microsecond
		}
		at += int64(recordHeadBytes + len(body))
	}
}

// readRecord returns io.EOF where no whole record follows.
func readRecord(r *bufio.Reader) (kind byte, body []byte, err error) {
	var head [recordHeadBytes]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, endOf(err)
	}
	size, most := int64(binary.BigEndian.Uint32(head[1:])), int64(partBytesMax)
	if head[0] == recordHeader {
		most = headerBytesMax
	}
	if size > most {
		return 0, nil, io.EOF
	}
	// Grown as it is read: a length that is wrong costs nothing.
	body, err = io.ReadAll(io.LimitReader(r, size))
	if err != nil {
		return 0, nil, endOf(err)
	}
	if int64(len(body)) < size || crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(head[5:]) {
		return 0, nil, io.EOF
	}
	return head[0], body, nil
}

func endOf(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// media is the segment's bytes.
func (s spooled) media(f io.ReaderAt) io.Reader {
	readers := make([]io.Reader, len(s.pieces))
	for i, p := range s.pieces {
		readers[i] = io.NewSectionReader(f, p.offset, p.length)
	}
	return io.MultiReader(readers...)
}

func (s spooled) line() Line {
	h := s.header
	return Line{
		Source: h.Source, Rendition: h.Rendition, Life: h.Life, Number: h.Number, Init: h.InitNumber, Discontinuity: h.Discontinuity,
		Independent: h.Independent, Date: time.UnixMicro(h.DateMicros).UTC(), From: h.From, Duration: s.duration, Bytes: s.bytes, Key: h.Key,
	}
}

func (s spooled) init() Init {
	h := s.header
	return Init{
		Source: h.Source, Rendition: h.Rendition, Life: h.Life, Number: h.InitNumber, Generation: h.Generation, Anchor: h.Anchor,
		Video: h.Video, Audio: h.Audio, Codecs: h.Codecs, Width: h.Width, Height: h.Height, Bytes: int64(len(h.Init)), Key: initKey(h),
	}
}

func (h header) video() Video {
	return Video{ID: h.Source, Source: h.Source, Shop: h.Shop, Kind: KindReplay, CreatedAt: time.UnixMicro(h.DateMicros).UTC()}
}

func initKey(h header) string {
	return fmt.Sprintf("v1/%s/%s/%d/%s/i%d-%s", h.Shop, h.Source, h.Generation, h.Rendition, h.InitNumber, h.Life)
}
