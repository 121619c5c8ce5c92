package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hawkerlive/hawker/account"
	"github.com/hawkerlive/hawker/overlay/chat"
	"github.com/hawkerlive/hawker/store/redistest"
)

// One chat over two nodes, that share PostgreSQL and a real Redis: everybody reads the same order, and what a moderator
// does at one node holds at the other.
func TestChatOverTwoNodes(t *testing.T) {
	server, err := redistest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	h := &talkers{house: houseOf(t, server.URL())}
	b, err := h.nodes[0].broadcasts.Get(t.Context(), h.broadcast)
	if err != nil {
		t.Fatal(err)
	}
	h.channel, h.chat = "/v1/channels/"+b.ChannelID, "/v1/broadcasts/"+h.broadcast+"/chat"
	var signing sync.WaitGroup
	for n := range h.people {
		signing.Go(func() {
			id, err := h.nodes[n%2].accounts.SignUp(t.Context(), account.SignUp{Email: fmt.Sprintf("viewer-%d@example.com", n), Password: "correct horse", Name: fmt.Sprint("Viewer ", n)})
			if err != nil {
				t.Error(err)
			}
			h.people[n] = id
		})
	}
	if signing.Wait(); t.Failed() {
		t.FailNow()
	}
	t.Run("order", h.order)
	t.Run("on top", h.onTop)
	t.Run("delete", h.delete)
	t.Run("word", h.word)
	t.Run("mute", h.mute)
	t.Run("ban", h.ban)
	t.Run("switch", h.off)
	t.Run("slow mode", h.slow)
}

type talkers struct {
	*house
	channel, chat string
	people        [6]string
	read          [2][]saidLine // by node, in the order in which a viewer there was told
	gone          [2][]string   // ids that were taken away
	pinned        [2]string     // the id of the comment on top
	announced     [2]string
}

type saidLine struct{ ID, Author, Text string }

// say says something through a node.
func (h *talkers) say(t *testing.T, node int, who, text string) (chat.Result, error) {
	return h.nodes[node].chat.Say(t.Context(), chat.Line{Broadcast: h.broadcast, Who: chat.Who{Account: who}, Text: text})
}

// must says something that has to be shown, and waits until both nodes' viewers have it.
func (h *talkers) must(t *testing.T, node int, who, text string) chat.Result {
	t.Helper()
	r, err := h.say(t, node, who, text)
	if err != nil || r.State != chat.Shown {
		t.Fatalf("%q at node %d: %+v, %v", text, node, r, err)
	}
	until(t, "both nodes to show "+text, 30*time.Second, func() bool {
		h.follow(t)
		has := func(l saidLine) bool { return l.ID == r.ID }
		return slices.ContainsFunc(h.read[0], has) && slices.ContainsFunc(h.read[1], has)
	})
	return r
}

// follow takes what the viewers were told.
func (h *talkers) follow(t *testing.T) {
	t.Helper()
	for n, v := range h.viewers {
		for more := true; more; {
			select {
			case line, open := <-v.lines:
				if !open {
					t.Fatalf("the feed of node %d ended", n)
				}
				data, ok := strings.CutPrefix(line, "data: ")
				var f struct {
					Gap    bool
					Events []struct {
						Kind string
						Data json.RawMessage
					}
				}
				if ok && (json.Unmarshal([]byte(data), &f) != nil || f.Gap) {
					t.Fatalf("node %d: %s", n, line)
				}
				for _, e := range f.Events {
					h.told(n, e.Kind, e.Data)
				}
			default:
				more = false
			}
		}
	}
}

// told notes an event that the viewer at a node was told.
func (h *talkers) told(n int, kind string, data []byte) {
	var said saidLine
	var removed chat.Removed
	var pinned struct{ Message *saidLine }
	var announced chat.Announced
	switch {
	case kind == "chat.said" && json.Unmarshal(data, &said) == nil:
		h.read[n] = append(h.read[n], said)
	case kind == "chat.removed" && json.Unmarshal(data, &removed) == nil:
		h.gone[n] = append(h.gone[n], removed.IDs...)
	case kind == "chat.pinned" && json.Unmarshal(data, &pinned) == nil:
		h.pinned[n] = ""
		if pinned.Message != nil {
			h.pinned[n] = pinned.Message.ID
		}
	case kind == "chat.announced" && json.Unmarshal(data, &announced) == nil:
		h.announced[n] = announced.Text
	}
}

