package api

import (
	"context"
	"time"

	"github.com/hawkerlive/hawker/lately"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// sources are the shows and videos that purchases of the last second came from: in a rush thousands a second name the
// same one. Its shop never changes; what would turn a purchase away is asked of the newest.
type sources struct {
	broadcasts lately.Cache[streaming.Broadcast]
	videos     lately.Cache[vod.Video]
}

// broadcastSource is the show that a purchase comes from. Errors: streaming.ErrNotFound; a media time that has not been
// yet is invalid, for a frame that nobody has seen sells nothing.
func (s *Server) broadcastSource(ctx context.Context, id string, at mediatime.Time) (b streaming.Broadcast, err error) {
	for range 2 {
		b, err = s.sold.broadcasts.Get(ctx, id, s.Now(), func(ctx context.Context) (streaming.Broadcast, error) { return s.Broadcasts.Get(ctx, id) })
		if err != nil {
			return b, err
		}
		newest, ok := b.Anchors.Newest()
		if !ok || at <= newest.At(s.Now().Add(mediaTimeAhead)) {
			return b, nil
		}
		s.sold.broadcasts.Forget(id) // the publisher may have come anew since
	}
	return b, invalid("body.media_time", "lies in the future")
}

// videoSource is the video that a purchase comes from, and names the broadcast that it is a slice of.
func (s *Server) videoSource(ctx context.Context, id string, at int64) (v vod.Video, err error) {
	if s.Videos == nil {
		return v, vod.ErrNotFound
	}
	v, err = s.sold.videos.Get(ctx, id, s.Now(), func(ctx context.Context) (vod.Video, error) { return s.Videos.Video(ctx, id) })
	if err != nil {
		return v, err
	}
	if v, _, err = s.seen(ctx, v); err != nil {
		s.sold.videos.Forget(id) // it may have been published since
		if v, _, err = s.seeVideo(ctx, id); err != nil {
			return v, err
		}
	}
	if v.Duration > 0 && mediatime.Time(at) > v.From+mediatime.Of(v.Duration+time.Second) {
		return v, invalid("body.media_time", "lies behind the video's end")
	}
	return v, nil
}
