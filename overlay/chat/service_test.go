package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hawkerlive/hawker/event"
	"github.com/hawkerlive/hawker/overlay"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/overlay/chat/chattest"
	"github.com/hawkerlive/hawker/streaming/mediatime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hall is a chat with a few people: noor leads the channel, mod moderates, fan follows.
type hall struct {
	*chat.Service
	t      *testing.T
	store  *chattest.Model
	bus    event.Bus
	state  string
	edge   mediatime.Time
	banned []string
}

func (h *hall) Place(_ context.Context, id string) (chat.Place, error) {
	if id != "b" {
		return chat.Place{}, chat.ErrNotFound
	}
	return chat.Place{Broadcast: "b", Channel: "c", Shop: "s", State: h.state}, nil
}

func (h *hall) Person(_ context.Context, id, _, _ string) (chat.Person, error) {
	p := chat.Person{Name: strings.ToUpper(id[:1]) + id[1:], Created: time.Now().Add(-time.Hour)}
	switch id {
	case "noor":
		p.Role = chat.Creator
	case "mod", "mod2":
		p.Role = chat.Moderator
	case "newborn":
		p.Created = time.Now()
	case "ghost":
		return chat.Person{}, chat.ErrNotFound
	}
	return p, nil
}

func (h *hall) Follows(_ context.Context, id, _ string) (bool, error) { return id == "fan", nil }

func (h *hall) Now(string) (mediatime.Time, bool) { return h.edge, h.edge > 0 }

// open runs a test with a hall whose service runs, in a bubble of its own time.
func open(t *testing.T, test func(t *testing.T, h *hall)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &hall{t: t, store: &chattest.Model{}, bus: event.NewMemory(event.MemoryConfig{}), state: "live", edge: 90_000_000}
		h.Service = &chat.Service{
			Store: h.store, Broadcasts: h, People: h, Clock: h, Bus: h.bus, Log: slog.New(slog.DiscardHandler), Host: "shop.example",
			Hash:  func(a string) string { return "h(" + a + ")" },
			OnBan: func(_ context.Context, account, _ string) { h.banned = append(h.banned, account) },
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- h.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		test(t, h)
	})
}

func (h *hall) say(who, text string) (chat.Result, error) {
	return h.Say(h.t.Context(), chat.Line{Broadcast: "b", Who: chat.Who{Account: who, Address: "h(" + who + ")"}, Text: text})
}

// must says it and wants it in a state; it waits so that nobody is too fast.
func (h *hall) must(who, text string, want chat.State) string {
	h.t.Helper()
	time.Sleep(2 * time.Second)
	r, err := h.say(who, text)
	if err != nil || r.State != want {
		h.t.Fatalf("%s says %q: %+v, %v; want %s", who, text, r, err, want)
	}
	return r.ID
}

func (h *hall) refused(who, text string, want error) {
	h.t.Helper()
	time.Sleep(2 * time.Second)
	if r, err := h.say(who, text); !errors.Is(err, want) {
		h.t.Errorf("%s says %q: %+v, %v; want %v", who, text, r, err, want)
	}
}

func (h *hall) texts() (out []string) {
	h.t.Helper()
	v, err := h.View(h.t.Context(), "b")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, m := range v.Messages {
		out = append(out, m.Name+": "+m.Text)
	}
	return out
}

func (h *hall) rules(change func(*chat.Settings)) {
	h.t.Helper()
	set, _, err := h.Settings(h.t.Context(), "c")
	if err != nil {
		h.t.Fatal(err)
	}
	change(&set)
	if _, err := h.SetSettings(h.t.Context(), chat.Place{Broadcast: "b", Channel: "c", Shop: "s"}, set, noor); err != nil {
		h.t.Fatal(err)
	}
}

var (
	noor = chat.By{Account: "noor", Role: chat.Creator}
	mod  = chat.By{Account: "mod", Role: chat.Moderator}
)

