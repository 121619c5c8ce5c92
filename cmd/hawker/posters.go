package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/poster"
)

// posters puts the pictures of what is on air in front of the API.
func (a *app) posters(mux *http.ServeMux) {
	s := &poster.Server{Hub: a.hub, Access: posterAccess{a.door}, Program: a.config.Transcode.FFmpeg, Log: a.log, Metrics: poster.NewMetrics(a.registry)}
	mux.Handle("GET /v1/broadcasts/{id}/poster.jpg", s)
	mux.Handle("GET /v1/broadcasts/{id}/previews/{picture}", s)
}

// posterAccess is the doorkeeper in the words of pictures.
type posterAccess struct{ *doorkeeper }

func (a posterAccess) MaySee(ctx context.Context, broadcast, grant string) (private bool, err error) {
	err = a.admit(ctx, broadcast, grant)
	switch {
	case errors.Is(err, streaming.ErrNotFound), errors.Is(err, errNotForYou):
		return true, poster.ErrNotFound
	case errors.Is(err, access.ErrGrant):
		return true, poster.ErrForbidden
	case err != nil:
		return true, err
	}
	b, err := a.find(ctx, broadcast)
	return err != nil || !api.AccessOf(b).Open(), err
}
