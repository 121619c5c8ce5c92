package vod

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
)

// Package hands out every file that a video is served as, playlists first, in the order of their names: together in a
// folder they play anywhere.
func (s *Server) Package(ctx context.Context, id string, one func(name string, body io.Reader) error) error {
	f, err := s.findVideo(ctx, id, true)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(f.replay.files))
	for _, blobs := range []bool{false, true} {
		for _, name := range names {
			file := f.replay.files[name]
			if blobs == (file.text != nil) {
				continue
			}
			if !blobs {
				if err := one(name, bytes.NewReader(file.text)); err != nil {
					return err
				}
				continue
			}
			if err := s.packBlob(ctx, name, file, one); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Server) packBlob(ctx context.Context, name string, f file, one func(name string, body io.Reader) error) error {
	body, err := s.Blobs.Range(ctx, f.key, 0, f.size)
	if err != nil {
		return err
	}
	defer body.Close()
	return one(name, body)
}
