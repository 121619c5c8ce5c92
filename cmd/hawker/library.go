package main

import (
	"net/http"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

// buildLibrary makes the videos that are no replays: what keeps them, and what plays them.
func (a *app) buildLibrary(rows *vodsql.Store) {
	a.library = &vod.Library{Videos: rows, Blobs: a.blobs, Log: a.log}
	a.api.Videos = a.library
	a.replays.Videos, a.replays.Preview = rows, a.mayPreview
	a.buildClips(rows)
}

// runLibrary starts what works on videos without being asked.
func (a *app) runLibrary(s *stage) {
	s.run("videos", a.library.Run)
	s.run("clips", a.clipper.Run)
}

// mayPreview lets a channel's people see what is not public yet.
func (a *app) mayPreview(r *http.Request, v vod.Video) bool {
	p, err := a.api.Principal(r)
	return err == nil && p.May(account.BroadcastRead, account.Owner{Shop: v.Shop, Channel: v.Channel}) == nil
}
