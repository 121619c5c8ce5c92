package hls

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"

	"github.com/hawkerlive/hawker/streaming"
)

// Players of old take segments of MPEG-TS. They are made of the ones in memory when somebody asks, once for everybody.
const (
	tsFolder  = "ts"
	typeTS    = "video/mp2t"
	tsKept    = 12 // segments, per broadcast
	tsPacket  = 188
	tsStamp   = 1<<33 - 1
	tsVersion = 3
	tsTicks   = streaming.VideoClockRate
)

var errNoTS = errors.New("hls: this codec is not for MPEG-TS")

// tsShelf keeps the segments that were asked for.
type tsShelf struct {
	mu   sync.Mutex
	kept []*tsSegment
}

type tsSegment struct {
	life   string
	number int64

	once sync.Once
	data []byte
	next map[int]byte // continuity counters after it, by PID
	err  error
}

// find returns the place of a segment, and of the one before it where that is kept.
func (s *tsShelf) find(life string, number int64) (one, before *tsSegment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		switch {
		case k.life == life && k.number == number:
			one = k
		case k.life == life && k.number == number-1:
			before = k
		}
	}
	if one == nil {
		one = &tsSegment{life: life, number: number}
		if len(s.kept) >= tsKept {
			s.kept = append(s.kept[:0:0], s.kept[1:]...)
		}
		s.kept = append(s.kept, one)
	}
	return one, before
}

// tsSegment returns a whole segment of the publisher's own picture as MPEG-TS. It reports false for one that is not in
// memory.
func (p *packager) tsSegment(number int64) ([]byte, bool, error) {
	init, chunks, ok := p.main.whole(number)
	if !ok {
		return nil, false, nil
	}
	one, before := p.ts.find(p.main.life, number)
	one.once.Do(func() {
		var m tsMux
		one.err = m.load(init, chunks)
		if r := p.lines.find(renditionAudio); one.err == nil && r != nil {
			if init, chunks, ok := r.whole(number); ok {
				one.err = m.load(init, chunks)
			}
		}
		if one.err == nil {
			one.data, one.err = m.write()
		}
		var next map[int]byte
		if before != nil && before.data != nil {
			next = before.next
		}
		one.next = continued(one.data, next)
	})
	return one.data, true, one.err
}

// whole returns a whole segment that is in memory.
func (r *rendition) whole(number int64) (*Init, [][]byte, bool) {
	chunks, _, ok := r.content(fileSegment, number)
	if !ok {
		return nil, nil, false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.segments {
		if s.Number == number {
			return s.Init, chunks, true
		}
	}
	return nil, nil, false
}

// tsMux turns fragmented MP4 into MPEG-TS.
type tsMux struct {
	tracks []*tsTrack
}

type tsTrack struct {
	out   *mpegts.Track
	scale int64
	queue []tsUnit
}

type tsUnit struct {
	dts, pts int64
	payload  []byte
}

func (m *tsMux) load(init *Init, chunks [][]byte) error {
	var file fmp4.Init
	if err := file.Unmarshal(bytes.NewReader(init.Data)); err != nil {
		return fmt.Errorf("read an init segment: %w", err)
	}
	byID := map[int]*tsTrack{}
	for _, t := range file.Tracks {
		out, err := tsTrackOf(t.Codec)
		if err != nil {
			return err
		}
		byID[t.ID] = &tsTrack{out: out, scale: int64(t.TimeScale)}
		m.tracks = append(m.tracks, byID[t.ID])
	}
	for _, chunk := range chunks {
		var parts fmp4.Parts
		if err := parts.Unmarshal(chunk); err != nil {
			return fmt.Errorf("read a part: %w", err)
		}
		for _, part := range parts {
			for _, t := range part.Tracks {
				if to := byID[t.ID]; to != nil {
					to.add(t)
				}
			}
		}
	}
	return nil
}

func (t *tsTrack) add(part *fmp4.PartTrack) {
	at := int64(part.BaseTime)
	for _, s := range part.Samples {
		t.queue = append(t.queue, tsUnit{dts: at * tsTicks / t.scale, pts: (at + int64(s.PTSOffset)) * tsTicks / t.scale, payload: s.Payload})
		at += int64(s.Duration)
	}
}

func tsTrackOf(c codecs.Codec) (*mpegts.Track, error) {
	switch c := c.(type) {
	case *codecs.H264:
		return &mpegts.Track{Codec: &tscodecs.H264{}}, nil
	case *codecs.H265:
		return &mpegts.Track{Codec: &tscodecs.H265{}}, nil
	case *codecs.MPEG4Audio:
		return &mpegts.Track{Codec: &tscodecs.MPEG4Audio{Config: c.Config}}, nil
	case *codecs.Opus:
		return &mpegts.Track{Codec: &tscodecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: uint8(c.ChannelCount)}}}, nil
	}
	return nil, errNoTS
}

