package main

import (
	"context"
	"errors"
	"strings"

	"github.com/bluenviron/gortsplib/v4"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/rtmp"
	"github.com/hawkerlive/hawker/ingest/rtsp"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/audio"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/play"
	"github.com/hawkerlive/hawker/streaming/relay"
)

// buildPlayers lets RTMP and RTSP players watch where encoders publish.
func (a *app) buildPlayers() {
	a.play = &play.Server{Hub: a.hub, Sound: aacForPlayers{a.legs}, Log: a.log, Metrics: streaming.NewPlayerMetrics(a.registry, "rtmp")}
	a.relay = &relay.Server{Hub: a.hub, Log: a.log, Metrics: streaming.NewPlayerMetrics(a.registry, "rtsp")}
	a.rtmp.Player = rtmpPlayers{a.door, a.play}
	a.rtsp.Player = rtspPlayers{a.door, a.relay}
}

// player decides once whether a player may watch. The secret is a grant, or a viewing token. What it answers is what
// the player watches by.
func (d *doorkeeper) player(ctx context.Context, broadcast, secret string) (pass string, err error) {
	if strings.HasPrefix(secret, access.TokenPrefix) {
		b, err := d.find(ctx, broadcast)
		if err != nil {
			return "", err
		}
		secret, err = d.access.Decide(ctx, access.Ask{Broadcast: api.AccessOf(b), Token: secret})
		for _, refused := range []error{access.ErrTeam, access.ErrFollow, access.ErrTokenRefused, access.ErrTokenBusy} {
			if errors.Is(err, refused) {
				return "", ingest.ErrRefused
			}
		}
		if err != nil {
			return "", err
		}
	}
	err = d.admit(ctx, broadcast, secret)
	if errors.Is(err, errNotForYou) || errors.Is(err, access.ErrGrant) {
		err = ingest.ErrRefused
	}
	return secret, err
}

// rtmpPlayers is what an RTMP listener does with viewers.
type rtmpPlayers struct {
	door *doorkeeper
	play *play.Server
}

func (p rtmpPlayers) Play(ctx context.Context, r ingest.PlayRequest) error {
	pass, err := p.door.player(ctx, r.Broadcast, r.Secret)
	if errors.Is(err, streaming.ErrNotFound) {
		return streaming.ErrOffAir
	}
	if err != nil {
		return err
	}
	v := r.Conn.(*rtmp.Viewer) // what the listener says it is
	return p.play.Play(ctx, play.Player{Broadcast: r.Broadcast, Pass: pass, Opus: v.Opus(), Sink: v})
}

// rtspPlayers is what the RTSP listener does with viewers.
type rtspPlayers struct {
	door  *doorkeeper
	relay *relay.Server
}

func (p rtspPlayers) Open(ctx context.Context, server *gortsplib.Server, r ingest.PlayRequest) (rtsp.Viewing, error) {
	pass, err := p.door.player(ctx, r.Broadcast, r.Secret)
	if err != nil {
		return nil, err
	}
	v, err := p.relay.Open(server, r.Broadcast, pass)
	if err != nil {
		return nil, err // no Viewing at all, rather than one of nothing
	}
	return v, nil
}

// aacForPlayers gives RTMP players the sound of a stream as AAC.
type aacForPlayers struct{ legs *audio.Legs }

func (a aacForPlayers) Open(s *streaming.Stream, from mediatime.Time) (play.Leg, error) {
	leg, err := a.legs.Open(s, streaming.AAC)
	if err != nil {
		return nil, err
	}
	return &openLeg{leg: leg, reader: leg.SubscribeFrom(from)}, nil
}
