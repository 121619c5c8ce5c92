package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/poster"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// posters puts the pictures of what is on air in front of the API.
func (a *app) posters(mux *http.ServeMux) {
	s := &poster.Server{Hub: a.hub, Access: posterAccess{a.door}, Program: a.config.Transcode.FFmpeg, Log: a.log, Metrics: poster.NewMetrics(a.registry), Past: a.recordedPicture}
	mux.Handle("GET /v1/broadcasts/{id}/poster.jpg", s)
	mux.Handle("GET /v1/broadcasts/{id}/previews/{picture}", s)
}

// recordedMost is read of a segment: its first picture lies at its beginning.
const recordedMost = 4 << 20

// recordedPicture is the beginning of a segment from the middle of a recording, with what a decoder needs before it.
func (a *app) recordedPicture(ctx context.Context, broadcast string) ([]byte, error) {
	v, err := a.replays.Store.Video(ctx, broadcast)
	if err != nil {
		return nil, noPicture(err)
	}
	inits, lines, err := a.replays.Store.Timeline(ctx, v)
	if err != nil {
		return nil, err
	}
	type named struct {
		life   string
		number int64
	}
	pictures := map[named]vod.Init{}
	for _, i := range inits {
		if i.Video {
			pictures[named{i.Life, i.Number}] = i
		}
	}
	lines = slices.DeleteFunc(lines, func(l vod.Line) bool {
		_, ok := pictures[named{l.Life, l.Init}]
		return !ok || !l.Independent
	})
	if len(lines) == 0 {
		return nil, poster.ErrNotFound
	}
	middle := lines[len(lines)/2]
	init := pictures[named{middle.Life, middle.Init}]
	var out []byte
	for _, one := range []struct {
		key  string
		size int64
	}{{init.Key, init.Bytes}, {middle.Key, min(middle.Bytes, recordedMost)}} {
		body, err := a.blobs.Range(ctx, one.key, 0, one.size)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(io.LimitReader(body, one.size))
		if err := errors.Join(err, body.Close()); err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	return out, nil
}

// noPicture says in the words of pictures that there is no recording.
func noPicture(err error) error {
	if errors.Is(err, vod.ErrNotFound) {
		return poster.ErrNotFound
	}
	return err
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
