package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/ingest"
	"github.com/hawkerlive/hawker/ingest/doctor"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/store"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/audio"
	"github.com/hawkerlive/hawker/streaming/hls"
	"github.com/hawkerlive/hawker/streaming/mediatime"
	"github.com/hawkerlive/hawker/streaming/rtpfan"
	"github.com/hawkerlive/hawker/streaming/streamingsql"
)

// Glue introduces rooms to each other that must not know each other: each type here answers one room's question
// out of another's mouth, and decides nothing.

// publishers lets ingest ask account who a stream key belongs to.
type publishers struct{ accounts *account.Service }

func (p publishers) AuthorizePublish(ctx context.Context, streamKey, remoteAddr string) (ingest.Grant, error) {
	g, err := p.accounts.AuthorizePublish(ctx, streamKey, remoteAddr)
	if errors.Is(err, account.ErrKeyRevoked) {
		return ingest.Grant{}, ingest.ErrRefused
	}
	return ingest.Grant{ChannelID: g.ChannelID, ShopID: g.ShopID, KeyID: g.KeyID}, err
}

// publisherHealth lets the API tell what ingest measures.
type publisherHealth struct{ sessions *ingest.Sessions }

func (h publisherHealth) PublisherHealth(broadcast string) *api.PublisherHealth {
	f, ok := h.sessions.Health(broadcast)
	if !ok {
		return nil
	}
	out := healthOf(f)
	for _, a := range doctor.Examine(h.sessions.Recent(broadcast)) {
		out.Advice = append(out.Advice, api.EncoderAdvice{Code: string(a.Code), Level: string(a.Level), Value: a.Value, Field: a.Field, Set: a.Set})
	}
	return &out
}

func (h publisherHealth) PublishersOf(channel string) []api.Publisher {
	var out []api.Publisher
	for _, f := range h.sessions.OfChannel(channel) {
		out = append(out, api.Publisher{ID: f.ID, Standby: f.Standby, Broadcast: f.Broadcast, Since: f.Since, PublisherHealth: healthOf(f)})
	}
	return out
}

func (h publisherHealth) Show(channel, publisher string) bool {
	return h.sessions.Promote(channel, publisher)
}

func (h publisherHealth) Reconnect(channel, publisher, to string) (found, asked bool) {
	return h.sessions.Reconnect(channel, publisher, to)
}

func healthOf(f ingest.Health) api.PublisherHealth {
	var sent []api.SentRendition
	for _, r := range f.Renditions {
		sent = append(sent, api.SentRendition{Name: r.Name, Codec: string(r.Codec), Width: r.Width, Height: r.Height, Bitrate: r.Bitrate, OnAir: r.OnAir})
	}
	return api.PublisherHealth{
		Renditions: sent, LeftOut: f.LeftOut,
		Protocol: f.Protocol, Encoder: f.Encoder, VideoCodec: string(f.VideoCodec), AudioCodec: string(f.AudioCodec), Profile: f.Profile,
		Width: f.Width, Height: f.Height, AudioRate: f.AudioRate, VideoBitrate: f.VideoBitrate, AudioBitrate: f.AudioBitrate, FrameRate: f.FPS,
		VariableRate: f.VariableRate, KeyIntervalMS: f.KeyIntervalMS, BFrames: f.BFrames, DriftMS: f.DriftMS, SkewMS: f.SkewMS, Lost: f.Lost, Fault: f.Fault,
	}
}

// leases are there where other processes may share the database.
func leases(db *store.DB) streaming.Leases {
	if db.Engine() != store.Postgres {
		return nil
	}
	return streamingsql.Leases{DB: db}
}

// onAir lets the overlay find broadcasts in streaming's record, with their places from account.
type onAir struct {
	broadcasts *streaming.Broadcasts
	accounts   *account.Service
}

func (o onAir) Broadcast(ctx context.Context, id string) (overlay.Broadcast, error) {
	b, err := o.broadcasts.Get(ctx, id)
	if errors.Is(err, streaming.ErrNotFound) {
		return overlay.Broadcast{}, overlay.ErrNotFound
	}
	if err != nil {
		return overlay.Broadcast{}, err
	}
	return o.complete(ctx, b)
}

func (o onAir) OnAir(ctx context.Context) (map[string][]string, error) {
	all, err := o.broadcasts.OnAir(ctx)
	out := map[string][]string{}
	for _, b := range all {
		out[b.ShopID] = append(out[b.ShopID], b.ID)
	}
	return out, err
}

func (o onAir) complete(ctx context.Context, b streaming.Broadcast) (overlay.Broadcast, error) {
	channel, err := o.accounts.Channel(ctx, b.ChannelID)
	if err != nil {
		return overlay.Broadcast{}, err
	}
	shop, err := o.accounts.Shop(ctx, b.ShopID)
	if err != nil {
		return overlay.Broadcast{}, err
	}
	return overlay.Broadcast{
		ID: b.ID, Title: b.Title, Channel: b.ChannelID, ChannelName: channel.Name, Shop: b.ShopID, State: string(b.State), Currency: shop.Currency,
		StartsAt: b.StartsAt, StartedAt: b.StartedAt, EndedAt: b.EndedAt, Anchors: b.Anchors,
	}, nil
}

// hlsAccess is the doorkeeper in HLS's words.
type hlsAccess struct{ *doorkeeper }

func (a hlsAccess) MayWatch(ctx context.Context, _ *http.Request, broadcast, grant string) error {
	err := a.admit(ctx, broadcast, grant)
	switch {
	case errors.Is(err, streaming.ErrNotFound), errors.Is(err, errNotForYou):
		return hls.ErrUnknown
	case errors.Is(err, access.ErrGrant):
		return hls.ErrUnauthenticated
	}
	return err
}

// opusLegs gives WHEP the sound of a stream as Opus.
func opusLegs(legs *audio.Legs) rtpfan.Sound {
	return func(s *streaming.Stream) (rtpfan.Leg, error) {
		leg, err := legs.Open(s, streaming.Opus)
		if err != nil {
			return nil, err
		}
		return &openLeg{leg: leg, reader: leg.Subscribe()}, nil
	}
}

// aacLegs gives HLS the sound of a stream as AAC.
type aacLegs struct{ legs *audio.Legs }

func (a aacLegs) Open(s *streaming.Stream, from mediatime.Time) (hls.AudioLeg, error) {
	leg, err := a.legs.Open(s, streaming.AAC)
	if err != nil {
		return nil, err
	}
	return &openLeg{leg: leg, reader: leg.SubscribeFrom(from)}, nil
}

// openLeg is a leg and a reader of it.
type openLeg struct {
	leg    *audio.Leg
	reader *audio.Reader
}

func (o *openLeg) Track(generation int) (streaming.Track, bool)      { return o.leg.Track(generation) }
func (o *openLeg) Next(ctx context.Context) (*streaming.Unit, error) { return o.reader.Next(ctx) }
func (o *openLeg) TryNext() *streaming.Unit                          { return o.reader.TryNext() }
func (o *openLeg) Close()                                            { o.reader.Close(); o.leg.Close() }
