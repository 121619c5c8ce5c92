package hls

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// dateRangesPast are listed at most where a broadcast can be wound back.
const dateRangesPast = 1000

// archived is a segment that has left the live list, as the list that goes back further has it. It is immutable.
type archived struct {
	number, sequence int64
	discontinuity    bool
	independent      bool
	init             *Init
	from             mediatime.Time
	duration         time.Duration
	target           int
	text             string // its lines, without EXT-X-MAP
	uri              string // of its init
}

// archive is what came before the live list: text that was rendered once. The rendition's lock guards it; slices of
// its segments may be kept, they never change.
type archive struct {
	segments  []archived
	runs      []run // of segments with the same init
	length    time.Duration
	dependent int // segments that do not begin with a key picture
	target    int // the greatest TARGETDURATION; it never falls
}

// run begins with a segment that has another init than the one before.
type run struct {
	init  *Init
	first int64
}

// add takes a whole segment, the next one.
func (a *archive) add(name, life string, s *Segment) {
	var b strings.Builder
	fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%s,\n%s\n", formatDate(s.Date), seconds(s.Duration), SegmentName(name, life, s.Number))
	if n := len(a.segments); n > 0 && a.segments[n-1].number != s.Number-1 {
		a.cut(s.Number - 1)
	}
	if n := len(a.runs); n == 0 || a.runs[n-1].init != s.Init {
		a.runs = append(a.runs, run{s.Init, s.Number})
	}
	a.segments = append(a.segments, archived{
		number: s.Number, sequence: s.Sequence, discontinuity: s.Discontinuity, independent: s.Independent, init: s.Init, from: s.From,
		duration: s.Duration, target: s.plan.target, text: b.String(), uri: InitName(name, life, s.Init.Number),
	})
	a.length += s.Duration
	a.target = max(a.target, s.plan.target)
	if !s.Independent {
		a.dependent++
	}
}

// cut gives up what is not newer than a segment.
func (a *archive) cut(number int64) {
	n := 0
	for n < len(a.segments) && a.segments[n].number <= number {
		a.length -= a.segments[n].duration
		if !a.segments[n].independent {
			a.dependent--
		}
		n++
	}
	a.segments = a.segments[n:]
	for len(a.runs) > 1 && a.runs[1].first <= number+1 || len(a.runs) == 1 && len(a.segments) == 0 {
		a.runs = a.runs[1:]
	}
}

// trim gives up what is older than the window.
func (a *archive) trim(window time.Duration) {
	for len(a.segments) > 0 && a.length > window {
		a.cut(a.segments[0].number)
	}
}

func (a *archive) has(number int64) bool {
	n := len(a.segments)
	return n > 0 && number >= a.segments[0].number && number <= a.segments[n-1].number
}

// init is the oldest that is needed.
func (a *archive) init() *Init {
	if len(a.segments) == 0 {
		return nil
	}
	return a.segments[0].init
}

// inits lists what the segments need, in order.
func (a *archive) inits() (out []*Init) {
	for _, r := range a.runs {
		out = append(out, r.init)
	}
	return out
}

// textOf renders archived segments.
func textOf(segments []archived) string {
	var b strings.Builder
	b.Grow(160 * len(segments))
	for i := range segments {
		s := &segments[i]
		if s.discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if i == 0 || s.discontinuity || segments[i-1].init != s.init {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%s\"\n", s.uri)
		}
		b.WriteString(s.text)
	}
	return b.String()
}

