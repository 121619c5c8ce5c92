package hlstest

import (
	"bytes"
	"fmt"
	"math"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

const (
	videoID = 1
	audioID = 2
)

// media judges the files that playlists name.
type media struct {
	get     func(uri string) ([]byte, error)
	varying bool
	keyless bool

	inits  map[string]*fmp4.Init
	files  map[string][]byte // parts, by URI
	whole  map[string]bool   // segments that were compared with their parts
	domain *domain
	judged map[string]bool // parts
}

// domain is a stretch between discontinuities.
type domain struct {
	number  int64
	elapsed float64 // listed length of its parts so far
	origin  float64 // presentation time of its beginning
	shift   float64 // what presentation is later than decoding
	date    time.Time
	from    float64 // presentation time that has the date
	ends    map[int]uint64
}

func newMedia(get func(string) ([]byte, error), varying bool) *media {
	return &media{
		get: get, varying: varying, inits: map[string]*fmp4.Init{}, files: map[string][]byte{},
		whole: map[string]bool{}, judged: map[string]bool{},
	}
}

func (m *media) judge(p *Playlist) (errs []error) {
	for _, s := range p.Segments {
		init, err := m.init(s.Map)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for i, part := range s.Parts {
			if !m.judged[part.URI] {
				m.judged[part.URI] = true
				if err := m.part(p, s, i, init); err != nil {
					errs = append(errs, fmt.Errorf("segment %d, part %s: %w", s.Number, part.URI, err))
				}
			}
		}
		if s.URI != "" && len(s.Parts) > 0 && !m.whole[s.URI] {
			m.whole[s.URI] = true
			errs = append(errs, m.segment(s)...)
		}
	}
	return errs
}

// init reads an init segment: pictures are track 1, sound is track 2.
func (m *media) init(uri string) (*fmp4.Init, error) {
	if i := m.inits[uri]; i != nil {
		return i, nil
	}
	b, err := m.get(uri)
	if err != nil {
		return nil, fmt.Errorf("init segment %s: %w", uri, err)
	}
	var i fmp4.Init
	if err := i.Unmarshal(bytes.NewReader(b)); err != nil {
		return nil, fmt.Errorf("init segment %s: %w", uri, err)
	}
	for n, t := range i.Tracks {
		want := audioID
		if t.Codec.IsVideo() {
			want = videoID
		}
		if t.ID != want || (want == videoID && n != 0) {
			return nil, fmt.Errorf("init segment %s: track %d in place %d", uri, t.ID, n)
		}
	}
	m.inits[uri] = &i
	return &i, nil
}

func (m *media) segment(s Segment) (errs []error) {
	b, err := m.get(s.URI)
	if err != nil {
		return []error{fmt.Errorf("segment %d: %w", s.Number, err)}
	}
	var joined []byte
	for _, part := range s.Parts {
		joined = append(joined, m.files[part.URI]...)
		delete(m.files, part.URI)
	}
	if !bytes.Equal(b, joined) {
		errs = append(errs, fmt.Errorf("segment %d is not its parts in a row", s.Number))
	}
	return errs
}

// spread is a track's samples in a part.
type spread struct {
	first, last, smallest float64 // first decode time, end, smallest presentation time
	syncs                 int
	syncFirst             bool
}

func spreadOf(t *fmp4.PartTrack, scale uint32) (spread, uint64) {
	at := t.BaseTime
	s := spread{first: float64(at) / float64(scale), smallest: math.Inf(1)}
	for i, sample := range t.Samples {
		s.smallest = math.Min(s.smallest, (float64(at)+float64(sample.PTSOffset))/float64(scale))
		if !sample.IsNonSyncSample {
			s.syncs++
			s.syncFirst = s.syncFirst || i == 0
		}
		at += uint64(sample.Duration)
	}
	s.last = float64(at) / float64(scale)
	return s, at
}

func (m *media) part(p *Playlist, s Segment, index int, init *fmp4.Init) error {
	listed := s.Parts[index]
	b, err := m.get(listed.URI)
	if err != nil {
		return err
	}
	m.files[listed.URI] = b
	var files fmp4.Parts
	if err := files.Unmarshal(b); err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("%d fragments", len(files))
	}
	fresh := m.domain == nil || m.domain.number != s.Domain
	if fresh {
		if index != 0 {
			return fmt.Errorf("a discontinuity within a segment")
		}
		m.domain = &domain{number: s.Domain, ends: map[int]uint64{}}
	}
	spreads := map[int]spread{}
	for i, t := range files[0].Tracks {
		var scale uint32
		for _, it := range init.Tracks {
			if it.ID == t.ID {
				scale = it.TimeScale
			}
		}
		if scale == 0 || len(t.Samples) == 0 || (t.ID == videoID && i != 0) {
			return fmt.Errorf("track %d in place %d with %d samples", t.ID, i, len(t.Samples))
		}
		sp, end := spreadOf(t, scale)
		if was, ok := m.domain.ends[t.ID]; ok && was != t.BaseTime {
			return fmt.Errorf("track %d goes on at %d, it ended at %d", t.ID, t.BaseTime, was)
		}
		m.domain.ends[t.ID] = end
		spreads[t.ID] = sp
	}
	return m.place(s, index, init, spreads, fresh)
}

