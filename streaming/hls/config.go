package hls

import "time"

// Config bounds what is kept and served. The zero value means the defaults.
type Config struct {
	Window             time.Duration `yaml:"window"`               // media that a playlist lists; default 30 s
	DVR                time.Duration `yaml:"dvr"`                  // what can be wound back of a broadcast that is recorded; default 2 h
	Idle               time.Duration `yaml:"idle"`                 // a packager stops so long after its last request; default 30 s
	StartWait          time.Duration `yaml:"start_wait"`           // how long a request waits for the first playlist; default 12 s
	Linger             time.Duration `yaml:"linger"`               // how long an ended broadcast can still be read; default 60 s
	WriteTimeout       time.Duration `yaml:"write_timeout"`        // for one answer to one client, who is cut off after it; default 20 s
	PackagersMax       int           `yaml:"packagers_max"`        // broadcasts packaged at the same time; default 256
	WaitingMax         int           `yaml:"waiting_max"`          // requests that wait, per broadcast; default 20,000
	RequestsPerAddress int           `yaml:"requests_per_address"` // in flight, IPv6 by /64; default 20,000
	FailedPerAddress   int           `yaml:"failed_per_address"`   // refused requests per minute; default 600

	SegmentsMax   int    `yaml:"segments_max"`   // kept per rendition, listed or not; default 128
	BytesMax      int    `yaml:"bytes_max"`      // kept per rendition, listed or not; default 128 MiB
	DateRangesMax int    `yaml:"dateranges_max"` // listed in a playlist; default 64
	Opus          bool   `yaml:"opus"`           // leave Opus as it is, instead of making AAC of it
	Layout        Layout `yaml:"layout"`         // which tracks share a playlist; default Auto
}

func (c Config) filled() Config {
	duration := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	number := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	duration(&c.Window, 30*time.Second)
	duration(&c.DVR, 2*time.Hour)
	duration(&c.Idle, 30*time.Second)
	duration(&c.StartWait, 12*time.Second)
	duration(&c.Linger, time.Minute)
	duration(&c.WriteTimeout, 20*time.Second)
	if c.Layout == "" {
		c.Layout = Auto
	}
	number(&c.PackagersMax, 256)
	number(&c.WaitingMax, 20_000)
	number(&c.RequestsPerAddress, 20_000)
	number(&c.FailedPerAddress, 600)
	number(&c.SegmentsMax, 128)
	number(&c.BytesMax, 128<<20)
	number(&c.DateRangesMax, 64)
	return c
}
