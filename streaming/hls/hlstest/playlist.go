// Package hlstest judges LL-HLS playlists and the media that they name.
//
// What enters are the playlists of one rendition in the order in which a client saw them, and a way to fetch what they
// link to; what leaves are the rules they break: those of draft-pantos-hls-rfc8216bis for low latency, and those that
// keep hls.js playing. It reads with a parser of its own and shares no code with the packager. It starts nothing and
// keeps the little that it must remember of earlier playlists. Tests import it, nothing else does.
package hlstest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Playlist is a parsed media playlist.
type Playlist struct {
	Version      int
	Target       float64 // seconds, as are all lengths here
	PartTarget   float64
	PartHoldBack float64
	HoldBack     float64
	SkipUntil    float64
	CanBlock     bool
	Independent  bool
	Sequence     int64
	Discontinued int64 // EXT-X-DISCONTINUITY-SEQUENCE
	Skipped      int
	Segments     []Segment
	DateRanges   []map[string]string
	Hint         string
	Reports      map[string]map[string]string
	Ended        bool
}

// Segment is one entry; the last one may be unfinished and then has no URI.
type Segment struct {
	Number        int64
	Discontinuity bool
	Domain        int64 // discontinuities up to and with it
	Map           string
	MapStated     bool // its own EXT-X-MAP, not an earlier one's
	Date          time.Time
	Parts         []Part
	Duration      float64
	URI           string
}

// Part is an EXT-X-PART.
type Part struct {
	URI         string
	Duration    float64
	Independent bool
}

// length is what is listed of the segment so far.
func (s Segment) length() float64 {
	if s.URI != "" {
		return s.Duration
	}
	var sum float64
	for _, part := range s.Parts {
		sum += part.Duration
	}
	return sum
}

type parser struct {
	p      Playlist
	open   Segment
	inf    bool
	tagged bool // the open segment has a tag or a part
	domain int64
	m      string
	seen   map[string]int
}

// Parse reads a playlist strictly: what it does not know is an error.
func Parse(text string) (*Playlist, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != "#EXTM3U" {
		return nil, fmt.Errorf("the first line is %q", lines[0])
	}
	x := &parser{seen: map[string]int{}, p: Playlist{Reports: map[string]map[string]string{}}}
	for i, line := range lines[1:] {
		if err := x.line(line); err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", i+2, line, err)
		}
	}
	if x.inf {
		return nil, fmt.Errorf("the last EXTINF has no URI")
	}
	if x.tagged {
		x.close()
	}
	number := x.p.Sequence + int64(x.p.Skipped)
	for i := range x.p.Segments {
		x.p.Segments[i].Number = number + int64(i)
		x.p.Segments[i].Domain += x.p.Discontinued
	}
	return &x.p, nil
}

func (x *parser) close() {
	x.open.Map, x.open.Domain = x.m, x.domain
	x.p.Segments = append(x.p.Segments, x.open)
	x.open, x.inf, x.tagged = Segment{}, false, false
}

func (x *parser) line(line string) error {
	if !strings.HasPrefix(line, "#") {
		if !x.inf || line == "" {
			return fmt.Errorf("a URI without EXTINF")
		}
		x.open.URI = line
		x.close()
		return nil
	}
	tag, value, _ := strings.Cut(line, ":")
	x.seen[tag]++
	switch tag {
	case "#EXT-X-DISCONTINUITY", "#EXT-X-MAP", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-PART", "#EXTINF":
		return x.segmentTag(tag, value)
	case "#EXT-X-DATERANGE", "#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT":
		return x.listTag(tag, value)
	}
	if x.seen[tag] > 1 {
		return fmt.Errorf("the tag stands twice")
	}
	return x.headTag(tag, value)
}

