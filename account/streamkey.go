package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"github.com/hawkerlive/hawker/event"
)

// StreamKey lets an encoder publish on a channel. Only its digest is stored.
type StreamKey struct {
	ID      string
	Digest  Digest
	Channel string
	Shop    string
	Created time.Time
	// SRTSealed is the passphrase for SRT that belongs to the key, sealed; empty where it has none.
	SRTSealed string
}

// PublishGrant is what a stream key or a publish token opens. KeyID is the key's, or the PublisherID of an account.
type PublishGrant struct{ ChannelID, ShopID, KeyID string }

// KeyRotated is the data of the event key.rotated, on the shop's topic.
type KeyRotated struct {
	Channel string `json:"channel"`
	Key     string `json:"key"` // the id of the key that was revoked
}

// RotateStreamKey makes a new stream key for a channel, told once. The old one opens nothing from now on, and
// OnRevoked puts out who publishes with it; other nodes hear of it by the event.
func (s *Service) RotateStreamKey(ctx context.Context, channel string) (string, error) {
	fresh, err := s.FreshStreamKey(ctx, channel)
	return fresh.StreamKey, err
}

// FreshStreamKey is RotateStreamKey that tells the key's passphrase as well.
func (s *Service) FreshStreamKey(ctx context.Context, channel string) (FreshKey, error) {
	c, err := s.Store.Channel(ctx, channel)
	if err != nil {
		return FreshKey{}, err
	}
	secret, digest := newSecret(StreamKeyPrefix)
	now := s.now()
	k := StreamKey{ID: newID(), Digest: digest, Channel: c.ID, Shop: c.Shop, Created: now}
	out := FreshKey{StreamKey: secret}
	out.Passphrase, k.SRTSealed = s.newPassphrase(k.ID)
	revoked, err := s.Store.RotateStreamKey(ctx, k, func(revoked string) event.Event {
		return event.New(event.ShopTopic(c.Shop), event.KeyRotated, 0, now, KeyRotated{Channel: c.ID, Key: revoked})
	})
	if err != nil {
		return FreshKey{}, err
	}
	for _, id := range revoked {
		if s.OnRevoked != nil {
			s.OnRevoked(c.ID, id)
		}
	}
	return out, nil
}

// AuthorizePublish tells what a stream key or a publish token opens: ErrKeyRevoked for one that is none, no longer
// one, or not even shaped like one. The comparison takes the same time wherever a wrong key differs: what is compared are digests.
// It logs neither the key nor the address; the door that knocks does.
func (s *Service) AuthorizePublish(ctx context.Context, streamKey, _ string) (PublishGrant, error) {
	if strings.HasPrefix(streamKey, PublishTokenPrefix) {
		return s.authorizeToken(ctx, streamKey)
	}
	d, ok := parseSecret(StreamKeyPrefix, streamKey)
	if !ok {
		s.Metrics.published("malformed")
		return PublishGrant{}, ErrKeyRevoked
	}
	k, err := s.Store.StreamKey(ctx, d)
	if errors.Is(err, ErrNotFound) || err == nil && subtle.ConstantTimeCompare(k.Digest[:], d[:]) != 1 {
		s.Metrics.published("refused")
		return PublishGrant{}, ErrKeyRevoked
	}
	if err != nil {
		return PublishGrant{}, err
	}
	s.Metrics.published("ok")
	return PublishGrant{ChannelID: k.Channel, ShopID: k.Shop, KeyID: k.ID}, nil
}
