package hls

import (
	"fmt"
	"hash/crc32"
	"strings"
)

const bandwidthLeast = 64_000 // declared before anything was measured

// Variant is what a multivariant playlist says of one rendition.
type Variant struct {
	Name          string
	Peak, Average int // bits per second
	Codecs        string
	Width, Height int     // 0: not told
	FrameRate     float64 // 0: not told
	Independent   bool    // every segment begins with a picture that needs no other
	Sound         bool    // it is sound alone: the other variants share it, and it stands as one too
}

// Multivariant renders the playlist that names the renditions, in their order.
func Multivariant(variants []Variant) string {
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
		fmt.Fprintf(&b, "\n%s.m3u8\n", v.Name)
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
