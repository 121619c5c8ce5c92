package vod

import (
	"context"
	"errors"

	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// Stretch is a part of a recording without a gap.
type Stretch struct {
	From, Until mediatime.Time
	Bytes       int64
}

// Recorded tells what is kept of a broadcast so far: its stretches in order, and the names of its pictures.
func (f *Files) Recorded(ctx context.Context, broadcast string) (out []Stretch, renditions []string, err error) {
	// Of a recording that is gone, clips may have left some.
	if _, err := f.Store.Video(ctx, broadcast); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = nil
		}
		return nil, nil, err
	}
	_, lines, err := f.Store.Timeline(ctx, Video{Source: broadcast})
	if err != nil {
		return nil, nil, err
	}
	out = stretchesOf(timeline(nameMain, lines))
	for _, name := range namesOf(lines) {
		if name != nameAudio {
			renditions = append(renditions, name)
		}
	}
	return out, renditions, nil
}

func namesOf(lines []Line) []string { return renditions(lines) }
