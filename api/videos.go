package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// KindVideo is a video's id.
const KindVideo Kind = "video"

// Videos is what the routes need of the videos. *vod.Library is one.
type Videos interface {
	Video(ctx context.Context, id string) (vod.Video, error)
	Tags(ctx context.Context, id string) ([]vod.Tag, error)
	List(ctx context.Context, q vod.VideoQuery) ([]vod.Video, error)
	Edit(ctx context.Context, id string, e vod.Edit) (vod.Video, error)
	Publish(ctx context.Context, id string, at time.Time) (vod.Video, error)
	Withdraw(ctx context.Context, id string) (vod.Video, error)
	Judge(ctx context.Context, id string, approved bool, reason string) (vod.Video, error)
	Delete(ctx context.Context, id string) error
	Said
}

// VideoProgress tells how far the making of a video is.
type VideoProgress struct {
	Stage    string `json:"stage" enum:"waiting,probe,encode,pictures,store,done,failed"`
	Progress int    `json:"progress" minimum:"0" maximum:"1000" doc:"Of 1000, over all stages."`
	Attempt  int    `json:"attempt" doc:"From 1; 0 before the first."`
}

// VideoItem is a video in a list.
type VideoItem struct {
	ID            string         `json:"id"`
	Kind          vod.Kind       `json:"kind" enum:"replay,clip,short,story,picture"`
	State         vod.State      `json:"state" enum:"draft,processing,review,scheduled,published,hidden,failed"`
	Title         string         `json:"title"`
	Caption       string         `json:"caption"`
	Language      string         `json:"language,omitempty" doc:"A language tag, where somebody said."`
	Channel       string         `json:"channel"`
	ChannelName   string         `json:"channel_name"`
	ChannelHandle string         `json:"channel_handle"`
	Shop          string         `json:"shop"`
	Broadcast     string         `json:"broadcast,omitempty" doc:"The one that it is a slice of."`
	From          mediatime.Time `json:"from" doc:"Media time at which it begins, µs: 0 where it was uploaded."`
	Duration      mediatime.Time `json:"duration" doc:"µs; 0 for a picture."`
	Width         int            `json:"width"`
	Height        int            `json:"height"`
	Poster        string         `json:"poster,omitempty"`
	CreatedAt     time.Time      `json:"created_at"`
	PublishAt     *time.Time     `json:"publish_at,omitempty" doc:"When it is to be published, for its people."`
	PublishedAt   *time.Time     `json:"published_at,omitempty"`
	ExpiresAt     *time.Time     `json:"expires_at,omitempty" doc:"When a story is over."`

	Problem  string         `json:"problem,omitempty" doc:"Why it failed, for its people."`
	Reason   string         `json:"reason,omitempty" doc:"What was said with the verdict, for its people."`
	Progress *VideoProgress `json:"progress,omitempty" doc:"Of what is being made, for its people."`
}

// VideoTag lays a product on a video's frames.
type VideoTag struct {
	ID      string          `json:"id,omitempty" readOnly:"true"`
	Product string          `json:"product" maxLength:"64"`
	From    mediatime.Time  `json:"from" minimum:"0" doc:"Media time of the first frame that it lies on, µs."`
	Until   *mediatime.Time `json:"until,omitempty" minimum:"1" doc:"Of the first frame that it no longer lies on. Without it: to the end."`
}

// VideoBody is one video.
type VideoBody struct {
	VideoItem
	Currency   string      `json:"currency"`
	Tags       []VideoTag  `json:"tags" nullable:"false"`
	Transports []Transport `json:"transports" nullable:"false" doc:"How to watch. Empty while there is nothing to watch, and for what does not move."`
	Storyboard string      `json:"storyboard,omitempty" doc:"WebVTT that names small pictures for the seek bar."`
}

type videoOut struct{ Body VideoBody }

