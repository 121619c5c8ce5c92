package hls

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Dates tells which stretches of a broadcast a playlist names, such as its pins.
type Dates interface {
	// DateRanges lists what lies at least partly after the media time from. It is called for every part by a
	// packager's goroutine and must not block.
	DateRanges(broadcast string, from mediatime.Time) []DateRange
}

// DateRange becomes an EXT-X-DATERANGE. Its ID never changes its meaning within a broadcast.
type DateRange struct {
	ID, Class  string
	From       mediatime.Time
	Until      mediatime.Time    // 0 while it lasts
	Attributes map[string]string // X-… names to texts; others are left out, and so are quotes and line ends
}

const (
	classAnchor = "live.hawker.anchor"
	dateFormat  = "2006-01-02T15:04:05.000Z" // cuts off below the millisecond
)

func formatDate(t time.Time) string { return t.UTC().Format(dateFormat) }

// DateRangeTags renders the anchors of the generations in a list of segments, and what else there is.
func DateRangeTags(listed []*Segment, more []DateRange, anchors mediatime.Anchors, most int) string {
	return dateRangeTags(initsOf(listed), more, anchors, most)
}

// initsOf lists the init segments of segments, in order.
func initsOf(listed []*Segment) (out []*Init) {
	for _, s := range listed {
		if n := len(out); n == 0 || out[n-1] != s.Init {
			out = append(out, s.Init)
		}
	}
	return out
}

func dateRangeTags(inits []*Init, more []DateRange, anchors mediatime.Anchors, most int) string {
	var b strings.Builder
	n, last := 0, 0
	anchors = together(inits, anchors)
	for _, i := range inits {
		g := i.Generation
		if g == last || n >= most {
			continue
		}
		last = g
		n++
		a := i.Anchor
		fmt.Fprintf(&b, "#EXT-X-DATERANGE:ID=\"g%d\",CLASS=\"%s\",START-DATE=\"%s\",X-MEDIA-TIME=\"%d\"\n", g, classAnchor, formatDate(a.Wall), a.Media)
	}
	seen := map[string]bool{}
	for _, d := range more {
		a, ok := anchors.For(d.From)
		if n >= most || !ok || d.ID == "" || seen[d.ID] {
			continue
		}
		seen[d.ID] = true
		n++
		from := a.Date(d.From)
		fmt.Fprintf(&b, "#EXT-X-DATERANGE:ID=\"%s\"", quotable(d.ID))
		if d.Class != "" {
			fmt.Fprintf(&b, ",CLASS=\"%s\"", quotable(d.Class))
		}
		fmt.Fprintf(&b, ",START-DATE=\"%s\"", formatDate(from))
		if d.Until > d.From {
			if end, ok := anchors.For(d.Until); ok {
				fmt.Fprintf(&b, ",END-DATE=\"%s\"", formatDate(end.Date(d.Until)))
			}
		}
		fmt.Fprintf(&b, ",X-MEDIA-TIME=\"%d\"", d.From)
		for _, k := range sortedNames(d.Attributes) {
			fmt.Fprintf(&b, ",%s=\"%s\"", k, quotable(d.Attributes[k]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// together are the anchors of a stream and those that it no longer holds but the list still shows.
func together(inits []*Init, anchors mediatime.Anchors) mediatime.Anchors {
	if len(anchors) < 2 || len(inits) == 0 || anchors[1].Generation <= inits[0].Generation {
		return anchors
	}
	out := mediatime.Anchors{anchors[0]}
	for _, i := range inits {
		if i.Generation > out[len(out)-1].Generation && i.Generation < anchors[1].Generation {
			out = append(out, i.Anchor)
		}
	}
	return append(out, anchors[1:]...)
}

func sortedNames(m map[string]string) []string {
	var out []string
	for k := range m {
		if validName(k) && k != "X-MEDIA-TIME" {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func validName(k string) bool {
	if !strings.HasPrefix(k, "X-") || len(k) < 3 {
		return false
	}
	for _, r := range k {
		if (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

// quotable leaves out what a quoted-string may not hold (RFC 8216, 4.2).
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
