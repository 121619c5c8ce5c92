package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/vod"
	"github.com/hawkerlive/hawker/streaming/vod/vodsql"
)

// demoRecorded is how much of the demo's endless show is recorded.
const demoRecorded = 30 * time.Minute

// buildVideos makes what records broadcasts.
func (a *app) buildVideos() {
	config := a.config.VOD
	if a.demo {
		config.LengthMax = min(config.LengthMax, demoRecorded)
	}
	if a.config.Recording {
		a.recorder = &vod.Recorder{
			Dir: filepath.Join(a.config.Data, "spool"), Hub: a.hub, Packagers: a.hls, Broadcasts: recorded{a.broadcasts},
			Store: &vodsql.Store{DB: a.activity}, Blobs: a.blobs, Config: config, Log: a.log, Metrics: vod.NewMetrics(a.registry),
		}
		a.hls.Record = a.recorder
	}
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