// write fills a view with the texts of a playlist. Each is put together for the first who asks.
func (r *rendition) write(v *view, p *Playlist, others map[string]*view, dates func(from mediatime.Time, inits []*Init, most int) string) {
	skip := p.skippable()
	whole, rest := p.body(0), ""
	if skip > 0 {
		rest = p.body(skip)
	}
	edge := p.Segments[len(p.Segments)-1]
	end := edge.From + mediatime.Of(edge.Duration)
	head := p.heading(0)
	head.dates = dates(p.Segments[0].From, initsOf(p.Segments), r.config.DateRangesMax)
	skippable := mediatime.Of(skipTargets * p.target())
	list := texts{p: p, head: head, skip: skip, whole: whole, rest: rest, foot: p.foot(reports(others, ""))}
	list.recent, list.removed = r.known.see(head.dates, end, skippable)
	tag := fmt.Sprintf("%s-%s-%d", r.name, r.life, r.version)
	v.forms = map[form]*document{}
	list.into(v, tag, false)
	v.ts = !strings.Contains(v.init.Codecs, "av01")
	var closed []Segment
	for _, s := range p.Segments {
		if s.Closed {
			closed = append(closed, Segment{Number: s.Number, Discontinuity: s.Discontinuity, Date: s.Date, Duration: s.Duration})
		}
	}
	v.forms[form{ts: true}] = newDocument(tag+"-ts", func() string { return tsPlaylist(p, closed) })
	if r.past == nil {
		return
	}
	old := r.archive.segments
	long := list
	long.before = old
	long.foot = p.foot(reports(others, suffixDVR))
	if len(old) > 0 {
		first := old[0]
		long.head.number, long.head.sequence = first.number, first.sequence
		if first.discontinuity {
			long.head.sequence--
		}
		long.head.independent = head.independent && r.archive.dependent == 0
		long.head.dates = dates(first.from, append(r.archive.inits(), initsOf(p.Segments)...), dateRangesPast)
		if skip > 0 {
			long.skip += len(old)
		}
	}
	long.recent, long.removed = r.older.see(long.head.dates, end, skippable)
	long.into(v, tag+suffixDVR, true)
}

// texts is what the forms of one playlist are put together from.
type texts struct {
	p           *Playlist
	head        heading
	before      []archived
	skip        int
	whole, rest string
	foot        string
	recent      string // date ranges that are new
	removed     []string
}

func (t texts) into(v *view, tag string, dvr bool) {
	full := newDocument(tag, func() string { return t.p.head(t.head) + textOf(t.before) + t.whole + t.foot })
	for _, f := range []form{{dvr: dvr}, {dvr: dvr, skip: true}, {dvr: dvr, skip: true, dates: true}} {
		v.forms[f] = full
	}
	if t.skip == 0 {
		return
	}
	v.forms[form{dvr: dvr, skip: true}] = newDocument(tag+"-d", func() string {
		h := t.head
		h.skip = t.skip
		return t.p.head(h) + t.rest + t.foot
	})
	v.forms[form{dvr: dvr, skip: true, dates: true}] = newDocument(tag+"-d2", func() string {
		h := t.head
		h.skip, h.dates, h.removed = t.skip, t.recent, append([]string{}, t.removed...)
		return t.p.head(h) + t.rest + t.foot
	})
}

// reports are the lines about the other renditions. With a suffix they are about those that can be wound back.
func reports(others map[string]*view, suffix string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if v := others[name]; v != nil && (suffix == "" || v.forms[form{dvr: true}] != nil) {
			b.WriteString(v.report(name + suffix))
		}
	}
	return b.String()
}

// dateLog remembers since when a list has its date ranges, so that updates can leave out what clients know.
type dateLog struct {
	listed  map[string]dated // by ID
	removed map[string]mediatime.Time
}

type dated struct {
	tag   string
	since mediatime.Time
}

// see takes the tags of a list that ends at a media time. It returns those that were not there in this form so long
// before, and the IDs that have gone since then.
func (l *dateLog) see(tags string, end, before mediatime.Time) (recent string, removed []string) {
	now := map[string]dated{}
	if l.removed == nil {
		l.removed = map[string]mediatime.Time{}
	}
	var b strings.Builder
	for tag := range strings.Lines(tags) {
		_, id, _ := strings.Cut(tag, `ID="`)
		id, _, _ = strings.Cut(id, `"`)
		d, ok := l.listed[id]
		if !ok || d.tag != tag {
			d = dated{tag: tag, since: end}
		}
		if end-d.since <= before {
			b.WriteString(tag)
		}
		now[id] = d
		delete(l.removed, id)
	}
	for id := range l.listed {
		if _, still := now[id]; !still {
			l.removed[id] = end
		}
	}
	for id, at := range l.removed {
		if end-at > before {
			delete(l.removed, id)
		} else {
			removed = append(removed, id)
		}
	}
	slices.Sort(removed)
	l.listed = now
	return b.String(), removed
}
