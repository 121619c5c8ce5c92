package hls

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Multiples of TARGETDURATION and PART-TARGET (draft-pantos-hls-rfc8216bis, 4.4.3.8 and appendix B).
const (
	holdBackTargets     = 3
	partHoldBackTargets = 3
	skipTargets         = 6
	partsListedTargets  = 3
)

// Playlist is the text of a media playlist: a list of segments and what is said about them as a whole. Live lists
// name parts and the part to come; a recording's list has Ended and no parts.
type Playlist struct {
	Name       string // of the rendition: the first part of every URI
	Life       string // of the packager: the second one
	Target     int    // TARGETDURATION, seconds
	PartTarget time.Duration
	Segments   []*Segment // the last one may be unfinished
	DateRanges string     // rendered tags
	Reports    string     // rendered EXT-X-RENDITION-REPORT tags
	NextPart   int64      // number of the part to come
	Ended      bool
	Whole      bool // from the first segment to the last: EXT-X-PLAYLIST-TYPE:VOD
}

// Targets sets TARGETDURATION and PART-TARGET to what holds for everything listed, and remembers whose parts are not.
func (p *Playlist) Targets() {
	for _, s := range p.Segments {
		p.Target = max(p.Target, s.plan.target)
		if s.Closed {
			p.Target = max(p.Target, int(math.Round(s.Duration.Seconds())))
		}
	}
	end := p.length()
	var at time.Duration
	for _, s := range p.Segments {
		at += s.Duration
		if !p.listsParts(s, end-at) {
			s.bare = true
			continue
		}
		p.PartTarget = max(p.PartTarget, s.plan.part)
		for _, part := range s.Parts {
			p.PartTarget = max(p.PartTarget, part.Duration)
		}
	}
}

func (p *Playlist) length() (d time.Duration) {
	for _, s := range p.Segments {
		d += s.Duration
	}
	return d
}

// listsParts tells whether a segment's parts are listed, by how long before the list's end it ends.
func (p *Playlist) listsParts(s *Segment, before time.Duration) bool {
	return !p.Ended && !s.bare && (!s.Closed || before < partsListedTargets*p.target())
}

func (p *Playlist) target() time.Duration { return time.Duration(p.Target) * time.Second }

// skippable is the number of segments that a delta update leaves out.
func (p *Playlist) skippable() (n int) {
	before := p.length()
	for _, s := range p.Segments {
		before -= s.Duration
		if !s.Closed || before < skipTargets*p.target() {
			break
		}
		n++
	}
	return n
}

// Text renders the list without its first skip segments.
func (p *Playlist) Text(skip int) string {
	return p.head(p.heading(skip)) + p.body(skip) + p.foot(p.Reports)
}

// heading is what a list says before its segments.
type heading struct {
	number, sequence int64 // of the first segment
	independent      bool
	skip             int
	removed          []string // IDs of date ranges, for an update that leaves known ones out; nil for other texts
	dates            string
}

func (p *Playlist) heading(skip int) heading {
	h := heading{independent: true, skip: skip, dates: p.DateRanges}
	for _, s := range p.Segments {
		h.independent = h.independent && s.Independent
	}
	if len(p.Segments) > 0 {
		first := p.Segments[0]
		h.number, h.sequence = first.Number, first.Sequence
		if first.Discontinuity {
			h.sequence--
		}
	}
	return h
}

func (p *Playlist) body(skip int) string {
	var b strings.Builder
	b.Grow(160 * len(p.Segments))
	end := p.length()
	var at time.Duration
	for i, s := range p.Segments {
		at += s.Duration
		if i >= skip {
			p.segment(&b, s, i == skip || p.Segments[i-1].Init != s.Init, end-at)
		}
	}
	return b.String()
}

func (p *Playlist) foot(reports string) string {
	if p.Ended {
		return "#EXT-X-ENDLIST\n"
	}
	return fmt.Sprintf("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s\"\n", partName(p.Name, p.Life, p.NextPart)) + reports
}

func (p *Playlist) head(h heading) string {
	var b strings.Builder
	version := 9
	if h.removed != nil {
		version = 10
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:%d\n", version)
	if h.independent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	fmt.Fprintf(&b, "#EXT-X-TARGETDURATION:%d\n", p.Target)
	if p.Whole {
		b.WriteString("#EXT-X-PLAYLIST-TYPE:VOD\n")
	}
	if !p.Ended {
		fmt.Fprintf(&b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%d.0,CAN-SKIP-DATERANGES=YES,HOLD-BACK=%d.0,PART-HOLD-BACK=%s\n",
			skipTargets*p.Target, holdBackTargets*p.Target, seconds(partHoldBackTargets*p.PartTarget))
		fmt.Fprintf(&b, "#EXT-X-PART-INF:PART-TARGET=%s\n", seconds(p.PartTarget))
	}
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", h.number, h.sequence)
	if h.skip > 0 {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d", h.skip)
		if len(h.removed) > 0 {
			fmt.Fprintf(&b, ",RECENTLY-REMOVED-DATERANGES=\"%s\"", strings.Join(h.removed, "\t"))
		}
		b.WriteByte('\n')
	}
	b.WriteString(h.dates)
	return b.String()
}

func (p *Playlist) segment(b *strings.Builder, s *Segment, mapped bool, before time.Duration) {
	life := p.Life
	if s.Life != "" {
		life = s.Life
	}
	if s.Discontinuity {
		b.WriteString("#EXT-X-DISCONTINUITY\n")
	}
	if mapped || s.Discontinuity {
		fmt.Fprintf(b, "#EXT-X-MAP:URI=\"%s\"\n", InitName(p.Name, life, s.Init.Number))
	}
	fmt.Fprintf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", formatDate(s.Date))
	if p.listsParts(s, before) {
		for _, part := range s.Parts {
			fmt.Fprintf(b, "#EXT-X-PART:DURATION=%s,URI=\"%s\"", seconds(part.Duration), partName(p.Name, life, part.Number))
			if part.Independent {
				b.WriteString(",INDEPENDENT=YES")
			}
			b.WriteByte('\n')
		}
	}
	if s.Closed {
		fmt.Fprintf(b, "#EXTINF:%s,\n%s\n", seconds(s.Duration), SegmentName(p.Name, life, s.Number))
	}
}

// seconds writes a duration of whole microseconds exactly.
func seconds(d time.Duration) string {
	us := d.Microseconds()
	return fmt.Sprintf("%d.%06d", us/1_000_000, us%1_000_000)
}

// Names of what a playlist links to, relative to it. A packager's life is in them, so that a name never stands for
// two things; parts are numbered through, so that the name of the part to come is known before its segment is.

// InitName is an init segment's.
func InitName(name, life string, n int64) string { return fmt.Sprintf("%s_%s_i%d.mp4", name, life, n) }

// SegmentName is a segment's.
func SegmentName(name, life string, n int64) string {
	return fmt.Sprintf("%s_%s_%d.m4s", name, life, n)
}

func partName(name, life string, n int64) string { return fmt.Sprintf("%s_%s_p%d.m4s", name, life, n) }
