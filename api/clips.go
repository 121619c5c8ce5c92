package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/vod"
)

// Clips is what the routes need to cut clips and to make files.
type Clips interface {
	// Cut makes a clip by hand.
	Cut(ctx context.Context, m vod.Moment) (vod.Video, error)
	ClipMode(ctx context.Context, channel string) (vod.ClipMode, error)
	SetClipMode(ctx context.Context, channel string, m vod.ClipMode) error
	// Recorded tells what is kept of a broadcast.
	Recorded(ctx context.Context, broadcast string) ([]vod.Stretch, []string, error)
	// DeleteRecording removes what is kept of a broadcast; its clips stay.
	DeleteRecording(ctx context.Context, broadcast string) error
	// Address makes a file of a range.
	Address(ctx context.Context, d vod.Download) (url string, length time.Duration, size int64, expires time.Time, err error)
}

// RecordingBody is what is kept of a broadcast.
type RecordingBody struct {
	Stretches  []RecordedStretch `json:"stretches" nullable:"false" doc:"In order; between two of them the encoder was away, or nothing could be recorded."`
	Renditions []string          `json:"renditions" nullable:"false" doc:"Names of its pictures, the publisher's own (main) first."`
	Bytes      int64             `json:"bytes" doc:"Of the publisher's own picture."`
}

// RecordedStretch is a part of it without a gap.
type RecordedStretch struct {
	From  mediatime.Time `json:"from" doc:"Media time, µs."`
	Until mediatime.Time `json:"until"`
}

// ClipModeBody is what becomes of a channel's pins.
type ClipModeBody struct {
	Mode vod.ClipMode `json:"mode" enum:"draft,publish,off" doc:"draft: each pin of 5 seconds or more becomes a clip that waits for its creator. publish: it is public at once, where the show was. off: none is made."`
}

type clipModeOut struct{ Body ClipModeBody }

type cutIn struct {
	IDIn
	Body struct {
		From    mediatime.Time `json:"from" minimum:"0" doc:"Media time, µs. The clip begins with the key picture at or before it."`
		Until   mediatime.Time `json:"until" minimum:"1"`
		Title   string         `json:"title,omitempty" maxLength:"480"`
		Product string         `json:"product,omitempty" maxLength:"64"`
	}
}

type downloadIn struct {
	IDIn
	Body *struct {
		From      mediatime.Time `json:"from,omitempty" minimum:"0" doc:"Media time, µs. Without it: from the beginning."`
		Until     mediatime.Time `json:"until,omitempty" minimum:"0" doc:"Without it: to the end."`
		Rendition string         `json:"rendition,omitempty" maxLength:"40" pattern:"^[a-z0-9]*$" doc:"Name of the picture. Without it: the publisher's own."`
	}
}

// DownloadBody is an address of a file.
type DownloadBody struct {
	URL       string         `json:"url" doc:"An MP4, whole or in ranges of bytes, for whoever has the address."`
	Duration  mediatime.Time `json:"duration" doc:"µs."`
	Bytes     int64          `json:"bytes"`
	ExpiresAt time.Time      `json:"expires_at"`
}

type downloadOut struct{ Body DownloadBody }