// place judges where a part's samples lie against where the playlist says that it lies.
func (m *media) place(s Segment, index int, init *fmp4.Init, spreads map[int]spread, fresh bool) error {
	d, listed := m.domain, s.Parts[index]
	video, hasVideo := spreads[videoID]
	audio, hasAudio := spreads[audioID]
	wantVideo, wantAudio := false, false
	for _, t := range init.Tracks {
		wantVideo = wantVideo || t.ID == videoID
		wantAudio = wantAudio || t.ID == audioID
	}
	if fresh {
		switch {
		case hasVideo && !m.keyless && (!video.syncFirst || !listed.Independent):
			return fmt.Errorf("a discontinuity does not begin with a key picture")
		case hasVideo:
			d.origin, d.shift = video.smallest, video.smallest-video.first
		default:
			d.origin = audio.first
		}
	}
	from, to := d.origin+d.elapsed, d.origin+d.elapsed+listed.Duration
	d.elapsed += listed.Duration
	if index == 0 {
		start := from
		if hasVideo && math.Abs(video.first+d.shift-from) <= exact {
			start = video.smallest
		}
		if fresh {
			d.date, d.from = s.Date, start
		} else if off := s.Date.Sub(d.date).Seconds() - (start - d.from); math.Abs(off) > rounding {
			return fmt.Errorf("the segment's date is %v s off", off)
		}
	}
	if wantVideo && !hasVideo && !m.varying {
		return fmt.Errorf("no picture")
	}
	if hasVideo {
		stands := video.first+d.shift-from > rounding // a picture of the part before
		if listed.Independent != (video.syncs > 0 && !stands) {
			return fmt.Errorf("INDEPENDENT is %v, it has %d key pictures", listed.Independent, video.syncs)
		}
		if off := video.first + d.shift - from; off < -rounding || (off > rounding && !m.varying) {
			return fmt.Errorf("pictures begin %v s after the part", off)
		}
		if off := video.last + d.shift - to; off < -rounding || (off > rounding && !m.varying) {
			return fmt.Errorf("pictures end %v s after the part", off)
		}
	}
	if wantAudio && !hasAudio {
		return fmt.Errorf("no sound")
	}
	if hasAudio {
		if hasVideo && listed.Independent && video.syncFirst && audio.first < video.smallest-1e-4 {
			return fmt.Errorf("sound begins %v s before the first picture", video.smallest-audio.first)
		}
		if audio.first < from-rounding || audio.first > to {
			return fmt.Errorf("sound begins %v s after the part, which is %v s long", audio.first-from, listed.Duration)
		}
		if audio.last < to-rounding {
			return fmt.Errorf("sound ends %v s before the part does", to-audio.last)
		}
	}
	return nil
}