// order: people at both nodes talk at once. Viewers of both read one order, and each author's own is kept.
func (h *talkers) order(t *testing.T) {
	const each = 4
	people := len(h.people)
	var wg sync.WaitGroup
	for n, who := range h.people {
		wg.Go(func() {
			for m := range each { // the author goes from node to node
				if r, err := h.say(t, (n+m)%2, who, fmt.Sprintf("message %d of %d", m, n)); err != nil || r.State != chat.Shown {
					t.Errorf("person %d, message %d: %+v, %v", n, m, r, err)
				}
			}
		})
	}
	wg.Wait()
	h.must(t, 0, h.owner, "that was all")
	ids := func(lines []saidLine) (out []string) {
		for _, l := range lines {
			out = append(out, l.ID)
		}
		return out
	}
	// A feed may leave out messages where very many come at once; what both tell, they tell in one order.
	one, two := ids(h.read[0]), ids(h.read[1])
	both := slices.DeleteFunc(slices.Clone(one), func(id string) bool { return !slices.Contains(two, id) })
	if again := slices.DeleteFunc(slices.Clone(two), func(id string) bool { return !slices.Contains(one, id) }); !slices.Equal(both, again) || len(both) < people {
		t.Errorf("two nodes, two orders:\n%v\n%v", both, again)
	}
	last := map[string]string{}
	for _, l := range h.read[1] {
		if strings.HasPrefix(l.Text, "message") && l.Text <= last[l.Author] {
			t.Errorf("%q after %q", l.Text, last[l.Author])
		}
		last[l.Author] = l.Text
	}
	for n, a := range h.nodes {
		found, err := a.chat.Before(t.Context(), h.broadcast, "", 200)
		if err != nil || len(found) != people*each+1 {
			t.Errorf("node %d keeps %d messages, %v", n, len(found), err)
		}
		// A page back, and another, is the same history without a hole.
		var paged []string
		for before := ""; ; {
			page, err := a.chat.Before(t.Context(), h.broadcast, before, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			before = page[0].ID
			var pageIDs []string
			for _, l := range page {
				pageIDs = append(pageIDs, l.ID)
			}
			paged = append(pageIDs, paged...)
		}
		for i, l := range found {
			if i >= len(paged) || paged[i] != l.ID {
				t.Fatalf("node %d: page by page the history is another one at %d of %d", n, i, len(found))
			}
		}
	}
}

// soon waits until something holds at the other node and says how long that took.
func (h *talkers) soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	began := time.Now()
	until(t, what, 30*time.Second, holds)
	t.Logf("%s after %v", what, time.Since(began).Round(time.Millisecond))
}

// onTop: a comment on top and a line over the picture are everywhere, also for who comes later.
func (h *talkers) onTop(t *testing.T) {
	r := h.must(t, 1, h.people[0], "they are hand-made")
	h.call(t, h.nodes[0], "PUT", h.chat+"/pinned", map[string]any{"message": r.ID}, nil)
	h.call(t, h.nodes[1], "PUT", h.chat+"/announcement", map[string]any{"text": "Five minutes left"}, nil)
	everywhere := func(id, text string) bool {
		h.follow(t)
		for n, a := range h.nodes {
			v, err := a.chat.View(t.Context(), h.broadcast)
			if err != nil || h.pinned[n] != id || h.announced[n] != text || v.Announcement != text || (v.Pinned != nil) != (id != "") || v.Pinned != nil && v.Pinned.ID != id {
				return false
			}
		}
		return true
	}
	h.soon(t, "a pinned comment and an announcement are at both nodes", func() bool { return everywhere(r.ID, "Five minutes left") })
	h.call(t, h.nodes[1], "DELETE", h.chat+"/pinned", struct{}{}, nil)
	h.call(t, h.nodes[0], "DELETE", h.chat+"/announcement", struct{}{}, nil)
	h.soon(t, "and both are gone from both", func() bool { return everywhere("", "") })
}

func (h *talkers) delete(t *testing.T) {
	r := h.must(t, 1, h.people[1], "take this away")
	h.call(t, h.nodes[0], "DELETE", h.chat+"/messages/"+r.ID, struct{}{}, nil)
	h.soon(t, "a message that was deleted at one node is gone at the other", func() bool {
		h.follow(t)
		return slices.Contains(h.gone[1], r.ID)
	})
	h.soon(t, "who comes to the other node does not find it", func() bool {
		raw, err := h.nodes[1].chat.EncodedView(t.Context(), h.broadcast)
		return err == nil && !strings.Contains(string(raw), r.ID)
	})
}

