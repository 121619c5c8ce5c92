package vod

import (
	"context"
	"time"
)

const (
	retainEvery = 10 * time.Minute
	retireMax   = 20  // videos in one go
	looseMax    = 200 // lines in one transaction
)

// retain removes recordings that are older than they are kept, until ctx ends.
func (r *Recorder) retain(ctx context.Context) {
	if r.config.Keep <= 0 {
		return
	}
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if err := r.Expire(ctx); err != nil && ctx.Err() == nil {
			r.logger().Error("old recordings were not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Expire removes the videos whose newest segment is older than they are kept, and the segments that no other video
// plays: first the video, so that nobody finds it any more, then blobs, then their lines. Each step may be done again.
func (r *Recorder) Expire(ctx context.Context) error {
	r.prepare()
	if r.config.Keep <= 0 {
		return nil
	}
	for {
		old, err := r.Store.Retire(ctx, r.now().Add(-r.config.Keep), retireMax)
		if err != nil || len(old) == 0 {
			return err
		}
		for _, v := range old {
			if err := r.removeLoose(ctx, v.Source); err != nil {
				return err
			}
			if err := r.Store.Remove(ctx, v.ID); err != nil {
				return err
			}
			r.logger().Info("a recording was as old as it may be and is removed", "video", v.ID)
		}
	}
}

func (r *Recorder) removeLoose(ctx context.Context, source string) error {
	for {
		lines, inits, err := r.Store.Loose(ctx, source, looseMax)
		if err != nil || len(lines)+len(inits) == 0 {
			return err
		}
		for _, l := range lines {
			if err := r.Blobs.Delete(ctx, l.Key); err != nil {
				return err
			}
		}
		for _, i := range inits {
			if err := r.Blobs.Delete(ctx, i.Key); err != nil {
				return err
			}
		}
		if err := r.Store.Forget(ctx, lines, inits); err != nil {
			return err
		}
	}
}
