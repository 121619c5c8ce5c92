package vod

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// What keeps a range from becoming a file.
var (
	ErrRange   = errors.New("vod: nothing is recorded in this range")
	ErrTooLong = errors.New("vod: the range is longer than a file may be")
)

const (
	rangeMax      = 4 * time.Hour // of one file
	filePartsMax  = 1 << 18       // stretches of bytes that a file is made of
	fileSampleMax = 1 << 21
	segmentMax    = partBytesMax
)

// cut is a file that is not there: a head, and stretches of blobs behind it. Its bytes are the recording's own: nothing
// is decoded. The first picture is the key picture at or before the range, and an edit list begins at its very frame.
type cut struct {
	head   []byte
	pieces []cutPiece // by place
	size   int64
	length time.Duration
	from   mediatime.Time
}

type cutPiece struct {
	at             int64 // in the file
	key            string
	offset, length int64
}

// outTrack is a track of the file that is being put together.
type outTrack struct {
	head    trackHead
	entries [][]byte // distinct sample descriptions
	samples []outSample
	chunks  []outChunk
	// what the edit list says, in ticks of the track
	from, until int64
}

type outSample struct {
	dts            int64 // in the file
	duration, size uint32
	cts            int32
	key            bool
}

type outChunk struct {
	piece   int // in cutter.pieces
	samples int
	entry   int // 1 and up
}

// cutter puts a file together line by line.
type cutter struct {
	ctx         context.Context
	blobs       Blobs
	inits       map[initName]Init
	heads       map[string][]trackHead // by the key of an init
	from, until mediatime.Time

	video, sound *outTrack
	pieces       []cutPiece
	zeros        map[zeroName]float64 // media time of tick 0, microseconds
	shift        float64              // from media time to the file's, microseconds
	before       *Line                // of the pictures
	end          float64              // of what is in the file, microseconds
	begun        bool
}

type zeroName struct {
	life, rendition string
	init            int64
	video           bool
}

// newCut makes the file of a range. rendition names the pictures.
func newCut(ctx context.Context, blobs Blobs, inits []Init, lines []Line, rendition string, from, until mediatime.Time, mark []byte) (*cut, error) {
	pictures := timeline(rendition, lines)
	if n := len(pictures); n > 0 && (until <= 0 || until > pictures[n-1].Until()) {
		until = pictures[n-1].Until()
	}
	if len(pictures) > 0 && from < pictures[0].From {
		from = pictures[0].From
	}
	if len(pictures) == 0 || from >= until {
		return nil, ErrRange
	}
	if (until - from).Duration() > rangeMax {
		return nil, ErrTooLong
	}
	// A range that begins in a gap begins after it.
	for _, l := range pictures {
		if l.Until() > from {
			from = max(from, l.From)
			break
		}
	}
	if from >= until {
		return nil, ErrRange
	}
	c := &cutter{ctx: ctx, blobs: blobs, inits: map[initName]Init{}, heads: map[string][]trackHead{}, from: from, until: until, zeros: map[zeroName]float64{}}
	muxed := true
	for _, i := range inits {
		if i.Rendition == rendition || i.Rendition == nameAudio {
			c.inits[initName{i.Rendition + "/" + i.Life, i.Number}] = i
			muxed = muxed && (i.Rendition != rendition || i.Audio || !slices.ContainsFunc(inits, func(o Init) bool { return o.Rendition == nameAudio }))
		}
	}
	all := within(pictures, from, until)
	if !muxed {
		all = append(all, within(timeline(nameAudio, lines), from, until)...)
		slices.SortStableFunc(all, func(a, b Line) int { return cmp.Compare(a.From, b.From) })
	}
	for _, l := range all {
		if err := c.add(l, l.Rendition == rendition); err != nil {
			return nil, err
		}
	}
	if c.video == nil || len(c.video.samples) == 0 {
		return nil, ErrRange
	}
	return c.finish(mark), nil
}

// within keeps the lines of a range, from the last one before it that begins with a key picture.
func within(lines []Line, from, until mediatime.Time) (out []Line) {
	start := 0
	for i, l := range lines {
		if l.From <= from && (l.Independent || l.Discontinuity) {
			start = i
		}
	}
	for _, l := range lines[start:] {
		if l.From < until {
			out = append(out, l)
		}
	}
	return out
}

