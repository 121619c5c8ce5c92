package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/streaming"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

// KindBroadcast is a broadcast's id.
const KindBroadcast Kind = "broadcast"

// Broadcasts is what the routes need of *streaming.Broadcasts.
type Broadcasts interface {
	CreateFor(ctx context.Context, channelID, title string, startsAt time.Time, access streaming.Access) (streaming.Broadcast, error)
	Rehearse(ctx context.Context, channelID, title string) (streaming.Broadcast, error)
	Get(ctx context.Context, id string) (streaming.Broadcast, error)
	List(ctx context.Context, f streaming.Filter) ([]streaming.Broadcast, error)
	Rename(ctx context.Context, id, title string) (streaming.Broadcast, error)
	SetAccess(ctx context.Context, id string, access streaming.Access) (streaming.Broadcast, error)
	End(ctx context.Context, id string) (streaming.Broadcast, error)
}

// Audience tells how many watch a broadcast now.
type Audience interface {
	Viewers(broadcastID string) int
}

// Recordings tells which ended broadcasts can be watched again.
type Recordings interface {
	Recorded(ctx context.Context, broadcastID string) (bool, error)
}

// Health tells how the publisher of a broadcast does; nil where there is none.
type Health interface {
	PublisherHealth(broadcastID string) *PublisherHealth
}

// PublisherHealth is the encoder's state, as of the last whole second.
type PublisherHealth struct {
	Protocol      string  `json:"protocol" example:"rtmp"`
	Encoder       string  `json:"encoder,omitempty" doc:"What the encoder says it is."`
	VideoCodec    string  `json:"video_codec,omitempty"`
	AudioCodec    string  `json:"audio_codec,omitempty"`
	Profile       string  `json:"profile,omitempty"`
	Width         int     `json:"width,omitempty"`
	Height        int     `json:"height,omitempty"`
	AudioRate     int     `json:"audio_rate,omitempty" doc:"Samples per second."`
	VideoBitrate  int     `json:"video_bitrate" doc:"Bits per second."`
	AudioBitrate  int     `json:"audio_bitrate" doc:"Bits per second."`
	FrameRate     float64 `json:"frame_rate"`
	VariableRate  bool    `json:"variable_rate"`
	KeyIntervalMS int64   `json:"key_interval_ms" doc:"Between the last two key frames; 0 before the second."`
	BFrames       bool    `json:"b_frames" doc:"WebRTC viewers cannot play B-frames; they get LL-HLS."`
	DriftMS       int64   `json:"drift_ms" doc:"The encoder's clock minus ours."`
	SkewMS        int64   `json:"skew_ms" doc:"How much later sound arrives than the picture of the same time."`
	Lost          uint64  `json:"lost" doc:"Packets lost on the way, where the protocol can tell."`
	Fault         string  `json:"fault,omitempty"`

	Renditions []SentRendition `json:"renditions,omitempty" doc:"Smaller pictures that the encoder itself sends, the largest first."`
	LeftOut    []string        `json:"left_out,omitempty" doc:"What the encoder sends beside that and viewers do not get, and why."`

	Advice []EncoderAdvice `json:"advice,omitempty" doc:"What to change, the worst first. Of the publisher that is on a broadcast."`
}

