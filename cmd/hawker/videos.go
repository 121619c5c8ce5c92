package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/hawkerlive/hawker/config"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

// demoRecorded is how much of the demo's endless show is recorded.
const demoRecorded = 30 * time.Minute

// buildVideos makes what records broadcasts and what plays them again. What was recorded plays also where recording is
// off by now.
func (a *app) buildVideos(door *doorkeeper) error {
	config := a.config.VOD
	if a.demo {
		config.LengthMax = min(config.LengthMax, demoRecorded)
	}
	lines, metrics, books := &vodsql.Store{DB: a.activity}, vod.NewMetrics(a.registry), recorded{a.broadcasts}
	a.replays = &vod.Server{
		Store: lines, Captions: lines, Blobs: a.blobs, Broadcasts: books, Access: hlsAccess{door}, Log: a.log, Metrics: metrics,
		Pins: func(ctx context.Context, video string) ([]hls.DateRange, error) {
			pins, err := a.overlay.History(ctx, video)
			if err != nil {
				return nil, err
			}
			deals, err := a.overlay.ListDeals(ctx, video)
			return append(pinRanges(pins), dealRanges(deals)...), err
		},
	}
	a.api.Recordings, a.api.Rewinds = a.replays, a.hls.Rewinds
	if err := a.buildLibrary(lines); err != nil {
		return err
	}
	if a.config.Recording {
		a.recorder = &vod.Recorder{
			Dir: filepath.Join(a.config.Data, "spool"), Hub: a.hub, Packagers: a.hls, Broadcasts: books,
			Store: lines, Blobs: a.blobs, Config: config, Log: a.log, Metrics: metrics,
		}
		a.hls.Record, a.hls.Past, a.replays.Settled = a.recorder, a.recorder, a.recorder.Settled
	}
	return nil
}

// blobConfig says where blobs are.
func blobConfig(c config.Config) store.BlobConfig {
	return store.BlobConfig{URL: c.Blobs, Dir: filepath.Join(c.Data, "blobs")}
}

// recorded lets vod read streaming's record of a broadcast.
type recorded struct{ broadcasts *streaming.Broadcasts }

func (r recorded) BroadcastFacts(ctx context.Context, id string) (vod.Facts, error) {
	b, err := r.broadcasts.Get(ctx, id)
	if errors.Is(err, streaming.ErrNotFound) {
		return vod.Facts{}, vod.ErrNotFound
	}
	return vod.Facts{Shop: b.ShopID, Recorded: b.State != streaming.Rehearsal, Ended: b.State == streaming.Ended}, err
}