func (c *cutter) add(l Line, pictures bool) error {
	init, ok := c.inits[initName{l.Rendition + "/" + l.Life, l.Init}]
	if !ok {
		return nil
	}
	heads := c.heads[init.Key]
	if heads == nil {
		b, err := c.read(init.Key, init.Bytes)
		if err != nil {
			return err
		}
		if heads, err = readHeads(b); err != nil {
			return err
		}
		c.heads[init.Key] = heads
	}
	segment, err := c.read(l.Key, l.Bytes)
	if err != nil {
		return err
	}
	runs, err := readFragments(segment)
	if err != nil {
		return err
	}
	if pictures {
		c.join(l)
	}
	for _, run := range runs {
		i := slices.IndexFunc(heads, func(h trackHead) bool { return h.id == run.track })
		if i < 0 || heads[i].video != pictures && heads[i].video {
			continue
		}
		if err := c.run(l, run, heads[i], runs, heads); err != nil {
			return err
		}
	}
	return nil
}

func (c *cutter) read(key string, size int64) ([]byte, error) {
	if size > segmentMax {
		return nil, errFragment
	}
	r, err := c.blobs.Range(c.ctx, key, 0, size)
	if err != nil {
		return nil, fmt.Errorf("read a segment: %w", err)
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, size))
}

// join moves what follows a gap to the end of what is there.
func (c *cutter) join(l Line) {
	if c.before != nil && l.Discontinuity {
		if gap := float64(l.From) + c.shift - c.end; gap > 0 {
			c.shift -= gap
		}
	}
	c.before = &l
}

// zero is the media time of tick 0 of a run's timeline: that of the line's smallest presentation time, less the ticks
// up to there. It is kept for a life and an init, so that the ticks of the file are exact.
func (c *cutter) zero(l Line, runs []fragment, heads []trackHead) float64 {
	name := zeroName{l.Life, l.Rendition, l.Init, true}
	first := 0.0
	found := false
	for _, r := range runs {
		i := slices.IndexFunc(heads, func(h trackHead) bool { return h.id == r.track })
		if i < 0 {
			continue
		}
		at := int64(r.base)
		for _, s := range r.samples {
			if pts := float64(at+int64(s.cts)) * 1e6 / float64(heads[i].scale); !found || pts < first {
				first, found = pts, true
			}
			at += int64(s.duration)
		}
	}
	now := float64(l.From) - first
	if kept, ok := c.zeros[name]; ok && kept-now < 2000 && now-kept < 2000 {
		return kept
	}
	c.zeros[name] = now
	return now
}

// run takes the samples of a run that lie in the range.
func (c *cutter) run(l Line, run fragment, head trackHead, runs []fragment, heads []trackHead) error {
	zero := c.zero(l, runs, heads)
	t := c.track(head)
	scale := float64(t.head.scale)
	toFile := func(ticks int64) float64 { return zero + float64(ticks)*1e6/float64(head.scale) + c.shift }
	at, offset := int64(run.base), run.offset
	taken, bytes, start := 0, int64(0), int64(0)
	for _, s := range run.samples {
		media := zero + float64(at)*1e6/float64(head.scale)
		if c.wanted(t, s, media) {
			if taken == 0 {
				start = offset
			}
			t.samples = append(t.samples, outSample{
				dts: int64(toFile(at)*scale/1e6 + 0.5), duration: uint32(float64(s.duration)*scale/float64(head.scale) + 0.5), size: s.size,
				cts: int32(float64(s.cts) * scale / float64(head.scale)), key: s.key,
			})
			taken++
			bytes += int64(s.size)
			c.end = max(c.end, toFile(at+int64(s.duration)))
		} else if taken > 0 {
			break
		}
		at, offset = at+int64(s.duration), offset+int64(s.size)
	}
	if taken == 0 {
		return nil
	}
	t.chunks = append(t.chunks, outChunk{piece: len(c.pieces), samples: taken, entry: t.entry(head.entries)})
	c.pieces = append(c.pieces, cutPiece{key: l.Key, offset: start, length: bytes})
	if len(c.pieces) > filePartsMax || len(t.samples) > fileSampleMax {
		return ErrTooLong
	}
	return nil
}

// wanted tells whether a sample is in the file. What was taken of the pictures before the range's own key picture is
// thrown away when that one comes.
func (c *cutter) wanted(t *outTrack, s sample, media float64) bool {
	if media >= float64(c.until) {
		return false
	}
	if !t.head.video {
		return media+float64(s.duration)*1e6/float64(t.head.scale) > float64(c.from)
	}
	if s.key && media <= float64(c.from) && !c.begun {
		c.drop(t)
	}
	if media > float64(c.from) {
		c.begun = true
	}
	return len(t.samples) > 0 || s.key
}