// SentRendition is a smaller picture that an encoder sends beside the first one.
type SentRendition struct {
	Name    string `json:"name" example:"480p"`
	Codec   string `json:"codec" example:"h264"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	Bitrate int    `json:"bitrate" doc:"Bits per second."`
	OnAir   bool   `json:"on_air"`
}

// EncoderAdvice is one thing to change at an encoder.
type EncoderAdvice struct {
	Code  string `json:"code" example:"key_interval_long"`
	Level string `json:"level" enum:"bad,warn" doc:"bad: viewers notice."`
	Value string `json:"value" example:"10.0 s" doc:"As measured."`
	Field string `json:"field" example:"Settings › Output › Streaming › Keyframe Interval" doc:"Where OBS has it; empty where it is not a setting."`
	Set   string `json:"set" example:"2 s"`
}

// BroadcastItem is a broadcast in a list.
type BroadcastItem struct {
	ID            string           `json:"id"`
	Title         string           `json:"title"`
	Channel       string           `json:"channel"`
	ChannelName   string           `json:"channel_name"`
	ChannelHandle string           `json:"channel_handle"`
	Shop          string           `json:"shop"`
	State         streaming.State  `json:"state" enum:"draft,scheduled,rehearsal,live,interrupted,ended"`
	Access        streaming.Access `json:"access" enum:"public,followers,token" doc:"Whom it is for. Those that need a token stand in no public list."`
	Viewers       int              `json:"viewers"`
	StartsAt      *time.Time       `json:"starts_at,omitempty"`
	StartedAt     *time.Time       `json:"started_at,omitempty"`
	EndedAt       *time.Time       `json:"ended_at,omitempty"`
}

// BroadcastBody is one broadcast.
type BroadcastBody struct {
	BroadcastItem
	Currency   string             `json:"currency"`
	Anchors    []mediatime.Anchor `json:"anchors" doc:"Where media time meets the wall clock, one per generation."`
	Length     mediatime.Time     `json:"length,omitempty" doc:"Media time at which it ended, µs."`
	Transports []Transport        `json:"transports" doc:"How to watch, best first. Of an ended broadcast: its recording. Empty while there is nothing to watch, and for who must ask by watch first."`
	Grant      string             `json:"grant,omitempty" doc:"Of what is not for everybody: leave to watch, for the channel's people. The addresses above hold it too."`
	Following  *bool              `json:"following,omitempty" doc:"Whether the caller follows the channel."`
	Health     *PublisherHealth   `json:"health,omitempty" doc:"For the channel's people only."`
}

// Transport is one way to watch.
type Transport struct {
	Kind   string `json:"kind" enum:"whep,hls"`
	URL    string `json:"url"`
	Rewind string `json:"rewind,omitempty" doc:"Of HLS: the same from the oldest picture that is still to be had, where a broadcast on air can be wound back."`
}

// Transports lists how a broadcast can be watched; it depends on nothing but the id and the grant. WHEP takes the
// grant as a bearer token.
func Transports(id, grant string) []Transport {
	return []Transport{{Kind: "whep", URL: "/whep/" + id}, {Kind: "hls", URL: playlist("/hls/", id, grant, "index")}}
}

func playlist(below, id, grant, name string) string {
	if grant != "" {
		id += "/~" + grant
	}
	return below + id + "/" + name + ".m3u8"
}

// transports lists how a broadcast can be watched now: live, or its recording.
func (s *Server) transports(ctx context.Context, b streaming.Broadcast, grant string) ([]Transport, error) {
	switch {
	case b.State.OnAir(), b.State == streaming.Rehearsal:
		out := Transports(b.ID, grant)
		if s.Rewinds != nil && s.Rewinds(b.ID) {
			out[1].Rewind = playlist("/hls/", b.ID, grant, "dvr")
		}
		return out, nil
	case b.State == streaming.Ended && s.Recordings != nil:
		recorded, err := s.Recordings.Recorded(ctx, b.ID)
		if err != nil {
			return nil, err
		}
		if recorded {
			return []Transport{{Kind: "hls", URL: playlist("/vod/", b.ID, grant, "index")}}, nil
		}
	}
	return []Transport{}, nil
}

type broadcastOut struct{ Body BroadcastBody }

func (s *Server) routesBroadcasts(r *router) {
	r.owns(KindBroadcast, func(ctx context.Context, id string) (account.Owner, error) {
		b, err := s.Broadcasts.Get(ctx, id)
		return account.Owner{Shop: b.ShopID, Channel: b.ChannelID}, err
	})
	ofBroadcast := Of{KindBroadcast, "id"}
	register(r, huma.Operation{Method: http.MethodGet, Path: "/v1/broadcasts", Summary: "What is on air, and what was", Tags: []string{"broadcasts"}},
		Needs{Public: true}, s.listBroadcasts)
	register(r, huma.Operation{Method: http.MethodGet, Path: "/v1/broadcasts/{id}", Summary: "One broadcast", Tags: []string{"broadcasts"}},
		Needs{Public: true}, s.getBroadcast)
	register(r, huma.Operation{Method: http.MethodPost, Path: "/v1/channels/{id}/broadcasts", Summary: "Make or schedule a broadcast", Tags: []string{"broadcasts"}, DefaultStatus: http.StatusCreated},
		Needs{Action: account.BroadcastWrite, Owner: Of{KindChannel, "id"}}, s.createBroadcast)
	register(r, huma.Operation{Method: http.MethodPatch, Path: "/v1/broadcasts/{id}", Summary: "Rename a broadcast, or change whom it is for", Tags: []string{"broadcasts"}},
		Needs{Action: account.BroadcastWrite, Owner: ofBroadcast}, s.changeBroadcast)
	register(r, huma.Operation{Method: http.MethodPost, Path: "/v1/broadcasts/{id}/end", Summary: "End a broadcast", Tags: []string{"broadcasts"}},
		Needs{Action: account.BroadcastWrite, Owner: ofBroadcast}, s.endBroadcast)
}

func (s *Server) listBroadcasts(ctx context.Context, in *struct {
	PageIn
	State   string `query:"state" enum:"live,ended,scheduled" doc:"live means on air, interrupted ones included."`
	Channel string `query:"channel" maxLength:"64" doc:"Its id or handle."`
	Shop    string `query:"shop" maxLength:"64"`
}) (*pageOut[BroadcastItem], error) {
	f := streaming.Filter{Listed: true, Channel: in.Channel, Shop: in.Shop, Limit: min(in.Limit, 99) + 1}
	// Drafts and rehearsals are the team's; so is the list of a channel to whoever may read them.
	team := false
	if in.Channel != "" {
		owner, err := s.Accounts.ChannelOwner(ctx, in.Channel)
		switch {
		case err == nil:
			team, f.Channel = s.mayRead(ctx, owner), owner.Channel
			f.Listed = !team
		case !errors.Is(err, account.ErrNotFound):
			return nil, err
		}
	}
	switch {
	case in.State == "live":
		f.States = []streaming.State{streaming.Live, streaming.Interrupted}
	case in.State != "":
		f.States = []streaming.State{streaming.State(in.State)}
	case !team:
		f.States = []streaming.State{streaming.Scheduled, streaming.Live, streaming.Interrupted, streaming.Ended}
	}
	cursor, err := parseCursor(in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	if cursor != nil {
		f.Before = cursor[0]
	}
	found, err := s.Broadcasts.List(ctx, f)
	if err != nil {
		return nil, err
	}
	items := make([]BroadcastItem, len(found))
	channels := map[string]account.Channel{}
	for i, b := range found {
		c, ok := channels[b.ChannelID]
		if !ok {
			if c, err = s.Accounts.Channel(ctx, b.ChannelID); err != nil {
				return nil, err
			}
			channels[b.ChannelID] = c
		}
		items[i] = s.broadcastItem(b, c)
	}
	return page(items, f.Limit-1, func(b BroadcastItem) string { return makeCursor(b.ID) }), nil
}

func (s *Server) getBroadcast(ctx context.Context, in *struct {
	IDIn
	GrantIn
}) (*broadcastOut, error) {
	b, err := s.Broadcasts.Get(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	team := s.mayRead(ctx, account.Owner{Shop: b.ShopID, Channel: b.ChannelID})
	if (b.State == streaming.Draft || b.State == streaming.Rehearsal) && !team {
		return nil, streaming.ErrNotFound
	}
	return s.broadcastBody(ctx, b, team, in.Grant)
}

func (s *Server) createBroadcast(ctx context.Context, in *struct {
	IDIn
	Body struct {
		Title    string           `json:"title" maxLength:"200"`
		Access   streaming.Access `json:"access,omitempty" enum:"public,followers,token" doc:"Whom it is for. Without it: everybody."`
		StartsAt time.Time        `json:"starts_at,omitempty" doc:"Schedules it. Without it the channel's next publisher goes on it."`

		Rehearsal bool `json:"rehearsal,omitempty" doc:"For the channel's people alone, until it ends and afterwards: it stands in no list, is not recorded and not passed on. The channel's next publisher goes on it, within twelve hours."`
	}
}) (*broadcastOut, error) {
	if in.Body.Rehearsal {
		if in.Body.Access != "" || !in.Body.StartsAt.IsZero() {
			return nil, invalid("body.rehearsal", "is for the channel's people, and begins with the next publisher")
		}
		b, err := s.Broadcasts.Rehearse(ctx, ownerOf(ctx).Channel, in.Body.Title)
		if err != nil {
			return nil, err
		}
		return s.broadcastBody(ctx, b, true, "")
	}
	b, err := s.Broadcasts.CreateFor(ctx, ownerOf(ctx).Channel, in.Body.Title, in.Body.StartsAt, in.Body.Access)
	if err != nil {
		return nil, err
	}
	return s.broadcastBody(ctx, b, true, "")
}

func (s *Server) changeBroadcast(ctx context.Context, in *struct {
	IDIn
	Body struct {
		Title  *string          `json:"title,omitempty" maxLength:"200"`
		Access streaming.Access `json:"access,omitempty" enum:"public,followers,token" doc:"Who may no longer watch is put out within a second."`
	}
}) (*broadcastOut, error) {
	b, err := s.Broadcasts.Get(ctx, in.ID)
	if err == nil && in.Body.Title != nil {
		b, err = s.Broadcasts.Rename(ctx, in.ID, *in.Body.Title)
	}
	if err == nil && in.Body.Access != "" {
		b, err = s.Broadcasts.SetAccess(ctx, in.ID, in.Body.Access)
	}
	if err != nil {
		return nil, err
	}
	return s.broadcastBody(ctx, b, true, "")
}

func (s *Server) endBroadcast(ctx context.Context, in *idIn) (*broadcastOut, error) {
	b, err := s.Broadcasts.End(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.broadcastBody(ctx, b, true, "")
}

// mayRead tells whether the caller, if there is one, belongs to the owner's people.
func (s *Server) mayRead(ctx context.Context, o account.Owner) bool {
	p := caller(ctx)
	return p != nil && p.May(account.BroadcastRead, o) == nil
}

func (s *Server) broadcastItem(b streaming.Broadcast, channel account.Channel) BroadcastItem {
	item := BroadcastItem{
		ID: b.ID, Title: b.Title, Channel: b.ChannelID, ChannelName: channel.Name, ChannelHandle: channel.Handle, Shop: b.ShopID, State: b.State, Access: b.Access,
		StartsAt: moment(b.StartsAt), StartedAt: moment(b.StartedAt), EndedAt: moment(b.EndedAt),
	}
	if b.State.OnAir() && s.Audience != nil {
		item.Viewers = s.Audience.Viewers(b.ID)
	}
	return item
}

func (s *Server) broadcastBody(ctx context.Context, b streaming.Broadcast, team bool, grant string) (*broadcastOut, error) {
	channel, err := s.Accounts.Channel(ctx, b.ChannelID)
	if err != nil {
		return nil, err
	}
	item := s.broadcastItem(b, channel)
	shop, err := s.Accounts.Shop(ctx, b.ShopID)
	if err != nil {
		return nil, err
	}
	out := &broadcastOut{Body: BroadcastBody{BroadcastItem: item, Currency: shop.Currency, Anchors: b.Anchors, Length: b.Length}}
	if out.Body.Anchors == nil {
		out.Body.Anchors = mediatime.Anchors{}
	}
	if err := s.tellWatching(ctx, &out.Body, b, team, grant); err != nil {
		return nil, err
	}
	if team && s.Health != nil {
		out.Body.Health = s.Health.PublisherHealth(b.ID)
	}
	return out, nil
}

// tellWatching says how the caller can watch: nothing to who must ask first, and to whose grant is good for nothing.
func (s *Server) tellWatching(ctx context.Context, out *BroadcastBody, b streaming.Broadcast, team bool, grant string) (err error) {
	out.Transports = []Transport{}
	open := AccessOf(b).Open()
	switch {
	case open || s.Access == nil:
	case team:
		if out.Grant, err = s.decide(ctx, b, "", ""); err != nil {
			return err
		}
	case grant != "" && s.visible(ctx, b.ID, grant) == nil:
		out.Grant = grant
	}
	if open || out.Grant != "" {
		if out.Transports, err = s.transports(ctx, b, out.Grant); err != nil {
			return err
		}
	}
	if p := caller(ctx); p != nil && s.Access != nil && !team {
		follows, err := s.Access.Follows(ctx, p.AccountID, b.ChannelID)
		out.Following = &follows
		return err
	}
	return nil
}

// moment is a time in an answer: absent while it has not come.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
