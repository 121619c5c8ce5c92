package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/ingest/pull"
	"github.com/hawkerlive/hawker/ingest/pull/pullsql"
	"github.com/hawkerlive/hawker/outbound"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/play"
	"github.com/hawkerlive/hawker/streaming/restream"
	"github.com/hawkerlive/hawker/streaming/restream/restreamsql"
)

// ways are the media's ways that we open ourselves: sources that we fetch, and targets that we push to.
type ways struct {
	sources *pull.Service
	targets *restream.Service
}

var (
	_ api.Sources = ways{}
	_ api.Targets = ways{}
)

func (a *app) buildWays() error {
	guard, err := outbound.New(a.config.Outbound, nil)
	if err != nil {
		return fmt.Errorf("outbound: %w", err)
	}
	a.ways = ways{
		sources: &pull.Service{
			Store: &pullsql.Store{DB: a.main}, Sealer: a.accounts.Sealer, Guard: guard, Sessions: a.sessions, Broadcasts: broadcastEnds{a.broadcasts},
			Config: a.config.Pull, Node: a.nodes.id(), Log: a.log, Metrics: pull.NewMetrics(a.registry),
		},
		targets: &restream.Service{
			Store: &restreamsql.Store{DB: a.main}, Sealer: a.accounts.Sealer, Guard: guard, Hub: a.hub, Channels: broadcastEnds{a.broadcasts},
			AAC: soundAs{a, streaming.AAC}, Opus: soundAs{a, streaming.Opus}, Config: a.config.Restream, Log: a.log, Metrics: restream.NewMetrics(a.registry),
		},
	}
	a.api.Sources, a.api.Targets = a.ways, a.ways
	return nil
}

// broadcastEnds answers what fetching and pushing must know of a broadcast.
type broadcastEnds struct{ broadcasts *streaming.Broadcasts }

func (b broadcastEnds) HasEnded(ctx context.Context, id string) (bool, error) {
	one, err := b.broadcasts.Get(ctx, id)
	if errors.Is(err, streaming.ErrNotFound) {
		return true, nil
	}
	return one.State == streaming.Ended, err
}

func (b broadcastEnds) ChannelOf(ctx context.Context, id string) (string, error) {
	one, err := b.broadcasts.Get(ctx, id)
	if one.State == streaming.Rehearsal {
		return "", err // the world is not told
	}
	return one.ChannelID, err
}

// soundAs gives targets the sound of a stream in one coding.
type soundAs struct {
	app   *app
	codec streaming.Codec
}

func (s soundAs) Open(stream *streaming.Stream, from mediatime.Time) (play.Leg, error) {
	leg, err := s.app.legs.Open(stream, s.codec)
	if err != nil {
		return nil, err
	}
	return &openLeg{leg: leg, reader: leg.SubscribeFrom(from)}, nil
}

// wayErrors says in the API's words what the rooms refuse.
func wayError(err error) error {
	for from, to := range map[error]error{
		pull.ErrNotFound: api.ErrWayUnknown, pull.ErrAddress: api.ErrWayAddress, pull.ErrForbidden: api.ErrWayForbidden, pull.ErrName: api.ErrWayName,
		pull.ErrTooMany: api.ErrWayTooMany, restream.ErrNotFound: api.ErrWayUnknown, restream.ErrAddress: api.ErrWayAddress,
		restream.ErrForbidden: api.ErrWayForbidden, restream.ErrName: api.ErrWayName, restream.ErrTooMany: api.ErrWayTooMany,
	} {
		if errors.Is(err, from) {
			return to
		}
	}
	return err
}

// SourceOwner implements api.Sources.
func (w ways) SourceOwner(ctx context.Context, id string) (account.Owner, error) {
	one, err := w.sources.Get(ctx, id)
	return account.Owner{Shop: one.Shop, Channel: one.Channel}, wayError(err)
}

// SourcesOf implements api.Sources.
func (w ways) SourcesOf(ctx context.Context, channel string) (out []api.PullSource, _ error) {
	all, err := w.sources.List(ctx, channel)
	for _, one := range all {
		out = append(out, sourceBody(one))
	}
	return out, err
}

// MakeSource implements api.Sources.
func (w ways) MakeSource(ctx context.Context, o account.Owner, name, address string) (api.PullSource, error) {
	one, err := w.sources.Create(ctx, o.Channel, o.Shop, name, address)
	return sourceBody(one), wayError(err)
}

// RunSource implements api.Sources.
func (w ways) RunSource(ctx context.Context, id string, on bool) (api.PullSource, error) {
	one, err := w.sources.Want(ctx, id, on)
	return sourceBody(one), wayError(err)
}

// DeleteSource implements api.Sources.
func (w ways) DeleteSource(ctx context.Context, id string) error {
	return wayError(w.sources.Delete(ctx, id))
}

func sourceBody(s pull.Source) api.PullSource {
	return api.PullSource{
		ID: s.ID, Name: s.Name, Address: s.Address, Running: s.Wanted, State: string(s.State), Reason: string(s.Reason), Broadcast: s.Broadcast, ChangedAt: s.Changed,
	}
}

// TargetOwner implements api.Targets.
func (w ways) TargetOwner(ctx context.Context, id string) (account.Owner, error) {
	one, err := w.targets.Get(ctx, id)
	return account.Owner{Shop: one.Shop, Channel: one.Channel}, wayError(err)
}

// TargetsOf implements api.Targets.
func (w ways) TargetsOf(ctx context.Context, channel string) (out []api.PushTarget, _ error) {
	all, err := w.targets.List(ctx, channel)
	for _, one := range all {
		out = append(out, w.targetBody(one))
	}
	return out, err
}

// MakeTarget implements api.Targets.
func (w ways) MakeTarget(ctx context.Context, o account.Owner, name, address, key string) (api.PushTarget, error) {
	one, err := w.targets.Create(ctx, o.Channel, o.Shop, name, address, key)
	return w.targetBody(one), wayError(err)
}

// EnableTarget implements api.Targets.
func (w ways) EnableTarget(ctx context.Context, id string, on bool) (api.PushTarget, error) {
	one, err := w.targets.Enable(ctx, id, on)
	return w.targetBody(one), wayError(err)
}

// DeleteTarget implements api.Targets.
func (w ways) DeleteTarget(ctx context.Context, id string) error {
	return wayError(w.targets.Delete(ctx, id))
}

func (w ways) targetBody(t restream.Target) api.PushTarget {
	s := w.targets.Status(t)
	out := api.PushTarget{
		ID: t.ID, Name: t.Name, Address: t.Address, Enabled: t.Enabled, State: string(s.State), Reason: string(s.Reason), Broadcast: s.Broadcast,
		Bitrate: s.Bitrate, Sent: s.Sent, Dropped: s.Dropped, Reconnects: s.Reconnects,
	}
	if !s.Since.IsZero() {
		out.Since = &s.Since
	}
	return out
}
