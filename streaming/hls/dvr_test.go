package hls

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Updates leave out date ranges that every client has, and name those that have gone.
func TestDateRangesAreSkippedWhenTheyAreKnown(t *testing.T) {
	t.Parallel()
	tag := func(id string) string { return fmt.Sprintf("#EXT-X-DATERANGE:ID=\"%s\"\n", id) }
	var l dateLog
	const before = mediatime.Time(12)
	for _, c := range []struct {
		end     mediatime.Time
		tags    string
		recent  string
		removed string
	}{
		{0, tag("a"), tag("a"), ""},
		{5, tag("a") + tag("b"), tag("a") + tag("b"), ""},
		{13, tag("a") + tag("b"), tag("b"), ""},
		{18, tag("a") + tag("b"), "", ""},
		{19, strings.Replace(tag("a"), "\n", ",END\n", 1) + tag("b"), strings.Replace(tag("a"), "\n", ",END\n", 1), ""},
		{20, tag("b"), "", "a"},
		{32, tag("b"), "", "a"},
		{33, tag("b"), "", ""},
		{34, tag("a") + tag("b"), tag("a"), ""},
	} {
		recent, removed := l.see(c.tags, c.end, before)
		if recent != c.recent || strings.Join(removed, " ") != c.removed {
			t.Errorf("at %d: %q removed %v, want %q removed %q", c.end, recent, removed, c.recent, c.removed)
		}
	}
}

// shelves says of every segment but some that it is recorded.
type shelves struct {
	Past
	without int64
}

func (s shelves) Recorded(_, _, _ string, number int64) bool { return number != s.without }

// The list of what can be wound back is as long as its window, begins after a hole, and costs no memory for media.
func TestArchiveIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		without int64
		oldest  func(int64) bool
		length  time.Duration
	}{
		"all is recorded":         {-1, func(n int64) bool { return n > 130 && n < 150 }, 10 * time.Minute},
		"a segment is missing":    {200, func(n int64) bool { return n == 201 }, 0},
		"the oldest is missing":   {0, func(n int64) bool { return n > 130 && n < 150 }, 10 * time.Minute},
		"the window is very long": {-1, func(n int64) bool { return n == 0 }, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.rendition.past = shelves{without: c.without}
			r.rendition.config.DVR = max(c.length, time.Minute)
			if c.without > 0 {
				r.rendition.config.DVR = time.Hour
			}
			r.validator.Get = nil // old segments are not in memory
			r.generation(1, 0, videoTrack(), aacTrack(48000))
			units := clip{fps: 10, gop: 40, rate: 48000, seconds: 1200}.units()
			for _, u := range units {
				r.segmenter.write(u)
				if r.rendition.dirty {
					r.rendition.publish("b", nil, r.anchors, nil)
				}
			}
			v := r.rendition.now.Load()
			long := string(v.forms[form{dvr: true}].text())
			if err := r.validator.Playlist(long); err != nil {
				t.Errorf("%v\n%.2000s", err, long)
			}
			for _, err := range []error{r.validator.Delta(string(v.forms[form{dvr: true, skip: true}].text())), r.validator.DeltaV2(string(v.forms[form{dvr: true, skip: true, dates: true}].text()))} {
				if err != nil {
					t.Error(err)
				}
			}
			first := r.rendition.archive.segments[0].number
			if !c.oldest(first) && !(c.without == 0 && c.oldest(first)) {
				t.Errorf("the oldest segment is %d", first)
			}
			if n := len(r.rendition.segments); n > 40 {
				t.Errorf("%d segments in memory", n)
			}
			if d := len(v.forms[form{dvr: true, skip: true}].text()); d > 6000 {
				t.Errorf("an update has %d bytes", d)
			}
		})
	}
}

// What a part costs does not grow with what can be wound back.
func BenchmarkPublishWithADayBehind(b *testing.B) {
	for _, hours := range []int{0, 1, 24} {
		b.Run(fmt.Sprintf("%dh", hours), func(b *testing.B) {
			r := &rendition{name: "main", life: "a1", config: Config{}.filled(), past: shelves{without: -1}}
			init := &Init{Generation: 1, Video: true}
			p := plan{target: 2, part: 336 * time.Millisecond}
			for n := range int64(hours * 1800) {
				r.archive.add("main", "a1", &Segment{Number: n, Init: init, Duration: 2 * time.Second, Independent: true, plan: p})
			}
			at := mediatime.Time(hours) * 3_600_000_000
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n%6 == 0 {
					if n > 0 {
						r.shut()
					}
					r.open(opening{init: init, plan: p, from: at, independent: true, place: &place{number: int64(hours*1800 + n/6)}})
					at += 2_000_000
				}
				r.add(&Part{Duration: 333 * time.Millisecond, Independent: n%6 == 0, Data: []byte{1}})
				r.publish("b", nil, mediatime.Anchors{}, nil)
				if v := r.now.Load(); v != nil {
					v.forms[form{dvr: true, skip: true}].text()
				}
			}
		})
	}
}

// What can be wound back keeps the dates of its pins when the stream has given the anchors of their generations up.
func TestPinsOfOldGenerationsKeepTheirDates(t *testing.T) {
	t.Parallel()
	at := func(generation int, late time.Duration) mediatime.Anchor {
		media := mediatime.Time(generation) * 10_000_000
		return mediatime.Anchor{Generation: generation, Media: media, Wall: time.Unix(1_000_000, 0).Add(media.Duration() + late)}
	}
	inits := []*Init{{Generation: 500, Anchor: at(500, 40*time.Millisecond)}, {Generation: 500, Anchor: at(500, 40*time.Millisecond)},
		{Generation: 501, Anchor: at(501, 0)}, {Generation: 3000, Anchor: at(3000, 0)}}
	anchors := mediatime.Anchors{at(1, 0), at(2999, 0), at(3000, 0)}
	more := []DateRange{{ID: "pin", From: inits[0].Anchor.Media + 1_000_000}}
	want := ",START-DATE=\"" + formatDate(inits[0].Anchor.Wall.Add(time.Second)) + "\",X-MEDIA-TIME"
	if tags := dateRangeTags(inits, more, anchors, 100); !strings.Contains(tags, "ID=\"pin\""+want) {
		t.Errorf("%s has no %s", tags, want)
	}
	for name, c := range map[string]struct {
		inits   []*Init
		anchors mediatime.Anchors
		want    int
	}{
		"nothing is missing":    {inits[3:], anchors, 3},
		"two are missing":       {inits, anchors, 5},
		"nothing is listed":     {nil, anchors, 3},
		"one generation so far": {inits[:1], mediatime.Anchors{at(500, 0)}, 1},
	} {
		got := together(c.inits, c.anchors)
		for i := 1; i < len(got); i++ {
			if got[i].Generation <= got[i-1].Generation {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if len(got) != c.want {
			t.Errorf("%s: %d anchors, want %d", name, len(got), c.want)
		}
	}
}