func (s *Server) routesVideos(r *router) {
	r.owns(KindVideo, func(ctx context.Context, id string) (account.Owner, error) {
		v, err := s.Videos.Video(ctx, id)
		if err == nil && v.Kind == vod.KindReplay {
			err = vod.ErrNotFound // it is its broadcast's
		}
		return account.Owner{Shop: v.Shop, Channel: v.Channel}, err
	})
	op := func(method, path, summary, description string) huma.Operation {
		status := http.StatusOK
		if method == http.MethodDelete {
			status = http.StatusNoContent
		}
		return huma.Operation{Method: method, Path: path, Summary: summary, Description: description, Tags: []string{"videos"}, DefaultStatus: status}
	}
	register(r, op(http.MethodGet, "/v1/videos", "Videos, newest first", "What is public; of a channel whose people ask, everything."), Needs{Public: true}, s.listVideos)
	register(r, op(http.MethodGet, "/v1/videos/{id}", "One video", ""), Needs{Public: true}, s.getVideo)
	register(r, op(http.MethodGet, "/v1/videos/{id}/scene", "The products that lie on a video, with prices and stock of now", ""), Needs{Public: true}, s.videoScene)

	write := Needs{Action: account.BroadcastWrite, Owner: Of{KindVideo, "id"}}
	register(r, op(http.MethodPatch, "/v1/videos/{id}", "Change what is said about a video", "Where the shop reviews, a public video waits for a new verdict."), write, s.editVideo)
	tags := write
	tags.Action = account.PinWrite
	register(r, op(http.MethodPut, "/v1/videos/{id}/tags", "Lay products on a video's frames", "All of them at once: what is not named is taken off."), tags, s.tagVideo)
	register(r, op(http.MethodPut, "/v1/videos/{id}/publication", "Publish a video", "Now, or at a time; as soon as it is made, and where the shop reviews as soon as it was approved."), write, s.publishVideo)
	register(r, op(http.MethodDelete, "/v1/videos/{id}/publication", "Take a video out of sight", ""), write, func(ctx context.Context, in *idIn) (*struct{}, error) {
		_, err := s.Videos.Withdraw(ctx, in.ID)
		return nil, err
	})
	register(r, op(http.MethodDelete, "/v1/videos/{id}", "Delete a video", ""), write, func(ctx context.Context, in *idIn) (*struct{}, error) {
		return nil, s.Videos.Delete(ctx, in.ID)
	})
	register(r, op(http.MethodPut, "/v1/videos/{id}/verdict", "Approve or reject a video", "Of whoever reviews for the shop: a person, or a service with a token."),
		Needs{Action: account.VideoJudge, Owner: Of{KindVideo, "id"}}, s.judgeVideo)
	s.routesReview(r)
}

// seeVideo returns a video that the caller may see, and whether the caller is one of its people.
func (s *Server) seeVideo(ctx context.Context, id string) (v vod.Video, team bool, err error) {
	if v, err = s.Videos.Video(ctx, id); err != nil {
		return v, false, err
	}
	return s.seen(ctx, v)
}

// seen lets those see a video who may.
func (s *Server) seen(ctx context.Context, v vod.Video) (_ vod.Video, team bool, _ error) {
	team = s.mayRead(ctx, account.Owner{Shop: v.Shop, Channel: v.Channel})
	if v.Kind == vod.KindReplay || !team && !v.Public(s.Now()) {
		return vod.Video{}, false, vod.ErrNotFound
	}
	return v, team, nil
}

