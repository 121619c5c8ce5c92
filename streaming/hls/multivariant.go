package hls

import (
	"fmt"
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
	for _, v := range variants {
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\"",
			max(v.Peak, v.Average, bandwidthLeast), max(v.Average, 1), v.Codecs)
		if v.Width > 0 && v.Height > 0 {
			fmt.Fprintf(&b, ",RESOLUTION=%dx%d", v.Width, v.Height)
		}
		if v.FrameRate > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", v.FrameRate)
		}
		fmt.Fprintf(&b, "\n%s.m3u8\n", v.Name)
	}
	return b.String()
}

func (v *view) variant(name string) Variant {
	return Variant{
		Name: name, Peak: v.peak, Average: v.average, Codecs: v.init.Codecs, Width: v.init.Width, Height: v.init.Height,
		FrameRate: v.frameRate, Independent: v.independent,
	}
}