// drop forgets pictures that a later key picture makes needless.
func (c *cutter) drop(t *outTrack) {
	for _, chunk := range t.chunks {
		c.pieces[chunk.piece].length = 0
	}
	t.samples, t.chunks = nil, nil
}

func (c *cutter) track(head trackHead) *outTrack {
	place := &c.sound
	if head.video {
		place = &c.video
	}
	if *place == nil {
		*place = &outTrack{head: head}
	}
	return *place
}

func (t *outTrack) entry(description []byte) int {
	for i, e := range t.entries {
		if bytes.Equal(e, description) {
			return i + 1
		}
	}
	t.entries = append(t.entries, description)
	return len(t.entries)
}

// finish lays everything out.
func (c *cutter) finish(mark []byte) *cut {
	out := &cut{}
	tracks := []*outTrack{c.video}
	if c.sound != nil && len(c.sound.samples) > 0 {
		tracks = append(tracks, c.sound)
	}
	// The file's time 0 is the first sample's; samples last until the next one begins.
	begin := float64(c.from)
	end := min(c.end, float64(c.until)+c.shift)
	for _, t := range tracks {
		base := t.samples[0].dts
		scale := float64(t.head.scale)
		for i := range t.samples {
			s := &t.samples[i]
			if i+1 < len(t.samples) {
				s.duration = uint32(max(t.samples[i+1].dts-s.dts, 0))
			}
		}
		t.from = int64(begin*scale/1e6+0.5) - base
		t.until = int64(end*scale/1e6+0.5) - base
	}
	out.length, out.from = time.Duration(end-begin)*time.Microsecond, c.from
	layout := func(start int64) {
		at := start
		out.pieces = out.pieces[:0]
		for i := range c.pieces {
			c.pieces[i].at = at
			at += c.pieces[i].length
			out.add(c.pieces[i])
		}
		out.size = at
	}
	layout(0)
	bytesOfMedia := out.size
	head := fileHead(tracks, c.pieces, out.length, bytesOfMedia, mark)
	layout(int64(len(head)))
	out.head = fileHead(tracks, c.pieces, out.length, bytesOfMedia, mark)
	return out
}

// add takes a piece. One that follows the one before in the same blob is read together with it.
func (c *cut) add(p cutPiece) {
	if p.length == 0 {
		return
	}
	if n := len(c.pieces); n > 0 {
		if last := &c.pieces[n-1]; last.key == p.key && last.offset+last.length == p.offset {
			last.length += p.length
			return
		}
	}
	c.pieces = append(c.pieces, p)
}

// cutReader reads a cut as http.ServeContent wants it.
type cutReader struct {
	ctx   context.Context // of the one request that it serves
	blobs Blobs
	cut   *cut
	at    int64

	body    io.ReadCloser // of a piece, nil until something is read
	bodyEnd int64
}

func (r *cutReader) Close() {
	if r.body != nil {
		_ = r.body.Close() // nothing was written
		r.body = nil
	}
}

func (r *cutReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.cut.size
	}
	if offset < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	if offset != r.at {
		r.Close()
	}
	r.at = offset
	return offset, nil
}

func (r *cutReader) Read(p []byte) (int, error) {
	if r.at >= r.cut.size {
		return 0, io.EOF
	}
	if r.at < int64(len(r.cut.head)) {
		n := copy(p, r.cut.head[r.at:])
		r.at += int64(n)
		return n, nil
	}
	if r.body == nil || r.at >= r.bodyEnd {
		r.Close()
		i, found := slices.BinarySearchFunc(r.cut.pieces, r.at, func(p cutPiece, at int64) int { return cmp.Compare(p.at, at) })
		if !found {
			i--
		}
		piece := r.cut.pieces[i]
		skip := r.at - piece.at
		body, err := r.blobs.Range(r.ctx, piece.key, piece.offset+skip, piece.length-skip)
		if err != nil {
			return 0, err
		}
		r.body, r.bodyEnd = body, piece.at+piece.length
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.bodyEnd-r.at)])
	r.at += int64(n)
	if errors.Is(err, io.EOF) && n > 0 || r.at == r.bodyEnd {
		err = nil
	} else if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func readerOf(b []byte) io.Reader { return bytes.NewReader(b) }

func uuidOf(b []byte) string {
	b = slices.Clone(b[:16])
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8, its own making
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
