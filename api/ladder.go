package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// What Ladders refuses.
var (
	ErrNoTranscoder = errors.New("api: there is no ffmpeg")
	ErrLaddersFull  = errors.New("api: too many broadcasts ask for smaller pictures")
)

// Ladders makes smaller pictures of broadcasts.
type Ladders interface {
	// SetLadder switches a broadcast's ladder on or off. It returns ErrNoTranscoder or ErrLaddersFull where it cannot.
	SetLadder(ctx context.Context, broadcastID string, on bool) error
	// Ladder tells how it does.
	Ladder(broadcastID string) Ladder
}

// Ladder is the state of a broadcast's smaller pictures.
type Ladder struct {
	State      string      `json:"state" enum:"off,waiting,starting,running,failing" doc:"waiting: for a publisher, or for another broadcast to end."`
	Renditions []Rendition `json:"renditions" doc:"What is made, the largest first. None where the source is as small as the ladder's lowest rung."`
	Problem    string      `json:"problem,omitempty" doc:"Why it failed the last time."`
}

// Rendition is one picture of a broadcast.
type Rendition struct {
	Name    string `json:"name" example:"480p"`
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Bitrate int    `json:"bitrate" doc:"Bits per second."`
}

type ladderOut struct{ Body Ladder }

func (s *Server) routesLadder(r *router) {
	ofBroadcast := Of{KindBroadcast, "id"}
	op := func(method, summary, description string) huma.Operation {
		return huma.Operation{Method: method, Path: "/v1/broadcasts/{id}/ladder", DefaultStatus: http.StatusOK, Summary: summary, Description: description, Tags: []string{"broadcasts"}}
	}
	register(r, op(http.MethodGet, "How the smaller pictures of a broadcast do", ""),
		Needs{Action: account.BroadcastRead, Owner: ofBroadcast}, func(_ context.Context, in *idIn) (*ladderOut, error) {
			return s.ladder(in.ID), nil
		})
	register(r, op(http.MethodPut, "Make smaller pictures of a broadcast",
		"Viewers on thin links get them without a reload. Where the encoder sends B-frames, one of them has the source's size without, for viewers over WebRTC. Needs ffmpeg."),
		Needs{Action: account.BroadcastWrite, Owner: ofBroadcast}, s.setLadder(true))
	register(r, op(http.MethodDelete, "Make no more smaller pictures of a broadcast", ""),
		Needs{Action: account.BroadcastWrite, Owner: ofBroadcast}, s.setLadder(false))
}

func (s *Server) ladder(id string) *ladderOut {
	out := Ladder{State: "off"}
	if s.Ladders != nil {
		out = s.Ladders.Ladder(id)
	}
	if out.Renditions == nil {
		out.Renditions = []Rendition{}
	}
	return &ladderOut{Body: out}
}

func (s *Server) setLadder(on bool) func(context.Context, *idIn) (*ladderOut, error) {
	return func(ctx context.Context, in *idIn) (*ladderOut, error) {
		if s.Ladders == nil {
			return nil, ErrNoTranscoder
		}
		if err := s.Ladders.SetLadder(ctx, in.ID, on); err != nil {
			return nil, err
		}
		return s.ladder(in.ID), nil
	}
}