func (s *Server) getVideo(ctx context.Context, in *idIn) (*videoOut, error) {
	v, team, err := s.seeVideo(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.videoBody(ctx, v, team)
}

func (s *Server) videoBody(ctx context.Context, v vod.Video, team bool) (*videoOut, error) {
	tags, err := s.Videos.Tags(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	item, err := s.videoItem(ctx, v, team, map[string]account.Channel{})
	if err != nil {
		return nil, err
	}
	shop, err := s.Accounts.Shop(ctx, v.Shop)
	if err != nil {
		return nil, err
	}
	out := VideoBody{VideoItem: item, Currency: shop.Currency, Tags: []VideoTag{}, Transports: []Transport{}}
	for _, g := range tags {
		out.Tags = append(out.Tags, tagOf(g))
	}
	if v.Duration > 0 && v.State != vod.StateProcessing && v.State != vod.StateFailed {
		out.Transports = append(out.Transports, Transport{Kind: "hls", URL: "/hls/v/" + v.ID + "/index.m3u8"})
	}
	if v.Board != nil {
		out.Storyboard = "/hls/v/" + v.ID + "/storyboard.vtt"
	}
	return &videoOut{out}, nil
}

func tagOf(g vod.Tag) VideoTag {
	out := VideoTag{ID: g.ID, Product: g.Product, From: g.From}
	if g.Until != 0 {
		out.Until = &g.Until
	}
	return out
}

// videoItem says what a caller may know of a video. channels remembers those of the same list.
func (s *Server) videoItem(ctx context.Context, v vod.Video, team bool, channels map[string]account.Channel) (VideoItem, error) {
	c, known := channels[v.Channel]
	if !known {
		var err error
		if c, err = s.Accounts.Channel(ctx, v.Channel); err != nil {
			return VideoItem{}, err
		}
		channels[v.Channel] = c
	}
	out := VideoItem{
		ID: v.ID, Kind: v.Kind, State: v.State, Title: v.Title, Caption: v.Caption, Language: v.Language, Channel: v.Channel, ChannelName: c.Name, ChannelHandle: c.Handle,
		Shop: v.Shop, Broadcast: v.Broadcast(), From: v.From, Duration: mediatime.Of(v.Duration), Width: v.Width, Height: v.Height, CreatedAt: v.CreatedAt,
		PublishedAt: when(v.PublishedAt), ExpiresAt: when(v.ExpiresAt),
	}
	if v.Poster != nil {
		out.Poster = "/hls/v/" + v.ID + "/poster.jpg"
	}
	if v.State == vod.StateScheduled && v.Public(s.Now()) {
		out.State, out.PublishedAt = vod.StatePublished, when(v.PublishAt)
	}
	if !team {
		return out, nil
	}
	out.PublishAt, out.Problem, out.Reason = when(v.PublishAt), v.Problem, v.Reason
	if s.VideoProgress != nil && (v.State == vod.StateProcessing || v.State == vod.StateFailed) {
		p, err := s.VideoProgress(ctx, v.ID)
		if err != nil {
			return out, err
		}
		out.Progress = p
	}
	return out, nil
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Server) listVideos(ctx context.Context, in *struct {
	PageIn
	Channel string   `query:"channel" maxLength:"64" doc:"Its id or handle."`
	Shop    string   `query:"shop" maxLength:"64"`
	Kind    vod.Kind `query:"kind" enum:"clip,short,story,picture"`
	State   string   `query:"state" enum:"draft,processing,review,scheduled,published,hidden,failed" doc:"For the channel's people."`
}) (*pageOut[VideoItem], error) {
	limit := min(in.Limit, 99)
	q := vod.VideoQuery{Public: true, Channel: in.Channel, Shop: in.Shop, Limit: limit + 1}
	if in.Kind != "" {
		q.Kinds = []vod.Kind{in.Kind}
	}
	team := false
	if in.Channel != "" {
		owner, err := s.Accounts.ChannelOwner(ctx, in.Channel)
		if errors.Is(err, account.ErrNotFound) {
			return page[VideoItem](nil, limit, nil), nil
		}
		if err != nil {
			return nil, err
		}
		q.Channel, team = owner.Channel, s.mayRead(ctx, owner)
	}
	if team {
		q.Public = false
		if in.State != "" {
			q.States = []vod.State{vod.State(in.State)}
		}
	}
	cursor, err := parseCursor(in.Cursor, 2)
	if err != nil {
		return nil, err
	}
	if cursor != nil {
		at, err := strconv.ParseInt(cursor[0], 10, 64)
		if err != nil {
			return nil, ErrBadCursor
		}
		q.Before, q.BeforeID = time.UnixMilli(at).UTC(), cursor[1]
	}
	found, err := s.Videos.List(ctx, q)
	if err != nil {
		return nil, err
	}
	channels := map[string]account.Channel{}
	items := make([]VideoItem, 0, len(found))
	for _, v := range found {
		item, err := s.videoItem(ctx, v, team, channels)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return page(items, limit, func(i VideoItem) string {
		at := i.CreatedAt
		if !team && i.PublishedAt != nil {
			at = *i.PublishedAt
		}
		return makeCursor(strconv.FormatInt(at.UnixMilli(), 10), i.ID)
	}), nil
}

type videoSceneBody struct {
	Pins []overlay.PinCard `json:"pins" nullable:"false"`
	Bag  []struct{}        `json:"bag" nullable:"false"`
}

func (s *Server) videoScene(ctx context.Context, in *struct {
	IDIn
	At int64 `query:"at" minimum:"-1" default:"-1" doc:"Media time of a frame, µs: what lies on it. Without it: everything."`
}) (*struct{ Body videoSceneBody }, error) {
	v, _, err := s.seeVideo(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	found, err := s.Videos.Tags(ctx, v.ID)
	if err != nil {
		return nil, err
	}
	var tags []overlay.Tag
	for _, g := range found {
		if in.At < 0 || g.Shown(mediatime.Time(in.At)) {
			tags = append(tags, overlay.Tag{ID: g.ID, Product: g.Product, From: g.From, Until: tagOf(g).Until})
		}
	}
	cards, err := s.Overlay.TagCards(ctx, overlay.Broadcast{ID: v.Broadcast(), Shop: v.Shop, State: "ended"}, tags)
	return &struct{ Body videoSceneBody }{videoSceneBody{cards, []struct{}{}}}, err
}