func TestWhatMayBeSaid(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		h.must("mina", "is it linen?", chat.Shown)
		h.refused("", "hello", chat.ErrGuest)
		h.refused("ghost", "hello", chat.ErrNotFound)
		h.refused("mina", "\u202e\u200b", chat.ErrText)
		h.refused("mina", strings.Repeat("ab", 101), chat.ErrTooLong)
		h.refused("mina", "you w.h.o.r.e.s", chat.ErrWord)
		h.refused("mina", "come to cheap.shop", chat.ErrLink)
		h.must("mina", "see shop.example/c/noor", chat.Shown)
		h.must("mina", "fuc k", chat.Held)
		h.must("noor", "see cheap.shop", chat.Shown) // the channel's people may
		if got := fmt.Sprint(h.texts()); got != "[Mina: is it linen? Mina: see shop.example/c/noor Noor: see cheap.shop]" {
			t.Error(got)
		}
		h.rules(func(s *chat.Settings) { s.Followers, s.Links, s.Newcomers = true, chat.Hold, 30 })
		h.refused("mina", "me again", chat.ErrFollowers)
		h.refused("newborn", "hello", chat.ErrNewcomer)
		h.must("fan", "hello", chat.Shown)
		h.must("fan", "look at cheap.shop", chat.Held)
		if _, err := h.Switch(t.Context(), "b", true, mod); err != nil {
			t.Fatal(err)
		}
		h.refused("fan", "hello?", chat.ErrOff)
		if got := h.texts(); len(got) > 0 {
			t.Errorf("while it is off there is %v", got)
		}
		h.state = "ended"
		time.Sleep(time.Second)
		h.refused("fan", "bye", chat.ErrEnded)
		if got := h.texts(); len(got) == 0 {
			t.Error("the record of a show whose chat was off is empty")
		}
	})
}

func TestSlowModeAndRates(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		for i := range 5 {
			if _, err := h.say("mina", fmt.Sprint("number ", i)); err != nil {
				t.Fatal(i, err)
			}
		}
		var wait *chat.WaitError
		for i := range 6 {
			if _, err := h.say("mina", fmt.Sprint("more ", i)); errors.As(err, &wait) {
				break
			}
		}
		if wait == nil || !errors.Is(wait, chat.ErrTooFast) || wait.Wait <= 0 {
			t.Errorf("a burst: %v", wait)
		}
		h.must("omar", "the same", chat.Shown)
		h.refused("omar", "the same", chat.ErrRepeated)
		h.rules(func(s *chat.Settings) { s.Slow = 30 })
		h.must("omar", "first", chat.Shown)
		h.refused("omar", "second", chat.ErrSlow)
		h.must("noor", "one", chat.Shown)
		h.must("noor", "two", chat.Shown)
		time.Sleep(30 * time.Second)
		h.must("omar", "third", chat.Shown)
	})
}

func TestManyLinesAreFewTransactionsAndSentOnce(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		var work sync.WaitGroup
		for i := range 500 {
			work.Go(func() {
				l := chat.Line{Broadcast: "b", Who: chat.Who{Account: fmt.Sprint("viewer", i)}, Text: fmt.Sprint("line ", i), Ref: "r"}
				for range 2 { // the second is the page that tries again: it is the same line
					_, err := h.Say(t.Context(), l)
					if err != nil && !errors.Is(err, chat.ErrRepeated) && !errors.Is(err, chat.ErrTooFast) {
						t.Error(err)
					}
				}
			})
		}
		work.Wait()
		found, err := h.Frames(t.Context(), "b", 0, 1<<60, "", 200)
		if err != nil || len(found) != 200 {
			t.Fatal(len(found), err)
		}
		all := len(found)
		for len(found) == 200 {
			last := found[len(found)-1]
			if found, err = h.Frames(t.Context(), "b", last.MediaTime, 1<<60, last.ID, 200); err != nil {
				t.Fatal(err)
			}
			all += len(found)
		}
		if all != 500 {
			t.Errorf("%d lines are in the history", all)
		}
	})
}

func TestAStoreThatIsAwayRefusesAndComesBack(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		h.store.Fail = errors.New("away")
		h.refused("mina", "hello", chat.ErrBusy)
		h.store.Fail = nil
		h.must("mina", "hello", chat.Shown)
	})
}

func TestAMessageBelongsToTheFrameThatItsAuthorSaw(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		for i, c := range []struct{ said, want mediatime.Time }{{87_000_000, 87_000_000}, {0, 90_000_000}, {95_000_000, 90_000_000}, {1_000_000, 90_000_000}, {-5, 90_000_000}} {
			time.Sleep(2 * time.Second)
			r, err := h.Say(t.Context(), chat.Line{Broadcast: "b", Who: chat.Who{Account: "mina"}, Text: fmt.Sprint("now ", i), MediaTime: &c.said})
			if err != nil || r.Said.MediaTime != c.want {
				t.Errorf("%d: %+v, %v", c.said, r.Said, err)
			}
		}
	})
}

