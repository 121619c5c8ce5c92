package main

import (
	"context"
	"errors"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/transcode"
)

// ladders joins what is remembered of ladders with what runs.
type ladders struct {
	broadcasts *streaming.Broadcasts
	legs       *transcode.Legs
}

var _ api.Ladders = ladders{}

func (a *app) buildLadders() {
	a.ladders = &transcode.Legs{Hub: a.hub, Config: a.config.Transcode, Log: a.log, Metrics: transcode.NewMetrics(a.registry)}
	a.api.Ladders = ladders{a.broadcasts, a.ladders}
}

// resumeLadders goes on with the ladders of broadcasts that an earlier process left on air.
func (a *app) resumeLadders(ctx context.Context) error {
	ids, err := a.broadcasts.Ladders(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := a.ladders.Want(id, true); err != nil {
			a.log.Warn("a ladder cannot go on", "broadcast", id, "err", err)
		}
	}
	return nil
}

// SetLadder remembers the wish once it is known that it can be had.
func (l ladders) SetLadder(ctx context.Context, id string, on bool) error {
	if err := l.legs.Want(id, on); err != nil {
		if errors.Is(err, transcode.ErrFull) {
			return api.ErrLaddersFull
		}
		return api.ErrNoTranscoder
	}
	err := l.broadcasts.SetLadder(ctx, id, on)
	if err != nil && on {
		_ = l.legs.Want(id, false) // taking a wish back does not fail
	}
	return err
}

// Ladder tells how it does.
func (l ladders) Ladder(id string) api.Ladder {
	s := l.legs.Status(id)
	out := api.Ladder{State: string(s.State), Problem: s.Problem}
	for _, r := range s.Rungs {
		out.Renditions = append(out.Renditions, api.Rendition{Name: r.Name, Width: r.Width, Height: r.Height, Bitrate: r.Bitrate})
	}
	return out
}