func (x *parser) headTag(tag, value string) (err error) {
	switch tag {
	case "#EXT-X-VERSION":
		x.p.Version, err = strconv.Atoi(value)
	case "#EXT-X-INDEPENDENT-SEGMENTS":
		x.p.Independent = true
	case "#EXT-X-TARGETDURATION":
		var n int
		n, err = strconv.Atoi(value)
		x.p.Target = float64(n)
	case "#EXT-X-MEDIA-SEQUENCE":
		x.p.Sequence, err = strconv.ParseInt(value, 10, 64)
	case "#EXT-X-DISCONTINUITY-SEQUENCE":
		x.p.Discontinued, err = strconv.ParseInt(value, 10, 64)
	case "#EXT-X-ENDLIST":
		x.p.Ended = true
	case "#EXT-X-PLAYLIST-TYPE":
		if value != "VOD" && value != "EVENT" {
			err = fmt.Errorf("no such type")
		}
	case "#EXT-X-PART-INF":
		err = numbers(value, map[string]*float64{"PART-TARGET": &x.p.PartTarget})
	case "#EXT-X-SERVER-CONTROL":
		var a map[string]string
		if a, err = Attributes(value); err == nil {
			x.p.CanBlock = a["CAN-BLOCK-RELOAD"] == "YES"
			err = numbers(value, map[string]*float64{
				"HOLD-BACK": &x.p.HoldBack, "PART-HOLD-BACK": &x.p.PartHoldBack, "CAN-SKIP-UNTIL": &x.p.SkipUntil,
			})
		}
	case "#EXT-X-SKIP":
		var n float64
		err = numbers(value, map[string]*float64{"SKIPPED-SEGMENTS": &n})
		x.p.Skipped = int(n)
	default:
		return fmt.Errorf("the tag is not known")
	}
	return err
}

func (x *parser) segmentTag(tag, value string) (err error) {
	s := &x.open
	x.tagged = true
	if len(s.Parts) > 0 && tag != "#EXT-X-PART" && tag != "#EXTINF" {
		return fmt.Errorf("the tag must stand before the segment's first part")
	}
	var a map[string]string
	switch tag {
	case "#EXT-X-DISCONTINUITY":
		s.Discontinuity = true
		x.domain++
	case "#EXT-X-MAP":
		a, err = Attributes(value)
		x.m, s.MapStated = a["URI"], true
	case "#EXT-X-PROGRAM-DATE-TIME":
		s.Date, err = time.Parse("2006-01-02T15:04:05.000Z07:00", value)
	case "#EXT-X-PART":
		var part Part
		if a, err = Attributes(value); err == nil {
			part.URI, part.Independent = a["URI"], a["INDEPENDENT"] == "YES"
			part.Duration, err = strconv.ParseFloat(a["DURATION"], 64)
		}
		s.Parts = append(s.Parts, part)
	case "#EXTINF":
		length, _, ok := strings.Cut(value, ",")
		if !ok {
			return fmt.Errorf("no comma")
		}
		s.Duration, err = strconv.ParseFloat(length, 64)
		x.inf = true
	}
	return err
}

func (x *parser) listTag(tag, value string) error {
	a, err := Attributes(value)
	if err != nil {
		return err
	}
	switch tag {
	case "#EXT-X-DATERANGE":
		x.p.DateRanges = append(x.p.DateRanges, a)
	case "#EXT-X-PRELOAD-HINT":
		if a["TYPE"] != "PART" || a["URI"] == "" {
			return fmt.Errorf("not a hint of a part")
		}
		if x.p.Hint != "" {
			return fmt.Errorf("the second hint")
		}
		x.p.Hint = a["URI"]
	case "#EXT-X-RENDITION-REPORT":
		x.p.Reports[a["URI"]] = a
	}
	return nil
}

func numbers(value string, into map[string]*float64) error {
	a, err := Attributes(value)
	if err != nil {
		return err
	}
	for name, n := range into {
		if s, ok := a[name]; ok {
			if *n, err = strconv.ParseFloat(s, 64); err != nil {
				return err
			}
		}
	}
	return nil
}

// Attributes reads an attribute list (RFC 8216, 4.2).
func Attributes(s string) (map[string]string, error) {
	out := map[string]string{}
	for s != "" {
		name, rest, ok := strings.Cut(s, "=")
		if !ok || name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "" {
			return nil, fmt.Errorf("attribute name %q", name)
		}
		var value string
		if strings.HasPrefix(rest, `"`) {
			value, rest, ok = strings.Cut(rest[1:], `"`)
			if !ok || (rest != "" && rest[0] != ',') {
				return nil, fmt.Errorf("attribute %s is not quoted to its end", name)
			}
			s = strings.TrimPrefix(rest, ",")
		} else {
			value, s, _ = strings.Cut(rest, ",")
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("attribute %s stands twice", name)
		}
		out[name] = value
	}
	return out, nil
}
