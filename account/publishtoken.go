package account

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	publishTokenLife    = 5 * time.Minute // to start with; whoever was let in stays
	publishTokenVersion = 1
	publishTokenSaid    = 1 + 2*16 + 8          // version, channel, account, expiry
	publishTokenSigned  = publishTokenSaid + 16 // the signing key's id
	publishTokenBytes   = publishTokenSigned + 32
)

// PublishToken lets an account publish on a channel for as long as it may, beginning before Expires. It is not
// stored: the ring signs it, and the account's role is asked for again when it is shown.
type PublishToken struct {
	Channel string
	Account string
	Expires time.Time
}

// PublisherID names who publishes with tokens of an account, in the place of a stream key's id.
func PublisherID(account string) string { return "account/" + account }

// IssuePublishToken makes a token for the account to go live on the channel. Whether it may is decided before.
func (s *Service) IssuePublishToken(ctx context.Context, account, channel string) (string, time.Time, error) {
	if s.PublishSigner == nil {
		return "", time.Time{}, ErrNotFound
	}
	c, err := s.Store.Channel(ctx, channel)
	if err != nil {
		return "", time.Time{}, err
	}
	t := PublishToken{Channel: c.ID, Account: account, Expires: s.now().Add(publishTokenLife)}
	text, err := t.sign(s.PublishSigner)
	return text, t.Expires, err
}

// sign writes the token: the prefix and, in base64url, what it says, the id of the key and its mac.
func (t PublishToken) sign(by *Signer) (string, error) {
	b := make([]byte, 1, publishTokenBytes)
	b[0] = publishTokenVersion
	var err error
	if b, err = appendID(b, t.Channel); err != nil {
		return "", err
	}
	if b, err = appendID(b, t.Account); err != nil {
		return "", err
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.Expires.UnixMilli()))
	key, mac, err := by.Sign(b)
	if err != nil {
		return "", err
	}
	if b, err = appendID(b, key); err != nil {
		return "", err
	}
	return PublishTokenPrefix + base64.RawURLEncoding.EncodeToString(append(b, mac...)), nil
}

func appendID(b []byte, id string) ([]byte, error) {
	u, err := uuid.Parse(id)
	return append(b, u[:]...), err
}

// parsePublishToken reads a token and believes nothing of it.
func parsePublishToken(text string) (t PublishToken, said []byte, key string, mac []byte, ok bool) {
	rest, ok := strings.CutPrefix(text, PublishTokenPrefix)
	// The decoder would skip line breaks.
	if !ok || len(rest) != base64.RawURLEncoding.EncodedLen(publishTokenBytes) || strings.ContainsAny(rest, "\r\n") {
		return PublishToken{}, nil, "", nil, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if err != nil || b[0] != publishTokenVersion {
		return PublishToken{}, nil, "", nil, false
	}
	t = PublishToken{
		Channel: uuid.UUID(b[1:17]).String(), Account: uuid.UUID(b[17:33]).String(),
		Expires: time.UnixMilli(int64(binary.BigEndian.Uint64(b[33:publishTokenSaid]))).UTC(),
	}
	return t, b[:publishTokenSaid], uuid.UUID(b[publishTokenSaid:publishTokenSigned]).String(), b[publishTokenSigned:], true
}

// authorizeToken is AuthorizePublish for tokens: the mac in constant time, then the time, then what the account may
// now. A token opens nothing for somebody who lost the role, the channel or the account since it was made.
func (s *Service) authorizeToken(ctx context.Context, text string) (PublishGrant, error) {
	t, said, key, mac, ok := parsePublishToken(text)
	if !ok {
		s.Metrics.published("malformed")
		return PublishGrant{}, ErrKeyRevoked
	}
	if s.PublishSigner == nil || !s.PublishSigner.Verify(key, said, mac) || !s.now().Before(t.Expires) {
		s.Metrics.published("refused")
		return PublishGrant{}, ErrKeyRevoked
	}
	c, may, err := s.mayPublish(ctx, t.Account, t.Channel)
	if err != nil {
		return PublishGrant{}, err
	}
	if !may {
		s.Metrics.published("refused")
		return PublishGrant{}, ErrKeyRevoked
	}
	s.Metrics.published("ok")
	return PublishGrant{ChannelID: c.ID, ShopID: c.Shop, KeyID: PublisherID(t.Account)}, nil
}

// mayPublish tells whether an account may go live on a channel now, past every cache.
func (s *Service) mayPublish(ctx context.Context, account, channel string) (Channel, bool, error) {
	c, err := s.Store.Channel(ctx, channel)
	if errors.Is(err, ErrNotFound) {
		return Channel{}, false, nil
	}
	if err != nil {
		return Channel{}, false, err
	}
	p, err := s.Store.AccountPrincipal(ctx, account)
	if errors.Is(err, ErrNotFound) {
		return Channel{}, false, nil
	}
	if err != nil {
		return Channel{}, false, err
	}
	return c, p.May(KeyWrite, Owner{Shop: c.Shop, Channel: c.ID}) == nil, nil
}

// putOut ends what an account publishes at a place where it may no longer. The role is gone already: a failure here
// is told to the log, and what is on air ends with its own broadcast.
func (s *Service) putOut(ctx context.Context, account string, place Owner) {
	if s.OnRevoked == nil {
		return
	}
	channels := []Channel{{ID: place.Channel, Shop: place.Shop}}
	var err error
	if place.Channel == "" {
		channels, err = s.Store.Channels(ctx, place.Shop)
	}
	for _, c := range channels {
		if err != nil {
			break
		}
		var may bool
		if _, may, err = s.mayPublish(ctx, account, c.ID); err == nil && !may {
			s.OnRevoked(c.ID, PublisherID(account))
		}
	}
	if err != nil {
		s.Log.Error("put out who may no longer publish", "account", account, "shop", place.Shop, "error", err)
	}
}
