package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"net/url"
	"path/filepath"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/overlay/chat/chatsql"
	"github.com/hawkerlive/hawker/overlay/likes"
	"github.com/hawkerlive/hawker/overlay/likes/likessql"
	"github.com/hawkerlive/hawker/streaming"
)

// buildChat makes what takes what viewers say and tap, and lets the doors know who is banned.
func (a *app) buildChat(context.Context) error {
	secret, err := account.SecretKey(filepath.Join(a.config.Data, "secret_key"))
	if err != nil {
		return err
	}
	a.likes = &likes.Service{Store: &likessql.Store{DB: a.activity}, Bus: a.bus, Log: a.log}
	a.chat = &chat.Service{
		Store: &chatsql.Store{DB: a.activity}, Broadcasts: chatPlaces{a.broadcasts}, People: chatPeople{a.accounts, a.access}, Clock: a.hub, Bus: a.bus, Log: a.log,
		Likes: a.likes.Likes, Hash: addressHash(secret), Host: hostOf(a.config.PublicURL), Wake: wake(a.wakeViews), OnBan: a.putOut, Metrics: chat.NewMetrics(a.registry),
		Keep: a.config.Chat.Keep,
	}
	a.feed.Handle("chat", chat.UpRate, a.chat.Hear)
	a.feed.Handle("like", likes.UpRate, a.likes.Hear)
	a.accounts.Keepers = append(a.accounts.Keepers, a.chat)
	a.access.OnRevoked = func() {
		a.chat.Refresh()
		a.door.revoked()
	}
	a.door.chat = a.chat
	return nil
}

// putOut ends what somebody who was banned watches. Every node hears of the revocation, and looks again.
func (a *app) putOut(ctx context.Context, account, channel string) {
	if err := a.access.Unfollow(ctx, account, channel); err != nil {
		a.log.Error("end a banned account's follow", "account", account, "error", err)
	}
	if err := a.access.Revoke(ctx, access.OfFollow(account, channel)); err != nil {
		a.log.Error("put a banned account out", "account", account, "error", err)
	}
}

// addressHash makes of an address what can be compared, and not turned back without the installation's secret.
func addressHash(secret []byte) func(string) string {
	return func(address string) string {
		if a, err := netip.ParseAddr(address); err == nil && a.Unmap().Is6() {
			if p, err := a.Prefix(64); err == nil {
				address = p.Addr().String()
			}
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("chat address " + address))
		return hex.EncodeToString(mac.Sum(nil)[:16])
	}
}

func hostOf(public string) string {
	u, err := url.Parse(public)
	if err != nil {
		return ""
	}
	return u.Host
}

// chatPlaces lets the chat find broadcasts.
type chatPlaces struct{ broadcasts *streaming.Broadcasts }

func (c chatPlaces) Place(ctx context.Context, broadcast string) (chat.Place, error) {
	b, err := c.broadcasts.Get(ctx, broadcast)
	if errors.Is(err, streaming.ErrNotFound) {
		err = chat.ErrNotFound
	}
	return chat.Place{Broadcast: b.ID, Channel: b.ChannelID, Shop: b.ShopID, State: string(b.State)}, err
}

// chatPeople lets the chat know who somebody is.
type chatPeople struct {
	accounts *account.Service
	access   *access.Service
}

func (c chatPeople) Person(ctx context.Context, id, shop, channel string) (chat.Person, error) {
	who, err := c.accounts.Person(ctx, id)
	if errors.Is(err, account.ErrNotFound) {
		err = chat.ErrNotFound
	}
	if err != nil {
		return chat.Person{}, err
	}
	out := chat.Person{Name: who.Name, Created: who.Created}
	if who.Admin {
		out.Role = chat.Owner
		return out, nil
	}
	p, err := c.accounts.Store.AccountPrincipal(ctx, id)
	if err != nil || len(p.Memberships) == 0 {
		return out, err
	}
	if shop == "" {
		place, err := c.accounts.Channel(ctx, channel)
		if err != nil {
			return out, err
		}
		shop = place.Shop
	}
	for _, m := range p.Memberships {
		if role := api.ChatRole(m, shop, channel); role.Above(out.Role) {
			out.Role = role
		}
	}
	return out, nil
}

func (c chatPeople) Follows(ctx context.Context, account, channel string) (bool, error) {
	return c.access.Follows(ctx, account, channel)
}
