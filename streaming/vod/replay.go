package vod

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

const (
	// joined is how far apart two segments may lie on the timeline and still be one stretch: rounding.
	joined = 20 * time.Millisecond

	nameIndex      = "index.m3u8"
	nameMain       = "main"
	nameAudio      = "audio" // sound alone, where the pictures have none in them
	suffixPlaylist = ".m3u8"

	dateRangesMax = 2000
)

// file is what a name in a playlist stands for: text, or a blob.
type file struct {
	text, zipped []byte
	tag          string // of the text
	key          string
	size         int64
	kind         string // Content-Type; "" that of playlists and segments
}

func textFile(text string) file {
	f := file{text: []byte(text), tag: fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli))}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, failed := z.Write(f.text)
	if errors.Join(failed, z.Close()) == nil {
		f.zipped = b.Bytes()
	}
	return f
}

// replay is a video as HTTP serves it: each name with what it stands for. It is immutable.
type replay struct {
	files map[string]file
	first string // name of the first rendition
}

type initName struct {
	life   string
	number int64
}

// newReplay renders a video's playlists. pins are named in them as they lie on the timeline, said is what is said in it.
func newReplay(of Video, inits []Init, lines []Line, pins []hls.DateRange, said []Captions) *replay {
	r := &replay{files: map[string]file{}}
	var variants []hls.Variant
	for _, name := range renditions(lines) {
		v := r.rendition(name, inits, lines, pins)
		if !v.Sound {
			v.FrameRate = of.FrameRate
		}
		if r.first == "" {
			r.first = name
		}
		variants = append(variants, v)
	}
	r.files[nameIndex] = textFile(hls.Multivariant(variants, r.caption(said, of, lines)...))
	return r
}

// renditions lists the names, the one that every broadcast has first.
func renditions(lines []Line) (out []string) {
	for _, l := range lines {
		if !slices.Contains(out, l.Rendition) {
			out = append(out, l.Rendition)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if a == nameMain || b == nameMain {
			return cmp.Compare(b2i(b == nameMain), b2i(a == nameMain))
		}
		return strings.Compare(a, b)
	})
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rendition renders one media playlist and names its files.
func (r *replay) rendition(name string, inits []Init, lines []Line, pins []hls.DateRange) hls.Variant {
	byName := map[initName]*hls.Init{}
	var anchors mediatime.Anchors
	for _, i := range inits {
		if i.Rendition != name {
			continue
		}
		byName[initName{i.Life, i.Number}] = &hls.Init{
			Number: i.Number, Generation: i.Generation, Anchor: i.Anchor, Video: i.Video, Audio: i.Audio, Codecs: i.Codecs, Width: i.Width, Height: i.Height,
		}
		r.files[hls.InitName(name, i.Life, i.Number)] = file{key: i.Key, size: i.Bytes}
		if !slices.ContainsFunc(anchors, func(a mediatime.Anchor) bool { return a.Generation == i.Generation }) {
			anchors = append(anchors, i.Anchor)
		}
	}
	slices.SortFunc(anchors, func(a, b mediatime.Anchor) int { return cmp.Compare(a.Generation, b.Generation) })
	v := hls.Variant{Name: name, Independent: true, Sound: name == nameAudio}
	p := &hls.Playlist{Name: name, Ended: true, Whole: true}
	var bits, seconds float64
	for _, l := range timeline(name, lines) {
		init := byName[initName{l.Life, l.Init}]
		if init == nil {
			continue // its generation cannot be decoded
		}
		s := &hls.Segment{
			Life: l.Life, Number: l.Number, Init: init, Discontinuity: l.Discontinuity, Date: l.Date, From: l.From, Independent: l.Independent,
			Duration: l.Duration, Closed: true,
		}
		if len(p.Segments) == 0 {
			s.Discontinuity = false
		}
		p.Segments = append(p.Segments, s)
		r.files[hls.SegmentName(name, l.Life, l.Number)] = file{key: l.Key, size: l.Bytes}
		rate := float64(l.Bytes) * 8 / l.Duration.Seconds()
		v.Peak, v.Independent = max(v.Peak, int(rate)), v.Independent && l.Independent
		bits, seconds = bits+float64(l.Bytes)*8, seconds+l.Duration.Seconds()
		v.Codecs = joinCodecs(v.Codecs, init.Codecs)
		if init.Width*init.Height > v.Width*v.Height {
			v.Width, v.Height = init.Width, init.Height
		}
	}
	if seconds > 0 {
		v.Average = int(bits / seconds)
	}
	p.Targets()
	p.DateRanges = hls.DateRangeTags(p.Segments, pins, anchors, dateRangesMax)
	r.files[name+suffixPlaylist] = textFile(p.Text(0))
	return v
}

// timeline is one rendition's lines in the order in which they play. What a later life packaged again is left out; what
// does not go on where the line before ended is a discontinuity.
func timeline(name string, lines []Line) (out []Line) {
	for _, l := range lines {
		if l.Rendition != name || l.Duration <= 0 {
			continue
		}
		if n := len(out); n > 0 {
			before := out[n-1]
			apart := (l.From - before.Until()).Duration()
			if apart < -joined {
				continue
			}
			l.Discontinuity = l.Discontinuity || l.Life != before.Life || apart > joined
		}
		out = append(out, l)
	}
	return out
}

// joinCodecs adds the codecs of a generation to those of the others.
func joinCodecs(all, more string) string {
	if all == "" {
		return more
	}
	names := strings.Split(all, ",")
	for _, name := range strings.Split(more, ",") {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
