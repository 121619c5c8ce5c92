package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// Kinds of ids.
const (
	KindSource Kind = "source"
	KindTarget Kind = "target"
)

// What Sources and Targets refuse.
var (
	ErrWayUnknown   = errors.New("api: no such source or target")
	ErrWayAddress   = errors.New("api: the address is none that can be dialled")
	ErrWayForbidden = errors.New("api: the address is unknown or not public")
	ErrWayName      = errors.New("api: the name of a source or target is empty or too long")
	ErrWayTooMany   = errors.New("api: the channel has as many sources or targets as it may")
)

// Sources are what is fetched for a channel: cameras and partners.
type Sources interface {
	SourceOwner(ctx context.Context, id string) (account.Owner, error)
	SourcesOf(ctx context.Context, channel string) ([]PullSource, error)
	MakeSource(ctx context.Context, owner account.Owner, name, address string) (PullSource, error)
	RunSource(ctx context.Context, id string, on bool) (PullSource, error)
	DeleteSource(ctx context.Context, id string) error
}

// Targets are where a channel's broadcasts are pushed to.
type Targets interface {
	TargetOwner(ctx context.Context, id string) (account.Owner, error)
	TargetsOf(ctx context.Context, channel string) ([]PushTarget, error)
	MakeTarget(ctx context.Context, owner account.Owner, name, address, key string) (PushTarget, error)
	EnableTarget(ctx context.Context, id string, on bool) (PushTarget, error)
	DeleteTarget(ctx context.Context, id string) error
}

// PullSource is something that we fetch.
type PullSource struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Address   string    `json:"address" example:"rtsp://camera.example" doc:"Protocol and host. The rest is kept sealed and never shown again."`
	Running   bool      `json:"running" doc:"It is on air, or is being asked to be."`
	State     string    `json:"state" enum:"stopped,connecting,live,waiting,error" doc:"waiting: it will be asked again. error: it will not, until it is started anew."`
	Reason    string    `json:"reason,omitempty" doc:"Why it is not on air: unreachable, address, credentials, no_stream, silent, codec, malformed, over, ended, displaced, resting, limits, busy, secret_key, internal, attempts_over."`
	Broadcast string    `json:"broadcast,omitempty" doc:"That it went on air on."`
	ChangedAt time.Time `json:"changed_at" doc:"Since when it stands there."`
}

// PushTarget is somewhere that broadcasts are pushed to.
type PushTarget struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Address    string     `json:"address" example:"rtmps://live.example" doc:"Protocol and host. The rest is kept sealed and never shown again."`
	Enabled    bool       `json:"enabled"`
	State      string     `json:"state" enum:"off,waiting,connecting,live,retrying,error" doc:"waiting: for a broadcast. error: trying again would change nothing."`
	Reason     string     `json:"reason,omitempty" doc:"Why it gets nothing: unreachable, address, credentials, refused, codec, b_frames, slow, busy, secret_key."`
	Broadcast  string     `json:"broadcast,omitempty" doc:"That it gets."`
	Since      *time.Time `json:"since,omitempty" doc:"Since when it stands there."`
	Bitrate    int        `json:"bitrate" doc:"Bits per second, of the last seconds."`
	Sent       uint64     `json:"sent" doc:"Bytes of this broadcast."`
	Dropped    uint64     `json:"dropped" doc:"Pictures and sounds that it was too slow for."`
	Reconnects uint64     `json:"reconnects"`
}

type makeSourceIn struct {
	IDIn
	Body struct {
		Name    string `json:"name" minLength:"1" maxLength:"320"`
		Address string `json:"address" minLength:"1" maxLength:"1024" doc:"rtsp, rtsps, rtmp, rtmps, srt, or http(s) of an HLS playlist; user and password where it asks for them. SRT: ?streamid=…&passphrase=…"`
	}
}

type makeTargetIn struct {
	IDIn
	Body struct {
		Name    string `json:"name" minLength:"1" maxLength:"320"`
		Address string `json:"address" minLength:"1" maxLength:"1024" doc:"rtmp or rtmps: the server. srt: ?streamid=…&passphrase=… http(s): a WHIP endpoint."`
		Key     string `json:"key,omitempty" maxLength:"1024" doc:"RTMP: the stream key, where it does not stand in the address. WHIP: the bearer token. SRT: the stream id."`
	}
}

type runSourceIn struct {
	IDIn
	Body struct {
		Running bool `json:"running"`
	}
}

type enableTargetIn struct {
	IDIn
	Body struct {
		Enabled bool `json:"enabled"`
	}
}

