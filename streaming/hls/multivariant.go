package hls

import (
	"fmt"
	"strings"
)

const bandwidthLeast = 64_000 // declared before anything was measured

// multivariant renders the playlist that names the renditions, in their order.
func multivariant(names []string, views []*view) string {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n")
	independent := true
	for _, v := range views {
		independent = independent && v.independent
	}
	if independent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	for i, v := range views {
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\"",
			max(v.peak, v.average, bandwidthLeast), max(v.average, 1), v.init.Codecs)
		if v.init.Width > 0 && v.init.Height > 0 {
			fmt.Fprintf(&b, ",RESOLUTION=%dx%d", v.init.Width, v.init.Height)
		}
		if v.frameRate > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", v.frameRate)
		}
		fmt.Fprintf(&b, "\n%s.m3u8\n", names[i])
	}
	return b.String()
}
