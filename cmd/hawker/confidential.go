package main

import (
	"context"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
)

var _ hls.Confider = hlsAccess{}

// Confidential tells which broadcasts are the team's alone: no shared cache may keep them.
func (a hlsAccess) Confidential(ctx context.Context, broadcast string) bool {
	b, err := a.find(ctx, broadcast)
	return err != nil || b.State == streaming.Draft || b.State == streaming.Rehearsal
}
