package hls

import (
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/captions"
	"github.com/hawkerlive/hawker/streaming"
)

const (
	bandwidthLeast = 64_000 // declared before anything was measured
	textGroup      = "captions"
	closedGroup    = "cc"
)

// Variant is what a multivariant playlist says of one rendition.
type Variant struct {
	Name          string
	Peak, Average int // bits per second
	Codecs        string
	Width, Height int              // 0: not told
	FrameRate     float64          // 0: not told
	Independent   bool             // every segment begins with a picture that needs no other
	Sound         bool             // it is sound alone: the other variants share it, and it stands as one too
	Carried       captions.Carried // what is said, inside its pictures
}

// Text is what a multivariant playlist says of captions that have a playlist of their own.
type Text struct{ Name, Language, URI string }

// TimestampMap ties the times in a file of captions to the stamps in the segments of a broadcast, where the times are
// media time.
func TimestampMap() string {
	return fmt.Sprintf("X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:%d", int64(decodeShift/time.Second)*streaming.VideoClockRate)
}

// Multivariant renders the playlist that names the renditions, in their order, and the captions beside them.
func Multivariant(variants []Variant, texts ...Text) string {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n")
	independent := true
	for _, v := range variants {
		independent = independent && v.Independent
	}
	if independent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	var sound *Variant
	for i := range variants {
		if variants[i].Sound {
			sound = &variants[i]
			fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=\"%s\",DEFAULT=YES,AUTOSELECT=YES,URI=\"%s.m3u8\"\n", audioGroup, sound.Name, sound.Name)
		}
	}
	var carried captions.Carried
	for _, v := range variants {
		carried = carried.Or(v.Carried)
	}
	b.WriteString(closedCaptions(carried))
	for _, t := range texts {
		fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"%s\",NAME=\"%s\",LANGUAGE=\"%s\",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"%s\"\n", textGroup, t.Name, t.Language, t.URI)
	}
	for _, v := range variants {
		if sound != nil && !v.Sound {
			v.Peak, v.Average, v.Codecs = v.Peak+sound.Peak, v.Average+sound.Average, joinNames(v.Codecs, sound.Codecs)
		}
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\"",
			max(v.Peak, v.Average, bandwidthLeast), max(v.Average, 1), v.Codecs)
		if v.Width > 0 && v.Height > 0 {
			fmt.Fprintf(&b, ",RESOLUTION=%dx%d", v.Width, v.Height)
		}
		if v.FrameRate > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", v.FrameRate)
		}
		if sound != nil {
			fmt.Fprintf(&b, ",AUDIO=\"%s\"", audioGroup)
		}
		if carried.Any() {
			fmt.Fprintf(&b, ",CLOSED-CAPTIONS=\"%s\"", closedGroup)
		}
		if len(texts) > 0 {
			fmt.Fprintf(&b, ",SUBTITLES=\"%s\"", textGroup)
		}
		fmt.Fprintf(&b, "\n%s.m3u8\n", v.Name)
	}
	return b.String()
}

// closedCaptions names those that lie in the pictures: players find them there, and their menu shows the names.
func closedCaptions(c captions.Carried) string {
	var b strings.Builder
	for _, one := range []struct {
		there bool
		name  string
	}{{c.Field1, "CC1"}, {c.Field2, "CC3"}, {c.Digital, "SERVICE1"}} {
		if one.there {
			fmt.Fprintf(&b, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"%s\",NAME=\"%s\",DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID=\"%s\"\n", closedGroup, one.name, one.name)
		}
	}
	return b.String()
}

// multivariant renders the list of what is offered now, or of what can be wound back.
func (p *packager) multivariant(dvr bool) *document {
	var variants []Variant
	for _, r := range p.lines.list() {
		if v := r.now.Load(); v != nil && (!dvr || r.lasts()) {
			one := v.variant(r.name)
			if dvr {
				one.Name += suffixDVR
			}
			if c := p.carried.Load(); c != nil && !one.Sound {
				one.Carried = *c
			}
			variants = append(variants, one)
		}
	}
	text := Multivariant(variants)
	return newDocument(fmt.Sprintf("%s-%08x", p.life, crc32.ChecksumIEEE([]byte(text))), func() string { return text })
}

func (v *view) variant(name string) Variant {
	return Variant{
		Name: name, Peak: v.peak, Average: v.average, Codecs: v.init.Codecs, Width: v.init.Width, Height: v.init.Height,
		FrameRate: v.frameRate, Independent: v.independent, Sound: name == renditionAudio,
	}
}
