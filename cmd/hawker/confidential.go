package main

import (
	"context"

	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming/hls"
)

var _ hls.Confider = hlsAccess{}

// Confidential tells which broadcasts are not for everybody: no shared cache may keep them.
func (a hlsAccess) Confidential(ctx context.Context, broadcast string) bool {
	b, err := a.find(ctx, broadcast)
	return err != nil || !api.AccessOf(b).Open()
}