func TestModeratorsAct(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		bad, held := h.must("omar", "bad but no word of the list", chat.Shown), h.must("mina", "fuc k", chat.Held)
		reply, err := h.Say(ctx, chat.Line{Broadcast: "b", Who: chat.Who{Account: "fan"}, Text: "really?", Reply: bad})
		if err != nil || reply.Said.Reply == nil || reply.Said.Reply.Name != "Omar" {
			t.Fatalf("%+v, %v", reply, err)
		}
		if err := h.Delete(ctx, "b", bad, mod, "spam"); err != nil {
			t.Fatal(err)
		}
		if err := h.Delete(ctx, "b", bad, mod, ""); !errors.Is(err, chat.ErrState) {
			t.Errorf("twice: %v", err)
		}
		v, err := h.View(ctx, "b")
		if err != nil || len(v.Messages) != 1 || v.Messages[0].Reply != nil {
			t.Errorf("a quote outlives what it quotes: %+v, %v", v.Messages, err)
		}
		if _, err := h.Say(ctx, chat.Line{Broadcast: "b", Who: chat.Who{Account: "fan"}, Text: "hm", Reply: bad}); !errors.Is(err, chat.ErrReply) {
			t.Error(err)
		}
		q, err := h.Review(ctx, "b")
		if err != nil || len(q) != 1 || q[0].ID != held || q[0].Why != "word" {
			t.Fatalf("%+v, %v", q, err)
		}
		if _, err := h.Decide(ctx, "b", held, true, mod, ""); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(h.texts()); !strings.Contains(got, "Mina: fuc k") {
			t.Error(got)
		}
		theirs := h.must("noor", "welcome", chat.Shown)
		if err := h.Delete(ctx, "b", theirs, mod, ""); !errors.Is(err, chat.ErrRank) {
			t.Errorf("a moderator deletes the creator's: %v", err)
		}
		if _, err := h.Silence(ctx, chat.Place{Broadcast: "b", Channel: "c"}, chat.Order{Broadcast: "b", Message: h.must("mod2", "hi", chat.Shown), Kind: chat.Ban}, mod); !errors.Is(err, chat.ErrRank) {
			t.Errorf("a moderator bans another: %v", err)
		}
		for _, f := range h.store.Facts() {
			for _, word := range []string{"Omar", "bad but", "Mina", "omar", "mina"} {
				if strings.Contains(string(f.Data), word) {
					t.Errorf("%s tells %q: %s", f.Kind, word, f.Data)
				}
			}
		}
		if acts, err := h.Audit(ctx, "c", "", 50); err != nil || len(acts) != 2 || acts[len(acts)-1].Reason != "spam" || acts[len(acts)-1].Name != "Mod" {
			t.Errorf("%+v, %v", acts, err)
		}
	})
}

func TestMutedAndBanned(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		ctx, place := t.Context(), chat.Place{Broadcast: "b", Channel: "c", Shop: "s"}
		one := h.must("omar", "one", chat.Shown)
		if _, err := h.Silence(ctx, place, chat.Order{Broadcast: "b", Message: one, Kind: chat.Mute, For: time.Minute}, mod); err != nil {
			t.Fatal(err)
		}
		h.refused("omar", "two", chat.ErrMuted)
		if s, err := h.Standing(ctx, "b", chat.Who{Account: "omar"}); err != nil || s.Code != "muted" || s.Until == 0 {
			t.Errorf("%+v, %v", s, err)
		}
		if err := h.Admit(ctx, "c", "omar", "omar"); err != nil {
			t.Errorf("who is muted may watch: %v", err)
		}
		time.Sleep(time.Minute)
		h.must("omar", "three", chat.Shown)
		v, err := h.Silence(ctx, place, chat.Order{Broadcast: "b", Message: one, Kind: chat.Ban, Address: true, Remove: true, Reason: "again"}, mod)
		if err != nil || len(h.banned) != 1 {
			t.Fatal(err, h.banned)
		}
		if got := h.texts(); len(got) > 0 {
			t.Errorf("still there: %v", got)
		}
		h.refused("omar", "four", chat.ErrBanned)
		for who, want := range map[[2]string]error{{"omar", "elsewhere"}: chat.ErrBanned, {"", "omar"}: chat.ErrBanned, {"again", "omar"}: chat.ErrBanned, {"mod", "omar"}: nil, {"", "x"}: nil, {"mina", "x"}: nil} {
			if err := h.Admit(ctx, "c", who[0], who[1]); !errors.Is(err, want) {
				t.Errorf("%v: %v, want %v", who, err, want)
			}
		}
		if err := h.Lift(ctx, place, v.ID, mod, ""); err != nil {
			t.Fatal(err)
		}
		if err := h.Admit(ctx, "c", "omar", "elsewhere"); err != nil {
			t.Error(err)
		}
	})
}