type (
	sourceOut struct{ Body PullSource }
	targetOut struct{ Body PushTarget }
)

func wayOp(method, path, summary, description string) huma.Operation {
	op := huma.Operation{Method: method, Path: path, Summary: summary, Description: description, Tags: []string{"channels"}}
	if method == http.MethodPost {
		op.DefaultStatus = http.StatusCreated
	}
	return op
}

func (s *Server) routesSources(r *router) {
	r.owns(KindSource, s.Sources.SourceOwner)
	ofChannel, own := Of{KindChannel, "id"}, Of{KindSource, "id"}
	register(r, wayOp(http.MethodGet, "/v1/channels/{id}/sources", "What is fetched for a channel", ""),
		Needs{Action: account.BroadcastWrite, Owner: ofChannel}, func(ctx context.Context, _ *idIn) (*pageOut[PullSource], error) {
			all, err := s.Sources.SourcesOf(ctx, ownerOf(ctx).Channel)
			out := &pageOut[PullSource]{}
			out.Body.Items = append([]PullSource{}, all...)
			return out, err
		})
	register(r, wayOp(http.MethodPost, "/v1/channels/{id}/sources", "Set up a source to fetch",
		"A camera or a partner that we dial. Addresses that are not public are refused, unless the installation's operator allows them."),
		Needs{Action: account.KeyWrite, Owner: ofChannel}, func(ctx context.Context, in *makeSourceIn) (*sourceOut, error) {
			out, err := s.Sources.MakeSource(ctx, ownerOf(ctx), in.Body.Name, in.Body.Address)
			return &sourceOut{out}, err
		})
	register(r, wayOp(http.MethodPatch, "/v1/sources/{id}", "Start or stop a source",
		"Started, it goes on the channel's armed broadcast, else makes one, and is asked again until it comes. It stops with its broadcast."),
		Needs{Action: account.BroadcastWrite, Owner: own}, func(ctx context.Context, in *runSourceIn) (*sourceOut, error) {
			out, err := s.Sources.RunSource(ctx, in.ID, in.Body.Running)
			return &sourceOut{out}, err
		})
	register(r, wayOp(http.MethodDelete, "/v1/sources/{id}", "Forget a source", "One that is on air leaves it."),
		Needs{Action: account.KeyWrite, Owner: own}, func(ctx context.Context, in *idIn) (*struct{}, error) {
			return nil, s.Sources.DeleteSource(ctx, in.ID)
		})
}

func (s *Server) routesTargets(r *router) {
	r.owns(KindTarget, s.Targets.TargetOwner)
	ofChannel, own := Of{KindChannel, "id"}, Of{KindTarget, "id"}
	register(r, wayOp(http.MethodGet, "/v1/channels/{id}/targets", "Where a channel's broadcasts are pushed to", "Figures are those of the node that pushes."),
		Needs{Action: account.BroadcastWrite, Owner: ofChannel}, func(ctx context.Context, _ *idIn) (*pageOut[PushTarget], error) {
			all, err := s.Targets.TargetsOf(ctx, ownerOf(ctx).Channel)
			out := &pageOut[PushTarget]{}
			out.Body.Items = append([]PushTarget{}, all...)
			return out, err
		})
	register(r, wayOp(http.MethodPost, "/v1/channels/{id}/targets", "Set up a target to push to",
		"Each broadcast of the channel is pushed to it from its first picture on. Addresses that are not public are refused, unless the installation's operator allows them."),
		Needs{Action: account.KeyWrite, Owner: ofChannel}, func(ctx context.Context, in *makeTargetIn) (*targetOut, error) {
			out, err := s.Targets.MakeTarget(ctx, ownerOf(ctx), in.Body.Name, in.Body.Address, in.Body.Key)
			return &targetOut{out}, err
		})
	register(r, wayOp(http.MethodPatch, "/v1/targets/{id}", "Switch a target on or off", "A broadcast on air follows at once."),
		Needs{Action: account.BroadcastWrite, Owner: own}, func(ctx context.Context, in *enableTargetIn) (*targetOut, error) {
			out, err := s.Targets.EnableTarget(ctx, in.ID, in.Body.Enabled)
			return &targetOut{out}, err
		})
	register(r, wayOp(http.MethodDelete, "/v1/targets/{id}", "Forget a target", ""),
		Needs{Action: account.KeyWrite, Owner: own}, func(ctx context.Context, in *idIn) (*struct{}, error) {
			return nil, s.Targets.DeleteTarget(ctx, in.ID)
		})
}
