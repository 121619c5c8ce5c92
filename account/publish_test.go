package account_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
)

// signer gives the service a ring to sign publish tokens with.
func (h *house) signer(t *testing.T) {
	t.Helper()
	ring := &account.Ring{Store: h.model, Sealer: h.Sealer, Log: h.Log, Now: h.now}
	if err := ring.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.PublishSigner = ring.For(account.PurposePublish)
}

func TestAPublishTokenOpensItsChannelForAWhile(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.signer(t)
	ctx := t.Context()
	_, owner := h.join(t, "owner@example.com")
	_, creator := h.join(t, "creator@example.com")
	place, other := h.place(t, owner, "mine"), h.place(t, owner, "other")
	if err := h.SetMember(ctx, place, creator.AccountID, account.RoleCreator); err != nil {
		t.Fatal(err)
	}
	token, expires, err := h.IssuePublishToken(ctx, creator.AccountID, place.Channel)
	if err != nil || !expires.Equal(h.now().Add(5*time.Minute)) || !strings.HasPrefix(token, "hk_pub_") || len(token) > 200 {
		t.Fatalf("%q until %v, %v", token, expires, err)
	}
	grant, err := h.AuthorizePublish(ctx, token, "192.0.2.1:5")
	if want := (account.PublishGrant{ChannelID: place.Channel, ShopID: place.Shop, KeyID: account.PublisherID(creator.AccountID)}); err != nil || grant != want {
		t.Fatalf("%+v, %v", grant, err)
	}
	foreign, _, err := h.IssuePublishToken(ctx, creator.AccountID, other.Channel) // nobody asked for the role
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]string{"a channel of others": foreign, "cut": token[:len(token)-1], "longer": token + "A", "a line break": token[:20] + "\n" + token[21:], "empty": "hk_pub_"}
	for _, at := range []int{7, 9, 30, 60, 80, 100, len(token) - 2} {
		swap := byte('A')
		if token[at] == swap {
			swap = 'B'
		}
		refused[fmt.Sprintf("character %d changed", at)] = token[:at] + string(swap) + token[at+1:]
	}
	for name, text := range refused {
		if _, err := h.AuthorizePublish(ctx, text, ""); !errors.Is(err, account.ErrKeyRevoked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.RotateStreamKey(ctx, place.Channel); err != nil {
		t.Fatal(err)
	}
	h.wait(5*time.Minute - time.Millisecond)
	if _, err := h.AuthorizePublish(ctx, token, ""); err != nil {
		t.Errorf("in its last moment, after a stream key was made: %v", err)
	}
	h.wait(time.Millisecond)
	if _, err := h.AuthorizePublish(ctx, token, ""); !errors.Is(err, account.ErrKeyRevoked) {
		t.Errorf("after five minutes: %v", err)
	}
	h.PublishSigner = nil
	if _, err := h.AuthorizePublish(ctx, token, ""); !errors.Is(err, account.ErrKeyRevoked) {
		t.Errorf("without a ring: %v", err)
	}
	if _, _, err := h.IssuePublishToken(ctx, creator.AccountID, place.Channel); !errors.Is(err, account.ErrNotFound) {
		t.Errorf("without a ring, made: %v", err)
	}
}

func TestWhoLosesTheRoleIsPutOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.signer(t)
	ctx := t.Context()
	_, owner := h.join(t, "owner@example.com")
	_, p := h.join(t, "creator@example.com")
	place := h.place(t, owner, "mine")
	shop := account.Owner{Shop: place.Shop}
	second, err := h.CreateChannel(ctx, place.Shop, "Second", "second")
	if err != nil {
		t.Fatal(err)
	}
	var kicked []string
	h.OnRevoked = func(channel, key string) {
		if key != account.PublisherID(p.AccountID) {
			t.Errorf("%s was put out", key)
		}
		kicked = append(kicked, channel)
	}
	set := func(at account.Owner, role account.Role) func() error {
		return func() error { return h.SetMember(ctx, at, p.AccountID, role) }
	}
	remove := func(at account.Owner) func() error {
		return func() error { return h.RemoveMember(ctx, at, p.AccountID) }
	}
	token := ""
	for _, c := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"a creator", set(place, account.RoleCreator), nil},
		{"a channel's owner", set(place, account.RoleOwner), nil},
		{"a moderator", set(place, account.RoleModerator), []string{place.Channel}},
		{"a creator again", set(place, account.RoleCreator), nil},
		{"removed", remove(place), []string{place.Channel}},
		{"a seller of the shop", set(shop, account.RoleSeller), nil},
		{"and a creator", set(place, account.RoleCreator), nil},
		{"no longer a seller", set(shop, account.RoleFinance), []string{second.ID}},
		{"a seller again", set(shop, account.RoleSeller), nil},
		{"no longer a creator, still a seller", remove(place), nil},
		{"erased", func() error { return h.EraseUnasked(ctx, p.AccountID) }, []string{place.Channel, second.ID}},
	} {
		kicked = nil
		if token == "" && c.name == "a creator again" {
			if token, _, err = h.IssuePublishToken(ctx, p.AccountID, place.Channel); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(kicked)
		slices.Sort(c.want)
		if !slices.Equal(kicked, c.want) {
			t.Errorf("%s: put out of %v, not %v", c.name, kicked, c.want)
		}
	}
	if _, err := h.AuthorizePublish(ctx, token, ""); !errors.Is(err, account.ErrKeyRevoked) {
		t.Errorf("the token of somebody who is gone: %v", err)
	}
}

func TestAMemberIsFoundByEmail(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := t.Context()
	_, owner := h.join(t, "owner@example.com")
	token, p := h.join(t, "nour@example.com")
	place := h.place(t, owner, "mine")
	got, err := h.SetMemberByEmail(ctx, place, " NOUR@example.com", account.RoleCreator)
	if err != nil || got.Account != p.AccountID || got.Role != account.RoleCreator {
		t.Fatalf("%+v, %v", got, err)
	}
	if p, err = h.Authenticate(ctx, token); err != nil || p.May(account.BroadcastWrite, place) != nil {
		t.Errorf("the role is not felt: %v", err)
	}
	for email, want := range map[string]error{"nobody@example.com": account.ErrNoPerson, "nour": account.ErrBadEmail} {
		if _, err := h.SetMemberByEmail(ctx, place, email, account.RoleCreator); !errors.Is(err, want) {
			t.Errorf("%s: %v", email, err)
		}
	}
	if _, err := h.SetMemberByEmail(ctx, place, "nour@example.com", account.RoleFinance); !errors.Is(err, account.ErrBadRole) {
		t.Errorf("finance of a channel: %v", err)
	}
	if _, err := h.SetMemberByEmail(ctx, account.Owner{Shop: place.Shop}, "owner@example.com", account.RoleSeller); !errors.Is(err, account.ErrLastOwner) {
		t.Errorf("the last owner becomes a seller: %v", err)
	}
}
