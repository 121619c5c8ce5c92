package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hawkerlive/hawker/account"
)

// Publishers knows who publishes on a channel: who is shown, and who stands by.
type Publishers interface {
	// PublishersOf lists them in the order in which they came.
	PublishersOf(channelID string) []Publisher
	// Show lets one that stands by take the air with its next key frame; the one that is shown stands by then. It
	// reports false where the channel has no such publisher.
	Show(channelID, publisherID string) bool
	// Reconnect asks one to connect again, at another address where one is named. found is false where the channel has
	// no such publisher, asked where its encoder does not know the request.
	Reconnect(channelID, publisherID, to string) (found, asked bool)
}

// Publisher is one encoder that is connected to a channel.
type Publisher struct {
	ID        string    `json:"id"`
	Standby   bool      `json:"standby" doc:"It is read and not shown. It takes over when the shown one falls silent or leaves."`
	Broadcast string    `json:"broadcast,omitempty"`
	Since     time.Time `json:"since"`
	PublisherHealth
}

type shownIn struct {
	IDIn
	Body struct {
		Publisher string `json:"publisher" maxLength:"64" doc:"The id of a publisher of this channel."`
	}
}

type reconnectIn struct {
	IDIn
	Body struct {
		Publisher string `json:"publisher" maxLength:"64" doc:"The id of a publisher of this channel."`
		To        string `json:"to,omitempty" maxLength:"512" example:"rtmp://other.example:1935/live" doc:"Where it is to connect; absent: where it did before."`
	}
}

func (s *Server) routesPublishers(r *router) {
	op := func(method, path, summary string) huma.Operation {
		return huma.Operation{Method: method, Path: path, Summary: summary, Tags: []string{"channels"}}
	}
	needs := Needs{Action: account.BroadcastWrite, Owner: Of{KindChannel, "id"}}
	list := op(http.MethodGet, "/v1/channels/{id}/publishers", "Who publishes on a channel")
	register(r, list, needs, func(ctx context.Context, _ *idIn) (*pageOut[Publisher], error) {
		out := &pageOut[Publisher]{}
		out.Body.Items = []Publisher{}
		if s.Publishers != nil {
			out.Body.Items = append(out.Body.Items, s.Publishers.PublishersOf(ownerOf(ctx).Channel)...)
		}
		return out, nil
	})
	show := op(http.MethodPut, "/v1/channels/{id}/publishers/shown", "Show a publisher that stands by")
	show.DefaultStatus = http.StatusNoContent
	show.Description = "From its next key frame on it is on air, and the one that was shown stands by. Viewers stay."
	register(r, show, needs, func(ctx context.Context, in *shownIn) (*struct{}, error) {
		if s.Publishers == nil || !s.Publishers.Show(ownerOf(ctx).Channel, in.Body.Publisher) {
			return nil, invalid("body.publisher", "is no publisher of this channel")
		}
		return nil, nil
	})
	again := op(http.MethodPost, "/v1/channels/{id}/publishers/reconnect", "Ask a publisher to connect again")
	again.DefaultStatus = http.StatusAccepted
	again.Description = "Before its server is taken away, say. Encoders that speak Enhanced RTMP v2 go on sending until they are connected again."
	register(r, again, needs, func(ctx context.Context, in *reconnectIn) (*struct{}, error) {
		if u, err := url.Parse(in.Body.To); in.Body.To != "" && (err != nil || u.Scheme != "rtmp" && u.Scheme != "rtmps" || u.Host == "") {
			return nil, invalid("body.to", "must be an address of RTMP or RTMPS")
		}
		found, asked := false, false
		if s.Publishers != nil {
			found, asked = s.Publishers.Reconnect(ownerOf(ctx).Channel, in.Body.Publisher, in.Body.To)
		}
		switch {
		case !found:
			return nil, invalid("body.publisher", "is no publisher of this channel")
		case !asked:
			return nil, problemFor(http.StatusConflict, "not-asked", "This encoder cannot be asked to connect again.")
		}
		return nil, nil
	})
}
