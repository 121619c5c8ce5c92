package main

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/api"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
)

// follower says who opens a feed, for those who take what comes up it: an account, or a guest; and by what grant. The
// channel's people come without one and are given it, so that it can be taken back.
func (d *doorkeeper) follower(r *http.Request, topic string) (c overlay.Caller, cookie bool) {
	cookie = r.Header.Get("Authorization") == ""
	c.Grant = strings.Clone(grantIn(r)) // it outlives the request
	p, err := d.api.Principal(r)
	if err != nil || p == nil {
		return c, cookie
	}
	c.Account = p.AccountID
	id, ok := strings.CutPrefix(topic, "broadcast/")
	if !ok || c.Grant != "" || d.admit(r.Context(), id, "") == nil || d.team(r, id) == nil {
		return c, cookie
	}
	if b, err := d.find(r.Context(), id); err == nil {
		ask := access.Ask{Broadcast: api.AccessOf(b), Team: true, Account: p.AccountID, Login: p.Login()}
		c.Grant, _ = d.access.Decide(r.Context(), ask) // without one the next look ends the feed
	}
	return c, cookie
}

// recheckFeeds sends those away who may no longer follow.
func (d *doorkeeper) recheckFeeds(f *overlay.Feed) {
	for _, topic := range f.Topics() {
		id, ok := strings.CutPrefix(topic, "broadcast/")
		if !ok {
			continue
		}
		if may := d.may(id); may != nil {
			f.End(topic, func(_ string, c overlay.Caller) bool { return !may(c.Grant) })
		}
		if out := d.bannedFrom(id); out != nil {
			f.End(topic, func(_ string, c overlay.Caller) bool { return out(c) })
		}
	}
}

// banned refuses a feed to who is banned from the channel. Who that is, is only asked where somebody is.
func (d *doorkeeper) banned(r *http.Request, broadcast string) error {
	b, err := d.find(r.Context(), broadcast)
	if err != nil {
		return err
	}
	if !d.chat.Bans(r.Context(), b.ChannelID) {
		return nil
	}
	account := ""
	if p, err := d.api.Principal(r); err == nil && p != nil {
		account = p.AccountID
	}
	return d.chat.Admit(r.Context(), b.ChannelID, account, d.api.Address(r).String())
}

// bannedFrom is the same question for those who are in; nil where nobody is banned.
func (d *doorkeeper) bannedFrom(broadcast string) func(c overlay.Caller) bool {
	ctx, stop := context.WithTimeout(context.Background(), doorReads)
	defer stop()
	b, err := d.find(ctx, broadcast)
	if err != nil || !d.chat.Bans(ctx, b.ChannelID) {
		return nil
	}
	return func(c overlay.Caller) bool {
		ctx, stop := context.WithTimeout(context.Background(), doorReads)
		defer stop()
		return errors.Is(d.chat.Admit(ctx, b.ChannelID, c.Account, c.Where()), chat.ErrBanned)
	}
}
