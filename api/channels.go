package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

type channelIn struct {
	IDIn
	Body struct {
		Name   string `json:"name" maxLength:"320"`
		Handle string `json:"handle" maxLength:"30" doc:"Its address: 3 to 30 of a-z, 0-9 and inner hyphens."`
	}
}

type channelPatch struct {
	IDIn
	Body struct {
		Name string `json:"name" maxLength:"320"`
	}
}

type channelBody struct {
	ID       string `json:"id"`
	Handle   string `json:"handle"`
	Name     string `json:"name"`
	Shop     string `json:"shop"`
	ShopName string `json:"shop_name"`
	Live     string `json:"live_broadcast,omitempty" doc:"The broadcast that is on air."`
}

type channelOut struct{ Body channelBody }

type streamKeyOut struct {
	Body struct {
		StreamKey  string `json:"stream_key" doc:"Shown once. The one before opens nothing from now on."`
		Passphrase string `json:"srt_passphrase,omitempty" doc:"Encrypts SRT; shown once. It belongs to the key. Callers without one are taken unencrypted, unless the installation wants otherwise."`
	}
}

func (s *Server) routesChannels(r *router) {
	r.owns(KindChannel, func(ctx context.Context, id string) (account.Owner, error) { return s.Accounts.ChannelOwner(ctx, id) })
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"channels"}}
	}
	register(r, op(http.MethodGet, "/v1/channels/{id}", "A channel, by id or handle"), Needs{Public: true}, func(ctx context.Context, in *idIn) (*channelOut, error) {
		c, err := s.Accounts.Channel(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return s.channelOut(ctx, c)
	})
	register(r, op(http.MethodPatch, "/v1/channels/{id}", "Rename a channel"), Needs{Action: account.ChannelWrite, Owner: Of{KindChannel, "id"}}, func(ctx context.Context, in *channelPatch) (*channelOut, error) {
		c, err := s.Accounts.RenameChannel(ctx, ownerOf(ctx).Channel, in.Body.Name)
		if err != nil {
			return nil, err
		}
		return s.channelOut(ctx, c)
	})
	made := op(http.MethodPost, "/v1/channels/{id}/stream-key", "Make a new stream key")
	made.DefaultStatus = http.StatusCreated
	made.Description = "The old key is revoked and whoever publishes with it is put out."
	register(r, made, Needs{Action: account.KeyWrite, Owner: Of{KindChannel, "id"}}, func(ctx context.Context, _ *idIn) (*streamKeyOut, error) {
		key, err := s.Accounts.FreshStreamKey(ctx, ownerOf(ctx).Channel)
		out := &streamKeyOut{}
		out.Body.StreamKey, out.Body.Passphrase = key.StreamKey, key.Passphrase
		return out, err
	})
}

func channelOf(c account.Channel) channelBody {
	return channelBody{ID: c.ID, Handle: c.Handle, Name: c.Name, Shop: c.Shop, ShopName: c.ShopName}
}

func (s *Server) channelOut(ctx context.Context, c account.Channel) (*channelOut, error) {
	out := &channelOut{channelOf(c)}
	if s.LiveBroadcast == nil {
		return out, nil
	}
	var err error
	out.Body.Live, err = s.LiveBroadcast(ctx, c.ID)
	return out, err
}
