package ingest

// Limit narrows what a publisher may send for one shop, channel or stream key.
type Limit struct {
	Of         string `yaml:"of"`          // the id of a shop, a channel or a stream key
	BitrateMax int    `yaml:"bitrate_max"` // as in Config; 0 narrows nothing
	PixelsMax  int    `yaml:"pixels_max"`
	TracksMax  int    `yaml:"tracks_max"`
}

// of returns the bounds of a publisher with a grant: the narrowest of all that name it.
func (c Config) of(g Grant) Config {
	narrow := func(v *int, to int) {
		if to > 0 {
			*v = min(*v, to)
		}
	}
	for _, l := range c.Limits {
		if l.Of == "" || l.Of != g.ShopID && l.Of != g.ChannelID && l.Of != g.KeyID {
			continue
		}
		narrow(&c.BitrateMax, l.BitrateMax)
		narrow(&c.PixelsMax, l.PixelsMax)
		narrow(&c.TracksMax, l.TracksMax)
	}
	return c
}