// word: a word that the channel does not want is not said anywhere.
func (h *talkers) word(t *testing.T) {
	h.call(t, h.nodes[0], "POST", h.channel+"/chat/words", map[string]any{"text": "snozberry", "action": "block"}, nil)
	h.refused(t, "a word that was put on the list at one node is refused at the other", h.people[2], "word", "any snozberry?")
}

// refused waits until somebody is refused at the second node.
func (h *talkers) refused(t *testing.T, what, who, code, text string) {
	t.Helper()
	n := 0
	h.soon(t, what, func() bool {
		n++
		_, err := h.say(t, 1, who, fmt.Sprint(text, " ", n))
		return chat.Code(err) == code
	})
}

func (h *talkers) mute(t *testing.T) {
	r := h.must(t, 1, h.people[3], "is it linen?")
	h.call(t, h.nodes[0], "POST", h.channel+"/silences", map[string]any{"broadcast": h.broadcast, "message": r.ID, "kind": "mute", "seconds": 600}, nil)
	h.refused(t, "who was muted at one node may not speak at the other", h.people[3], "muted", "and now?")
}

// ban: who is banned at one node is put out of the other, and does not come in again, also with a new session.
func (h *talkers) ban(t *testing.T) {
	who := h.people[4]
	enter := func() (*http.Response, context.CancelFunc) {
		ctx, leave := context.WithCancel(t.Context())
		token, _, _, err := h.nodes[1].accounts.OpenSession(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.nodes[1].addresses["http"]+"/v1/broadcasts/"+h.broadcast+"/feed", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp, leave
	}
	in, leave := enter()
	defer leave()
	if in.StatusCode != http.StatusOK {
		t.Fatalf("before the ban: %s", in.Status)
	}
	out := make(chan struct{})
	go func() {
		defer close(out)
		_, _ = io.Copy(io.Discard, in.Body)
		in.Body.Close()
	}()
	r := h.must(t, 1, who, "buy from me instead")
	began := time.Now()
	h.call(t, h.nodes[0], "POST", h.channel+"/silences", map[string]any{"broadcast": h.broadcast, "message": r.ID, "kind": "ban"}, nil)
	h.refused(t, "who was banned at one node may not speak at the other", who, "banned", "and now?")
	h.soon(t, "and does not come in there again", func() bool {
		resp, leave := enter()
		defer leave()
		resp.Body.Close()
		return resp.StatusCode == http.StatusForbidden
	})
	until(t, "the feed of who is banned to end", 30*time.Second, func() bool {
		select {
		case <-out:
			return true
		default:
			return false
		}
	})
	t.Logf("the feed that they had at the other node was over after %v", time.Since(began).Round(time.Millisecond))
	if resp, leave := enter(); resp.StatusCode != http.StatusForbidden {
		t.Errorf("they came in again: %s", resp.Status)
		leave()
	} else {
		resp.Body.Close()
		leave()
	}
}

func (h *talkers) off(t *testing.T) {
	turn := func(off bool, code string) {
		h.call(t, h.nodes[0], "PUT", h.chat+"/switch", map[string]any{"off": off}, nil)
		h.refused(t, fmt.Sprintf("chat off is %v at the other node", off), h.people[5], code, fmt.Sprint("hello? ", off))
	}
	turn(true, "chat-off")
	turn(false, "")
}

// slow: who has spoken at one node waits at the other.
func (h *talkers) slow(t *testing.T) {
	h.call(t, h.nodes[0], "PATCH", h.channel+"/chat", map[string]any{"slow_seconds": 3600}, nil)
	h.soon(t, "slow mode is known at the other node", func() bool {
		v, err := h.nodes[1].chat.View(t.Context(), h.broadcast)
		return err == nil && v.Rules.Slow == 3600
	})
	for node := range h.nodes {
		who := h.people[node]
		if r := h.must(t, node, who, fmt.Sprint("once at ", node)); r.Wait < 3_500_000 {
			t.Errorf("slow mode is told as %d ms", r.Wait)
		}
		if _, err := h.say(t, 1-node, who, "again elsewhere"); chat.Code(err) != "slow-mode" {
			t.Errorf("said at node %d, and again at the other: %v", node, err)
		}
	}
}