// write interleaves the tracks by decode time.
func (m *tsMux) write() ([]byte, error) {
	var b bytes.Buffer
	w := &mpegts.Writer{W: &b}
	for _, t := range m.tracks {
		w.Tracks = append(w.Tracks, t.out)
	}
	if err := w.Initialize(); err != nil {
		return nil, fmt.Errorf("begin MPEG-TS: %w", err)
	}
	if _, err := w.WriteTables(); err != nil {
		return nil, fmt.Errorf("write tables: %w", err)
	}
	for {
		var first *tsTrack
		for _, t := range m.tracks {
			if len(t.queue) > 0 && (first == nil || t.queue[0].dts < first.queue[0].dts) {
				first = t
			}
		}
		if first == nil {
			return b.Bytes(), nil
		}
		u := first.queue[0]
		first.queue = first.queue[1:]
		if err := u.write(w, first.out); err != nil {
			return nil, fmt.Errorf("write MPEG-TS: %w", err)
		}
	}
}

func (u tsUnit) write(w *mpegts.Writer, t *mpegts.Track) error {
	pts, dts := u.pts&tsStamp, u.dts&tsStamp
	switch t.Codec.(type) {
	case *tscodecs.MPEG4Audio:
		return w.WriteMPEG4Audio(t, pts, [][]byte{u.payload})
	case *tscodecs.Opus:
		return w.WriteOpus(t, pts, [][]byte{u.payload})
	}
	var au h264.AVCC // the same layout for H.265
	if err := au.Unmarshal(u.payload); err != nil {
		return err
	}
	if _, ok := t.Codec.(*tscodecs.H265); ok {
		return w.WriteH265(t, pts, dts, au)
	}
	return w.WriteH264(t, pts, dts, au)
}

// continued lets the continuity counters go on from an earlier segment's, and returns those after this one.
func continued(data []byte, from map[int]byte) map[int]byte {
	next := map[int]byte{}
	for at := 0; at+tsPacket <= len(data); at += tsPacket {
		pid := int(data[at+1]&0x1f)<<8 | int(data[at+2])
		counter, seen := next[pid]
		if !seen {
			counter = from[pid]
		}
		if data[at+3]&0x10 == 0 { // no payload: the counter stands
			counter = (counter - 1) & 0x0f
		}
		data[at+3] = data[at+3]&0xf0 | counter&0x0f
		next[pid] = (counter + 1) & 0x0f
	}
	return next
}

// tsPlaylist lists whole segments for players that know no parts.
func tsPlaylist(p *Playlist, segments []Segment) string {
	var b strings.Builder
	h := p.heading(0)
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n",
		tsVersion, p.Target, h.number, h.sequence)
	for i := range segments {
		s := &segments[i]
		if s.Discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%s,\n%s_%d.ts\n", formatDate(s.Date), seconds(s.Duration), p.Life, s.Number)
	}
	if p.Ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.String()
}

// ts answers for the playlist and the segments of players of old.
func (s *Server) tsAnswer(p *packager, t target) answer {
	if t.kind == fileTSPlaylist {
		v := p.main.now.Load()
		if !v.ts {
			return answer{problem: problemUnplayable}
		}
		return answer{contentType: typePlaylist, cache: cacheShort, document: v.forms[form{ts: true}]}
	}
	if t.life != p.main.life {
		return answer{problem: problemGone}
	}
	data, ok, err := p.tsSegment(t.number)
	switch {
	case !ok:
		return answer{problem: problemGone}
	case err != nil:
		s.logger().Warn("a segment was not made into MPEG-TS", "broadcast", t.broadcast, "err", err)
		return answer{problem: problemUnplayable}
	}
	return answer{
		contentType: typeTS, cache: cacheImmutable, chunks: [][]byte{data}, etag: "ts-" + t.life + "-" + itoa(t.number),
	}
}
