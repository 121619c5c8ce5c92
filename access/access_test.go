package access_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/access"
	"github.com/hawkerlive/hawker/access/accesstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// signer signs with one key.
type signer struct{ id string }

func (s signer) Sign(m []byte) (string, []byte, error) { return s.id, s.mac(m), nil }

func (s signer) mac(m []byte) []byte {
	h := hmac.New(sha256.New, []byte("secret "+s.id))
	h.Write(m)
	return h.Sum(nil)
}

func (s signer) Verify(key string, m, mac []byte) bool {
	return key == s.id && hmac.Equal(s.mac(m), mac)
}

// house is a service with a clock of its own.
type house struct {
	*access.Service
	now     time.Time
	revoked int
}

func newHouse(store access.Store) *house {
	h := &house{now: time.UnixMilli(1_800_000_000_000).UTC()}
	h.Service = &access.Service{
		Store: store, Signer: signer{"0192e4a0-0000-7000-8000-000000000001"}, Log: slog.New(slog.DiscardHandler),
		OnRevoked: func() { h.revoked++ }, Now: func() time.Time { return h.now },
	}
	return h
}

func id(n int) string { return uuid.UUID{15: byte(n)}.String() }

var (
	show    = access.Broadcast{ID: id(1), Channel: id(2), Level: access.Followers}
	private = access.Broadcast{ID: id(3), Channel: id(2), Level: access.Token}
)