func TestReportsHideWhatMayBeRight(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.rules(func(s *chat.Settings) { s.Reports = 2 })
		id := h.must("omar", "hm", chat.Shown)
		for _, who := range []chat.Who{{Address: "g1"}, {Address: "g2"}, {Address: "g3"}, {Account: "mina"}, {Account: "mina"}} {
			if err := h.Report(ctx, "b", id, who, "spam"); err != nil {
				t.Fatal(err)
			}
		}
		if q, _ := h.Review(ctx, "b"); len(q) != 1 || q[0].State != chat.Shown || q[0].Reports != 4 {
			t.Errorf("%+v", q)
		}
		if err := h.Report(ctx, "b", id, chat.Who{Account: "fan"}, "spam"); err != nil {
			t.Fatal(err)
		}
		if q, _ := h.Review(ctx, "b"); len(q) != 1 || q[0].State != chat.Held || q[0].Why != "reports" {
			t.Errorf("%+v", q)
		}
		if got := h.texts(); len(got) > 0 {
			t.Error(got)
		}
	})
}

func TestWhatIsErasedIsNowhere(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		h.must("omar", "my secret", chat.Shown)
		if _, kept, err := h.ExportPerson(ctx, "omar"); err != nil || !strings.Contains(fmt.Sprint(kept), "my secret") {
			t.Errorf("%v, %v", kept, err)
		}
		if err := h.ErasePerson(ctx, "omar"); err != nil {
			t.Fatal(err)
		}
		if _, kept, _ := h.ExportPerson(ctx, "omar"); strings.Contains(fmt.Sprint(kept), "secret") || len(h.texts()) > 0 {
			t.Error(kept, h.texts())
		}
	})
}

func TestOnTopOfTheOthers(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		ctx := t.Context()
		id := h.must("fan", "the blue one!", chat.Shown)
		if _, err := h.Pin(ctx, "b", id, mod); err != nil {
			t.Fatal(err)
		}
		if text, err := h.Announce(ctx, "b", " free\u202e shipping \n tonight ", mod); err != nil || text != "free shipping tonight" {
			t.Fatal(text, err)
		}
		if _, err := h.Announce(ctx, "b", strings.Repeat("ab", 61), mod); !errors.Is(err, chat.ErrAnnounce) {
			t.Error(err)
		}
		raw, err := h.EncodedView(ctx, "b")
		var v chat.View
		if err != nil || json.Unmarshal(raw, &v) != nil || v.Pinned == nil || v.Pinned.Text != "the blue one!" || v.Announcement != "free shipping tonight" {
			t.Errorf("%s, %v", raw, err)
		}
		if err := h.Delete(ctx, "b", id, mod, ""); err != nil {
			t.Fatal(err)
		}
		if raw, _ = h.EncodedView(ctx, "b"); strings.Contains(string(raw), "blue") {
			t.Errorf("%s", raw)
		}
	})
}

func TestHTMLIsTextAndReachesNobodyAsMore(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		h.must("mina", `<script>alert("x")</script>`, chat.Shown)
		raw, err := h.EncodedView(t.Context(), "b")
		if err != nil || strings.Contains(string(raw), "<script") || !strings.Contains(string(raw), `\u003cscript`) {
			t.Errorf("%s, %v", raw, err)
		}
	})
}

func TestWhatComesUpAFeedIsNoMessage(t *testing.T) {
	t.Parallel()
	open(t, func(t *testing.T, h *hall) {
		for _, text := range []string{`{`, `{"text":7}`, `{"text":"x","ref":"` + strings.Repeat("r", 65) + `"}`} {
			if err := h.Hear(overlay.Said{Topic: "broadcast/b", Message: []byte(text)}); err == nil {
				t.Errorf("%s passes", text)
			}
		}
	})
}
