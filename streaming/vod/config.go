package vod

import "time"

// Config bounds what is recorded and kept. The zero value means the defaults.
type Config struct {
	Keep       time.Duration `yaml:"keep"`        // recordings older than this are removed; 0 keeps them
	LengthMax  time.Duration `yaml:"length_max"`  // of one recording; default 12 h
	SpoolBytes int64         `yaml:"spool_bytes"` // on local disk, waiting for the blob store; default 4 GiB
	FreeBytes  int64         `yaml:"free_bytes"`  // of the disk that recording leaves free; default 512 MiB
}

func (c Config) filled() Config {
	if c.LengthMax <= 0 {
		c.LengthMax = 12 * time.Hour
	}
	if c.SpoolBytes <= 0 {
		c.SpoolBytes = 4 << 30
	}
	if c.FreeBytes <= 0 {
		c.FreeBytes = 512 << 20
	}
	return c
}