func (h *house) follower(t *testing.T, account, login string) string {
	t.Helper()
	if err := h.Follow(t.Context(), account, show.Channel); err != nil {
		t.Fatal(err)
	}
	text, err := h.Decide(t.Context(), access.Ask{Broadcast: show, Account: account, Login: login, Session: id(9)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (h *house) wantOpen(t *testing.T, text string, b access.Broadcast, open bool) {
	t.Helper()
	if _, err := h.Check(text, b); (err == nil) != open || err != nil && !errors.Is(err, access.ErrGrant) {
		t.Errorf("the grant: %v, want it to open: %v", err, open)
	}
}

func TestWhoMayWatch(t *testing.T) {
	t.Parallel()
	h := newHouse(&accesstest.Model{})
	if err := h.Follow(t.Context(), id(20), show.Channel); err != nil {
		t.Fatal(err)
	}
	_, token, err := h.MakeToken(t.Context(), access.NewToken{Broadcast: private.ID, Lasts: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	rehearsal := access.Broadcast{ID: id(4), Channel: id(2), Level: access.Public, TeamOnly: true}
	for name, c := range map[string]struct {
		ask  access.Ask
		want error
	}{
		"a stranger at a followers' show":     {access.Ask{Broadcast: show}, access.ErrFollow},
		"somebody who does not follow":        {access.Ask{Broadcast: show, Account: id(21)}, access.ErrFollow},
		"a follower":                          {access.Ask{Broadcast: show, Account: id(20)}, nil},
		"the team":                            {access.Ask{Broadcast: show, Account: id(22), Team: true}, nil},
		"a token at a followers' show":        {access.Ask{Broadcast: show, Token: token}, access.ErrFollow},
		"nobody at a private show":            {access.Ask{Broadcast: private}, access.ErrToken},
		"a follower at a private show":        {access.Ask{Broadcast: private, Account: id(20)}, access.ErrToken},
		"who has the token":                   {access.Ask{Broadcast: private, Token: token}, nil},
		"who has a wrong token":               {access.Ask{Broadcast: private, Token: token[:len(token)-1] + "!"}, access.ErrTokenRefused},
		"who has another one's":               {access.Ask{Broadcast: access.Broadcast{ID: id(5), Level: access.Token}, Token: token}, access.ErrTokenRefused},
		"a stranger at a public rehearsal":    {access.Ask{Broadcast: rehearsal, Account: id(20)}, access.ErrTeam},
		"the team at a rehearsal":             {access.Ask{Broadcast: rehearsal, Account: id(22), Team: true}, nil},
		"a team of nobody's account":          {access.Ask{Broadcast: rehearsal, Team: true}, access.ErrTeam},
		"everybody at what everybody may see": {access.Ask{Broadcast: access.Broadcast{ID: id(6), Level: access.Public}}, nil},
	} {
		text, err := h.Decide(t.Context(), c.ask)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
			continue
		}
		if err == nil && !c.ask.Broadcast.Open() {
			h.wantOpen(t, text, c.ask.Broadcast, true)
			h.wantOpen(t, text, access.Broadcast{ID: id(7), Channel: id(2), Level: c.ask.Broadcast.Level}, false)
		}
	}
}

// TestWhatTakesAGrantBack goes through everything that does.
func TestWhatTakesAGrantBack(t *testing.T) {
	t.Parallel()
	for name, revoke := range map[string]func(t *testing.T, h *house) error{
		"unfollowing":        func(t *testing.T, h *house) error { return h.Unfollow(t.Context(), id(20), show.Channel) },
		"logging out":        func(t *testing.T, h *house) error { return h.Revoke(t.Context(), access.OfLogin(id(30))) },
		"losing the account": func(t *testing.T, h *house) error { return h.ErasePerson(t.Context(), id(20)) },
	} {
		store := &accesstest.Model{}
		h := newHouse(store)
		text, other := h.follower(t, id(20), id(30)), h.follower(t, id(40), id(31))
		h.wantOpen(t, text, show, true)
		if err := revoke(t, h); err != nil || h.revoked != 1 {
			t.Fatalf("%s: %v, %d", name, err, h.revoked)
		}
		h.wantOpen(t, text, show, false)
		h.wantOpen(t, other, show, true)
		// A node that starts later knows it too.
		again := newHouse(store)
		if err := again.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		again.wantOpen(t, text, show, false)
		again.wantOpen(t, other, show, true)
	}
	h := newHouse(&accesstest.Model{})
	if err := h.Unfollow(t.Context(), id(20), show.Channel); err != nil || h.revoked != 0 {
		t.Errorf("who does not follow has nothing to lose: %v, %d", err, h.revoked)
	}
}

func TestTheLevelOfTheMomentCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(&accesstest.Model{})
	text := h.follower(t, id(20), id(30))
	now := show
	for level, open := range map[access.Level]bool{access.Followers: true, access.Token: false, access.Public: true} {
		now.Level = level
		h.wantOpen(t, text, now, open)
	}
	now.TeamOnly = true
	h.wantOpen(t, text, now, false)
	h.now = h.now.Add(13 * time.Hour)
	h.wantOpen(t, text, show, false)
}

func TestAFollowerWhoComesBackMayWatchAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(&accesstest.Model{})
	old := h.follower(t, id(20), id(30))
	if err := h.Unfollow(t.Context(), id(20), show.Channel); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Millisecond)
	fresh := h.follower(t, id(20), id(30))
	h.wantOpen(t, old, show, false)
	h.wantOpen(t, fresh, show, true)
	// Who an account is may stand in a cache for a moment: what is granted by it right after is void too.
	if err := h.Revoke(t.Context(), access.OfRoles(id(50))); err != nil {
		t.Fatal(err)
	}
	team := access.Ask{Broadcast: show, Account: id(50), Team: true}
	for after, open := range map[time.Duration]bool{900 * time.Millisecond: false, 1100 * time.Millisecond: true} {
		h.now = h.now.Add(after)
		text, err := h.Decide(t.Context(), team)
		if err != nil {
			t.Fatal(err)
		}
		h.wantOpen(t, text, show, open)
		h.now = h.now.Add(-after)
	}
}

func TestAViewingTokenHasSoManySeats(t *testing.T) {
	t.Parallel()
	h := newHouse(&accesstest.Model{})
	made, token, err := h.MakeToken(t.Context(), access.NewToken{Broadcast: private.ID, Name: " Press ", Lasts: time.Hour, SessionsMax: 2})
	if err != nil || made.Name != "Press" {
		t.Fatal(made, err)
	}
	ask := func(session int) (string, error) {
		return h.Decide(t.Context(), access.Ask{Broadcast: private, Token: token, Session: id(session)})
	}
	first, err := ask(1)
	if err != nil {
		t.Fatal(err)
	}
	for _, session := range []int{2, 1, 2} {
		if _, err := ask(session); err != nil {
			t.Fatalf("session %d: %v", session, err)
		}
	}
	if _, err := ask(3); !errors.Is(err, access.ErrTokenBusy) {
		t.Fatalf("a third one: %v", err)
	}
	// Who is heard of keeps the seat; who is not loses it.
	h.now = h.now.Add(20 * time.Second)
	h.wantOpen(t, first, private, true)
	h.now = h.now.Add(20 * time.Second)
	if _, err := ask(3); err != nil || h.Watching(made.ID) != 2 {
		t.Fatalf("after one has gone: %v, %d", err, h.Watching(made.ID))
	}
	if _, err := ask(2); !errors.Is(err, access.ErrTokenBusy) {
		t.Fatalf("who left comes back to a full room: %v", err)
	}
	if err := h.DeleteToken(t.Context(), private.ID, made.ID); err != nil {
		t.Fatal(err)
	}
	h.wantOpen(t, first, private, false)
	if _, err := ask(1); !errors.Is(err, access.ErrTokenRefused) {
		t.Errorf("a deleted token: %v", err)
	}
}

func TestATokenAndItsGrantEndTogether(t *testing.T) {
	t.Parallel()
	h := newHouse(&accesstest.Model{})
	_, token, err := h.MakeToken(t.Context(), access.NewToken{Broadcast: private.ID, Lasts: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ask := access.Ask{Broadcast: private, Token: token}
	text, err := h.Decide(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour - time.Millisecond)
	h.wantOpen(t, text, private, true)
	h.now = h.now.Add(time.Millisecond)
	h.wantOpen(t, text, private, false)
	if _, err := h.Decide(t.Context(), ask); !errors.Is(err, access.ErrTokenRefused) {
		t.Errorf("a token that has run out: %v", err)
	}
	for want, n := range map[error]access.NewToken{
		access.ErrExpiry: {Lasts: time.Second}, access.ErrSeats: {Lasts: time.Hour, SessionsMax: -1},
		access.ErrName: {Lasts: time.Hour, Name: "a\u202eb"},
	} {
		if _, _, err := h.MakeToken(t.Context(), n); !errors.Is(err, want) {
			t.Errorf("%+v: %v", n, err)
		}
	}
}

// TestAFullSetOfRevocationsErrsOnTheSafeSide fills it: grants of before are void then, new ones are good.
func TestAFullSetOfRevocationsErrsOnTheSafeSide(t *testing.T) {
	t.Parallel()
	h := newHouse(&accesstest.Model{})
	text := h.follower(t, id(20), id(30))
	for i := range 100_001 {
		if err := h.Revoke(t.Context(), access.OfToken(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	h.wantOpen(t, text, show, false)
	h.now = h.now.Add(time.Millisecond)
	h.wantOpen(t, h.follower(t, id(20), id(30)), show, true)
}

// TestOtherNodesHearWithinASecond revokes on one node and looks on the other.
func TestOtherNodesHearWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &accesstest.Model{}
		here, there := newHouse(store), newHouse(store)
		here.Now, there.Now = time.Now, time.Now
		there.Shared = true
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- there.Run(ctx) }()
		text := here.follower(t, id(20), id(30))
		there.wantOpen(t, text, show, true)
		if err := here.Unfollow(ctx, id(20), show.Channel); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // of the bubble's clock
		synctest.Wait()
		there.wantOpen(t, text, show, false)
		if there.revoked != 1 {
			t.Errorf("the doors were told %d times", there.revoked)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// FuzzCheck holds that nothing but what was signed opens anything, and that what opens is spelled in one way.
func FuzzCheck(f *testing.F) {
	h := newHouse(&accesstest.Model{})
	if err := h.Follow(context.Background(), id(20), show.Channel); err != nil {
		f.Fatal(err)
	}
	good, err := h.Decide(context.Background(), access.Ask{Broadcast: show, Account: id(20), Session: id(9)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good + "\n")
	f.Add(strings.Replace(good, "A", "B", 1))
	f.Add(access.GrantPrefix)
	f.Add(access.TokenPrefix + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, text string) {
		g, err := h.Check(text, show)
		if (err == nil) != bytes.Equal([]byte(text), []byte(good)) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && (g.Session != id(9) || h.SessionOf(text) != id(9)) {
			t.Fatalf("%+v", g)
		}
		if _, err := h.Decide(context.Background(), access.Ask{Broadcast: private, Token: text}); err == nil {
			t.Fatalf("%q is taken for a viewing token", text)
		}
	})
}
