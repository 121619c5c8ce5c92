package rtpfan

// Layer is what viewers are told of a rendition.
type Layer struct {
	Name          string
	Width, Height int // pixels; 0: not known
	Bitrate       int // bits a second; 0: not known
	Active        bool
}

// Layers lists the stream's pictures: the publisher's own, then the renditions, the highest bitrate first.
func (f *Fan) Layers() []Layer {
	_, live, _ := f.state()
	var out []Layer
	for _, r := range f.Rungs() {
		info, _ := r.stream.Rendition()
		_, newest, err := r.state()
		l := Layer{Name: r.Name(), Width: info.Width, Height: info.Height, Bitrate: info.Bitrate}
		l.Active = err == nil && (r == f || live-newest <= stale)
		if l.Bitrate == 0 {
			l.Bitrate = int(r.Need()/packetOverhead) / 50_000 * 50_000 // not a new figure each second
		}
		out = append(out, l)
	}
	return out
}