func (s *Server) routesClips(r *router) {
	op := func(method, path, summary, description string, status int) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Description: description, Tags: []string{"videos"}, DefaultStatus: status}
	}
	ofBroadcast, ofChannel := Of{KindBroadcast, "id"}, Of{KindChannel, "id"}
	read, write := Needs{Action: account.BroadcastRead, Owner: ofBroadcast}, Needs{Action: account.BroadcastWrite, Owner: ofBroadcast}
	register(r, op(http.MethodGet, "/v1/broadcasts/{id}/recording", "What is kept of a broadcast", "", http.StatusOK), read, s.recording)
	register(r, op(http.MethodDelete, "/v1/broadcasts/{id}/recording", "Delete what is kept of a broadcast", "Once it has ended. Its clips stay.", http.StatusNoContent), write, s.deleteRecording)
	register(r, op(http.MethodPost, "/v1/broadcasts/{id}/clips", "Cut a clip", "Nothing is encoded: the clip plays the recording's own pictures. It is a draft.", http.StatusCreated), write, s.cutClip)
	register(r, op(http.MethodPost, "/v1/broadcasts/{id}/downloads", "Make a file of a range of a recording", "An MP4 that begins at the very frame; nothing is encoded. At most four hours.", http.StatusCreated), write, s.download)
	register(r, op(http.MethodPost, "/v1/videos/{id}/downloads", "Make a file of a video", "", http.StatusCreated), Needs{Action: account.BroadcastWrite, Owner: Of{KindVideo, "id"}}, s.download)
	register(r, op(http.MethodGet, "/v1/channels/{id}/clips", "What becomes of a channel's pins", "", http.StatusOK), Needs{Action: account.BroadcastRead, Owner: ofChannel}, s.clipMode)
	register(r, op(http.MethodPut, "/v1/channels/{id}/clips", "Say what becomes of a channel's pins", "", http.StatusOK), Needs{Action: account.BroadcastWrite, Owner: ofChannel}, s.setClipMode)
}

func (s *Server) recording(ctx context.Context, in *idIn) (*struct{ Body RecordingBody }, error) {
	stretches, renditions, err := s.Clips.Recorded(ctx, in.ID)
	out := RecordingBody{Stretches: []RecordedStretch{}, Renditions: renditions}
	if renditions == nil {
		out.Renditions = []string{}
	}
	for _, one := range stretches {
		out.Stretches = append(out.Stretches, RecordedStretch{one.From, one.Until})
		out.Bytes += one.Bytes
	}
	return &struct{ Body RecordingBody }{out}, err
}

func (s *Server) deleteRecording(ctx context.Context, in *idIn) (*struct{}, error) {
	b, err := s.Broadcasts.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if b.State.OnAir() {
		return nil, vod.ErrVideoState
	}
	return nil, s.Clips.DeleteRecording(ctx, b.ID)
}

func (s *Server) cutClip(ctx context.Context, in *cutIn) (*videoOut, error) {
	b, err := s.Broadcasts.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Body.Product != "" {
		if err := s.Overlay.Sells(ctx, b.ShopID, in.Body.Product); err != nil {
			return nil, err
		}
	}
	m := vod.Moment{Broadcast: b.ID, Shop: b.ShopID, Channel: b.ChannelID, Access: string(b.Access), Product: in.Body.Product, Title: in.Body.Title, From: in.Body.From, Until: in.Body.Until}
	if m.Title == "" {
		m.Title = b.Title
	}
	v, err := s.Clips.Cut(ctx, m)
	if err != nil {
		return nil, err
	}
	return s.videoBody(ctx, v, true)
}

func (s *Server) download(ctx context.Context, in *downloadIn) (*downloadOut, error) {
	d := vod.Download{Video: in.ID}
	if in.Body != nil {
		d.From, d.Until, d.Rendition = in.Body.From, in.Body.Until, in.Body.Rendition
	}
	url, length, size, expires, err := s.Clips.Address(ctx, d)
	if errors.Is(err, vod.ErrNotFound) {
		err = vod.ErrRange // it is there, or its owner would not be known: nothing of it is recorded
	}
	return &downloadOut{DownloadBody{url, mediatime.Of(length), size, expires}}, err
}

func (s *Server) clipMode(ctx context.Context, in *idIn) (*clipModeOut, error) {
	m, err := s.Clips.ClipMode(ctx, in.ID)
	return &clipModeOut{ClipModeBody{m}}, err
}

func (s *Server) setClipMode(ctx context.Context, in *struct {
	IDIn
	Body ClipModeBody
}) (*clipModeOut, error) {
	return &clipModeOut{in.Body}, s.Clips.SetClipMode(ctx, in.ID, in.Body.Mode)
}
